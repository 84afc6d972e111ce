"""The rules of the house that no other tool holds."""

from __future__ import annotations

import ast
import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

import shardfit

ROOT = Path(__file__).parents[1]
FOLDERS = ("benches", "examples", "python", "rust", "tests")
LONGEST_FILE = 400
ONLY_IMPORTERS_OF_RUST = ("feature_extraction", "_versions.py")

SOURCES = sorted(
    path
    for folder in FOLDERS
    for path in (ROOT / folder).rglob("*")
    if path.suffix in {".py", ".pyi", ".rs"}
)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_long_files_are_accounted_for() -> None:
    architecture = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    for path in SOURCES:
        n_lines = len(path.read_text(encoding="utf-8").splitlines())
        name = path.relative_to(ROOT).as_posix()
        assert n_lines <= LONGEST_FILE or name in architecture, (
            f"{name} has {n_lines} lines; split it, or say in ARCHITECTURE.md why it "
            f"is longer than {LONGEST_FILE}"
        )


def test_no_room_for_everything() -> None:
    names = {
        part
        for path in SOURCES
        for part in path.relative_to(ROOT).with_suffix("").parts
    }
    assert not {
        name for name in names if name.strip("_") in {"utils", "common", "helpers"}
    }


def test_the_wheel_is_of_this_version() -> None:
    cargo = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))
    assert version("shardfit") == cargo["workspace"]["package"]["version"]
    assert shardfit.__version__ == version("shardfit")


# import-linter sees Python modules only, and the extension is none.
def test_one_door_to_rust() -> None:
    package = ROOT / "python" / "shardfit"
    importers = {
        path.relative_to(package).parts[0]
        for path in package.rglob("*.py")
        if "shardfit._rust" in _imported_names(path)
    }
    assert importers <= set(ONLY_IMPORTERS_OF_RUST)


# stubtest finds nothing wrong with a stub that is not there.
def test_the_wheel_has_the_stub() -> None:
    assert Path(shardfit.__file__).with_name("_rust.pyi").is_file()


def _imported_names(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.add(f"{node.module}")
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def test_oldest_versions_are_those_promised() -> None:
    project = PROJECT["project"]
    promised = project["dependencies"] + project["optional-dependencies"]["cli"]
    oldest = {f"{requirement.replace('>=', '==')}.*" for requirement in promised}
    lines = (ROOT / ".github" / "oldest.txt").read_text(encoding="utf-8").splitlines()
    assert {line for line in lines if line and not line.startswith("#")} == oldest


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md"])
def test_commands_in_the_documentation_exist(page: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, flags=re.MULTILINE))
    text = (ROOT / page).read_text(encoding="utf-8")
    assert (
        set(re.findall(r"(?:^|`)make ([a-z-]+)", text, flags=re.MULTILINE)) <= targets
    )
