"""Whether rows are mixed: what the label pass says of orders that are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shardfit.datasets import TextFiles
from shardfit.datasets._stretches import Stretches


def are_alike(codes: np.ndarray, batch_rows: int = 1000) -> bool:
    stretches = Stretches()
    for start in range(0, len(codes), batch_rows):
        labels, inverse = np.unique(
            codes[start : start + batch_rows], return_inverse=True
        )
        stretches.add(labels.tolist(), inverse)
    return stretches.are_alike()


def shuffled(n_rows: int, n_classes: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(n_classes, size=n_rows)


@pytest.mark.parametrize("n_classes", [2, 20, 64, 65, 1000])
@pytest.mark.parametrize("n_rows", [2000, 30_000])
def test_shuffled_rows_are_mixed_and_sorted_ones_are_not(
    n_rows: int, n_classes: int
) -> None:
    codes = shuffled(n_rows, n_classes)
    # Where a class has two rows, nobody can tell; then the answer is no.
    assert are_alike(codes) == (n_rows > 2 * n_classes)
    assert not are_alike(np.sort(codes))
    assert not are_alike(np.sort(codes)[::-1])


def test_chance_is_not_taken_for_an_order() -> None:
    assert all(are_alike(shuffled(700, 3, seed)) for seed in range(200))
    rare = [shuffled(5000, 500, seed) // 499 for seed in range(200)]
    assert all(are_alike(codes) for codes in rare)


@pytest.mark.parametrize("n_runs", [2, 50, 1000])
def test_blocks_of_one_label_are_not_mixed(n_runs: int) -> None:
    blocks = np.random.default_rng(0).permutation(np.arange(n_runs) % 4)
    assert not are_alike(np.repeat(blocks, 20_000 // n_runs))


def test_a_file_that_is_sorted_only_at_its_end_is_not_mixed() -> None:
    codes = shuffled(20_000, 5)
    codes[16_000:] = np.sort(codes[16_000:])
    assert not are_alike(codes)


def test_labels_in_turns_are_mixed() -> None:
    assert are_alike(np.arange(10_000) % 7)


def test_too_few_rows_cannot_tell() -> None:
    assert not are_alike(shuffled(15, 3))
    assert not are_alike(np.zeros(10_000, dtype=int))


def test_batches_do_not_show() -> None:
    for codes in (shuffled(9999, 10), np.repeat(shuffled(3333, 10), 3)):
        counted = []
        for batch_rows in (1, 7, 1023, 9999):
            stretches = Stretches()
            for start in range(0, len(codes), batch_rows):
                # Every batch names its labels in another order.
                labels, inverse = np.unique(
                    -codes[start : start + batch_rows], return_inverse=True
                )
                stretches.add(labels.tolist(), inverse)
            totals = np.sort(stretches._counts, axis=1)
            counted.append((stretches._length, totals))
        assert {length for length, _ in counted} == {16}
        assert all(np.array_equal(counted[0][1], totals) for _, totals in counted)
        assert counted[0][1].sum() == len(codes)


@pytest.mark.parametrize("label_type", [None, "integer"])
def test_files_are_judged_in_their_order(
    tmp_path: Path, label_type: str | None
) -> None:
    codes = shuffled(3000, 3)

    def is_mixed(*parts: np.ndarray) -> bool:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        for number, part in enumerate(parts):
            table = pa.table({"label": part, "text": ["t"] * len(part)})
            pq.write_table(table, folder / f"{number}.parquet", row_group_size=100)
        files = TextFiles(folder, text="text", label="label", label_type=label_type)
        return files.summarize_labels().is_mixed

    assert is_mixed(codes)
    assert is_mixed(codes[:1000], codes[1000:])
    assert not is_mixed(*(codes[codes == label] for label in range(3)))


def test_csv_labels_join_those_of_other_files(tmp_path: Path) -> None:
    codes = shuffled(2000, 2)
    table = pa.table({"label": codes[:1000], "text": ["t"] * 1000})
    pq.write_table(table, tmp_path / "a.parquet")
    rows = "".join(f"{code},t\n" for code in codes[1000:])
    (tmp_path / "b.csv").write_text(f"label,text\n{rows}")
    files = TextFiles(tmp_path, text="text", label="label")
    assert files.summarize_labels().is_mixed
