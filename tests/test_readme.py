"""What the README says can be typed: its Python, its commands, its names."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
NAME = re.compile(r"`(\w+)`")
ROWS = {"text": ["good film", "bad film", "so good"] * 8, "label": ["+", "-", "+"] * 8}


@pytest.fixture
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the files that the README names into the current folder."""
    table = pa.table(ROWS)
    pyarrow.parquet.write_table(table, tmp_path / "train-0.parquet")
    pyarrow.parquet.write_table(table, tmp_path / "train-1.parquet")
    pyarrow.csv.write_csv(table, tmp_path / "test.csv")
    monkeypatch.chdir(tmp_path)


def _blocks(language: str) -> list[str]:
    return re.findall(rf"(?ms)^```{language}\n(.*?)^```", README)


def _names() -> list[tuple[str, str]]:
    rows = re.findall(r"(?m)^\| `([\w.]+)` \| (.+) \|$", README)
    return [(module, name) for module, names in rows for name in NAME.findall(names)]


@pytest.mark.usefixtures("_files")
def test_python_runs() -> None:
    # One script, because a later block uses what an earlier one made.
    blocks = _blocks("python")
    assert len(blocks) > 1
    script = "\n".join(blocks)
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True)


@pytest.mark.usefixtures("_files")
def test_commands_run() -> None:
    lines = [line for block in _blocks("sh") for line in block.splitlines()]
    commands = [line for line in lines if line.startswith("shardfit ")]
    assert {shlex.split(command)[1] for command in commands} == {
        "train",
        "evaluate",
        "predict",
    }
    for command in commands:
        _, *arguments = shlex.split(command)
        # The shell of the README expands patterns; here there is none.
        words = [word for pattern in arguments for word in _expand(pattern)]
        subprocess.run([sys.executable, "-m", "shardfit.cli", *words], check=True)
    assert Path("confusion.png").stat().st_size > 0
    assert len(pyarrow.parquet.read_table("predictions.parquet")) == len(ROWS["text"])


def _expand(pattern: str) -> list[str]:
    if "*" not in pattern:
        return [pattern]
    return sorted(path.name for path in Path().glob(pattern))


@pytest.mark.parametrize(("module", "name"), _names())
def test_names_exist(module: str, name: str) -> None:
    assert name in import_module(module).__all__
    assert hasattr(import_module(module), name)


def test_names_are_listed() -> None:
    assert len(_names()) > 5
