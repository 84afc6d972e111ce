"""The optimum over partitions against scikit-learn's, run to a tight tolerance."""

from __future__ import annotations

import pickle
import random
from concurrent.futures import ThreadPoolExecutor
from inspect import signature

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import (
    Lasso,
    LinearRegression,
    LogisticRegression,
    Ridge,
    RidgeClassifier,
)
from sklearn.svm import LinearSVC, LinearSVR

from shardfit.partitioned._solver import exact as _exact
from shardfit.partitioned._solver.exact import exact_solver, supports_exact
from shardfit.partitioned._solver.shard import answer

CLOSE = 1e-6
TIGHT = {"tol": 1e-10, "max_iter": 100_000}


def _rows(*, n=400, d=12, n_classes=2, n_targets=0, seed=0, form="dense"):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    if form != "dense":
        X *= rng.random((n, d)) < 0.3
    truth = rng.normal(size=(d, max(n_classes, n_targets, 1)))
    scores = X @ truth + rng.normal(size=(n, truth.shape[1]))
    if n_classes:
        y = np.array(["ash", "beech", "cedar", "elm"])[
            (scores[:, 0] > 0).astype(int) if n_classes == 2 else scores.argmax(axis=1)
        ]
    else:
        y = scores if n_targets else scores[:, 0]
    weights = rng.uniform(0.1, 3.0, n)
    return (X if form == "dense" else sparse.csr_matrix(X)), y, weights


def _partitions(y, n_partitions, how):
    if how == "sorted":
        order = np.argsort(y if y.ndim == 1 else y[:, 0], kind="stable")
    else:
        order = np.random.default_rng(5).permutation(len(y))
    return np.array_split(order, n_partitions)


def _fit(estimator, X, y, weights=None, *, parts, classes=None, start=None, **options):
    solver = exact_solver(estimator, classes=classes, **options)
    shards = [
        solver.shard(X[rows], y[rows], None if weights is None else weights[rows])
        for rows in parts
    ]
    return solver.fit(
        lambda requests: map(answer, shards, requests), len(shards), start=start
    )


def _assert_same(model, expected, *, atol=CLOSE):
    np.testing.assert_allclose(model.coef_, expected.coef_, rtol=0, atol=atol)
    np.testing.assert_allclose(model.intercept_, expected.intercept_, rtol=0, atol=atol)
    assert model.coef_.shape == expected.coef_.shape
    assert model.coef_.dtype == expected.coef_.dtype
    assert np.shape(model.intercept_) == np.shape(expected.intercept_)
    assert type(model.intercept_) is type(expected.intercept_)
    assert model.n_features_in_ == expected.n_features_in_
    assert set(vars(model)) == set(vars(expected))
    if hasattr(expected, "classes_"):
        assert np.array_equal(model.classes_, expected.classes_)
        assert model.classes_.dtype == expected.classes_.dtype
    if hasattr(expected, "n_iter_"):
        assert type(model.n_iter_) is type(expected.n_iter_)


CLASSIFIERS = {
    "logistic": LogisticRegression(**TIGHT),
    "logistic, strong": LogisticRegression(C=0.01, **TIGHT),
    "logistic, weak": LogisticRegression(C=100.0, **TIGHT),
    "logistic, no intercept": LogisticRegression(fit_intercept=False, **TIGHT),
    "logistic, balanced": LogisticRegression(class_weight="balanced", **TIGHT),
    "logistic, weights": LogisticRegression(
        class_weight={"ash": 3.0, "beech": 0.5}, **TIGHT
    ),
    "logistic, no penalty": LogisticRegression(C=np.inf, **TIGHT),
    "hinge": LinearSVC(dual=False, **TIGHT),
    "hinge, scaled intercept": LinearSVC(dual=False, intercept_scaling=7.0, **TIGHT),
    "hinge, no intercept": LinearSVC(dual=False, fit_intercept=False, **TIGHT),
    "hinge, balanced": LinearSVC(dual=False, class_weight="balanced", **TIGHT),
    "hinge, weights": LinearSVC(
        dual=False, class_weight={"ash": 3.0, "beech": 0.5}, **TIGHT
    ),
    "ridge": RidgeClassifier(tol=1e-12),
    "ridge, balanced": RidgeClassifier(tol=1e-12, class_weight="balanced"),
    "ridge, no intercept": RidgeClassifier(tol=1e-12, fit_intercept=False),
}


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classifier_of_all_rows(name, n_classes):
    estimator = CLASSIFIERS[name]
    X, y, weights = _rows(n_classes=n_classes)
    expected = estimator.fit(X, y, sample_weight=weights)
    model, report = _fit(
        estimator,
        X,
        y,
        weights,
        parts=_partitions(y, 4, "random"),
        classes=np.unique(y),
    )
    _assert_same(model, expected)
    assert report.converged
    assert np.array_equal(model.predict(X), expected.predict(X))


