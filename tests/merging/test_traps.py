"""What a merge by hand gets wrong without a word, where no other file shows it."""

from __future__ import annotations

import pickle
import warnings
from copy import copy
from functools import partial

import joblib
import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.decomposition import SparseCoder
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.feature_extraction.image import PatchExtractor
from sklearn.linear_model import (
    LogisticRegression,
    Perceptron,
    SGDClassifier,
    SGDOneClassSVM,
    SGDRegressor,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, LabelEncoder, OneHotEncoder
from sklearn.svm import LinearSVC

from shardfit.exceptions import NotMergeableError
from shardfit.merging import merge
from tests.merging.naive import naive_merge

X, Y = make_classification(
    n_samples=900,
    n_features=12,
    n_informative=10,
    n_classes=3,
    class_sep=2.0,
    random_state=0,
)


def parts(model, n_parts=3, y=Y):
    return [
        clone(model).set_params(random_state=i).fit(X[i::n_parts], y[i::n_parts])
        for i in range(n_parts)
    ]


@pytest.mark.parametrize(
    "kind", [SGDClassifier, Perceptron, LogisticRegression, LinearSVC]
)
def test_a_part_of_one_class_cannot_be_fitted_but_left_out(kind):
    rows = Y == 0
    with pytest.raises(ValueError, match="class"):
        kind().fit(X[rows], Y[rows])
    models = parts(kind())
    expected = merge(models, weights=[2, 1, 1])
    merged = merge([kind(), *models], weights=[0, 2, 1, 1])
    np.testing.assert_array_equal(merged.coef_, expected.coef_)


def test_a_part_of_one_class_has_a_say_in_its_own_class():
    rows = Y == 0
    lonely = SGDClassifier(random_state=9)
    lonely.partial_fit(X[rows], Y[rows], classes=np.arange(3))
    models = [*parts(SGDClassifier()), lonely]
    merged = merge(models, classes=[[0, 1, 2]] * 3 + [[0]])
    expected = merge(models[:3])
    np.testing.assert_allclose(merged.coef_[1:], expected.coef_[1:], rtol=1e-12)
    assert merged.score(X, Y) > naive_merge(models).score(X, Y)


def test_the_order_of_classes_is_theirs_not_that_of_partial_fit():
    given = [[2, 1, 0], [1, 0, 2], [0, 1, 2]]
    models = [
        SGDClassifier(random_state=i).partial_fit(X[i::3], Y[i::3], classes=classes)
        for i, classes in enumerate(given)
    ]
    merged = merge(models)
    assert merged.classes_.tolist() == [0, 1, 2]
    assert merged.score(X, Y) > 0.6


def test_sums_in_place_change_the_first_model():
    models = parts(SGDClassifier())
    before = models[0].coef_.copy()
    naive = copy(models[0])
    for other in models[1:]:
        naive.coef_ += other.coef_
    assert not np.array_equal(models[0].coef_, before)
    models = parts(SGDClassifier())
    merge(models).coef_ += 1.0
    np.testing.assert_array_equal(models[0].coef_, before)


def test_a_clone_with_coefficients_is_not_fitted():
    models = parts(SGDClassifier(loss="log_loss"))
    naive = clone(models[0])
    naive.coef_ = np.mean([model.coef_ for model in models], axis=0)
    naive.intercept_ = np.mean([model.intercept_ for model in models], axis=0)
    with pytest.raises(AttributeError, match="classes_"):
        naive.predict(X)
    naive.classes_ = models[0].classes_
    assert not hasattr(naive, "t_")
    merged = merge(models)
    for name in ("classes_", "t_", "n_features_in_", "n_iter_"):
        assert hasattr(merged, name)
    merged.partial_fit(X[:10], Y[:10]).predict_proba(X)


@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
def test_sparse_penalties_by_ratio_warn(l1_ratio):
    model = LogisticRegression(solver="saga", tol=0.1, C=0.1)
    if getattr(model, "penalty", "deprecated") == "l2":  # before 1.8
        model.set_params(penalty="elasticnet")
    models = parts(model.set_params(l1_ratio=l1_ratio))
    dense = np.mean([model.coef_ == 0 for model in models])
    assert np.mean(naive_merge(models).coef_ == 0) <= dense
    with pytest.warns(UserWarning, match="less sparse") as caught:
        merge(models)
    assert caught[0].filename == __file__


def test_nothing_deprecated_is_touched():
    models = parts(LogisticRegression())
    passive = SGDClassifier(penalty=None, tol=1e-3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        merge(models)
        merge(parts(passive))


def test_intercepts_without_intercept_have_the_form_of_their_class():
    models = parts(LinearSVC(fit_intercept=False))
    assert models[0].intercept_ == 0.0
    assert isinstance(merge(models).intercept_, float)


@pytest.mark.parametrize("average", [False, True])
@pytest.mark.parametrize("kind", [SGDRegressor, SGDOneClassSVM])
@pytest.mark.filterwarnings("ignore:the mean of SGDOneClassSVM")
def test_sparse_coefficients_of_one_row_stay_one_row(kind, average):
    models = parts(kind(average=average))
    expected = merge(models)
    for model in models:
        # As older versions of scikit-learn have it, whatever the shape was.
        model.coef_ = sparse.csr_matrix(np.atleast_2d(model.coef_))
    merged = merge(models)
    np.testing.assert_array_equal(merged.coef_, expected.coef_)
    assert merged.partial_fit(X, Y).coef_.shape == (12,)


def test_a_tiny_weight_is_not_nothing_to_a_class_of_its_own():
    one = SGDClassifier(random_state=0).fit(X[Y < 2], Y[Y < 2])
    other = SGDClassifier(random_state=1).fit(X[Y > 0], Y[Y > 0])
    merged = merge([one, other], weights=[1e308, 1e-308])
    np.testing.assert_array_equal(merged.coef_[2], other.coef_[0])


@pytest.mark.parametrize("unit", [1e-15, 5e-324, 1e307])
def test_weights_by_feature_have_any_unit(unit):
    models = parts(SGDClassifier())
    by_feature = np.arange(1.0, 4.0)[:, np.newaxis] * np.ones(12)
    expected = merge(models, weights=by_feature)
    merged = merge(models, weights=by_feature * unit)
    np.testing.assert_allclose(merged.coef_, expected.coef_, rtol=1e-12)
    assert np.abs(expected.coef_ - naive_merge(models).coef_).max() > 0.1


@pytest.mark.parametrize("unit", [1e-15, 1e307])
def test_weights_of_parts_with_other_columns_have_any_unit(unit):
    models = [
        make_pipeline(
            OneHotEncoder(handle_unknown="ignore"), SGDClassifier(random_state=0)
        ).fit(np.round(X[rows]), Y[rows])
        for rows in (slice(0, 40), slice(40, 900))
    ]
    expected = merge(models, weights=[1, 3])[-1].coef_
    merged = merge(models, weights=[unit, 3 * unit])[-1].coef_
    np.testing.assert_allclose(merged, expected, rtol=1e-12)


def test_weights_by_feature_may_be_sparse():
    models = parts(SGDClassifier())
    counts = np.arange(36).reshape(3, 12)
    np.testing.assert_array_equal(
        merge(models, weights=sparse.csr_array(counts)).coef_,
        merge(models, weights=counts).coef_,
    )


def test_a_wrong_weight_is_named_and_not_all_are_shown():
    models = parts(SGDClassifier())
    weights = np.ones((3, 12))
    weights[1, 7] = -2.0
    with pytest.raises(ValueError, match=r"of estimator 1 is -2\.0 for feature 7$"):
        merge(models, weights=weights)


@pytest.mark.parametrize("weight", [1e308, 5e-324])
@pytest.mark.parametrize("kind", [DummyClassifier, DummyRegressor])
def test_numbers_of_rows_that_no_part_has(kind, weight):
    models = [kind().fit(X, Y)] * 2
    with pytest.raises(ValueError, match=r"must be numbers of rows .* pass weights"):
        merge(models, weights=[weight, weight])


@pytest.mark.parametrize("kind", [DummyClassifier, LabelEncoder])
def test_labels_without_order(kind):
    models = [
        kind().fit(labels) if kind is LabelEncoder else kind().fit(X[:2], labels)
        for labels in (np.array(["a", "b"], object), np.array([1, 2], object))
    ]
    weights = [2, 2]
    with pytest.raises(NotMergeableError, match="have no order"):
        merge(models, weights=weights)


@pytest.mark.parametrize(
    ("estimators", "message"),
    [
        (SGDClassifier(), "got one SGDClassifier; give a list"),
        (make_pipeline(SGDClassifier()), "got one Pipeline; give a list"),
        ({"a": SGDClassifier()}, "got one dict"),
        ([SGDClassifier], "estimator 0 must be a fitted estimator, got <class"),
        ([None], "got None"),
        (np.array([[SGDClassifier()] * 2]), "got array"),
    ],
)
def test_one_estimator_is_no_list_of_them(estimators, message):
    with pytest.raises(TypeError, match=message):
        merge(estimators)


def test_any_iterable_of_estimators_will_do():
    models = parts(SGDClassifier())
    expected = merge(models).coef_
    for given in (
        iter(models),
        tuple(models),
        np.array(models),
        dict(enumerate(models)).values(),
    ):
        np.testing.assert_array_equal(merge(given).coef_, expected)


@pytest.mark.parametrize("classes", [[0, 1], ["ab", "cd"], [{0}, {1}], [[[0]], [[1]]]])
def test_classes_are_lists_of_labels(classes):
    models = parts(SGDClassifier(), 2)
    with pytest.raises(
        ValueError, match=r"dimensions for estimator 0.* list of labels"
    ):
        merge(models, classes=classes)


def test_parameters_from_other_processes_are_the_same():
    functions = [
        pickle.loads(pickle.dumps(partial(np.multiply, factor))) for factor in (2, 2, 3)
    ]
    models = [FunctionTransformer(function).fit(X) for function in functions]
    assert merge(models[:2]).transform(X)[0, 0] == 2 * X[0, 0]
    with pytest.raises(NotMergeableError, match="func is"):
        merge(models)


def test_a_step_that_is_passed_by_is_named():
    models = [
        Pipeline([("scale", step), ("sgd", SGDClassifier(random_state=0))]).fit(X, Y)
        for step in ("passthrough", FunctionTransformer())
    ]
    with pytest.raises(NotMergeableError, match="scale is 'passthrough' in"):
        merge(models)


@pytest.mark.parametrize(
    ("model", "rows"),
    [
        (SparseCoder(np.eye(12)[:5], transform_algorithm="lasso_lars"), X[:3]),
        (PatchExtractor(patch_size=(2, 2)), X.reshape(-1, 4, 3)[:3]),
    ],
)
def test_coders_and_patches_do_not_depend_on_rows(model, rows):
    models = [clone(model).fit(rows[:1]), clone(model).fit(rows[1:])]
    before = joblib.hash(models)
    merged = merge(models)
    np.testing.assert_array_equal(merged.transform(rows), models[0].transform(rows))
    assert joblib.hash(models) == before


@pytest.mark.parametrize(
    ("kind", "y"), [(LogisticRegression, Y > 0), (SGDRegressor, Y), (LinearSVC, Y)]
)
def test_intercepts_that_were_assigned_as_numbers_are_heard(kind, y):
    models = parts(kind(), y=y)
    for number, model in enumerate(models):
        model.intercept_ = float(number)
    np.testing.assert_array_equal(np.unique(merge(models).intercept_), [1.0])


def test_the_mean_of_whole_numbers_is_not_cut():
    models = parts(LogisticRegression(), 2, Y > 0)
    for number, model in enumerate(models):
        model.coef_ = np.full((1, 12), number)
    np.testing.assert_array_equal(merge(models).coef_, np.full((1, 12), 0.5))


@pytest.mark.parametrize("classes", [[2, 1, 0], [0, 1, 1], [0.0, 1.0, np.nan]])
def test_classes_that_were_assigned_have_to_be_in_order(classes):
    models = parts(SGDClassifier(), 2)
    models[1].classes_ = np.array(classes)
    if np.isnan(classes[-1]):
        models[0].classes_ = np.array([0.0, 1.0, 2.0])
    naive_merge(models).predict(X)  # not a word
    with pytest.raises(NotMergeableError, match="classes_ of estimator 1 must be"):
        merge(models)
