"""Whatever is wrong with a file is said with file, row and column, in every format."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shardfit.datasets import TextFiles
from shardfit.exceptions import DatasetError

BLOCK_SIZES = [64, 2**20]


def error_of(
    folder: Path,
    name: str,
    content: bytes | pa.Table,
    *,
    batch_bytes: int = 2**20,
    **arguments: Any,
) -> DatasetError:
    """Return the error of reading a file; it must name the file."""
    file = folder / name
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        pq.write_table(content, file)
    arguments = {"text": "text", "label": "label", **arguments}
    with pytest.raises(DatasetError) as caught:
        list(TextFiles(file, batch_bytes=batch_bytes, **arguments).batches())
    assert caught.value.file == str(file)
    assert str(file) in str(caught.value)
    return caught.value


def assert_error(
    error: DatasetError, message: str, row: int | None, column: str | None
) -> None:
    assert message in error.message
    assert (error.row, error.column) == (row, column)


GOOD = b"good,1\n" * 30
CSV_ERRORS = {
    "empty": (b"", "the file is empty", None, None),
    "only a mark": (b"\xef\xbb\xbf", "there is no header", None, None),
    "only lines": (b"\n\n", "there is no header", None, None),
    "only header": (b"text,label\n", "the file has no rows", None, None),
    "header without end": (b"text,label", "the file has no rows", None, None),
    "no column": (b"text,y,z\n", "the columns are 'text', 'y', 'z'", None, "label"),
    "same names": (b"text,text,label\na,b,1\n", "2 columns have", None, "text"),
    "too few": (b"text,label\n" + GOOD + b"\nbad\n" + GOOD, "has 1 cells", 31, None),
    "too many": (b"text,label\n" + GOOD + b"b,a,d\n", "has 3 cells", 31, None),
    "unclosed text": (
        b"text,label\n" + GOOD + b'"bad,1\n' + GOOD,
        "never closed",
        31,
        None,
    ),
    "unclosed label": (
        b"text,label\n" + GOOD + b'bad,"1\n' + GOOD,
        "never closed",
        31,
        None,
    ),
    "unclosed at end": (b"text,label\n" + GOOD + b'bad,"1', "never closed", 31, None),
    "latin-1": (b"text,label\n" + GOOD + b"caf\xe9,1\n", "is not UTF-8", 31, "text"),
    "latin-1 label": (
        b"text,label\n" + GOOD + b"a,\xe9\n",
        "is not UTF-8",
        31,
        "label",
    ),
    "latin-1 header": (b"text,label,\xe9\na,b,c\n", "header is not UTF-8", None, None),
    "utf-16": ("text,label\na,b\n".encode("utf-16"), "UTF-16", None, None),
    "empty label": (b"text,label\n" + GOOD + b"a,\n", "label is empty", 31, "label"),
}


@pytest.mark.parametrize("batch_bytes", BLOCK_SIZES)
@pytest.mark.parametrize("case", CSV_ERRORS)
def test_csv(tmp_path: Path, case: str, batch_bytes: int) -> None:
    content, message, row, column = CSV_ERRORS[case]
    error = error_of(tmp_path, "a.csv", content, batch_bytes=batch_bytes)
    assert_error(error, message, row, column)


def test_tsv_names_its_delimiter(tmp_path: Path) -> None:
    error = error_of(tmp_path, "a.tsv", b"text\tlabel\na\tb\tc\n")
    assert_error(error, "'\\t'", 1, None)


def line(**row: object) -> bytes:
    return json.dumps(row).encode() + b"\n"


LINES = line(text="good", label=1) * 30
DEEP = b'{"text": ' + b"[" * 100_000 + b"]" * 100_000 + b', "label": 1}\n'
JSONL_ERRORS = {
    "empty": (b"", "the file is empty", None, None),
    "only lines": (b"\n \n", "the file has no rows", None, None),
    "no column": (line(text="a", x=1), "the columns are 'text', 'x'", None, "label"),
    "lacks": (LINES + line(label=1), "lacks this column; it has 'label'", 31, "text"),
    "null text": (LINES + line(text=None, label=1), "text is null", 31, "text"),
    "number": (LINES + line(text=1, label=1), "text is an integer", 31, "text"),
    "object": (LINES + line(text={}, label=1), "text is an object", 31, "text"),
    "too deep": (LINES + DEEP, "not one JSON object", 31, None),
    "null label": (LINES + line(text="", label=None), "label is null", 31, "label"),
    "float label": (LINES + line(text="", label=1.0), "with a fraction", 31, "label"),
    "first float": (line(text="", label=0.5), "with a fraction", 1, "label"),
    "list label": (LINES + line(text="", label=[1]), "is a list", 31, "label"),
    "mixed": (
        LINES + line(text="", label="1"),
        "that of row 1 an integer",
        31,
        "label",
    ),
    "bool": (LINES + line(text="", label=True), "label is a boolean", 31, "label"),
    "large": (LINES + line(text="", label=2**63), "fit into 64 bits", 31, "label"),
    "broken": (LINES + b'{"text": "a\n' + LINES, "not one JSON object", 31, None),
    "cut off": (LINES + b'{"text": "a", "la', "not one JSON object", 31, None),
    "two in a line": (LINES + LINES[:-1] + LINES, "Extra data", 60, None),
    "over two lines": (LINES + b'{"text": "a",\n"label": 1}\n', "not one", 31, None),
    "null": (b"null\n", "holds null, not an object", 1, None),
    "null later": (LINES + b"null\n" + LINES, "holds null, not an object", 31, None),
    "array": (b'[{"text": "a", "label": 1}]\n', "holds a list", 1, None),
    "latin-1": (LINES + b'{"text": "\xe9", "label": 1}\n', "not UTF-8", 31, None),
    "surrogate": (LINES + b'{"text": "\\ud800", "label": 1}', "surrogate", 31, "text"),
    "utf-16": (LINES.decode().encode("utf-16"), "UTF-16", None, None),
}


@pytest.mark.parametrize("batch_bytes", BLOCK_SIZES)
@pytest.mark.parametrize("case", JSONL_ERRORS)
def test_jsonl(tmp_path: Path, case: str, batch_bytes: int) -> None:
    content, message, row, column = JSONL_ERRORS[case]
    error = error_of(tmp_path, "a.jsonl", content, batch_bytes=batch_bytes)
    assert_error(error, message, row, column)


def table(text: Any = None, label: Any = None) -> pa.Table:
    return pa.table(
        {
            "text": ["a", "b", "c"] if text is None else text,
            "label": ["x", "y", "x"] if label is None else label,
        }
    )


NOT_UTF8 = pa.array([b"a", b"\xff", b"c"]).view(pa.string())
PARQUET_ERRORS = {
    "no rows": (table().slice(0, 0), "the file has no rows", None, None),
    "no column": (
        pa.table({"text": ["a"], "x": [1]}),
        "are 'text', 'x'",
        None,
        "label",
    ),
    "null text": (table(["a", None, "c"]), "the text is null", 2, "text"),
    "null label": (table(label=["a", "b", None]), "the label is null", 3, "label"),
    "all null": (table(label=pa.nulls(3)), "labels of type null", None, "label"),
    "number": (table([1, 2, 3]), "cast the column to string", None, "text"),
    "binary": (table([b"a", b"b", b"c"]), "of type binary", None, "text"),
    "list": (table([["a"], ["b"], ["c"]]), "of type list", None, "text"),
    "float": (table(label=[1.0, 2.0, 3.0]), "labels of type double", None, "label"),
    "time": (
        table(label=pa.array([1, 2, 3], pa.timestamp("s"))),
        "labels of type timestamp",
        None,
        "label",
    ),
    "uint64": (
        table(label=pa.array([1, 2, 2**63], pa.uint64())),
        "does not fit into 64 bits",
        None,
        "label",
    ),
    "not UTF-8": (table(NOT_UTF8), "is not UTF-8", 2, "text"),
}


@pytest.mark.parametrize("case", PARQUET_ERRORS)
def test_parquet(tmp_path: Path, case: str) -> None:
    content, message, row, column = PARQUET_ERRORS[case]
    assert_error(error_of(tmp_path, "a.parquet", content), message, row, column)


def test_rows_are_counted_over_row_groups(tmp_path: Path) -> None:
    texts = pa.array([*map(str, range(99)), None, "last"])
    pq.write_table(pa.table({"text": texts}), tmp_path / "a.parquet", row_group_size=7)
    for seed in (None, 0, 1):
        with pytest.raises(DatasetError, match="the text is null") as caught:
            list(TextFiles(tmp_path, text="text").batches(seed=seed))
        assert (caught.value.row, caught.value.column) == (100, "text")


def test_damaged_parquet(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    texts = [rng.bytes(50).hex() for _ in range(2000)]
    labels = [str(i % 3) for i in range(2000)]
    pq.write_table(table(texts, labels), tmp_path / "good.parquet")
    good = (tmp_path / "good.parquet").read_bytes()
    middle = len(good) // 3
    for bad in (
        b"",
        b"PAR1",
        b"no Parquet at all, but long enough",
        good[: len(good) // 2],
        good[:-1],
        good[:-8] + b"\xff\xff\xff\x7f" + good[-4:],
        good[:middle] + bytes(2000) + good[middle + 2000 :],
    ):
        error = error_of(tmp_path, "bad.parquet", bad)
        assert "the Parquet file is damaged or cut off" in error.message


def test_flipped_bits_in_parquet_are_errors_or_harmless(tmp_path: Path) -> None:
    texts = [f"row {i}" for i in range(50)]
    file = tmp_path / "a.parquet"
    pq.write_table(
        pa.table({"text": texts}), file, write_page_checksum=True, compression="none"
    )
    good = file.read_bytes()
    for i in np.random.default_rng(0).integers(0, 8 * len(good), size=300):
        bad = bytearray(good)
        bad[i // 8] ^= 1 << (i % 8)
        file.write_bytes(bad)
        try:
            batches = list(TextFiles(file, text="text").batches())
        except DatasetError:
            continue
        assert [text for b in batches for text in b.texts.to_pylist()] == texts


@pytest.mark.parametrize("batch_bytes", BLOCK_SIZES)
@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
@pytest.mark.parametrize("codec", ["gzip", "zstd"])
def test_damaged_compression(
    tmp_path: Path, codec: str, suffix: str, batch_bytes: int
) -> None:
    numbers = range(2000)
    if suffix == ".csv":
        text = "text,label\n" + "".join(f"number {i * i},1\n" for i in numbers)
    else:
        text = "".join(f'{{"text": "{i * i}", "label": 1}}\n' for i in numbers)
    stream = pa.BufferOutputStream()
    with pa.CompressedOutputStream(stream, codec) as packing:
        packing.write(text.encode())
    packed = stream.getvalue().to_pybytes()
    name = f"a{suffix}{'.gz' if codec == 'gzip' else '.zst'}"
    for bad in (
        packed[: len(packed) // 2],
        packed[:-1],
        packed + b"more",
        text.encode(),
    ):
        error = error_of(tmp_path, name, bad, batch_bytes=batch_bytes)
        assert "the compressed data is damaged or cut off" in error.message
    assert "empty" in error_of(tmp_path, name, b"").message
    if codec == "gzip":
        assert "empty" in error_of(tmp_path, name, gzip.compress(b"")).message


@pytest.mark.parametrize("batch_bytes", BLOCK_SIZES)
def test_rows_longer_than_the_limit(tmp_path: Path, batch_bytes: int) -> None:
    limit = {"batch_bytes": batch_bytes, "max_row_bytes": 10_000}
    long = "x" * 20_000
    csv = f"text,label\n{GOOD.decode()}{long},1\n".encode()
    error = error_of(tmp_path, "a.csv", csv, **limit)
    assert_error(error, "max_row_bytes=10,000", 31, error.column)
    jsonl = LINES + line(text=long, label=1)
    error = error_of(tmp_path, "a.jsonl", jsonl, **limit)
    assert_error(error, "max_row_bytes=10,000", 31, None)
    parquet = table(["a", "b", long])
    error = error_of(tmp_path, "a.parquet", parquet, **limit)
    assert_error(error, "max_row_bytes=10,000", 3, None)


def test_an_unclosed_quote_in_a_file_longer_than_the_limit(tmp_path: Path) -> None:
    content = b"text,label\n" + GOOD + b'bad,"1\n' + GOOD * 1000
    error = error_of(tmp_path, "a.csv", content, batch_bytes=1000, max_row_bytes=10_000)
    assert_error(error, "a quote in it is not closed", 31, None)


def test_rows_before_an_error_are_given_out(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"text,label\n" + GOOD * 10 + b"bad\n")
    n_rows: list[int] = []
    batches = TextFiles(tmp_path / "a.csv", text="text", batch_bytes=200).batches()
    with pytest.raises(DatasetError, match="has 1 cells"):
        n_rows.extend(batch.n_rows for batch in batches)
    assert 280 < sum(n_rows) <= 300


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_a_file_that_vanished(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"a{suffix}"
    file.write_bytes(b"text\n")
    files = TextFiles(file, text="text")
    os.remove(file)
    with pytest.raises(FileNotFoundError, match=file.name):
        list(files.batches())


def test_arguments_that_make_no_sense(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("text\na\n")
    with pytest.raises(ValueError, match="at least one column"):
        TextFiles(file, text=[])
    with pytest.raises(ValueError, match="different ones"):
        TextFiles(file, text=["text", "text"])
    with pytest.raises(ValueError, match="different ones"):
        TextFiles(file, text="text", label="text")
    with pytest.raises(ValueError, match="'float'"):
        TextFiles(file, text="text", label="x", label_type="float")
    with pytest.raises(ValueError, match="batch_bytes must be between 1 and"):
        TextFiles(file, text="text", batch_bytes=0)
    with pytest.raises(ValueError, match="give label="):
        TextFiles(file, text="text").summarize_labels()


def test_a_csv_row_with_too_many_cells_that_is_not_utf8(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    content = b"text,label\na,pos\nb,neg\ncaf\xe9, hello,pos\n"
    error = error_of(tmp_path, "a.csv", content)
    assert_error(error, "the row has 3 cells, the header 2", 3, None)
    assert capfd.readouterr().err == ""


def test_a_file_name_that_is_not_utf8(tmp_path: Path) -> None:
    file = tmp_path / "n\udcff.csv"
    try:
        file.write_text("text,label\na,b\n")
    except (OSError, UnicodeEncodeError):
        pytest.skip("this file system takes no such name")
    with pytest.raises(DatasetError, match="not UTF-8"):
        TextFiles(file, text="text")
