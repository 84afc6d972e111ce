"""Ensembles of any members: their union predicts the mean of what the parts say."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    ExtraTreesClassifier,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.linear_model import LinearRegression, LogisticRegression, SGDClassifier
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.naive_bayes import BernoulliNB, GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from shardfit.exceptions import NotMergeableError
from shardfit.merging import merge, mergeability
from tests.merging.exactness import EXAMPLES, numbers_of_parts, seeds
from tests.merging.test_forests import CODES, HALVES, TARGET, X, Y, rows_of
from tests.merging.unions import (
    fitted_on,
    mean_probabilities,
    naive_union,
    skewed_parts,
)

MEMBERS = st.sampled_from(
    [
        None,
        KNeighborsClassifier(1),
        KNeighborsClassifier(1, weights="distance"),
        BernoulliNB(),
        ExtraTreesClassifier(2),
        make_pipeline(StandardScaler(), DecisionTreeClassifier()),
    ]
)
BY_CLASS = [rows_of("ant", "bee", "cat"), rows_of("cat", "dog", "eel")]


@EXAMPLES
@given(
    rng=seeds,
    n_parts=numbers_of_parts,
    member=MEMBERS,
    max_features=st.sampled_from([1.0, 3]),
)
def test_bagging_probabilities_are_the_mean(rng, n_parts, member, max_features):
    rows = rng.permutation(len(X))[:60]
    models = [
        BaggingClassifier(
            member,
            n_estimators=int(rng.integers(1, 4)),
            max_features=max_features,
            random_state=seed,
        ).fit(X[rows[part]], Y[rows[part]])
        for seed, part in enumerate(skewed_parts(rng, Y[rows], n_parts))
    ]
    some = X[:100]
    before = pickle.dumps(models)
    merged = merge(models)
    assert pickle.dumps(models) == before
    counts = [model.n_estimators for model in models]
    expected = mean_probabilities(models, some, counts)
    assert np.abs(merged.predict_proba(some) - expected).max() <= 1e-12
    np.testing.assert_array_equal(
        merged.predict(some), merged.classes_[merged.predict_proba(some).argmax(axis=1)]
    )
    assert len(merged.estimators_features_) == merged.n_estimators == sum(counts)
    again = pickle.loads(pickle.dumps(merged))
    np.testing.assert_array_equal(again.predict_proba(some), merged.predict_proba(some))
    with np.errstate(divide="ignore", invalid="ignore"):
        likely = np.exp(merged.predict_log_proba(some))
    np.testing.assert_allclose(np.nan_to_num(likely), expected, atol=1e-9)


@pytest.mark.parametrize("member", [MLPClassifier((3,), max_iter=3, tol=10)])
def test_bagged_networks_of_other_classes_are_aligned(member):
    with pytest.warns(UserWarning, match="Maximum iterations"):
        models = fitted_on(BaggingClassifier(member, 2), BY_CLASS, X, Y)
    expected = mean_probabilities(models, X, [1, 1])
    np.testing.assert_allclose(merge(models).predict_proba(X), expected, atol=1e-12)


def test_bagging_by_hand_hears_the_first_part_only():
    models = fitted_on(BaggingClassifier(n_estimators=5), HALVES, X, Y)
    naive = naive_union(models)
    np.testing.assert_allclose(naive.predict_proba(X).sum(axis=1), 0.5)
    assert len(naive.estimators_samples_) == 5
    merged = merge(models)
    np.testing.assert_allclose(merged.predict_proba(X).sum(axis=1), 1.0)
    assert not hasattr(merged, "estimators_samples_")


def test_bagging_with_all_lists_still_mixes_up_classes():
    models = fitted_on(BaggingClassifier(n_estimators=10), BY_CLASS, X, Y)
    naive = naive_union(models)
    naive.estimators_features_ = models[0].estimators_features_ * 2
    assert naive.score(X, Y) < 0.6  # not a word
    assert merge(models).score(X, Y) > 0.8
    assert models[1].estimators_[0].classes_.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("member", "message"),
    [
        (LogisticRegression(), "LogisticRegression has a decision_function"),
        (LinearSVC(), "LinearSVC has no predict_proba"),
        (
            GridSearchCV(DecisionTreeClassifier(), {"max_depth": [1, 2]}, cv=2),
            "those of GridSearchCV cannot be set",
        ),
    ],
)
def test_bagged_members_that_cannot_be_aligned_are_refused(member, message):
    models = fitted_on(BaggingClassifier(member, 2), BY_CLASS, X, Y)
    with pytest.raises(NotMergeableError, match=message):
        merge(models)
    models = fitted_on(BaggingClassifier(member, 2), HALVES, X, Y)
    expected = mean_probabilities(models, X, [1, 1])
    np.testing.assert_allclose(merge(models).predict_proba(X), expected, atol=1e-12)


def test_sums_of_decision_functions_would_be_wrong():
    models = fitted_on(BaggingClassifier(LinearSVC(), 2), BY_CLASS, X, Y)
    naive = naive_union(models)
    naive.estimators_features_ = models[0].estimators_features_ * 2
    assert naive.decision_function(X).shape == (600, 3)  # not a word


@pytest.mark.parametrize("member", [None, LinearRegression()])
@pytest.mark.parametrize("max_features", [1.0, 3])
def test_bagged_regressors(member, max_features):
    models = [
        BaggingRegressor(member, n, max_features=max_features, random_state=n).fit(
            X[rows], TARGET[rows]
        )
        for n, rows in zip((2, 5), HALVES, strict=True)
    ]
    merged = merge(models)
    expected = (2 * models[0].predict(X) + 5 * models[1].predict(X)) / 7
    np.testing.assert_allclose(merged.predict(X), expected, rtol=1e-9)
    if max_features == 3:
        assert np.abs(naive_union(models).predict(X) - expected).max() > 1


def test_bagged_members_of_the_same_seed_are_noticed():
    for member in (None, GaussianNB()):
        model = BaggingClassifier(member, 3, random_state=0)
        models = [clone(model).fit(X, Y), clone(model).fit(X, Y)]
        with pytest.warns(UserWarning, match="3 members of estimator 1"):
            merge(models)
        other = clone(model).fit(X[:300], Y[:300])
        assert len(merge([models[0], other])) == 6


def test_bagging_of_other_targets_is_refused():
    models = [
        BaggingRegressor(n_estimators=2, random_state=0).fit(X, TARGET),
        BaggingRegressor(n_estimators=2, random_state=1).fit(X, np.c_[TARGET, TARGET]),
    ]
    with pytest.raises(NotMergeableError, match="1 targets and estimator 1 2;"):
        merge(models)
    with pytest.raises(NotMergeableError, match="labels of estimator 0"):
        merge(
            [
                BaggingClassifier(n_estimators=2, random_state=0).fit(X, Y),
                BaggingClassifier(n_estimators=2, random_state=1).fit(X, CODES),
            ]
        )


def voting(voting="soft", weights=None):
    return VotingClassifier(
        [
            ("tree", DecisionTreeClassifier(max_depth=3)),
            ("off", "drop"),
            ("nb", GaussianNB()),
        ],
        voting=voting,
        weights=weights,
    )


@EXAMPLES
@given(
    rng=seeds,
    n_parts=numbers_of_parts,
    own=st.sampled_from([None, [1, 5, 2], [0.5, 0, 3]]),
    is_weighted=st.booleans(),
)
def test_soft_votes_are_the_mean(rng, n_parts, own, is_weighted):
    models = [
        voting(weights=own).fit(X[rows], Y[rows])
        for rows in (rng.permutation(600)[:200] for _ in range(n_parts))
    ]
    weights = rng.uniform(0.1, 10, n_parts) if is_weighted else None
    merged = merge(models, weights=weights)
    expected = mean_probabilities(
        models, X, np.ones(n_parts) if weights is None else weights
    )
    np.testing.assert_allclose(merged.predict_proba(X), expected, atol=1e-12)
    np.testing.assert_array_equal(
        merged.predict(X), merged.classes_[merged.predict_proba(X).argmax(axis=1)]
    )
    names = [name for name, _ in merged.estimators]
    assert len(set(names)) == len(names) == 3 * n_parts
    assert list(merged.named_estimators_) == names
    assert len(merged.estimators_) == 2 * n_parts
    assert merged.named_estimators_[names[-1]] is models[-1].estimators_[-1]
    assert merged.transform(X).shape == (600, 10 * n_parts)


def test_every_model_has_its_own_votes():
    models = [
        voting(weights=weights).fit(X[rows], Y[rows])
        for weights, rows in zip([[1, 0, 2], [7, 1, 1]], HALVES, strict=True)
    ]
    expected = mean_probabilities(models, X, [300, 100])
    merged = merge(models, weights=[300, 100])
    np.testing.assert_allclose(merged.predict_proba(X), expected, atol=1e-12)
    naive = naive_union(models)
    with pytest.raises(ValueError, match="weights"):
        naive.predict_proba(X)


def test_hard_votes_are_counted():
    parts = [slice(i, None, 3) for i in range(3)]
    models = fitted_on(voting("hard", [1, 1, 1]), parts, X, Y)
    merged = merge(models)
    ballots = np.array([one.predict(X) for m in models for one in m.estimators_])
    counts = np.array([(ballots == code).sum(axis=0) for code in range(5)])
    np.testing.assert_array_equal(merged.predict(X), merged.classes_[counts.argmax(0)])
    assert merged.weights == [1.0] * 9
    again = clone(merged).fit(X, Y)
    assert len(again.estimators_) == 6
    assert pickle.loads(pickle.dumps(merged)).predict(X).tolist() == (
        merged.predict(X).tolist()
    )


def test_voting_of_other_classes_is_refused():
    models = fitted_on(voting(), BY_CLASS, X, Y)
    naive_union(models).predict(X)  # not a word
    with pytest.raises(NotMergeableError, match=r"estimator 0 knows .*'ant'"):
        merge(models)


def test_voting_regressors():
    model = VotingRegressor(
        [("line", LinearRegression()), ("tree", DecisionTreeRegressor(max_depth=3))],
        weights=[1, 3],
    )
    models = fitted_on(model, HALVES, X, TARGET)
    merged = merge(models, weights=[1, 4])
    expected = 0.2 * models[0].predict(X) + 0.8 * models[1].predict(X)
    np.testing.assert_allclose(merged.predict(X), expected, rtol=1e-9)
    equal = merge(models)
    assert equal.weights == [1.0, 3.0, 1.0, 3.0]
    assert merge([models[0]]).estimators[0][0] == "line"


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_calibrated_classifiers_are_the_mean(method):
    models = [
        CalibratedClassifierCV(
            SGDClassifier(random_state=0), method=method, cv=KFold(n)
        ).fit(X[rows], Y[rows])
        for n, rows in zip((2, 4), HALVES, strict=True)
    ]
    merged = merge(models)
    expected = mean_probabilities(models, X, [2, 4])
    np.testing.assert_allclose(merged.predict_proba(X), expected, atol=1e-12)
    assert len(merged.calibrated_classifiers_) == 6
    assert mergeability(merged).kind == "union"
    others = fitted_on(CalibratedClassifierCV(GaussianNB(), cv=2), BY_CLASS, X, Y)
    with pytest.raises(NotMergeableError, match="rows of all classes"):
        merge(others)
