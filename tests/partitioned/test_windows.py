"""Training on more rows than memory holds at a time."""

from __future__ import annotations

import re

import numpy as np
import pytest
from scipy import sparse

from shardfit.partitioned import fit_files, score_files
from shardfit.partitioned._files import fit as _fit
from shardfit.partitioned._files.dealing import Dealer
from shardfit.partitioned._files.memory import Demand, window_bytes
from shardfit.partitioned._files.window import ENTRY_BYTES, ROW_BYTES, Window
from tests.partitioned.corpora import documents, files, same_model, write

SMALL = {"n_features": 2**12, "n_epochs": 3}


def budget(n_rows, n_words=12):
    return n_rows * (ROW_BYTES + n_words * ENTRY_BYTES)


def needed(message):
    """Return the bytes that a message says are needed."""
    return int(re.search(r"needs (\d+) bytes", message).group(1))


def limit(monkeypatch, n_bytes):
    monkeypatch.setattr(_fit, "window_bytes", lambda *_, **__: n_bytes)


def matrix(n_rows, n_columns=50, seed=0):
    X = sparse.random(n_rows, n_columns, 0.2, format="csr", random_state=seed)
    X.indices, X.indptr = X.indices.astype(np.int32), X.indptr.astype(np.int32)
    return X, np.arange(n_rows, dtype=np.int32)


def append(window, X, codes, n_partitions=1):
    return window.append(X, codes, np.arange(len(codes)) % n_partitions)


def same_rows(part, y, X):
    assert part.dtype == np.float64
    assert part.indices.dtype == part.indptr.dtype == np.int32
    return part.shape == (len(y), X.shape[1]) and (part != X[y]).nnz == 0


def test_rows_go_once_each_and_unchanged_to_their_owners():
    X, codes = matrix(101)
    owners = np.random.default_rng(0).integers(4, size=101)
    window = Window(10**6, 50, 4)
    assert window.append(X[:40], codes[:40], owners[:40]) == 40
    assert window.append(X[40:], codes[40:], owners[40:]) == 61
    assert window.n_rows == 101
    assert window.class_counts(102).tolist() == [1] * 101 + [0]
    for number, (part, y) in enumerate(window.parts()):
        assert y.tolist() == np.flatnonzero(owners == number).tolist()
        assert same_rows(part, y, X)


def test_partitions_train_on_the_window_itself():
    X, codes = matrix(30)
    window = Window(10**6, 50, 2)
    append(window, X, codes, 2)
    for (first, _), (second, _) in zip(window.parts(), window.parts(), strict=True):
        assert np.shares_memory(first.data, second.data)
        assert np.shares_memory(first.indices, second.indices)


@pytest.mark.parametrize("n_partitions", [1, 3, 7])
def test_dealing_is_fair_random_and_blind_to_batches(n_partitions):
    dealer = Dealer(n_partitions, np.random.default_rng(0))
    owners = dealer.deal(700)
    assert np.ptp(np.bincount(owners, minlength=n_partitions)) <= 1
    second = Dealer(n_partitions, np.random.default_rng(0))
    parts = [second.deal(n) for n in (0, 1, 5, 600, 2, 92)]
    assert np.concatenate(parts).tolist() == owners.tolist()
    if n_partitions > 1:
        # A period in the files does not lead to one partition.
        assert len(set(owners[::n_partitions])) == n_partitions


@pytest.mark.parametrize("n_partitions", [1, 2])
def test_a_full_window_takes_what_fits_and_is_used_again(n_partitions):
    X, codes = matrix(100)
    n_bytes = ENTRY_BYTES * int(X.indptr[30]) + ROW_BYTES * 30
    window = Window(n_bytes, 50, n_partitions)
    assert append(window, X, codes, n_partitions) == 30
    assert append(window, X[30:], codes[30:], n_partitions) == 0
    window.clear()
    taken = append(window, X[30:], codes[30:], n_partitions)
    assert 20 < taken < 40
    assert window.n_rows == taken
    parts = list(window.parts())
    assert sorted(np.concatenate([y for _, y in parts])) == [*range(30, 30 + taken)]
    assert all(same_rows(part, y, X) for part, y in parts)


def test_a_window_is_full_when_a_partition_is():
    X, codes = matrix(200)
    n_bytes = ENTRY_BYTES * int(X.indptr[100]) + ROW_BYTES * 100
    window = Window(n_bytes, 50, 10)
    taken = window.append(X, codes, np.zeros(200, dtype=np.intp))
    assert 15 < taken < 50
    (part, y), *others = window.parts()
    assert y.tolist() == list(range(taken))
    assert same_rows(part, y, X)
    assert all(len(y) == 0 for _, y in others)
    assert window.append(X[taken:], codes[taken:], np.zeros(200, np.intp)[taken:]) == 0


def test_rows_without_words_are_bounded_too():
    X = sparse.csr_matrix((1000, 50))
    X.indices, X.indptr = X.indices.astype(np.int32), X.indptr.astype(np.int32)
    assert append(Window(ROW_BYTES * 10, 50, 1), X, np.zeros(1000, np.int32)) == 10


