"""Bad data and bad models: exit code 1, one line that says where, nothing left."""

from __future__ import annotations

import errno
import functools
import gzip
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import Result

from shardfit.partitioned import fit_files

Run = Callable[..., Result]

HEAD = b"text,label\nsunny,good\nstorm,bad\n"
JSON_HEAD = b'{"text": "a", "label": "x"}\n{"text": "b", "label": "y"}\n'

# name of the file, its bytes, and what the message must name besides the file
BAD_DATA = {
    "missing text column": ("a.csv", b"body,label\nx,y\nz,w\n", ["column 'text'"]),
    "missing label column": ("a.csv", b"text,class\nx,y\n", ["column 'label'"]),
    "empty file": ("a.csv", b"", ["empty"]),
    "header only": ("a.csv", b"text,label\n", ["no rows"]),
    "null text": (
        "a.jsonl",
        JSON_HEAD + b'{"text": null, "label": "x"}\n',
        ["row 3", "column 'text'", "null"],
    ),
    "null label": (
        "a.jsonl",
        JSON_HEAD + b'{"text": "c", "label": null}\n',
        ["row 3", "column 'label'", "null"],
    ),
    "one class only": ("a.csv", b"text,label\nx,good\ny,good\n", ["good", "two"]),
    "mixed label types": (
        "a.jsonl",
        JSON_HEAD + b'{"text": "c", "label": 3}\n',
        ["column 'label'", "type"],
    ),
    "broken JSON line": ("a.jsonl", JSON_HEAD + b'{"text": "c", \n', ["row 3"]),
    "broken CSV row": ("a.csv", HEAD + b"one,two,three\n", ["row 3"]),
    "text that is not UTF-8": (
        "a.csv",
        HEAD + b"caf\xe9,good\n",
        ["row 3", "column 'text'", "UTF-8"],
    ),
    "unknown kind of file": ("a.docx", b"PK", [".docx"]),
    "broken Parquet": ("a.parquet", b"PAR1 no footer PAR1", ["Parquet"]),
    "cut gzip": ("a.csv.gz", gzip.compress(HEAD * 100)[:-20], ["damaged"]),
}

BAD_TEXT = [
    case for case in BAD_DATA if "label" not in case and case != "one class only"
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return an empty folder for outputs."""
    path = tmp_path / "outputs"
    path.mkdir()
    return path


def check_failure(done: Result, *parts: str) -> None:
    """Check the exit code and that one line of error names all `parts`."""
    assert done.exit_code == 1, done.output
    errors = [line for line in done.stderr.splitlines() if "error" in line]
    assert len(errors) == 1
    assert errors[0].startswith("shardfit: error: ")
    for part in parts:
        assert part in errors[0]


@pytest.mark.parametrize("case", BAD_DATA)
def test_train_on_bad_data(run: Run, tmp_path: Path, folder: Path, case: str) -> None:
    name, content, parts = BAD_DATA[case]
    data = tmp_path / name
    data.write_bytes(content)
    columns = ["--text", "text", "--label", "label"]
    done = run("train", data, *columns, "-o", folder / "m.skops")
    if case == "one class only":
        check_failure(done, *parts)
    else:
        check_failure(done, str(data), *parts)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("case", BAD_TEXT)
@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".jsonl"])
def test_predict_on_bad_data(
    run: Run, tmp_path: Path, folder: Path, model: Path, case: str, suffix: str
) -> None:
    name, content, parts = BAD_DATA[case]
    data = tmp_path / name
    data.write_bytes(content)
    done = run("predict", model, data, "-o", folder / f"out{suffix}")
    check_failure(done, str(data), *parts)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("case", [*BAD_TEXT, "missing label column", "null label"])
def test_evaluate_on_bad_data(
    run: Run, tmp_path: Path, folder: Path, model: Path, case: str
) -> None:
    name, content, parts = BAD_DATA[case]
    data = tmp_path / name
    data.write_bytes(content)
    outputs = ["--plot", folder / "c.png", "--json", folder / "s.json"]
    done = run("evaluate", model, data, *outputs)
    check_failure(done, str(data), *parts)
    assert done.stdout == ""
    assert list(folder.iterdir()) == []


def test_label_types_that_differ_between_files(
    run: Run, tmp_path: Path, folder: Path
) -> None:
    files = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    pq.write_table(pa.table({"text": ["a", "b"], "label": ["x", "y"]}), files[0])
    pq.write_table(pa.table({"text": ["a", "b"], "label": [1, 2]}), files[1])
    columns = ["--text", "text", "--label", "label"]
    done = run("train", *files, *columns, "-o", folder / "m.skops")
    check_failure(done, str(files[1]), "column 'label'")
    assert list(folder.iterdir()) == []


def test_error_in_a_later_file_leaves_no_predictions(
    run: Run, write_csv: Callable[..., Path], folder: Path, model: Path
) -> None:
    good = write_csv("a.csv", [["sunny"]] * 1000, ["text"])
    bad = write_csv("b.csv", [["sunny"]], ["body"])
    done = run("predict", model, good, bad, "-o", folder / "out.csv")
    check_failure(done, str(bad), "column 'text'")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("command", ["predict", "evaluate"])
@pytest.mark.parametrize(
    "content",
    [b"", b"no model", pickle.dumps({"a": 1}), b"PK\x05\x06" + bytes(18)],
    ids=["empty", "text", "pickle", "empty zip"],
)
def test_bad_models(
    run: Run, tmp_path: Path, weather: Path, command: str, content: bytes
) -> None:
    bad = tmp_path / "bad.skops"
    bad.write_bytes(content)
    check_failure(run(command, bad, weather), str(bad))


def test_full_disk(
    run: Run, weather: Path, folder: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)
    columns = ["--text", "text", "--label", "label"]
    for output, command in (
        ("m.skops", ["train", weather, *columns, "-o"]),
        ("out.parquet", ["predict", model, weather, "-o"]),
        ("out.csv", ["predict", model, weather, "-o"]),
        ("out.jsonl", ["predict", model, weather, "-o"]),
        ("s.json", ["evaluate", model, weather, "--json"]),
        ("c.png", ["evaluate", model, weather, "--plot"]),
    ):
        done = run(*command, folder / output)
        check_failure(done, f"{folder / output}: No space left on device")
        assert list(folder.iterdir()) == []


def test_out_of_memory(
    run: Run, weather: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @functools.wraps(fit_files)
    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("shardfit.partitioned.fit_files", fail)
    columns = ["--text", "text", "--label", "label"]
    done = run("train", weather, *columns, "-o", folder / "m.skops")
    check_failure(done, "out of memory", "--memory")
    assert list(folder.iterdir()) == []
