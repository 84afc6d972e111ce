"""Labels: their types over all files, their counts, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shardfit.datasets import TextFiles
from shardfit.exceptions import DatasetError


def write(folder: Path, name: str, labels: Any) -> Path:
    """Write a file of these labels, each row with the text "t"."""
    file = folder / name
    if file.suffix == ".parquet":
        labels = pa.array(labels)
        texts = pa.array(["t"] * len(labels))
        pq.write_table(pa.table({"label": labels, "text": texts}), file)
    elif file.suffix == ".csv":
        file.write_text("label,text\n" + "".join(f"{label},t\n" for label in labels))
    else:
        rows = (
            pa.table({"label": labels})
            .to_pandas()
            .to_json(orient="records", lines=True)
        )
        file.write_text(rows.replace("}", ',"text":"t"}'))
    return file


def labels_of(files: TextFiles) -> np.ndarray[Any, Any]:
    return np.concatenate([batch.labels for batch in files.batches()])


CASES = {
    "strings": (["b", "a", "é", "b"], "U"),
    "integers": ([3, -1, 10, 3], "i"),
    "booleans": ([True, False, True], "b"),
}


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
@pytest.mark.parametrize("case", ["strings", "integers", "booleans"])
def test_one_type_in_all_files(tmp_path: Path, case: str, suffix: str) -> None:
    labels, kind = CASES[case]
    write(tmp_path, f"a{suffix}", labels)
    write(tmp_path, f"b{suffix}", labels[:1])
    files = TextFiles(tmp_path, text="text", label="label")
    if suffix == ".csv" and kind == "b":
        labels, kind = [str(label) for label in labels], "U"
    classes, counts = np.unique([*labels, labels[0]], return_counts=True)
    summary = files.summarize_labels()
    assert summary.classes.tolist() == classes.tolist()
    assert summary.classes.dtype.kind == kind
    assert summary.counts.tolist() == counts.tolist()
    assert summary.counts.dtype == np.int64
    assert summary.n_rows == len(labels) + 1
    found = labels_of(files)
    assert found.dtype.kind == kind
    assert found.tolist() == [*labels, labels[0]]


@pytest.mark.parametrize(
    "labels",
    [
        ["01", "2"],
        ["1", "x"],
        ["1.0", "2.0"],
        ["+1", "2"],
        ["-0", "1"],
        ["1", str(2**63)],
        ["1 ", "2"],
        ["١", "2"],
    ],
    ids=str,
)
def test_csv_labels_that_are_not_all_integers_are_strings(
    tmp_path: Path, labels: list[str]
) -> None:
    for i, label in enumerate(labels):
        write(tmp_path, f"{i}.csv", [label])
    files = TextFiles(tmp_path, text="text", label="label")
    assert files.summarize_labels().classes.tolist() == sorted(labels)
    assert labels_of(files).tolist() == labels


def test_csv_labels_at_the_ends_of_int64(tmp_path: Path) -> None:
    labels = [-(2**63), 0, 2**63 - 1]
    write(tmp_path, "a.csv", labels)
    files = TextFiles(tmp_path, text="text", label="label")
    assert files.summarize_labels().classes.dtype == np.int64
    assert labels_of(files).tolist() == labels


@pytest.mark.parametrize(
    "type_",
    [
        pa.int8(),
        pa.int16(),
        pa.int32(),
        pa.int64(),
        pa.uint8(),
        pa.uint16(),
        pa.uint32(),
        pa.uint64(),
    ],
    ids=str,
)
def test_all_widths_of_integers(tmp_path: Path, type_: pa.DataType) -> None:
    write(tmp_path, "a.parquet", pa.array([5, 3, 5], type_))
    files = TextFiles(tmp_path, text="text", label="label")
    assert labels_of(files).dtype == np.int64
    assert labels_of(files).tolist() == [5, 3, 5]


def test_csv_joins_the_type_of_the_others(tmp_path: Path) -> None:
    for other, expected in (([7, 8], "i"), (["x", "7"], "U")):
        csv = write(tmp_path, "a.csv", [7])
        files = TextFiles(
            [csv, write(tmp_path, "b.parquet", other)], text="text", label="label"
        )
        summary = files.summarize_labels()
        assert summary.classes.dtype.kind == expected
        assert summary.counts.sum() == 3
        assert summary.counts.max() == 2
        assert labels_of(files).tolist() == [summary.classes.dtype.type(7), *other]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("a.parquet", [1]), ("b.parquet", ["1"])),
        (("a.parquet", [True]), ("b.jsonl", [1])),
        (("a.parquet", [1]), ("b.csv", ["x"])),
        (("a.csv", ["x"]), ("b.jsonl", [1])),
        (("a.csv", ["true"]), ("b.jsonl", [True])),
    ],
)
def test_mixed_types_are_refused(tmp_path: Path, first: Any, second: Any) -> None:
    paths = [write(tmp_path, *first), write(tmp_path, *second)]
    files = TextFiles(paths, text="text", label="label")
    with pytest.raises(DatasetError, match="write all labels in one type") as caught:
        files.summarize_labels()
    assert caught.value.file in map(str, paths)
    assert all(str(path) in str(caught.value) for path in paths)
    assert caught.value.column == "label"


def test_a_given_type_spares_the_first_pass(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", [1, 2])
    for label_type, expected in (("integer", [1, 2]), ("string", ["1", "2"])):
        files = TextFiles(tmp_path, text="text", label="label", label_type=label_type)
        files.summarize_labels = None  # type: ignore[method-assign, assignment]
        assert labels_of(files).tolist() == expected


def test_a_given_type_reads_csv_booleans(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", ["true", "False", "TRUE"])
    files = TextFiles(tmp_path, text="text", label="label", label_type="boolean")
    assert labels_of(files).tolist() == [True, False, True]
    summary = files.summarize_labels()
    assert summary.classes.tolist() == [False, True]
    assert summary.counts.tolist() == [1, 2]


@pytest.mark.parametrize("label_type", ["integer", "boolean"])
def test_labels_that_are_not_of_the_given_type(tmp_path: Path, label_type: str) -> None:
    file = write(
        tmp_path, "a.csv", {"integer": [1, "x"], "boolean": ["true", "x"]}[label_type]
    )
    files = TextFiles(file, text="text", label="label", label_type=label_type)
    for read in (files.summarize_labels, lambda: list(files.batches())):
        with pytest.raises(DatasetError, match="not 'x'") as caught:
            read()
        assert (caught.value.row, caught.value.column) == (2, "label")
    file = write(tmp_path, "a.parquet", ["x"])
    files = TextFiles(file, text="text", label="label", label_type=label_type)
    with pytest.raises(DatasetError, match=f"wanted are labels of type {label_type}"):
        list(files.batches())


def test_labels_that_numpy_would_change_or_that_are_no_labels(tmp_path: Path) -> None:
    for labels, message in (
        (["a", "a\0"], "NUL"),
        (["a", "x" * 1000], "1,?000 characters"),
    ):
        file = write(tmp_path, "a.parquet", labels)
        with pytest.raises(DatasetError, match=message) as caught:
            TextFiles(file, text="text", label="label").summarize_labels()
        assert caught.value.row == 2


def test_labels_are_read_without_the_texts(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(b"label,text\n1,\xff\n")
    files = TextFiles(file, text="text", label="label")
    assert files.summarize_labels().classes.tolist() == [1]
    with pytest.raises(DatasetError, match="not UTF-8"):
        list(files.batches())


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".jsonl", ".parquet"])
def test_progress_adds_up_and_the_summary_is_kept(tmp_path: Path, suffix: str) -> None:
    if suffix == ".csv.gz":
        plain = write(tmp_path, "a.csv", range(5000))
        with pa.CompressedOutputStream(str(tmp_path / "a.csv.gz"), "gzip") as stream:
            stream.write(plain.read_bytes())
        plain.unlink()
    else:
        write(tmp_path, f"a{suffix}", range(5000))
    write(tmp_path, "b.parquet", range(100))
    files = TextFiles(tmp_path, text="text", label="label", batch_bytes=2000)
    steps: list[tuple[int, int]] = []
    summary = files.summarize_labels(lambda *step: steps.append(step))
    n_rows, n_bytes = map(sum, zip(*steps, strict=True))
    assert n_rows == summary.n_rows == 5100
    assert n_bytes == files.n_bytes == sum(p.stat().st_size for p in tmp_path.iterdir())
    assert min(min(step) for step in steps) >= 0
    n_steps = len(steps)
    assert n_steps > 10
    assert files.summarize_labels(lambda *step: steps.append(step)) is summary
    assert len(steps) == n_steps
