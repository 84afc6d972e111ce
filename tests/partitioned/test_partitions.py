"""Models side by side: what their average weighs, and what they go on from."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.linear_model import SGDClassifier

from shardfit.partitioned._files.partitions import Partitions
from shardfit.partitioned._files.window import Window

N_FEATURES = 30
MODEL = SGDClassifier(alpha=1e-3)


def window_of(seed, n_partitions=2, n_rows=40):
    """Return a window, and its rows by partition."""
    X = sparse.random(n_rows, N_FEATURES, 0.1, format="csr", random_state=seed)
    X.indices, X.indptr = X.indices.astype(np.int32), X.indptr.astype(np.int32)
    rng = np.random.default_rng(seed)
    codes = rng.integers(3, size=n_rows).astype(np.int32)
    owners = rng.integers(n_partitions, size=n_rows)
    window = Window(10**6, N_FEATURES, n_partitions)
    assert window.append(X, codes, owners) == n_rows
    return window, [(X[owners == n], codes[owners == n]) for n in range(n_partitions)]


class Expected:
    """The same, as one would write it down."""

    def __init__(self, template, n_partitions=2):
        self.models = [clone(template) for _ in range(n_partitions)]

    def train(self, parts, seed):
        for model, (X, y), state in zip(
            self.models, parts, seed.generate_state(len(parts)), strict=True
        ):
            model.set_params(random_state=int(state))
            model.partial_fit(X, y, classes=[0, 1, 2])

    def mean(self, *windows):
        """Return the mean, weighted by the rows of some windows."""
        counts = np.array(
            [
                sum((parts[n][0] != 0).sum(axis=0).A1 for parts in windows)
                for n in range(len(self.models))
            ]
        )
        rows = [
            sum(len(parts[n][1]) for parts in windows) for n in range(len(self.models))
        ]
        coef = np.stack([model.coef_ for model in self.models])
        weights = np.maximum(counts, 1e-20)[:, np.newaxis]
        intercept = [model.intercept_ for model in self.models]
        return (
            (coef * weights).sum(axis=0) / weights.sum(axis=0),
            np.average(intercept, axis=0, weights=rows),
        )

    def restart(self, coef, intercept):
        for model in self.models:
            model.coef_, model.intercept_ = coef.copy(), intercept.copy()


def same(model, mean):
    np.testing.assert_allclose(model.coef_, mean[0], rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(model.intercept_, mean[1], rtol=1e-10)


@pytest.mark.parametrize("mixes", [False, True])
def test_every_window_counts_until_the_next_average(mixes):
    windows = [window_of(seed) for seed in range(4)]
    partitions, expected = Partitions(MODEL, 2, 3, 1), Expected(MODEL)
    for number, (window, parts) in enumerate(windows):
        seed = np.random.SeedSequence(number)
        partitions.train(window, seed)
        expected.train(parts, seed)
        if mixes and number == 1:
            partitions.mix()
            expected.restart(*expected.mean(windows[0][1], windows[1][1]))
    trained = [parts for _, parts in windows[2 if mixes else 0 :]]
    same(partitions.result(), expected.mean(*trained))
    assert partitions.result().t_ == 1 + 4 * 40


def test_rows_that_stay_are_counted_once_and_still_weigh():
    window, parts = window_of(0)
    partitions, expected = Partitions(MODEL, 2, 3, 1), Expected(MODEL)
    for number in range(3):
        seed = np.random.SeedSequence(number)
        partitions.train(window, seed, again=number > 0)
        expected.train(parts, seed)
        if number < 2:
            partitions.mix()
            expected.restart(*expected.mean(parts))
    same(partitions.result(), expected.mean(parts))


def test_models_go_on_from_copies_of_their_own():
    window, _ = window_of(0, 3)
    partitions = Partitions(SGDClassifier(average=True), 3, 3, 1)
    partitions.train(window, np.random.SeedSequence(0))
    partitions.mix()
    first, second, _ = partitions._models
    for name in ("coef_", "intercept_", "_standard_coef", "_average_coef"):
        assert not np.shares_memory(getattr(first, name), getattr(second, name))
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    assert first.coef_ is first._average_coef


def test_partitions_without_rows_have_no_say():
    _, parts = window_of(0, 1)
    lonely = Window(10**6, N_FEATURES, 3)
    lonely.append(*parts[0], np.full(40, 1))
    partitions = Partitions(MODEL, 3, 3, 1)
    for number in range(2):
        partitions.train(lonely, np.random.SeedSequence(number))
        partitions.mix()
    alone = Partitions(MODEL, 3, 3, 1)
    alone.train(lonely, np.random.SeedSequence(0))
    only = alone._models[1]
    same(alone.result(), (only.coef_, only.intercept_))
    assert np.isfinite(partitions._models[0].coef_).all()
