"""Dummies merge to what a fit of all rows gives."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.dummy import DummyClassifier, DummyRegressor

from shardfit.exceptions import NotMergeableError
from shardfit.merging import merge
from tests.merging.exactness import (
    EXAMPLES,
    check_exact,
    cut,
    fitted_parts,
    naive_average,
    numbers_of_parts,
    seeds,
)
from tests.merging.tables import dtypes


@EXAMPLES
@given(
    rng=seeds,
    n_parts=numbers_of_parts,
    strategy=st.sampled_from(["prior", "most_frequent", "stratified", "uniform"]),
    labels=st.sampled_from([np.array([3, 1, 7]), np.array(["b", "a", "cc"])]),
    n_outputs=st.sampled_from([None, 1, 2]),
    is_weighted=st.booleans(),
)
def test_dummy_classifier(rng, n_parts, strategy, labels, n_outputs, is_weighted):
    n_rows = int(rng.integers(1, 25))
    X = np.zeros((n_rows, 2))
    y = labels[rng.integers(0, 3, (n_rows, n_outputs or 1))]
    y = y.ravel() if n_outputs is None else y
    weight = rng.uniform(0.1, 3.0, n_rows) if is_weighted else None
    model = DummyClassifier(strategy=strategy, random_state=0)
    full = clone(model).fit(X, y, sample_weight=weight)
    parts = cut(rng, n_rows, n_parts)
    models, rows = fitted_parts(model, parts, X, y, sample_weight=weight)
    if is_weighted:
        rows = [weight[part].sum() for part in parts]
    merged = check_exact(models, full, weights=rows)
    if not is_weighted:
        np.testing.assert_array_equal(merged.predict(X), full.predict(X))


def test_dummy_classifier_of_as_many_rows_of_two_classes():
    y = np.array([0, 1, 1, 0, 0, 1])
    for end in range(1, 6):
        model = DummyClassifier(strategy="most_frequent")
        models, rows = fitted_parts(model, [slice(0, end), slice(end, 6)], y, y)
        assert merge(models, weights=rows).predict(y).tolist() == [0] * 6


def test_dummy_classifier_of_a_constant():
    y = np.array([0, 1, 1, 0, 2, 1])
    model = DummyClassifier(strategy="constant", constant=1)
    models, rows = fitted_parts(model, [slice(0, 3), slice(3, 6)], y, y)
    check_exact(models, clone(model).fit(y, y), weights=rows)


def test_dummies_of_other_outputs_are_refused():
    X = np.zeros((4, 1))
    for kind in (DummyClassifier, DummyRegressor):
        one = kind().fit(X, [0, 1, 0, 1])
        two = kind().fit(X, [[0, 1], [1, 1], [1, 0], [0, 0]])
        with pytest.raises(NotMergeableError, match="1 outputs and estimator 1 has 2"):
            merge([one, two], weights=[4, 4])
    y = np.array([[0, 1], [1, 1], [1, 0], [0, 0]])
    models = [DummyClassifier().fit(X, y), DummyClassifier().fit(X, sp.csc_matrix(y))]
    with pytest.raises(NotMergeableError, match="dense for estimator 0 and sparse"):
        merge(models, weights=[4, 4])


@EXAMPLES
@given(
    rng=seeds,
    n_parts=numbers_of_parts,
    n_outputs=st.integers(1, 2),
    strategy=st.sampled_from(["mean", "constant"]),
    dtype=dtypes,
)
def test_dummy_regressor(rng, n_parts, n_outputs, strategy, dtype):
    n_rows = int(rng.integers(1, 25))
    y = rng.normal(size=(n_rows, n_outputs)).astype(dtype)
    model = DummyRegressor(strategy=strategy, constant=[2.0, 3.0][:n_outputs])
    full = clone(model).fit(y, y)
    models, rows = fitted_parts(model, cut(rng, n_rows, n_parts), y, y)
    kind = 1e-9 if dtype is np.float64 else 1e-4
    check_exact(models, full, weights=rows, rtol=kind, atol=kind)


@pytest.mark.parametrize("strategy", ["median", "quantile"])
def test_dummy_regressor_of_quantiles_is_refused(strategy):
    model = DummyRegressor(strategy=strategy, quantile=0.5).fit([[0]], [1])
    with pytest.raises(NotMergeableError, match=f"strategy='{strategy}' of parts"):
        merge([model], weights=[1])


@pytest.mark.parametrize("kind", [DummyClassifier, DummyRegressor])
def test_number_of_rows_must_be_told(kind):
    model = kind().fit([[0.0], [1.0]], [0, 1])
    with pytest.raises(NotMergeableError, match="number of rows of each"):
        merge([model, model])


def test_means_are_something_else():
    y = np.array([0, 0, 1, 1, 1, 0, 1, 1])
    for kind, name in (
        (DummyClassifier, "class_prior_"),
        (DummyRegressor, "constant_"),
    ):
        models, rows = fitted_parts(kind(), [slice(0, 3), slice(3, 8)], y, y)
        full = getattr(kind().fit(y, y), name)
        assert abs(getattr(naive_average(models), name) - full).max() > 0.05
        merged = merge(models, weights=rows)
        np.testing.assert_allclose(getattr(merged, name), full, rtol=1e-12)
