"""Naive Bayes merges to what it is after a fit of all rows."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.naive_bayes import (
    BernoulliNB,
    CategoricalNB,
    ComplementNB,
    GaussianNB,
    MultinomialNB,
)

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

N_FEATURES = 4
LABELS = st.sampled_from([np.array([3, 1, 7]), np.array(["b", "a", "cc"])])
DISCRETE = st.sampled_from(
    [
        MultinomialNB(),
        MultinomialNB(alpha=np.array([0.1, 1, 2, 0.5]), fit_prior=False),
        MultinomialNB(alpha=0.01, force_alpha=False),
        BernoulliNB(binarize=1.0),
        BernoulliNB(alpha=0.3),
        ComplementNB(),
        ComplementNB(norm=True, alpha=0.2),
    ]
)
GAUSSIAN = st.sampled_from([GaussianNB(), GaussianNB(var_smoothing=1e-2)])


def labelled(rng, labels, n_rows, is_sorted):
    codes = rng.integers(0, len(labels), n_rows)
    return labels[np.sort(codes) if is_sorted else codes]


def sample_weights(rng, n_rows, is_weighted):
    return rng.uniform(0.1, 3.0, n_rows) if is_weighted else None


def check_predictions(merged, full, X, y, weight):
    np.testing.assert_allclose(
        merged.predict_proba(X), full.predict_proba(X), rtol=1e-7, atol=1e-12
    )
    merged.partial_fit(X, y, sample_weight=weight)
    full.partial_fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(
        merged.predict_proba(X), full.predict_proba(X), rtol=1e-7, atol=1e-12
    )


@EXAMPLES
@given(
    rng=seeds,
    n_parts=numbers_of_parts,
    model=DISCRETE,
    labels=LABELS,
    is_sparse=st.booleans(),
    is_sorted=st.booleans(),
    is_weighted=st.booleans(),
)
def test_counts(rng, n_parts, model, labels, is_sparse, is_sorted, is_weighted):
    n_rows = int(rng.integers(1, 30))
    X = rng.poisson(1.0, (n_rows, N_FEATURES))
    X = sp.csr_matrix(X) if is_sparse else X
    y = labelled(rng, labels, n_rows, is_sorted)
    weight = sample_weights(rng, n_rows, is_weighted)
    full = clone(model).fit(X, y, sample_weight=weight)
    models, rows = fitted_parts(
        model, cut(rng, n_rows, n_parts), X, y, sample_weight=weight
    )
    merged = check_exact(models, full, weights=rows)
    check_predictions(merged, full, X, y, weight)


@EXAMPLES
@given(
    rng=seeds,
    n_parts=numbers_of_parts,
    min_categories=st.sampled_from([None, 3, [1, 5, 2, 9]]),
    labels=LABELS,
    is_sorted=st.booleans(),
    is_weighted=st.booleans(),
)
def test_categories(rng, n_parts, min_categories, labels, is_sorted, is_weighted):
    n_rows = int(rng.integers(1, 30))
    X = rng.geometric(0.4, (n_rows, N_FEATURES)) - 1
    y = labelled(rng, labels, n_rows, is_sorted)
    weight = sample_weights(rng, n_rows, is_weighted)
    model = CategoricalNB(min_categories=min_categories)
    full = clone(model).fit(X, y, sample_weight=weight)
    models, rows = fitted_parts(
        model, cut(rng, n_rows, n_parts), X, y, sample_weight=weight
    )
    merged = check_exact(models, full, weights=rows)
    check_predictions(merged, full, X, y, weight)


@EXAMPLES
@given(
    rng=seeds,
    n_parts=numbers_of_parts,
    model=GAUSSIAN,
    labels=LABELS,
    is_sorted=st.booleans(),
    dtype=st.sampled_from([np.float64, np.float32]),
)
def test_gaussians(rng, n_parts, model, labels, is_sorted, dtype):
    n_rows = int(rng.integers(3, 40))
    scale = np.array([1.0, 10.0, 0.1, 3.0])
    X = (rng.normal(size=(n_rows, N_FEATURES)) * scale + 2).astype(dtype)
    y = labelled(rng, labels, n_rows, is_sorted)
    full = clone(model).fit(X, y)
    models, rows = fitted_parts(model, cut(rng, n_rows, n_parts), X, y)
    tolerance = 1e-9 if dtype is np.float64 else 1e-3
    merged = check_exact(models, full, weights=rows, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(
        merged.predict_proba(X) if dtype is np.float64 else merged.theta_,
        full.predict_proba(X) if dtype is np.float64 else full.theta_,
        rtol=max(tolerance, 1e-6),
        atol=1e-5,
    )


@EXAMPLES
@given(rng=seeds, n_parts=numbers_of_parts, labels=LABELS, is_sorted=st.booleans())
def test_gaussians_with_sample_weights(rng, n_parts, labels, is_sorted):
    X = rng.normal(size=(30, N_FEATURES))
    y = labelled(rng, labels, 30, is_sorted)
    weight = sample_weights(rng, 30, True)
    model = GaussianNB(var_smoothing=1e-12)
    full = clone(model).fit(X, y, sample_weight=weight)
    models, rows = fitted_parts(
        model, cut(rng, 30, n_parts), X, y, sample_weight=weight
    )
    merged = merge(models, weights=rows)
    for name in ("theta_", "var_", "class_count_", "class_prior_"):
        np.testing.assert_allclose(
            getattr(merged, name), getattr(full, name), rtol=1e-9, atol=1e-11
        )


def test_gaussians_far_from_zero():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(300, 3)) + 1e8, rng.integers(0, 2, 300)
    models, _ = fitted_parts(GaussianNB(), [slice(0, 100), slice(100, 300)], X, y)
    full = GaussianNB().fit(X, y)
    np.testing.assert_allclose(merge(models).var_, full.var_, rtol=1e-6)


def test_priors_that_are_given():
    rng = np.random.default_rng(0)
    X, y = rng.poisson(2.0, (40, 3)), np.arange(40) % 3
    for model in (
        MultinomialNB(class_prior=[0.2, 0.3, 0.5]),
        GaussianNB(priors=[0.2, 0.3, 0.5]),
        GaussianNB(priors=np.array([0.2, 0.3, 0.5])),
    ):
        models, _ = fitted_parts(model, [slice(0, 15), slice(15, 40)], X, y)
        check_exact(models, clone(model).fit(X, y))


def test_priors_of_other_classes_are_refused():
    rng = np.random.default_rng(0)
    X = rng.poisson(2.0, (10, 3))
    for model in (MultinomialNB(class_prior=[0.5, 0.5]), GaussianNB(priors=[0.5, 0.5])):
        first = clone(model).fit(X, np.arange(10) % 2)
        second = clone(model).fit(X, np.arange(10) % 2 + 1)
        with pytest.raises(NotMergeableError, match="2 priors of classes and 3"):
            merge([first, second])


def test_classes_without_rows_go_on_from_nothing():
    rng = np.random.default_rng(0)
    X, y = rng.poisson(2.0, (30, 3)), np.repeat([0, 1, 2], 10)
    parts = (slice(0, 15), slice(15, 20))
    for kind in (MultinomialNB, BernoulliNB, ComplementNB, CategoricalNB, GaussianNB):
        models = [
            kind().partial_fit(X[part], y[part], classes=[0, 1, 2]) for part in parts
        ]
        full = kind().partial_fit(X[:20], y[:20], classes=[0, 1, 2])
        # Its zeros have a logarithm that is not finite in both.
        merged = check_exact(models, full)
        merged.partial_fit(X[20:], y[20:])
        full.partial_fit(X[20:], y[20:])
        np.testing.assert_allclose(merged.predict_proba(X), full.predict_proba(X))


def test_categories_of_the_last_rows_are_not_all():
    X, y = np.array([[4], [0], [1]]), np.array([0, 1, 0])
    model = CategoricalNB().fit(X[:1], y[:1])
    other = CategoricalNB().partial_fit(X[1:], y[1:], classes=[0, 1])
    other.partial_fit(X[:1], y[:1]).partial_fit(X[1:], y[1:])
    assert other.n_categories_.tolist() == [2]
    assert merge([model, other]).n_categories_.tolist() == [5]
    assert merge([other]).n_categories_.tolist() == [5]


@pytest.mark.parametrize(
    "model",
    [MultinomialNB(), BernoulliNB(), ComplementNB(), GaussianNB()],
    ids=lambda model: type(model).__name__,
)
def test_means_are_something_else(model):
    rng = np.random.default_rng(0)
    X = rng.poisson([0.5, 1.0, 3.0], (60, 3))
    y = rng.integers(0, 2, 60)
    models, _ = fitted_parts(model, [slice(0, 4), slice(4, 60)], X, y)
    full = clone(model).fit(X, y)
    naive = naive_average(models).predict_proba(X)
    assert abs(naive - full.predict_proba(X)).max() > 1e-3
    np.testing.assert_allclose(
        merge(models).predict_proba(X), full.predict_proba(X), rtol=1e-9
    )


def test_the_first_knows_too_few_categories():
    X, y = np.array([[0], [1], [3], [2]]), np.array([0, 1, 0, 1])
    models, _ = fitted_parts(CategoricalNB(), [slice(0, 2), slice(2, 4)], X, y)
    with pytest.raises(IndexError):
        naive_average(models).predict(X)
    assert merge(models).predict(X).tolist() == y.tolist()


def test_they_know_their_number_of_rows():
    X, y = np.array([[1, 0], [0, 1], [2, 2]]), np.array([0, 1, 1])
    models, _ = fitted_parts(MultinomialNB(), [slice(0, 2), slice(2, 3)], X, y)
    alike = merge(models, weights=[5, 1])
    np.testing.assert_array_equal(alike.class_count_, [1, 2])
    assert mergeability(MultinomialNB()).kind == "exact"
