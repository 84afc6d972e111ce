"""The memory of a training does not follow the size of the files."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pyarrow as pa
import pytest
from pyarrow import parquet

from tests.partitioned.corpora import documents
from tests.peak_memory import PEAK

pytest.importorskip("resource", reason="peak memory is not known on this platform")

TRAIN = """
    import sys
    from sklearn.naive_bayes import MultinomialNB
    from shardfit.datasets import TextFiles
    from shardfit.partitioned import fit_files

    files = TextFiles(
        sys.argv[1], text="text", label="label", batch_bytes=2**20
    )
    fit_files(
        files,
        n_partitions=2,
        n_features=2**12,
        n_epochs=1,
        memory=int(sys.argv[2]),
        idf="idf" in sys.argv,
        estimator=MultinomialNB() if "counts" in sys.argv else None,
    )
    print(peak())
"""


def peak_of_training(path, table, n_copies, budget, *words):
    with parquet.ParquetWriter(path, table.schema) as writer:
        for _ in range(n_copies):
            writer.write_table(table)
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            PEAK + textwrap.dedent(TRAIN),
            path,
            str(budget),
            *words,
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout)


# The smaller file is as large as a window: for mixed rows that is a share of the
# budget, and for rows in blocks of one label what is left of a small one.
@pytest.mark.parametrize(
    ("is_mixed", "n_copies", "budget", "words"),
    [
        (True, 6, 10**9, []),
        (True, 6, 10**9, ["idf"]),
        (False, 4, 418 * 10**6, []),
    ],
)
def test_ten_times_the_rows_take_the_same_memory(
    tmp_path, is_mixed, n_copies, budget, words
):
    texts, labels = documents(20_000)
    table = pa.table({"text": texts, "label": labels})
    if not is_mixed:
        table = table.sort_by("label")
    path = tmp_path / "train.parquet"
    small = peak_of_training(path, table, n_copies, budget, *words)
    large = peak_of_training(path, table, 10 * n_copies, budget, *words)
    assert large < 1.1 * small
    # What allocators keep for later depends on what else the machine does.
    assert large < 1.25 * budget


def test_all_rows_at_once_stay_within_a_budget_that_just_holds_them(tmp_path):
    texts, labels = documents(20_000)
    table = pa.table({"text": texts, "label": labels})
    path = tmp_path / "train.parquet"
    budget = 570 * 10**6
    assert peak_of_training(path, table, 8, budget, "counts") < budget
    with pytest.raises(subprocess.CalledProcessError) as caught:
        peak_of_training(path, table, 12, budget, "counts")
    assert "needs all of them at once" in caught.value.stderr
