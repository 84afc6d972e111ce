"""What people give to the partitioned estimators beside clean rows and labels."""

from __future__ import annotations

import warnings
from inspect import signature

import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier, RandomTreesEmbedding
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import BernoulliNB, GaussianNB, MultinomialNB
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import LinearSVC, LinearSVR
from sklearn.utils.class_weight import compute_class_weight

from shardfit.partitioned import (
    PartitionedClassifier,
    PartitionedRegressor,
    PartitionedTransformer,
)

_RANDOM = np.random.default_rng(0)
X = _RANDOM.normal(size=(120, 4))
Y = np.sort(_RANDOM.integers(0, 3, 120))
TARGETS = X @ _RANDOM.normal(size=(4, 2))
for _array in (X, Y, TARGETS):
    _array.flags.writeable = False

EPSILON = LinearSVR(loss="squared_epsilon_insensitive")


@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(C=-1),
        LogisticRegression(solver="unknown"),
        LinearSVC(C=0),
        LinearSVC(intercept_scaling=0.0),
        RidgeClassifier(alpha=-1),
        Ridge(alpha=-1),
        clone(EPSILON).set_params(epsilon=-1),
    ],
)
def test_parameters_out_of_range_are_refused(estimator):
    kind = (
        PartitionedRegressor
        if isinstance(estimator, Ridge | LinearSVR)
        else PartitionedClassifier
    )
    model = kind(estimator, n_partitions=2, merge="exact")
    with pytest.raises(ValueError, match=r"parameter of|epsilon=-1 is negative"):
        model.fit(X, Y)


@pytest.mark.parametrize("estimator", [Ridge(), StandardScaler()])
def test_a_classifier_is_made_of_a_classifier(estimator):
    with pytest.raises(ValueError, match=r"trains a classifier, and \w+ is none"):
        PartitionedClassifier(estimator, n_partitions=2).fit(X, Y)


def test_a_regressor_is_made_of_a_regressor():
    with pytest.raises(ValueError, match="trains a regressor, and GaussianNB is none"):
        PartitionedRegressor(GaussianNB(), n_partitions=2).fit(X, Y)


@pytest.mark.parametrize("estimator", [LogisticRegression(), LinearSVC()])
def test_two_columns_of_labels_are_too_many_for_one_solution(estimator):
    labels = np.column_stack([Y, Y])
    with pytest.raises(ValueError, match="y has 2 columns"):
        PartitionedClassifier(estimator, n_partitions=2).fit(X, labels)


def test_no_target_is_left_out_unsaid():
    with pytest.raises(ValueError, match="y has 2 columns"):
        PartitionedRegressor(EPSILON, n_partitions=2).fit(X, TARGETS)


@pytest.mark.parametrize(
    "estimator", [Ridge(), LinearRegression(), KNeighborsRegressor()]
)
def test_one_column_of_targets_stays_a_column_where_it_does_elsewhere(estimator):
    column = TARGETS[:, :1]
    expected = clone(estimator).fit(X, column).predict(X)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = PartitionedRegressor(estimator, n_partitions=3).fit(X, column)
    np.testing.assert_allclose(model.predict(X), expected)


def test_labels_of_polars():
    pl = pytest.importorskip("polars")
    model = PartitionedClassifier(GaussianNB(), n_partitions=3)
    model.fit(X, pl.Series(Y.astype(str)))
    assert model.classes_.tolist() == ["0", "1", "2"]


@pytest.mark.parametrize("estimator", [GaussianNB(), MultinomialNB(), BernoulliNB()])
@pytest.mark.filterwarnings("ignore:divide by zero encountered in log")
def test_rows_without_weight_still_name_their_class(estimator):
    weights = np.where(Y == 2, 0.0, 1.0)
    rows = np.abs(X)
    full = clone(estimator).fit(rows, Y, sample_weight=weights)
    # Partitions of one row: some have no weight at all.
    model = PartitionedClassifier(estimator, n_partitions=len(rows))
    model.fit(rows, Y, sample_weight=weights)
    assert model.classes_.tolist() == full.classes_.tolist() == [0, 1, 2]
    np.testing.assert_allclose(model.predict_proba(rows), full.predict_proba(rows))