@pytest.mark.parametrize("n_partitions", [1, 3])
def test_small_windows_still_train_well(tmp_path, monkeypatch, n_partitions):
    train = write(tmp_path / "train.csv", *documents(1500))
    test = write(tmp_path / "test.csv", *documents(600, seed=1))
    limit(monkeypatch, budget(200))
    model = fit_files(
        files(train, batch_bytes=10_000), n_partitions=n_partitions, **SMALL
    )
    assert np.isfinite(model["classifier"].coef_).all()
    assert model["classifier"].t_ == 1 + 3 * 1500
    assert score_files(model, files(test)).accuracy > 0.8


def test_threads_and_windows_give_the_same_bits(tmp_path, monkeypatch):
    train = write(tmp_path / "train.csv", *documents(600))
    limit(monkeypatch, budget(100))
    models = [
        fit_files(files(train), n_partitions=2, n_jobs=n_jobs, **SMALL)
        for n_jobs in (1, 2)
    ]
    assert same_model(*models)
    # The cuts of the batches do not show; those of the windows do.
    assert same_model(
        models[0], fit_files(files(train, batch_bytes=3000), n_partitions=2, **SMALL)
    )
    limit(monkeypatch, budget(150))
    assert not same_model(models[0], fit_files(files(train), n_partitions=2, **SMALL))


def test_every_epoch_reads_again_only_where_rows_do_not_fit(tmp_path, monkeypatch):
    data = files(write(tmp_path / "train.csv", *documents(300)))
    reads = []
    original = type(data).batches

    def counted(self, **parameters):
        reads.append(parameters["seed"])
        return original(self, **parameters)

    monkeypatch.setattr(type(data), "batches", counted)
    fit_files(data, **SMALL)
    assert len(reads) == 1
    limit(monkeypatch, budget(100))
    fit_files(data, **SMALL)
    assert len(set(reads[1:])) == 3


def test_rows_sorted_by_label_are_pointed_out(tmp_path, monkeypatch):
    texts, labels = documents(900)
    order = np.argsort(labels, kind="stable")
    path = write(
        tmp_path / "sorted.csv", [texts[i] for i in order], [labels[i] for i in order]
    )
    limit(monkeypatch, budget(200))
    with pytest.warns(UserWarning, match="'class1': the files seem to be sorted"):
        fit_files(files(path), **SMALL)


def test_a_budget_that_is_too_small_says_what_is_needed(tmp_path):
    path = write(tmp_path / "train.csv", *documents(60))
    with pytest.raises(ValueError, match="memory=1000000 is not enough") as caught:
        fit_files(files(path), memory=10**6, n_partitions=4)
    message = str(caught.value)
    assert f"{5 * 3 * 2**18 * 8} of them for 5 models of 3 x 262144" in message
    assert "raise memory, or lower n_features or n_partitions" in message
    need = needed(message)
    demand = Demand(4, 2**18, n_rows_of_model=3)
    for is_mixed in (False, True):
        with pytest.raises(ValueError, match="not enough"):
            window_bytes(need - 1, demand, is_mixed=is_mixed)
        assert window_bytes(need, demand, is_mixed=is_mixed) > 0


@pytest.mark.parametrize("n_partitions", [1, 4])
def test_all_that_is_counted_has_its_place_in_the_budget(n_partitions):
    vectors = {}
    for idf in (False, True):
        demand = Demand(n_partitions, 1000, 3, weighs_terms=idf)
        vectors[idf] = demand.count_bytes / 8000
    # Document frequencies: counts before and after a batch, and weights.
    assert vectors[True] - vectors[False] == 3
    assert vectors[False] == (0 if n_partitions == 1 else 4 + 5)
    averaging = Demand(n_partitions, 1000, n_rows_of_model=2 * 3)
    plain = Demand(n_partitions, 1000, n_rows_of_model=3)
    assert averaging.model_bytes == 2 * plain.model_bytes


def test_rows_are_weighed_in_their_places():
    X, codes = matrix(10_000)
    window = Window(10**7, 50, 2)
    append(window, X, codes, 2)
    window.weigh(lambda rows: 2 * rows)
    for part, y in window.parts():
        assert same_rows(part, y, 2 * X)


def test_only_rows_in_an_order_of_their_own_get_all_memory():
    demand = Demand(1, 2**18, n_rows_of_model=1)
    assert window_bytes(10**9, demand, is_mixed=True) == 10**9 // 40
    assert window_bytes(10**10, demand, is_mixed=True) == 10**10 // 40
    for memory in (10**9, 10**10):
        left = window_bytes(memory, demand, is_mixed=False)
        assert 0.5 * memory < left < memory


@pytest.mark.parametrize("is_mixed", [False, True])
@pytest.mark.parametrize("n_partitions", [1, 8])
def test_the_smallest_window_holds_any_row(n_partitions, is_mixed):
    n_features = 2**20
    demand = Demand(n_partitions, n_features, n_rows_of_model=1)
    with pytest.raises(ValueError, match="needs") as caught:
        window_bytes(1, demand, is_mixed=is_mixed)
    n_bytes = window_bytes(needed(str(caught.value)), demand, is_mixed=is_mixed)
    window = Window(n_bytes, n_features, n_partitions)
    full = sparse.csr_matrix(
        (
            np.ones(n_features),
            np.arange(n_features, dtype=np.int32),
            np.array([0, n_features], dtype=np.int32),
        ),
        shape=(1, n_features),
    )
    assert append(window, full, np.zeros(1, np.int32)) == 1
