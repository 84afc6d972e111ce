"""Scalers and covariances merge to what a fit of all rows gives."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.covariance import EmpiricalCovariance
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, StandardScaler

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
from tests.merging.tables import dtypes, table, tolerance

pytestmark = [
    pytest.mark.filterwarnings("ignore:All-NaN slice:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore:Only one sample:UserWarning"),
]


@EXAMPLES
@given(
    rng=seeds,
    n_parts=numbers_of_parts,
    with_mean=st.booleans(),
    with_std=st.booleans(),
    dtype=dtypes,
    with_nan=st.booleans(),
    is_weighted=st.booleans(),
)
def test_standard_scaler(
    rng, n_parts, with_mean, with_std, dtype, with_nan, is_weighted
):
    n_rows = int(rng.integers(1, 40))
    X = table(rng, n_rows, dtype=dtype, with_nan=with_nan)
    # scikit-learn does not count weights where it takes no means.
    is_weighted = is_weighted and (with_mean or with_std)
    weight = rng.uniform(0.1, 3.0, n_rows) if is_weighted else None
    model = StandardScaler(with_mean=with_mean, with_std=with_std)
    full = clone(model).fit(X, sample_weight=weight)
    models, rows = fitted_parts(
        model, cut(rng, n_rows, n_parts), X, sample_weight=weight
    )
    kind = tolerance(dtype)
    merged = check_exact(models, full, weights=rows, rtol=kind, atol=kind)
    np.testing.assert_allclose(
        merged.transform(X), full.transform(X), rtol=1e-4, atol=1e-4
    )
    more = table(rng, 5, dtype=dtype)
    if is_weighted or (with_nan and not with_std):
        return
    merged.partial_fit(more)
    full.partial_fit(more)
    np.testing.assert_array_equal(merged.n_samples_seen_, full.n_samples_seen_)


@EXAMPLES
@given(
    rng=seeds,
    n_parts=numbers_of_parts,
    with_std=st.booleans(),
    with_nan=st.booleans(),
    is_weighted=st.booleans(),
    form=st.sampled_from([sp.csr_matrix, sp.csc_matrix]),
)
def test_standard_scaler_of_sparse_rows(
    rng, n_parts, with_std, with_nan, is_weighted, form
):
    n_rows = int(rng.integers(1, 40))
    X = table(rng, n_rows, with_nan=with_nan)
    X[rng.random(X.shape) < 0.5] = 0.0
    weight = rng.uniform(0.1, 3.0, n_rows) if is_weighted else None
    model = StandardScaler(with_mean=False, with_std=with_std)
    full = clone(model).fit(form(X), sample_weight=weight)
    models, rows = fitted_parts(
        model, cut(rng, n_rows, n_parts), sp.csr_matrix(X), sample_weight=weight
    )
    check_exact(models, full, weights=rows)


def test_standard_scaler_far_from_zero():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3000, 3)) + 1e8
    models, _ = fitted_parts(StandardScaler(), [slice(0, 20), slice(20, 3000)], X)
    merged, full = merge(models), StandardScaler().fit(X)
    np.testing.assert_allclose(merged.scale_, full.scale_, rtol=1e-6)


def test_constants_are_not_scaled():
    for constant in (0.1, 1e15, -1e-12, 0.0):
        X = np.full((700, 2), constant)
        models, _ = fitted_parts(StandardScaler(), [slice(0, 99), slice(99, 700)], X)
        assert merge(models).scale_.tolist() == [1.0, 1.0]


def test_a_part_without_values_leaves_others_theirs():
    X = np.array([[np.nan, 1.0], [np.nan, 2.0], [1.0, 3.0], [3.0, 7.0]])
    models, _ = fitted_parts(StandardScaler(), [slice(0, 2), slice(2, 4)], X)
    # Where the first rows are all missing, scikit-learn never finds a mean again.
    piecewise = StandardScaler().partial_fit(X[:2]).partial_fit(X[2:])
    assert np.isnan(piecewise.mean_[0])
    check_exact(models, StandardScaler().fit(X))


@EXAMPLES
@given(
    rng=seeds,
    n_parts=numbers_of_parts,
    model=st.sampled_from(
        [
            MinMaxScaler(),
            MinMaxScaler(feature_range=(-3, 0.5), clip=True),
            MaxAbsScaler(),
        ]
    ),
    dtype=dtypes,
    with_nan=st.booleans(),
)
def test_extremes(rng, n_parts, model, dtype, with_nan):
    n_rows = int(rng.integers(1, 40))
    X = table(rng, n_rows, dtype=dtype, with_nan=with_nan)
    full = clone(model).fit(X)
    models, rows = fitted_parts(model, cut(rng, n_rows, n_parts), X)
    merged = check_exact(models, full, weights=rows, rtol=0, atol=0)
    np.testing.assert_array_equal(merged.transform(X), full.transform(X))
    more = table(rng, 5, dtype=dtype)
    np.testing.assert_array_equal(
        merged.partial_fit(more).scale_, full.partial_fit(more).scale_
    )
    assert merged.n_samples_seen_ == full.n_samples_seen_


@EXAMPLES
@given(rng=seeds, n_parts=numbers_of_parts)
def test_extremes_of_sparse_rows(rng, n_parts):
    X = sp.random(20, 4, 0.2, format="csr", random_state=int(rng.integers(1000)))
    full = MaxAbsScaler().fit(X)
    models, rows = fitted_parts(MaxAbsScaler(), cut(rng, 20, n_parts), X)
    check_exact(models, full, weights=rows, rtol=0, atol=0)


@EXAMPLES
@given(
    rng=seeds,
    n_parts=numbers_of_parts,
    model=st.sampled_from(
        [
            EmpiricalCovariance(),
            EmpiricalCovariance(assume_centered=True),
            EmpiricalCovariance(store_precision=False),
        ]
    ),
)
def test_covariance(rng, n_parts, model):
    X = rng.normal(size=(40, 4)) * [0.5, 1, 2, 3] + [0, 1, 2, 3]
    full = clone(model).fit(X)
    models, rows = fitted_parts(model, cut(rng, 40, n_parts), X)
    merged = check_exact(models, full, weights=rows, rtol=1e-8)
    np.testing.assert_allclose(merged.mahalanobis(X), full.mahalanobis(X), rtol=1e-8)


def test_number_of_rows_must_be_told():
    model = EmpiricalCovariance().fit([[0.0], [1.0]])
    with pytest.raises(NotMergeableError, match="number of rows of each"):
        merge([model, model])


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (StandardScaler(), "scale_"),
        (MinMaxScaler(), "scale_"),
        (MaxAbsScaler(), "scale_"),
        (EmpiricalCovariance(), "covariance_"),
    ],
    ids=lambda model: type(model).__name__,
)
def test_means_are_something_else(model, name):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    X[:6] += 1
    X[10, 0] = np.nan
    if isinstance(model, EmpiricalCovariance):
        X = np.nan_to_num(X)
    parts = [slice(0, 6), slice(6, 60)]
    models, rows = fitted_parts(model, parts, X)
    full = getattr(clone(model).fit(X), name)
    naive = getattr(naive_average(models), name)
    assert not np.allclose(naive, full, rtol=1e-2)
    merged = merge(models, weights=rows)
    np.testing.assert_allclose(getattr(merged, name), full, rtol=1e-9)


def test_feature_names_are_kept():
    pd = pytest.importorskip("pandas")
    X = pd.DataFrame(np.arange(12.0).reshape(6, 2), columns=["a", "b"])
    for kind in (StandardScaler, MinMaxScaler, MaxAbsScaler, EmpiricalCovariance):
        models = [kind().fit(X[:3]), kind().fit(X[3:])]
        check_exact(models, kind().fit(X), weights=[3, 3], rtol=1e-6)