@pytest.mark.parametrize("how", ["random", "sorted"])
@pytest.mark.parametrize("n_partitions", [1, 4, 32])
@pytest.mark.parametrize("name", ["logistic", "hinge", "ridge"])
def test_any_partition_of_the_rows(name, n_partitions, how):
    estimator = CLASSIFIERS[name]
    X, y, _ = _rows(n_classes=4, form="sparse")
    expected = estimator.fit(X, y)
    parts = _partitions(y, n_partitions, how)
    model, _ = _fit(estimator, X, y, parts=parts, classes=np.unique(y))
    _assert_same(model, expected)


def test_partitions_of_one_row_and_of_none():
    X, y, weights = _rows(n=30, n_classes=4, form="sparse")
    parts = [np.array([i]) for i in range(30)]
    parts.insert(7, np.array([], dtype=int))
    estimator = CLASSIFIERS["logistic"]
    model, _ = _fit(estimator, X, y, weights, parts=parts, classes=np.unique(y))
    _assert_same(model, estimator.fit(X, y, sample_weight=weights))


def test_liblinear_penalises_the_intercept():
    X, y, weights = _rows()
    X = X + 2.0
    estimator = LogisticRegression(solver="liblinear", intercept_scaling=3.0, **TIGHT)
    parts = _partitions(y, 4, "random")
    model, _ = _fit(estimator, X, y, weights, parts=parts, classes=np.unique(y))
    _assert_same(model, estimator.fit(X, y, sample_weight=weights))


@pytest.mark.parametrize("n_classes", [2, 4])
def test_more_columns_than_rows(n_classes):
    X, y, _ = _rows(n=60, d=300, n_classes=n_classes, form="sparse")
    newton = LogisticRegression(solver="newton-cg", **TIGHT)
    for estimator in (newton, CLASSIFIERS["hinge"]):
        parts = _partitions(y, 4, "random")
        model, _ = _fit(estimator, X, y, parts=parts, classes=np.unique(y))
        _assert_same(model, estimator.fit(X, y))


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("offset", [30.0, 1e4])
def test_an_offset_costs_no_rounds_and_moves_the_intercept_only(offset, n_classes):
    X, y, _ = _rows(n_classes=n_classes)
    options = {"parts": _partitions(y, 4, "random"), "classes": np.unique(y)}
    plain, fewest = _fit(LogisticRegression(), X, y, **options)
    model, report = _fit(LogisticRegression(), X + offset, y, **options)
    np.testing.assert_allclose(model.coef_, plain.coef_, atol=CLOSE)
    assert report.converged
    assert report.n_rounds <= 1.2 * fewest.n_rounds


def test_a_constant_column_without_penalty_is_no_obstacle():
    X, y, _ = _rows()
    X = np.hstack([X, np.ones((len(X), 1))])
    options = {"parts": _partitions(y, 4, "random"), "classes": np.unique(y)}
    model, report = _fit(LogisticRegression(C=np.inf), X, y, **options)
    expected = LogisticRegression(C=np.inf, **TIGHT).fit(X, y)
    assert report.converged
    np.testing.assert_allclose(model.coef_[:, :-1], expected.coef_[:, :-1], atol=1e-5)


def test_dense_rows_are_not_copied(tmp_path):
    X, y, _ = _rows()
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    shard = exact_solver(LogisticRegression(), classes=np.unique(y)).shard(mapped, y)
    assert np.shares_memory(shard.matrix, mapped)


# Older versions have no such parameter, and solve directly.
PRECISE = {"tol": 1e-12} if "tol" in signature(LinearRegression).parameters else {}
REGRESSORS = {
    "ridge": Ridge(tol=1e-12),
    "ridge, no intercept": Ridge(tol=1e-12, fit_intercept=False),
    "least squares": LinearRegression(**PRECISE),
    "least squares, no intercept": LinearRegression(fit_intercept=False, **PRECISE),
}