@pytest.mark.parametrize("estimator", [LinearSVC(), LogisticRegression()])
def test_balanced_weights_of_a_class_without_weight_are_no_weights(estimator):
    weights = np.where(Y == 2, 0.0, 1.0)
    model = PartitionedClassifier(
        clone(estimator).set_params(class_weight="balanced"), n_partitions=3
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X, Y, sample_weight=weights)
    known = weights > 0
    assert set(model.predict(X[known])) == {0, 1}
    # Older versions balance by the number of rows, whatever their weights.
    by_weight = "sample_weight" in signature(compute_class_weight).parameters
    totals = np.bincount(Y, weights if by_weight else None)
    by_hand = {label: totals.sum() / (3 * totals[label]) for label in (0, 1)}
    explicit = clone(estimator).set_params(class_weight={**by_hand, 2: 1.0})
    expected = PartitionedClassifier(explicit, n_partitions=3)
    expected.fit(X, Y, sample_weight=weights)
    np.testing.assert_allclose(
        model.estimator_.coef_, expected.estimator_.coef_, atol=1e-6
    )


def test_negative_weights_have_no_exact_solution():
    weights = np.where(np.arange(120) == 7, -0.5, 1.0)
    model = PartitionedClassifier(LogisticRegression(), n_partitions=2)
    with pytest.raises(ValueError, match=r"sample_weight is -0.5 in row 7"):
        model.fit(X, Y, sample_weight=weights)


@pytest.mark.parametrize("vectorizer", [CountVectorizer(), TfidfVectorizer()])
def test_a_block_of_documents_may_hold_no_word(vectorizer):
    documents = ["red pear", "green apple", "", "", "", "", "", "red apple"]
    full = clone(vectorizer).fit(documents)
    model = PartitionedTransformer(vectorizer, n_partitions=4).fit(documents)
    assert model.estimator_.vocabulary_ == full.vocabulary_
    with pytest.raises(ValueError, match="empty vocabulary"):
        PartitionedTransformer(vectorizer, n_partitions=4).fit([""] * 8)


@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler()])
def test_a_block_may_lack_all_values_of_a_column(scaler):
    rows = X.copy()
    rows[:40, 1] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = PartitionedTransformer(scaler, n_partitions=6, n_jobs=2).fit(rows)
    np.testing.assert_allclose(
        model.transform(rows), clone(scaler).fit_transform(rows), rtol=1e-12
    )


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_workers_are_configured_as_the_caller(n_jobs):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=list("abcd"))
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    model = PartitionedClassifier(pipeline, n_partitions=3, n_jobs=n_jobs)
    with sklearn.config_context(transform_output="pandas"):
        model.fit(frame, Y)
    assert model.estimator_[-1].feature_names_in_.tolist() == list("abcd")


def test_metadata_need_not_be_one_per_row():
    start = np.zeros((3, 4))
    with sklearn.config_context(enable_metadata_routing=True):
        estimator = SGDClassifier(random_state=0).set_fit_request(coef_init=True)
        model = PartitionedClassifier(estimator, n_partitions=1)
        assert model.fit(X, Y, coef_init=start).score(X, Y) > 0.3
        # A start that would be ignored.
        with pytest.raises(ValueError, match="coef_init cannot be passed on"):
            model.set_params(n_partitions=2).fit(X, Y, coef_init=start)


def test_steps_that_cannot_adapt_are_said_to_be_constant():
    estimator = SGDClassifier(learning_rate="adaptive", eta0=0.1, random_state=0)
    with pytest.warns(UserWarning, match="adaptive"):
        PartitionedClassifier(estimator, n_partitions=2).fit(X, Y)


def test_partitions_of_a_forest_do_not_score_themselves():
    forest = RandomForestClassifier(6, oob_score=True, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # too few trees for the scores of a partition
        model = PartitionedClassifier(forest, n_partitions=3).fit(X, Y)
    assert model.estimator_.oob_score is True


def test_models_for_each_class_are_averaged_though_they_have_partial_fit():
    each = OneVsRestClassifier(SGDClassifier(random_state=0))
    model = PartitionedClassifier(each, n_partitions=3, random_state=0).fit(X, Y)
    assert model.merge_ == "average"
    assert len(model.estimator_.estimators_) == 3


def test_trees_among_columns_need_no_seed_of_their_own():
    trees = RandomTreesEmbedding(6, random_state=0)
    columns = ColumnTransformer([("trees", trees, [0, 1])])
    model = PartitionedTransformer(columns, n_partitions=3).fit(X)
    assert len(model.estimator_.named_transformers_["trees"].estimators_) >= 6


@pytest.mark.parametrize("labels", [Y > 0, Y])
def test_weight_on_one_class_alone_leaves_nothing_to_solve(labels):
    weights = (labels == 1).astype(float)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # as of an optimum that was not reached
        model = PartitionedClassifier(LogisticRegression(), n_partitions=3)
        model.fit(X, labels, sample_weight=weights)
    assert set(model.predict(X)) == {1}
    np.testing.assert_allclose(model.estimator_.coef_, 0.0, atol=1e-6)
