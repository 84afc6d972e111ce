"""Forests that are joined, and thinned out again."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    BaggingRegressor,
    ExtraTreesRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
    RandomTreesEmbedding,
    VotingClassifier,
)
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import SGDClassifier

from shardfit.ensemble import combine_forests, sub_forest
from shardfit.exceptions import NotMergeableError
from shardfit.merging import merge
from shardfit.merging._members import picked_members
from tests.merging.unions import fitted_on, mean_probabilities, naive_union

X, Y = make_classification(
    n_samples=300, n_informative=6, n_features=8, n_classes=4, random_state=0
)
NAMES = np.array(["ant", "bee", "cat", "dog"])[Y]
LISTS = (
    "estimators_features_",
    "_decision_path_lengths",
    "_average_path_length_per_tree",
    "_seeds",
)
PARTS = [np.flatnonzero(Y != 0), np.flatnonzero(Y != 3)]


def test_combine_is_merge():
    models = fitted_on(RandomForestClassifier(3), PARTS, X, NAMES)
    combined = combine_forests(iter(models), weights=[3, 1])
    expected = merge(models, weights=[3, 1]).predict_proba(X)
    np.testing.assert_array_equal(combined.predict_proba(X), expected)
    np.testing.assert_allclose(
        expected, mean_probabilities(models, X, [3, 1]), atol=1e-12
    )


def test_other_estimators_are_no_forests():
    with pytest.raises(
        ValueError, match=r"got AdaBoostClassifier: every tree corrects"
    ):
        combine_forests([AdaBoostClassifier().fit(X, Y)])
    with pytest.raises(ValueError, match=r"got SGDClassifier$"):
        combine_forests([SGDClassifier().fit(X, Y)])
    with pytest.raises(ValueError, match=r"got VotingClassifier$"):
        sub_forest(VotingClassifier([("a", SGDClassifier())]).fit(X, Y), 1)
    with pytest.raises(ValueError, match="no estimators"):
        combine_forests([])

    class Own(RandomForestClassifier):
        pass

    with pytest.raises(ValueError, match="got Own"):
        combine_forests([Own().fit(X, Y)])


def test_a_wrong_forest_is_refused():
    models = fitted_on(RandomForestClassifier(3), PARTS, X, NAMES)
    models[1].set_params(criterion="entropy")
    with pytest.raises(NotMergeableError, match="criterion"):
        combine_forests(models)


@pytest.mark.parametrize(
    "model",
    [
        RandomForestClassifier(9, random_state=0),
        ExtraTreesRegressor(9, random_state=0),
        BaggingClassifier(n_estimators=9, max_features=3, random_state=0),
        BaggingRegressor(n_estimators=9, max_features=3, random_state=0),
        IsolationForest(n_estimators=9, max_features=3, random_state=0),
        IsolationForest(n_estimators=9, contamination=0.1, random_state=0),
        RandomTreesEmbedding(9, random_state=0),
    ],
    ids=lambda model: type(model).__name__,
)
def test_a_sub_forest_is_a_forest_of_its_trees(model):
    model.fit(X, Y)
    before = pickle.dumps(model)
    small = sub_forest(model, 4, random_state=0)
    assert pickle.dumps(model) == before
    assert type(small) is type(model)
    assert small.n_estimators == len(small) == 4
    places = [model.estimators_.index(member) for member in small.estimators_]
    assert places == sorted(set(places))
    assert sub_forest(model, 4, random_state=0).estimators_ == small.estimators_
    drawn = {tuple(sub_forest(model, 4, random_state=i).estimators_) for i in range(9)}
    assert len(drawn) > 1
    again = pickle.loads(pickle.dumps(small))
    if hasattr(model, "transform"):
        table = model.transform(X).toarray()
        owners = [int(n.split("_")[1]) for n in model.get_feature_names_out()]
        np.testing.assert_array_equal(
            again.transform(X).toarray(), table[:, np.isin(owners, places)]
        )
        return
    method = "score_samples" if isinstance(model, IsolationForest) else "predict"
    np.testing.assert_array_equal(getattr(again, method)(X), getattr(small, method)(X))
    # Where a list is forgotten, others than these trees have a say.
    for name in (*LISTS, "estimators_samples_"):
        if hasattr(model, name):
            picked = getattr(small, name)
            for place, entry in zip(places, picked, strict=True):
                np.testing.assert_array_equal(entry, getattr(model, name)[place])


def test_two_halves_score_as_the_whole():
    model = IsolationForest(n_estimators=10, max_features=3, random_state=0).fit(X)
    whole = sub_forest(model, 10)
    np.testing.assert_array_equal(whole.score_samples(X), model.score_samples(X))
    half = sub_forest(model, 5, random_state=0)
    others = [n for n, t in enumerate(model.estimators_) if t not in half.estimators_]
    rest = picked_members(model, np.array(others))
    depths = [-np.log2(-one.score_samples(X)) for one in (half, rest)]
    expected = -(2 ** -np.mean(depths, axis=0))
    np.testing.assert_allclose(model.score_samples(X), expected, rtol=1e-12)


@pytest.mark.parametrize("kind", [RandomForestClassifier, RandomForestRegressor])
def test_weights_survive_a_sub_forest(kind):
    models = fitted_on(kind(3), [slice(0, 200), slice(200, 300)], X, Y)
    combined = combine_forests(models, weights=[9, 1])
    for seed in range(5):
        small = sub_forest(combined, 2, random_state=seed)
        owners = [
            next(
                weight
                for model, weight in zip(models, [9, 1], strict=True)
                if any(tree.random_state == one.random_state for one in model)
            )
            for tree in small
        ]
        by_seed = {t.random_state: t for model in models for t in model}
        plain = [by_seed[tree.random_state] for tree in small]
        answers = [
            t.predict_proba(X) if hasattr(t, "predict_proba") else t.predict(X)
            for t in plain
        ]
        expected = np.average(answers, axis=0, weights=owners)
        ours = (
            small.predict if kind is RandomForestRegressor else small.predict_proba
        )(X)
        np.testing.assert_allclose(ours, expected, rtol=1e-12, atol=1e-12)


def test_out_of_bag_scores_are_of_the_whole_forest():
    model = RandomForestClassifier(30, oob_score=True, random_state=0).fit(X, Y)
    small = sub_forest(model, 3)
    assert not hasattr(small, "oob_score_")
    assert not hasattr(small, "oob_decision_function_")
    assert not np.shares_memory(small.classes_, model.classes_)


def test_bagging_after_a_warm_start_knows_the_last_seeds_only():
    model = BaggingClassifier(n_estimators=3, warm_start=True, random_state=0).fit(X, Y)
    model.set_params(n_estimators=5).fit(X, Y)
    assert len(model.estimators_samples_) == 2
    small = sub_forest(model, 4)
    assert not hasattr(small, "estimators_samples_")
    np.testing.assert_allclose(small.predict_proba(X).sum(axis=1), 1.0)
    models = [model, BaggingClassifier(n_estimators=5, random_state=9).fit(X, Y)]
    assert naive_union(models).predict_proba(X).sum(axis=1).max() < 0.6
    np.testing.assert_allclose(merge(models).predict_proba(X).sum(axis=1), 1.0)


@pytest.mark.parametrize("number", [0, 6, -1, 2.0, "2", None])
def test_the_number_of_trees(number):
    model = RandomForestClassifier(5).fit(X, Y)
    with pytest.raises(ValueError, match=r"integer from 1 to 5, .* got") as caught:
        sub_forest(model, number)
    assert repr(number) in str(caught.value)
    with pytest.raises(NotFittedError):
        sub_forest(RandomForestClassifier(), 1)
