"""Models that know, or have seen, different classes."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.svm import LinearSVC

from shardfit.exceptions import NotMergeableError
from shardfit.merging import merge
from tests.merging.naive import naive_merge

X, Y = make_classification(
    n_samples=4000,
    n_features=40,
    n_informative=25,
    n_classes=5,
    class_sep=2.0,
    random_state=0,
)
NAMES = np.array(["a", "b", "c", "d", "e"])


def fitted(*classes, seed=0, kind=SGDClassifier, **parameters):
    rows = np.flatnonzero(np.isin(Y, classes))
    rows = np.random.default_rng(seed).permutation(rows)[:400]
    return kind(random_state=seed, **parameters).fit(X[rows], Y[rows])


def test_as_many_but_different_classes_are_aligned():
    models = [
        fitted(0, 1, 2, seed=0),
        fitted(2, 3, 4, seed=1),
        fitted(0, 3, 4, seed=2),
        fitted(0, 1, 2, seed=3),
    ]
    # Silently, the first model's names for the rows of all.
    assert naive_merge(models).score(X, Y) < 0.5
    merged = merge(models)
    assert merged.classes_.tolist() == [0, 1, 2, 3, 4]
    assert merged.score(X, Y) > 0.7


def test_another_number_of_classes_is_aligned():
    models = [fitted(0, 1, 2, seed=0), fitted(1, 2, 3, 4, seed=1)]
    with pytest.raises(ValueError, match="broadcast"):
        naive_merge(models)
    assert merge(models).coef_.shape == (5, X.shape[1])


def test_each_row_is_the_mean_over_those_who_know_the_class():
    first, second = fitted(0, 1, 2), fitted(1, 2, 3, seed=1)
    merged = merge([first, second], weights=[1, 3])
    np.testing.assert_array_equal(merged.coef_[0], first.coef_[0])
    np.testing.assert_array_equal(merged.coef_[3], second.coef_[2])
    expected = (first.coef_[1] + 3 * second.coef_[0]) / 4
    np.testing.assert_allclose(merged.coef_[1], expected, rtol=1e-14)
    assert merged.intercept_[3] == second.intercept_[2]


@pytest.mark.parametrize("kind", [SGDClassifier, LinearSVC])
def test_the_one_row_of_two_classes_becomes_two(kind):
    binary, many = fitted(1, 3, kind=kind), fitted(0, 1, 2, 3, 4, kind=kind, seed=1)
    assert binary.coef_.shape[0] == 1
    # Multiclass first: the row of class 3 is silently added to every class.
    naive = naive_merge([many, binary])
    assert not np.allclose(naive.coef_[0], many.coef_[0])
    merged = merge([binary, many])
    np.testing.assert_array_equal(merged.coef_[0], many.coef_[0])
    np.testing.assert_allclose(
        merged.coef_[3], (binary.coef_[0] + many.coef_[3]) / 2, rtol=1e-14
    )
    np.testing.assert_allclose(
        merged.coef_[1], (-binary.coef_[0] + many.coef_[1]) / 2, rtol=1e-14
    )
    np.testing.assert_allclose(
        merged.intercept_[[1, 3]],
        (np.array([-1, 1]) * binary.intercept_[0] + many.intercept_[[1, 3]]) / 2,
        rtol=1e-14,
    )


def test_binary_first_does_not_fail_at_predict():
    models = [fitted(1, 3), fitted(0, 1, 2, 3, 4, seed=1)]
    with pytest.raises(IndexError):
        naive_merge(models).predict(X)
    assert set(merge(models).predict(X)) <= set(range(5))


def test_two_binary_models_of_three_classes():
    merged = merge([fitted(0, 1), fitted(1, 2, seed=1)])
    assert merged.classes_.tolist() == [0, 1, 2]
    assert merged.coef_.shape == (3, X.shape[1])
    rows = Y < 3
    assert merged.score(X[rows], Y[rows]) > 0.6


def test_binary_stays_one_row():
    merged = merge([fitted(1, 3), fitted(1, 3, seed=1)])
    assert merged.coef_.shape == (1, X.shape[1])
    assert merged.intercept_.shape == (1,)


def test_labels_of_different_type_are_refused():
    strings = SGDClassifier(random_state=0).fit(X, NAMES[Y])
    numbers = SGDClassifier(random_state=0).fit(X, Y)
    naive_merge([strings, numbers]).predict(X)  # not a word
    with pytest.raises(NotMergeableError, match="labels of estimator 0 are <U1"):
        merge([strings, numbers])


def test_string_classes_of_different_width_merge():
    narrow = SGDClassifier(random_state=0).fit(X[:400], NAMES[Y[:400]])
    wide = SGDClassifier(random_state=0).fit(
        X, np.array(["a", "b", "c", "d", "extra"])[Y]
    )
    assert merge([narrow, wide]).classes_.tolist() == [*"abcde", "extra"]


def test_seen_classes_decide_who_has_a_say():
    everything = np.arange(5)
    parts = [(0, 1), (2, 3), (0, 3, 4), (1, 2, 4)]
    models = []
    for seed, part in enumerate(parts):
        rows = np.flatnonzero(np.isin(Y, part))[seed::4]
        model = SGDClassifier(random_state=seed)
        for _ in range(5):
            model.partial_fit(X[rows], Y[rows], classes=everything)
        models.append(model)
    merged = merge(models, classes=parts)
    expected = (models[2].coef_[4] + models[3].coef_[4]) / 2
    np.testing.assert_allclose(merged.coef_[4], expected, rtol=1e-14)
    np.testing.assert_array_equal(
        merge(models, classes=[everything] * 4).coef_, merge(models).coef_
    )


def test_binary_model_that_saw_one_class_has_no_say():
    both = SGDClassifier(random_state=0).fit(X, Y > 1)
    one = SGDClassifier(random_state=0).partial_fit(
        X[Y > 1], Y[Y > 1] > 1, classes=[False, True]
    )
    merged = merge([both, one], classes=[[False, True], [True]])
    np.testing.assert_array_equal(merged.coef_, both.coef_)


def test_class_that_nobody_saw_is_the_mean_of_all():
    models = [
        SGDClassifier(random_state=seed).partial_fit(
            X[Y < 2], Y[Y < 2], classes=[0, 1, 2]
        )
        for seed in range(2)
    ]
    merged = merge(models, classes=[[0, 1], [0, 1]])
    expected = (models[0].coef_[2] + models[1].coef_[2]) / 2
    np.testing.assert_allclose(merged.coef_[2], expected, rtol=1e-14)


def test_a_model_without_weight_is_left_out_with_its_classes():
    model = fitted(0, 1, 2)
    merged = merge([SGDClassifier(), model, fitted(1, 2, 3)], weights=[0, 1, 0])
    assert merged.classes_.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(merged.coef_, model.coef_)


def test_logistic_regression_of_the_same_classes_merges():
    models = [
        fitted(0, 1, 2, 3, 4, kind=LogisticRegression, seed=seed, max_iter=1000)
        for seed in (0, 1)
    ]
    merged = merge(models)
    assert merged.score(X, Y) > 0.8
    np.testing.assert_allclose(merged.predict_proba(X).sum(axis=1), 1.0)


def test_logistic_regression_of_different_classes_is_refused():
    models = [
        fitted(*classes, kind=LogisticRegression, max_iter=1000)
        for classes in [(0, 1, 2), (1, 2, 3)]
    ]
    naive_merge(models).predict(X)  # not a word
    with pytest.raises(NotMergeableError, match='loss="log_loss"'):
        merge(models)


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ([[0, 1]], "1 entries, and there are 2"),
        ([[0, 1], [7]], "names 7 for estimator 1"),
    ],
)
def test_wrong_classes_are_refused(classes, message):
    with pytest.raises(ValueError, match=message):
        merge([fitted(0, 1), fitted(0, 1)], classes=classes)


def test_joint_support_vector_machines_of_different_classes_are_refused() -> None:
    X = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0], [2.0, 1.0]])
    first = LinearSVC(multi_class="crammer_singer").fit(X[:4], [0, 1, 2, 0])
    second = LinearSVC(multi_class="crammer_singer").fit(X[:4], [1, 2, 3, 1])
    with pytest.raises(NotMergeableError, match="depend on the other classes"):
        merge([first, second])
