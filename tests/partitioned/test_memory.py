"""The memory of a training does not follow the size of the files."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pyarrow as pa
import pytest
from pyarrow import parquet

from tests.partitioned.corpora import documents

pytest.importorskip("resource", reason="peak memory is not known on this platform")

BUDGET = 430_000_000
SCRIPT = """
    import resource, sys
    from shardfit.datasets import TextFiles
    from shardfit.partitioned import fit_files

    files = TextFiles(
        sys.argv[1], text="text", label="label", batch_bytes=2**20
    )
    fit_files(
        files, n_partitions=2, n_features=2**12, n_epochs=1, memory=int(sys.argv[2])
    )
    unit = 1 if sys.platform == "darwin" else 1024
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)
"""


def peak_of_training(path, n_copies):
    texts, labels = documents(20_000)
    table = pa.table({"text": texts, "label": labels})
    with parquet.ParquetWriter(path, table.schema) as writer:
        for _ in range(n_copies):
            writer.write_table(table)
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SCRIPT), path, str(BUDGET)],
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout)


def test_ten_times_the_rows_take_the_same_memory(tmp_path):
    # Each is more than the window holds, which is about 70,000 rows.
    small = peak_of_training(tmp_path / "small.parquet", 4)
    large = peak_of_training(tmp_path / "large.parquet", 40)
    assert large < 1.1 * small
    assert large < BUDGET
