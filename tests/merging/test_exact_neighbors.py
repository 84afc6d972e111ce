"""Neighbors and kernel densities merge to what a fit of all rows gives."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.neighbors import (
    KDTree,
    KernelDensity,
    KNeighborsClassifier,
    KNeighborsRegressor,
    KNeighborsTransformer,
    NearestNeighbors,
    RadiusNeighborsClassifier,
    RadiusNeighborsRegressor,
    RadiusNeighborsTransformer,
)

from shardfit.exceptions import NotMergeableError
from shardfit.merging import merge, mergeability
from tests.merging.exactness import (
    EXAMPLES,
    check_exact,
    cut,
    fitted_parts,
    numbers_of_parts,
    seeds,
)

pytestmark = [
    # So many classes for so few rows, and a tree for sparse rows.
    pytest.mark.filterwarnings("ignore:The number of unique classes:UserWarning"),
    pytest.mark.filterwarnings("ignore:cannot use tree with sparse:UserWarning"),
    pytest.mark.filterwarnings("ignore:A column-vector y:UserWarning"),
]

algorithms = st.sampled_from(["auto", "brute", "kd_tree", "ball_tree"])


def table(rng, n_rows, *, is_sparse=False, dtype=np.float64):
    X = rng.normal(size=(n_rows, 3)).astype(dtype)
    X[rng.random(X.shape) < 0.3] = 0
    return sp.csr_matrix(X) if is_sparse else X


@EXAMPLES
@given(
    rng=seeds,
    n_parts=numbers_of_parts,
    kind=st.sampled_from([KNeighborsClassifier, RadiusNeighborsClassifier]),
    algorithm=algorithms,
    labels=st.sampled_from([np.array([3, 1, 7]), np.array(["b", "a", "longer"])]),
    n_outputs=st.sampled_from([None, 1, 2]),
    is_sparse=st.booleans(),
    dtype=st.sampled_from([np.float64, np.float32]),
)
def test_classifiers(
    rng, n_parts, kind, algorithm, labels, n_outputs, is_sparse, dtype
):
    X = table(rng, 30, is_sparse=is_sparse, dtype=dtype)
    y = labels[rng.integers(0, 3, (30, n_outputs or 1))]
    y = y.ravel() if n_outputs is None else y
    model = kind(weights="distance", algorithm=algorithm)
    if kind is RadiusNeighborsClassifier:
        label = labels[0].item()
        model.set_params(outlier_label=[label] * 2 if n_outputs == 2 else label)
    else:
        model.set_params(n_neighbors=2)
    full = clone(model).fit(X, y)
    models, rows = fitted_parts(model, cut(rng, 30, n_parts), X, y)
    merged = check_exact(models, full, weights=rows)
    np.testing.assert_array_equal(merged.predict(X), full.predict(X))


@EXAMPLES
@given(
    rng=seeds,
    n_parts=numbers_of_parts,
    model=st.sampled_from(
        [
            KNeighborsRegressor(1, metric="manhattan"),
            RadiusNeighborsRegressor(1.0),
        ]
    ),
    algorithm=algorithms,
    n_outputs=st.sampled_from([None, 1, 2]),
    is_sparse=st.booleans(),
)
def test_regressors(rng, n_parts, model, algorithm, n_outputs, is_sparse):
    X = table(rng, 20, is_sparse=is_sparse)
    y = rng.normal(size=20 if n_outputs is None else (20, n_outputs))
    model = clone(model).set_params(algorithm=algorithm)
    full = clone(model).fit(X, y)
    models, rows = fitted_parts(model, cut(rng, 20, n_parts), X, y)
    merged = check_exact(models, full, weights=rows)
    np.testing.assert_array_equal(merged.predict(X), full.predict(X))


@EXAMPLES
@given(
    rng=seeds,
    n_parts=numbers_of_parts,
    kind=st.sampled_from(
        [NearestNeighbors, KNeighborsTransformer, RadiusNeighborsTransformer]
    ),
    algorithm=algorithms,
    is_sparse=st.booleans(),
)
def test_searchers(rng, n_parts, kind, algorithm, is_sparse):
    X = table(rng, 20, is_sparse=is_sparse)
    model = kind(algorithm=algorithm)
    full = clone(model).fit(X)
    models, rows = fitted_parts(model, cut(rng, 20, n_parts), X)
    merged = check_exact(models, full, weights=rows)
    if kind is not NearestNeighbors:
        assert not (merged.transform(X) != full.transform(X)).sum()
        return
    distances, neighbors = merged.kneighbors(X, 3)
    expected_distances, expected = full.kneighbors(X, 3)
    np.testing.assert_array_equal(neighbors, expected)
    np.testing.assert_array_equal(distances, expected_distances)


@EXAMPLES
@given(
    rng=seeds,
    n_parts=numbers_of_parts,
    model=st.sampled_from(
        [
            KernelDensity(bandwidth=0.5),
            KernelDensity(bandwidth="scott", kernel="tophat"),
            KernelDensity(bandwidth="silverman", algorithm="ball_tree"),
        ]
    ),
    is_weighted=st.booleans(),
)
def test_densities(rng, n_parts, model, is_weighted):
    X = table(rng, 20)
    weight = rng.uniform(0.1, 3.0, 20) if is_weighted else None
    full = clone(model).fit(X, sample_weight=weight)
    models, rows = fitted_parts(model, cut(rng, 20, n_parts), X, sample_weight=weight)
    merged = check_exact(models, full, weights=rows)
    np.testing.assert_array_equal(merged.score_samples(X), full.score_samples(X))


def test_rows_without_weights_weigh_one():
    X = table(np.random.default_rng(0), 10)
    models = [
        KernelDensity().fit(X[:4]),
        KernelDensity().fit(X[4:], sample_weight=np.full(6, 2.0)),
    ]
    full = KernelDensity().fit(X, sample_weight=[1.0] * 4 + [2.0] * 6)
    check_exact(models, full)


def test_rows_from_a_tree():
    rng = np.random.default_rng(0)
    X = table(rng, 20)
    models = [NearestNeighbors().fit(KDTree(part)) for part in (X[:9], X[9:])]
    expected = NearestNeighbors().fit(X).kneighbors(X, return_distance=False)
    np.testing.assert_array_equal(
        merge(models).kneighbors(X, return_distance=False), expected
    )


def test_distances_between_rows_are_refused():
    distances = np.ones((3, 3)) - np.eye(3)
    model = NearestNeighbors(metric="precomputed")
    assert mergeability(model).kind == "no"
    with pytest.raises(NotMergeableError, match="rows of a part only"):
        merge([model.fit(distances)])


def test_rows_and_targets_of_different_kinds_are_refused():
    X = table(np.random.default_rng(0), 6)
    y, words = [0, 1, 1, 0, 0, 0], ["a", "b", "a", "a", "b", "b"]
    two = np.array([y, y]).T
    dense = NearestNeighbors().fit(X)
    with pytest.raises(NotMergeableError, match="dense rows and estimator 1 on sparse"):
        merge([dense, NearestNeighbors().fit(sp.csr_matrix(X))])
    with pytest.raises(NotMergeableError, match="labels of estimator 0 are int64"):
        merge([KNeighborsClassifier().fit(X, y), KNeighborsClassifier().fit(X, words)])
    for kind in (KNeighborsClassifier, KNeighborsRegressor):
        with pytest.raises(NotMergeableError, match="fit all on the same outputs"):
            merge([kind().fit(X, y), kind().fit(X, two)])


def test_feature_names_are_kept():
    pd = pytest.importorskip("pandas")
    X = pd.DataFrame(table(np.random.default_rng(0), 10), columns=["a", "b", "c"])
    models = [KNeighborsRegressor().fit(part, part["a"]) for part in (X[:4], X[4:])]
    check_exact(models, KNeighborsRegressor().fit(X, X["a"]))


def test_the_first_knows_its_own_rows_only():
    rng = np.random.default_rng(0)
    X, y = table(rng, 40), np.repeat([0, 1], 20)
    for kind in (KNeighborsClassifier, KNeighborsRegressor):
        models, _ = fitted_parts(kind(), [slice(0, 20), slice(20, 40)], X, y)
        assert (models[0].predict(X) == 0).all()
        expected = kind().fit(X, y).predict(X)
        assert expected.any()
        np.testing.assert_array_equal(merge(models).predict(X), expected)
    for kind in (
        NearestNeighbors,
        KNeighborsTransformer,
        RadiusNeighborsClassifier,
        RadiusNeighborsRegressor,
        RadiusNeighborsTransformer,
    ):
        models, _ = fitted_parts(kind(), [slice(0, 20), slice(20, 40)], X, y)
        assert models[0].n_samples_fit_ == 20
        assert merge(models).n_samples_fit_ == 40
    models, _ = fitted_parts(KernelDensity(), [slice(0, 5), slice(5, 40)], X)
    naive = np.mean([model.score_samples(X) for model in models], axis=0)
    full = KernelDensity().fit(X).score_samples(X)
    assert abs(naive - full).max() > 0.01
    np.testing.assert_allclose(merge(models).score_samples(X), full, rtol=1e-12)
