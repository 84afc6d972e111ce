"""Memory depends on the size of a batch, not on that of the file.

Each case runs in a process of its own and reports its peak; a limit on the address
space would count what threads merely reserve.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.peak_memory import PEAK

MB = 2**20

READ = f"""
{PEAK}
import json, sys
from shardfit.datasets import TextFiles
import shardfit.datasets._text_files
before = peak()
n_bytes = n_rows = 0
files = TextFiles(sys.argv[1], text="text", label=None, batch_bytes=int(sys.argv[2]))
for batch in files.batches():
    n_bytes += batch.n_bytes
    n_rows += batch.n_rows
print(json.dumps([n_rows, n_bytes, before, peak()]))
"""


def run(program: str, *arguments: object) -> str:
    return subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    ).stdout


def read(file: Path, batch_bytes: int) -> tuple[int, int, int, int]:
    """Return rows, bytes of text, and the peaks before and after reading them."""
    n_rows, n_bytes, before, after = json.loads(run(READ, file, batch_bytes))
    return n_rows, n_bytes, before, after


def write(file: Path, n_mb: int) -> None:
    """Write a file of one row per KB."""
    text = ("the quick brown fox jumps over a lazy dog " * 30)[:1000]
    if file.suffix == ".parquet":
        texts = pa.array([f"{i} {text}" for i in range(1000)])
        schema = pa.schema([("text", pa.string())])
        with pq.ParquetWriter(file, schema, use_dictionary=False) as writer:
            # One row group, which is what has to be read in parts.
            table = pa.Table.from_arrays(
                [pa.chunked_array([texts] * n_mb)], schema=schema
            )
            writer.write_table(table, row_group_size=10**9)
        return
    row = {".csv": '"{} {}"\n', ".jsonl": '{{"text": "{} {}"}}\n'}[file.suffix]
    with file.open("w") as stream:
        if file.suffix == ".csv":
            stream.write("text\n")
        for _ in range(n_mb):
            stream.writelines(row.format(i, text) for i in range(1000))


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_a_file_ten_times_as_large_needs_no_more_memory(
    tmp_path: Path, suffix: str
) -> None:
    peaks = []
    for n_mb in (20, 200):
        file = tmp_path / f"{n_mb}{suffix}"
        write(file, n_mb)
        n_rows, n_bytes, _, after = read(file, 2 * MB)
        assert n_rows == 1000 * n_mb
        assert n_bytes > 10**6 * n_mb
        peaks.append(after)
        file.unlink()
    small, large = peaks
    assert large < 1.1 * small


@pytest.mark.parametrize("begins_small", [False, True])
@pytest.mark.parametrize("keeps_type", [False, True])
def test_a_dictionary_that_grows_to_gigabytes(
    tmp_path: Path, keeps_type: bool, begins_small: bool
) -> None:
    file = tmp_path / "bomb.parquet"
    indices = [0] * (20_000 if begins_small else 0) + [1] * 1500
    texts = pa.DictionaryArray.from_arrays(pa.array(indices), ["x", "y" * MB])
    pq.write_table(pa.table({"text": texts}), file, store_schema=keeps_type)
    assert file.stat().st_size < 100_000
    n_rows, n_bytes, before, after = read(file, 2 * MB)
    assert n_rows == len(indices)
    assert n_bytes >= 1500 * MB
    assert after - before < 150 * MB


def test_rows_that_are_suddenly_long(tmp_path: Path) -> None:
    file = tmp_path / "a.parquet"
    texts = ["x"] * 20_000 + ["y" * MB] * 400
    pq.write_table(
        pa.table({"text": texts}), file, use_dictionary=False, write_batch_size=1
    )
    n_rows, n_bytes, before, after = read(file, 2 * MB)
    assert (n_rows, n_bytes) == (20_400, 20_000 + 400 * MB)
    assert after - before < 350 * MB


@pytest.mark.parametrize("codec", ["gzip", "zstd"])
def test_compressed_text_that_grows_a_thousandfold(tmp_path: Path, codec: str) -> None:
    file = tmp_path / f"a.csv{'.gz' if codec == 'gzip' else '.zst'}"
    rows = b"x" * 999 + b"\n"
    with pa.CompressedOutputStream(str(file), codec) as stream:
        stream.write(b"text\n")
        for _ in range(200):
            stream.write(rows * 1000)
    assert file.stat().st_size < 2 * MB
    n_rows, _, before, after = read(file, 2 * MB)
    assert n_rows == 200_000
    assert after - before < 80 * MB
