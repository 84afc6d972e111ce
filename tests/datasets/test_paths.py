"""Files, patterns and folders; and the message where pyarrow is missing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from shardfit.datasets import TextFiles
from shardfit.exceptions import DatasetError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in (
        "b.csv",
        "a.jsonl",
        "deep/er/c.parquet",
        "deep/d.tsv.zst",
        "deep/E.CSV",
        ".hidden.csv",
        "_temporary/f.csv",
        "notes.txt",
        "a[1].csv",
    ):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x")
    return tmp_path


def names(folder: Path, paths: object) -> list[str]:
    files = TextFiles(paths, text="x").files  # type: ignore[arg-type]
    return [file.relative_to(folder).as_posix() for file in files]


def test_a_folder_stands_for_all_that_can_be_read(folder: Path) -> None:
    expected = [
        "a.jsonl",
        "a[1].csv",
        "b.csv",
        "deep/E.CSV",
        "deep/d.tsv.zst",
        "deep/er/c.parquet",
    ]
    assert names(folder, folder) == expected
    assert names(folder, str(folder)) == expected


def test_patterns_are_sorted_and_files_keep_their_order(folder: Path) -> None:
    assert names(folder, str(folder / "*.csv")) == ["a[1].csv", "b.csv"]
    assert names(folder, [folder / "**" / "*.parquet"]) == ["deep/er/c.parquet"]
    assert names(folder, [folder / "b.csv", folder / "a.jsonl"]) == ["b.csv", "a.jsonl"]


def test_a_name_that_looks_like_a_pattern_is_a_name_first(folder: Path) -> None:
    assert names(folder, folder / "a[1].csv") == ["a[1].csv"]


def test_each_file_comes_once(folder: Path) -> None:
    (folder / "link.csv").symlink_to(folder / "b.csv")
    paths = [folder / "b.csv", folder / "deep" / ".." / "b.csv", folder / "*.csv"]
    assert names(folder, paths[0:1] + paths[2:]) == ["b.csv", "a[1].csv"]
    assert len(TextFiles(paths, text="x").files) == 2


def test_sizes_add_up(folder: Path) -> None:
    files = TextFiles(folder, text="x")
    assert files.n_bytes == 6
    assert repr(files) == "TextFiles(6 files, 6 bytes, text=('x',), label=None)"


def test_what_is_not_there_is_named(folder: Path) -> None:
    (folder / "empty").mkdir()
    for path, message in (
        ("missing.csv", "no such file.*missing.csv"),
        ("*.pq", r"no file matches the pattern.*\*\.pq"),
        ("empty", "empty' holds no file that can be read"),
    ):
        with pytest.raises(FileNotFoundError, match=message):
            TextFiles(folder / path, text="x")
    with pytest.raises(ValueError, match="paths is empty"):
        TextFiles([], text="x")


@pytest.mark.parametrize("name", ["a.txt", "a", "a.parquet.gz", "a.csv.bz2", "a.gz"])
def test_suffixes_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("x")
    with pytest.raises(DatasetError, match=r"one of \.parquet, \.pq, \.csv") as caught:
        TextFiles(tmp_path / name, text="x")
    assert caught.value.file == str(tmp_path / name)


def test_missing_pyarrow_is_one_clear_line() -> None:
    program = (
        "import sys; sys.modules['pyarrow'] = None\n"
        "import shardfit.datasets\n"
        "try:\n    from shardfit.datasets import TextFiles\n"
        "except ImportError as error:\n    print(error)\n"
    )
    printed = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    assert printed == 'reading text files needs pyarrow: pip install "shardfit[cli]"\n'


def test_the_room_is_imported_without_pyarrow() -> None:
    program = "import sys, shardfit.datasets; print('pyarrow' in sys.modules)"
    printed = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    assert printed == "False\n"
