"""Rows come out as Python's own readers give them, whatever the size of a block."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shardfit.datasets import TextBatch, TextFiles

BLOCK_SIZES = [2**10, 2**13, 2**16, 2**20]
TEXTS = st.text(
    st.one_of(
        st.sampled_from(',;"\n\r\t\\{}[]: \0\x1a\u2028é中😀'),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=40,
)
ROWS = st.lists(
    st.tuples(
        st.one_of(TEXTS, st.integers(0, 5000).map(lambda n: "long, " * n)),
        st.sampled_from(["a", "b c", 'd"', "é"]),
    ),
    min_size=1,
    max_size=30,
)


def read(
    paths: Any, *, label: str | None = "label", batch_bytes: int = 2**20, **how: Any
) -> tuple[list[str], list[Any]]:
    files = TextFiles(paths, text="text", label=label, batch_bytes=batch_bytes)
    return collect(files.batches(**how))


def collect(batches: Iterable[TextBatch]) -> tuple[list[str], list[Any]]:
    texts: list[str] = []
    labels: list[Any] = []
    for batch in batches:
        assert batch.n_rows == len(batch.texts) > 0
        assert batch.texts.null_count == 0
        values = batch.texts.to_pylist()
        assert batch.n_bytes == sum(len(text.encode()) for text in values)
        texts += values
        if batch.labels is not None:
            assert len(batch.labels) == batch.n_rows
            labels += batch.labels.tolist()
    return texts, labels


def write_csv(file: Path, rows: Iterable[Iterable[Any]], delimiter: str = ",") -> Path:
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, delimiter=delimiter).writerows(rows)
    return file


def write_jsonl(file: Path, rows: Iterable[dict[str, Any]]) -> Path:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def as_python_reads_csv(file: Path, delimiter: str) -> list[tuple[str, ...]]:
    with file.open(encoding="utf-8", newline="") as stream:
        return [tuple(row) for row in csv.reader(stream, delimiter=delimiter)][1:]


@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
@settings(max_examples=40, deadline=None)
@given(rows=ROWS)
def test_csv_is_read_as_python_reads_it(
    rows: list[tuple[str, str]], suffix: str, tmp_path_factory: Any
) -> None:
    file = tmp_path_factory.mktemp("csv") / f"rows{suffix}"
    delimiter = "," if suffix == ".csv" else "\t"
    table = [("text", "n", "label"), *((text, "7", label) for text, label in rows)]
    write_csv(file, table, delimiter)
    expected = as_python_reads_csv(file, delimiter)
    assert [(text, label) for text, _, label in expected] == rows
    for batch_bytes in BLOCK_SIZES:
        texts, labels = read(file, batch_bytes=batch_bytes)
        assert list(zip(texts, labels, strict=True)) == rows


@settings(max_examples=40, deadline=None)
@given(
    rows=ROWS, ensure_ascii=st.booleans(), end=st.sampled_from(["\n", "\r\n", "\n\n"])
)
def test_jsonl_is_read_as_python_reads_it(
    rows: list[tuple[str, str]], ensure_ascii: bool, end: str, tmp_path_factory: Any
) -> None:
    file = tmp_path_factory.mktemp("jsonl") / "rows.jsonl"
    lines = [
        json.dumps(
            {"n": [1, None], "text": text, "label": label}, ensure_ascii=ensure_ascii
        )
        for text, label in rows
    ]
    file.write_bytes(end.join(lines).encode())
    for batch_bytes in BLOCK_SIZES:
        texts, labels = read(file, batch_bytes=batch_bytes)
        assert list(zip(texts, labels, strict=True)) == rows


@settings(max_examples=25, deadline=None)
@given(
    rows=ROWS,
    rows_per_group=st.integers(1, 40),
    data_page_bytes=st.sampled_from([1, 10**6]),
)
def test_parquet_is_read_as_it_was_written(
    rows: list[tuple[str, str]],
    rows_per_group: int,
    data_page_bytes: int,
    tmp_path_factory: Any,
) -> None:
    file = tmp_path_factory.mktemp("parquet") / "rows.parquet"
    texts, labels = map(list, zip(*rows, strict=True))
    pq.write_table(
        pa.table({"label": labels, "text": texts}),
        file,
        row_group_size=rows_per_group,
        data_page_size=data_page_bytes,
    )
    for batch_bytes in BLOCK_SIZES:
        assert read(file, batch_bytes=batch_bytes) == (texts, labels)


@pytest.mark.parametrize("block_bytes", [1, 65, 100, 1000])
def test_csv_in_tiny_blocks(tmp_path: Path, block_bytes: int) -> None:
    cells = ["x" * n + '\n\r\n,"' * (n % 3) for n in range(60)]
    rows = [("other", "text"), *((f"{i}\n", cell) for i, cell in enumerate(cells))]
    file = write_csv(tmp_path / "a.csv", rows)
    assert read(file, label=None, batch_bytes=block_bytes)[0] == cells


def test_line_ends_in_quotes_survive_the_ends_of_blocks(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    for n in range(130):
        file.write_bytes(b'text\r\n"' + b"x" * n + b'\r\n\r\r\ny"\r\n\r\nz\r\n')
        expected = ["x" * n + "\r\n\r\r\ny", "z"]
        assert read(file, label=None, batch_bytes=64)[0] == expected


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".jsonl", ".parquet"])
def test_reading_may_stop_anywhere(tmp_path: Path, suffix: str) -> None:
    texts = [f"row {i}" for i in range(2000)]
    file = tmp_path / f"a{suffix}"
    if suffix == ".csv.gz":
        file.write_bytes(gzip.compress("\n".join(["text", *texts]).encode()))
    else:
        write_rows(file, texts)
    for n_batches in range(1, 20):
        batches = TextFiles(file, text="text", batch_bytes=500).batches()
        for _ in range(n_batches):
            next(batches)
        batches.close()  # type: ignore[attr-defined]
    assert read(file, label=None)[0] == texts


def test_csv_quirks(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(
        b'\xef\xbb\xbf\n\ntext,label\r\n5" disk,1\n\n"q"x,2\n"",3\nNA,4\nlast,5'
    )
    texts, labels = read(file)
    assert texts == ['5" disk', "qx", "", "NA", "last"]
    assert labels == [1, 2, 3, 4, 5]


def test_csv_of_one_column_may_hold_empty_documents(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "a.csv", [["text"], ["a"], [""], ["b"]])
    assert read(file, label=None)[0] == ["a", "", "b"]


def test_csv_cells_are_never_taken_for_numbers_or_dates(tmp_path: Path) -> None:
    cells = ["001", "1e5", "2020-01-01", "true", "nan", "NULL", ""]
    file = write_csv(
        tmp_path / "a.csv", [["text", "x"], *([cell, 1] for cell in cells)]
    )
    assert read(file, label=None)[0] == cells


def test_a_very_long_header(tmp_path: Path) -> None:
    names = [f"column {i}" for i in range(20_000)]
    file = write_csv(tmp_path / "a.csv", [[*names, "text"], ["0"] * 20_000 + ["x"]])
    assert read(file, label=None, batch_bytes=100)[0] == ["x"]


def test_json_that_pyarrow_refuses_but_python_reads(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_bytes(
        b'\xef\xbb\xbf{"text": "a", "x": 1}\n\n  {"text": "b", "x": NaN}\n'
        b'{"text": "c", "text": "d", "x": "other type"}'
    )
    assert read(file, label=None)[0] == ["a", "b", "d"]


@pytest.mark.parametrize("codec", ["gzip", "zstd"])
@pytest.mark.parametrize("batch_bytes", BLOCK_SIZES)
@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_compressed_files_are_read_like_plain_ones(
    tmp_path: Path, suffix: str, batch_bytes: int, codec: str
) -> None:
    plain = tmp_path / f"a{suffix}"
    texts = [f"row {i}, " * (i % 50) for i in range(500)]
    if suffix == ".csv":
        write_csv(plain, [["text", "label"], *([text, "x"] for text in texts)])
    else:
        write_jsonl(plain, ({"text": text, "label": "x"} for text in texts))
    packed = plain.with_name(plain.name + {"gzip": ".gz", "zstd": ".zst"}[codec])
    with pa.CompressedOutputStream(str(packed), codec) as stream:
        stream.write(plain.read_bytes())
    assert packed.stat().st_size < plain.stat().st_size
    assert read(packed, batch_bytes=batch_bytes) == read(plain) == (texts, ["x"] * 500)


def test_gzip_files_may_have_several_members(tmp_path: Path) -> None:
    file = tmp_path / "a.csv.gz"
    file.write_bytes(gzip.compress(b"text\na\n") + gzip.compress(b"b\n"))
    assert read(file, label=None)[0] == ["a", "b"]


@pytest.mark.parametrize(
    "type_",
    [
        pa.string(),
        pa.large_string(),
        pa.string_view(),
        pa.dictionary(pa.int8(), pa.string()),
        pa.dictionary(pa.int32(), pa.large_string()),
    ],
    ids=str,
)
def test_types_of_text_and_label_in_parquet(tmp_path: Path, type_: pa.DataType) -> None:
    values = ["b", "", "é😀", "a", "b", "a"]
    table = pa.table(
        {
            "text": pa.array(values).cast(type_),
            "label": pa.array(list("bcdaba")).cast(type_),
        }
    )
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=2)
    assert read(tmp_path / "a.parquet") == (values, list("bcdaba"))
    (batch,) = TextFiles(tmp_path / "a.parquet", text="text").batches()
    assert batch.texts.type in (pa.string(), pa.large_string())


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_several_text_columns_are_joined(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"a{suffix}"
    rows = [{"title": "A", "body": "x\ny", "n": 1}, {"title": "", "body": "z", "n": 2}]
    if suffix == ".csv":
        write_csv(
            file,
            [["n", "title", "body"], *([r["n"], r["title"], r["body"]] for r in rows)],
        )
    elif suffix == ".jsonl":
        write_jsonl(file, rows)
    else:
        pq.write_table(pa.Table.from_pylist(rows), file)
    files = TextFiles(file, text=["title", "body"], label="n")
    assert collect(files.batches()) == (["A\nx\ny", "\nz"], [1, 2])
    (batch,) = files.batches(keep_columns=True)
    kept = [{**row, "n": int(row["n"])} for row in batch.columns.to_pylist()]
    assert kept == rows


def test_columns_are_kept_row_by_row(tmp_path: Path) -> None:
    file = write_jsonl(
        tmp_path / "a.jsonl",
        [
            {
                "text": "x" * i,
                "day": "2020-01-01",
                "odd": i if i % 2 else "even",
                "deep": {"i": [i]},
            }
            for i in range(50)
        ],
    )
    for batch in TextFiles(file, text="text", batch_bytes=100).batches(
        keep_columns=True
    ):
        assert batch.columns["text"].to_pylist() == batch.texts.to_pylist()
        for i, row in enumerate(batch.columns.to_pylist(), batch.first_row - 1):
            assert row["day"] == "2020-01-01"
            assert row["deep"] == {"i": [i]}
            assert str(row["odd"]) in (str(i), "even", '"even"')


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_first_row_says_where_a_batch_begins(tmp_path: Path, suffix: str) -> None:
    texts = [f"{i} " * (i % 97) for i in range(1, 1000)]
    file = tmp_path / f"a{suffix}"
    write_rows(file, texts)
    for seed in (None, 3):
        starts = []
        for batch in TextFiles(file, text="text", batch_bytes=5000).batches(seed=seed):
            assert batch.file == file
            starts.append(batch.first_row)
            first = batch.first_row - 1
            assert batch.texts.to_pylist() == texts[first : first + batch.n_rows]
            assert batch.n_bytes <= 5000
        assert len(starts) > 20
    assert (starts != sorted(starts)) == (suffix == ".parquet")


def write_rows(file: Path, texts: list[str]) -> None:
    if file.suffix == ".csv":
        write_csv(file, [["text"], *([text] for text in texts)])
    elif file.suffix == ".jsonl":
        write_jsonl(file, ({"text": text} for text in texts))
    else:
        pq.write_table(pa.table({"text": texts}), file, row_group_size=100)


def test_a_seed_shuffles_files_and_row_groups_but_loses_nothing(tmp_path: Path) -> None:
    texts = [str(i) for i in range(3000)]
    for start in range(0, 3000, 600):
        write_rows(tmp_path / f"{start:04}.parquet", texts[start : start + 600])
    in_order = read(tmp_path, label=None)[0]
    once, again, other = (
        read(tmp_path, label=None, seed=seed)[0] for seed in (0, 0, 1)
    )
    assert in_order == texts
    assert once == again
    assert once != other
    assert once != in_order
    assert sorted(once) == sorted(other) == sorted(texts)


def test_batches_hold_about_as_many_bytes_as_asked_for(tmp_path: Path) -> None:
    lengths = np.random.default_rng(0).integers(0, 400, size=5000)
    write_rows(tmp_path / "a.parquet", ["x" * n for n in lengths])
    sizes = [
        b.n_bytes
        for b in TextFiles(tmp_path, text="text", batch_bytes=20_000).batches()
    ]
    assert sum(sizes) == lengths.sum()
    assert max(sizes) <= 20_000
    assert np.mean(sizes) > 5_000


def test_a_long_row_is_a_batch_of_its_own(tmp_path: Path) -> None:
    texts = ["short", "x" * 50_000, "y"]
    for suffix in (".csv", ".jsonl", ".parquet"):
        file = tmp_path / f"a{suffix}"
        write_rows(file, texts)
        batches = list(TextFiles(file, text="text", batch_bytes=100).batches())
        assert [batch.texts.to_pylist() for batch in batches] == [[t] for t in texts]
