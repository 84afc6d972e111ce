"""Imputers merge to what a fit of all rows gives."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.impute import MissingIndicator, SimpleImputer

from shardfit.exceptions import NotMergeableError
from shardfit.merging import merge, mergeability
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

# Whether features without values are kept by strategy="constant" was about to change.
pytestmark = pytest.mark.filterwarnings("ignore:Currently, when:FutureWarning")


@EXAMPLES
@given(
    rng=seeds,
    n_parts=numbers_of_parts,
    keep_empty_features=st.booleans(),
    add_indicator=st.booleans(),
    is_sparse=st.booleans(),
    dtype=dtypes,
    strategy=st.sampled_from(["mean", "constant"]),
)
def test_imputer(
    rng, n_parts, keep_empty_features, add_indicator, is_sparse, dtype, strategy
):
    n_rows = int(rng.integers(1, 30))
    X = table(rng, n_rows, dtype=dtype, with_nan=True)
    # So that no part is without any value.
    X[:, 0] = rng.choice([0.0, 1.0], n_rows)
    model = SimpleImputer(
        strategy=strategy,
        keep_empty_features=keep_empty_features,
        add_indicator=add_indicator,
    )
    parts = cut(rng, n_rows, n_parts)
    counts = np.array([(~np.isnan(X[part])).sum(axis=0) for part in parts])
    X = sp.csc_matrix(X) if is_sparse else X
    full = clone(model).fit(X)
    models, _ = fitted_parts(model, parts, X)
    kind = tolerance(dtype)
    merged = check_exact(models, full, weights=counts, rtol=kind, atol=kind)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Skipping features")
        ours, theirs = merged.transform(X), full.transform(X)
    if is_sparse:
        ours, theirs = ours.toarray(), theirs.toarray()
    np.testing.assert_allclose(ours, theirs, rtol=kind, atol=kind)


def test_imputer_of_other_placeholders_and_objects():
    X = np.array([[1, -1], [3, 2], [-1, 5], [4, -1]])
    counts = [[2, 1], [1, 1]]
    parts = [slice(0, 2), slice(2, 4)]
    model = SimpleImputer(missing_values=-1, add_indicator=True)
    models, _ = fitted_parts(model, parts, X)
    check_exact(models, clone(model).fit(X), weights=counts)
    words = np.array([["a", None], ["b", None], ["c", "d"], [None, "e"]], dtype=object)
    model = SimpleImputer(missing_values=None, strategy="constant", fill_value="?")
    models, _ = fitted_parts(model, parts, words)
    check_exact(models, clone(model).fit(words), weights=counts)


@pytest.mark.parametrize("counts", [[[2, 2], [2, 2]], [[2, 0], [0, 2]], [[2, 1]] * 2])
def test_counts_that_contradict_the_imputer_are_refused(counts):
    X = np.array([[1.0, np.nan], [2.0, np.nan], [3.0, 4.0], [5.0, 6.0]])
    models, _ = fitted_parts(SimpleImputer(), [slice(0, 2), slice(2, 4)], X)
    with pytest.raises(NotMergeableError, match="values that are not missing"):
        merge(models, weights=counts)


def test_imputer_wants_a_count_for_each_feature():
    models, rows = fitted_parts(SimpleImputer(), [slice(0, 2)], np.ones((2, 3)))
    for weights in (None, rows, [[2, 2]]):
        with pytest.raises(ValueError, match="values that are not missing"):
            merge(models, weights=weights)


@pytest.mark.parametrize("strategy", ["median", "most_frequent", np.max])
def test_imputer_of_other_strategies_is_refused(strategy):
    model = SimpleImputer(strategy=strategy)
    assert mergeability(model).kind == "no"
    with pytest.raises(NotMergeableError, match='strategy="mean"'):
        merge([model.fit(np.ones((2, 1)))], weights=[[2]])


@EXAMPLES
@given(
    rng=seeds,
    n_parts=numbers_of_parts,
    features=st.sampled_from(["missing-only", "all"]),
    is_sparse=st.booleans(),
)
def test_missing_indicator(rng, n_parts, features, is_sparse):
    X = table(rng, 12, with_nan=True, n_features=6)
    X = sp.csr_matrix(X) if is_sparse else X
    model = MissingIndicator(features=features)
    full = clone(model).fit(X)
    models, rows = fitted_parts(model, cut(rng, 12, n_parts), X)
    merged = check_exact(models, full, weights=rows)
    difference = merged.transform(X) != full.transform(X)
    assert not (difference.toarray() if is_sparse else difference).any()


def test_the_first_indicator_knows_too_few_features():
    X = np.array([[np.nan, 1.0], [2.0, np.nan]])
    models, _ = fitted_parts(MissingIndicator(), [slice(0, 1), slice(1, 2)], X)
    with pytest.raises(ValueError, match="have missing values in transform"):
        models[0].transform(X)
    assert merge(models).transform(X).sum() == 2


def test_means_are_something_else():
    X = np.array([[1.0, np.nan], [3.0, 1.0], [np.nan, 2.0], [6.0, 6.0], [7.0, 5.0]])
    parts = [slice(0, 2), slice(2, 5)]
    counts = np.array([(~np.isnan(X[part])).sum(axis=0) for part in parts])
    models, rows = fitted_parts(SimpleImputer(), parts, X)
    full = SimpleImputer().fit(X).statistics_
    naive = naive_average(models).statistics_
    by_rows = np.average([m.statistics_ for m in models], axis=0, weights=rows)
    assert abs(naive - full).max() > 0.1
    assert abs(by_rows - full).max() > 0.1
    np.testing.assert_allclose(merge(models, weights=counts).statistics_, full)