@pytest.mark.parametrize("form", ["dense", "sparse"])
@pytest.mark.parametrize("n_targets", [0, 1, 3])
@pytest.mark.parametrize("name", REGRESSORS)
def test_regressor_of_all_rows(name, n_targets, form):
    if not PRECISE and name.startswith("least") and form == "sparse":
        pytest.skip("this scikit-learn solves sparse least squares to 1e-6 only")
    X, y, weights = _rows(n_classes=0, n_targets=n_targets, form=form)
    estimator = clone(REGRESSORS[name])
    expected = estimator.fit(X, y, sample_weight=weights)
    parts = _partitions(y, 5, "sorted")
    model, report = _fit(estimator, X, y, weights, parts=parts)
    _assert_same(model, expected)
    assert report.method == "normal equations"
    assert report.n_rounds == 2
    if hasattr(expected, "singular_"):
        assert model.rank_ == expected.rank_
        np.testing.assert_allclose(model.singular_, expected.singular_, rtol=1e-10)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("epsilon", [0.0, 0.5])
def test_support_vector_regression(epsilon, fit_intercept):
    X, y, weights = _rows(n_classes=0)
    estimator = LinearSVR(
        loss="squared_epsilon_insensitive",
        dual=False,
        epsilon=epsilon,
        fit_intercept=fit_intercept,
        **TIGHT,
    )
    parts = _partitions(y, 4, "random")
    model, _ = _fit(estimator, X, y, weights, parts=parts)
    _assert_same(model, estimator.fit(X, y, sample_weight=weights))


@pytest.mark.parametrize("name", REGRESSORS)
def test_fewer_rows_than_columns(name):
    X, y, _ = _rows(n=15, d=40, n_classes=0)
    estimator = clone(REGRESSORS[name])
    model, _ = _fit(estimator, X, y, parts=_partitions(y, 3, "random"))
    expected = estimator.fit(X, y)
    _assert_same(model, expected)
    if hasattr(expected, "rank_"):
        assert model.rank_ == expected.rank_
        np.testing.assert_allclose(model.singular_, expected.singular_, atol=1e-6)


def test_columns_that_repeat_others():
    X, y, _ = _rows(n_classes=0)
    X = np.hstack([X, X[:, :3], np.ones((len(X), 1))])
    parts = _partitions(y, 3, "random")
    expected = LinearRegression().fit(X, y)
    for estimator in (LinearRegression(), Ridge(alpha=0.0)):
        model, _ = _fit(estimator, X, y, parts=parts)
        np.testing.assert_allclose(model.coef_, expected.coef_, atol=CLOSE)
    model, _ = _fit(LinearRegression(), X, y, parts=parts)
    assert model.rank_ == expected.rank_ == X.shape[1] - 4


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix])
def test_an_offset_of_a_hundred_million_loses_few_digits(form):
    X, y, _ = _rows(n_classes=0)
    parts = _partitions(y, 4, "sorted")
    model, _ = _fit(Ridge(), form(X + 1e8), y, parts=parts)
    np.testing.assert_allclose(model.coef_, Ridge().fit(X, y).coef_, atol=CLOSE)


def test_ridge_of_many_columns_takes_newton_steps(monkeypatch):
    monkeypatch.setattr(_exact, "MOST_FEATURES", 10)
    X, y, weights = _rows(n_classes=0, n_targets=3, form="sparse")
    estimator = Ridge(alpha=np.array([0.1, 1.0, 10.0]), tol=1e-12)
    parts = _partitions(y, 4, "random")
    model, report = _fit(estimator, X, y, weights, parts=parts)
    assert report.method == "newton-cg"
    np.testing.assert_allclose(
        model.coef_, estimator.fit(X, y, sample_weight=weights).coef_, atol=CLOSE
    )
    with pytest.raises(ValueError, match="12 features"):
        _fit(LinearRegression(), X, y, parts=parts)


def test_float32_gives_float32():
    X, y, _ = _rows()
    parts = _partitions(y, 3, "random")
    model, _ = _fit(
        LogisticRegression(), X.astype(np.float32), y, parts=parts, classes=np.unique(y)
    )
    assert model.coef_.dtype == np.float32
    expected = LogisticRegression(**TIGHT).fit(X.astype(np.float32).astype(float), y)
    np.testing.assert_allclose(model.coef_, expected.coef_, atol=CLOSE)


def test_workers_change_no_bit():
    X, y, _ = _rows(n_classes=4, form="sparse")
    solver = exact_solver(LogisticRegression(), classes=np.unique(y))
    shards = [solver.shard(X[rows], y[rows]) for rows in _partitions(y, 7, "sorted")]

    def in_any_order(requests):
        asked = list(enumerate(requests))
        random.Random(0).shuffle(asked)
        answers = {
            i: answer(
                pickle.loads(pickle.dumps(shards[i])),
                pickle.loads(pickle.dumps(request)),
            )
            for i, request in asked
        }
        return [answers[i] for i in range(len(shards))]

    with ThreadPoolExecutor(3) as pool:
        models = [
            solver.fit(rounds, len(shards))[0]
            for rounds in (
                lambda requests: map(answer, shards, requests),
                lambda requests: pool.map(answer, shards, requests),
                in_any_order,
            )
        ]
    for model in models[1:]:
        assert np.array_equal(model.coef_, models[0].coef_)
        assert np.array_equal(model.intercept_, models[0].intercept_)


def test_start_at_the_optimum_takes_fewer_rounds_and_a_bad_start_is_left():
    X, y, _ = _rows(n_classes=4, form="sparse")
    parts = _partitions(y, 4, "random")
    for estimator in (LogisticRegression(), LinearSVC(dual=False)):
        options = {"parts": parts, "classes": np.unique(y)}
        model, cold = _fit(estimator, X, y, **options)
        _, warm = _fit(
            estimator, X, y, start=(model.coef_, model.intercept_), **options
        )
        assert warm.n_rounds <= 6 < cold.n_rounds
        bad = (1e4 * model.coef_, model.intercept_)
        again, report = _fit(estimator, X, y, start=bad, **options)
        assert report.n_rounds == cold.n_rounds + 1
        np.testing.assert_allclose(again.coef_, model.coef_, atol=CLOSE)


def test_too_few_rounds_warn():
    X, y, _ = _rows()
    parts = _partitions(y, 4, "random")
    with pytest.warns(ConvergenceWarning, match="more than 3 rounds"):
        _, report = _fit(
            LogisticRegression(), X, y, parts=parts, classes=np.unique(y), max_rounds=3
        )
    assert not report.converged


def test_report_tells_objective_and_gradient():
    X, y, _ = _rows()
    parts = _partitions(y, 4, "random")
    model, report = _fit(LinearSVC(dual=False), X, y, parts=parts, classes=np.unique(y))
    signs = np.where(y == model.classes_[1], 1.0, -1.0)
    short = np.maximum(1 - signs * model.decision_function(X), 0.0)
    norm = (model.coef_**2).sum() + model.intercept_[0] ** 2
    assert report.objective == pytest.approx((short**2).sum() + norm / 2, rel=1e-12)
    assert report.gradient_norm <= report.gradient_norm_2 <= 1e-5


@pytest.mark.parametrize(
    ("estimator", "word"),
    [
        (LinearSVC(loss="hinge"), "squared_hinge"),
        (LinearSVC(penalty="l1", dual=False), "l2"),
        (LinearSVC(multi_class="crammer_singer"), "ovr"),
        (LinearSVR(), "squared_epsilon_insensitive"),
        (LogisticRegression(penalty="l1", solver="saga"), "l1_ratio=0"),
        (LogisticRegression(C=np.inf, solver="liblinear"), "lbfgs"),
        (Ridge(positive=True), "positive=False"),
        (LinearRegression(positive=True), "positive=False"),
        (Lasso(), "merge="),
    ],
)
def test_what_has_no_exact_form_says_what_to_use(estimator, word):
    assert word in str(supports_exact(estimator))
    with pytest.raises(ValueError, match="cannot be fitted exactly"):
        exact_solver(estimator, classes=["a", "b"])


def test_labels_must_be_among_two_classes_or_more():
    with pytest.raises(ValueError, match="two classes"):
        exact_solver(LogisticRegression(), classes=["a"])
    with pytest.raises(ValueError, match="liblinear"):
        exact_solver(LogisticRegression(solver="liblinear"), classes=["a", "b", "c"])
    solver = exact_solver(LogisticRegression(), classes=["a", "c"])
    with pytest.raises(ValueError, match="'b' of row 1"):
        solver.shard(np.zeros((2, 1)), np.array(["a", "b"]))
    with pytest.raises(ValueError, match="no partition has a row"):
        solver.fit(
            lambda requests: map(
                answer, [solver.shard(np.zeros((0, 1)), [])], requests
            ),
            1,
        )
