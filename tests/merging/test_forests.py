"""Merged forests predict the mean of the forests, whatever each of them saw."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.datasets import make_classification, make_regression
from sklearn.ensemble import (
    AdaBoostClassifier,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
    RandomTreesEmbedding,
)

from shardfit.exceptions import NotMergeableError
from shardfit.merging import merge
from tests.merging.exactness import EXAMPLES, numbers_of_parts, seeds
from tests.merging.unions import (
    fitted_on,
    mean_probabilities,
    naive_union,
    skewed_parts,
)

X, CODES = make_classification(
    n_samples=600,
    n_features=8,
    n_informative=6,
    n_classes=5,
    class_sep=2.0,
    random_state=0,
)
Y = np.array(["ant", "bee", "cat", "dog", "eel"])[CODES]
TARGET = make_regression(n_samples=600, n_features=8, random_state=0)[1]
HALVES = [slice(0, 300), slice(300, 600)]
THIRDS = [slice(0, 100), slice(100, 300), slice(300, 600)]
CLASSIFIERS = st.sampled_from(
    [
        RandomForestClassifier(max_depth=6),
        RandomForestClassifier(criterion="entropy", class_weight="balanced"),
        ExtraTreesClassifier(min_samples_leaf=2),
        ExtraTreesClassifier(bootstrap=True, max_samples=1),
    ]
)


def rows_of(*labels):
    return np.flatnonzero(np.isin(Y, labels))


@EXAMPLES
@given(
    rng=seeds,
    n_parts=numbers_of_parts,
    model=CLASSIFIERS,
    n_classes=st.integers(1, 5),
    is_weighted=st.booleans(),
)
def test_probabilities_are_the_mean(rng, n_parts, model, n_classes, is_weighted):
    rows = rng.permutation(np.flatnonzero(n_classes > CODES))[:60]
    parts = skewed_parts(rng, Y[rows], n_parts)
    models = [
        clone(model)
        .set_params(n_estimators=int(rng.integers(1, 4)), random_state=seed)
        .fit(X[rows[part]], Y[rows[part]])
        for seed, part in enumerate(parts)
    ]
    weights = rng.uniform(0, 10, len(models)) if is_weighted else None
    before = pickle.dumps(models)
    merged = merge(models, weights=weights)
    counts = [model.n_estimators for model in models]
    expected = mean_probabilities(models, X, counts if weights is None else weights)
    assert np.abs(merged.predict_proba(X) - expected).max() <= 1e-12
    np.testing.assert_allclose(merged.predict_proba(X).sum(axis=1), 1, atol=1e-12)
    assert merged.classes_.tolist() == sorted(set(Y[rows]))
    assert merged.classes_.dtype.kind == "U"
    assert merged.n_classes_ == len(merged.classes_)
    assert merged.n_estimators == len(merged.estimators_) == sum(counts)
    np.testing.assert_array_equal(
        merged.predict(X), merged.classes_[merged.predict_proba(X).argmax(axis=1)]
    )
    assert pickle.dumps(models) == before
    np.testing.assert_array_equal(
        pickle.loads(pickle.dumps(merged)).predict_proba(X), merged.predict_proba(X)
    )
    assert merged.apply(X).shape == (len(X), sum(counts))
    assert np.isfinite(merged.feature_importances_).all()


@EXAMPLES
@given(
    rng=seeds,
    n_parts=numbers_of_parts,
    model=st.sampled_from(
        [
            RandomForestRegressor(max_depth=6),
            RandomForestRegressor(criterion="absolute_error", max_depth=3),
            ExtraTreesRegressor(),
        ]
    ),
    n_outputs=st.integers(1, 3),
    is_weighted=st.booleans(),
)
def test_predictions_are_the_mean(rng, n_parts, model, n_outputs, is_weighted):
    targets = rng.normal(size=(60, n_outputs))
    targets = targets[:, 0] if n_outputs == 1 else targets
    owners = rng.integers(0, n_parts, 60)
    models = [
        clone(model)
        .set_params(n_estimators=int(rng.integers(1, 4)), random_state=part)
        .fit(X[:60][owners == part], targets[owners == part])
        for part in np.unique(owners)
    ]
    weights = rng.uniform(0, 10, len(models)) if is_weighted else None
    merged = merge(models, weights=weights)
    counts = [model.n_estimators for model in models]
    expected = np.average(
        [model.predict(X) for model in models],
        axis=0,
        weights=counts if weights is None else weights,
    )
    np.testing.assert_allclose(merged.predict(X), expected, rtol=1e-12, atol=1e-12)
    assert merged.n_outputs_ == n_outputs


def test_as_many_but_different_classes_are_aligned():
    parts = [rows_of("ant", "bee", "cat"), rows_of("cat", "dog", "eel")]
    models = fitted_on(RandomForestClassifier(20), parts, X, Y)
    assert naive_union(models).score(X, Y) < 0.6  # not a word
    assert merge(models).score(X, Y) > 0.9


@pytest.mark.parametrize("other", [("bee", "cat", "dog", "eel"), ("bee",)])
def test_another_number_of_classes_is_aligned(other):
    parts = [rows_of("ant", "bee", "cat"), rows_of(*other)]
    models = fitted_on(ExtraTreesClassifier(5), parts, X, Y)
    if len(other) > 1:
        with pytest.raises(ValueError, match="broadcast"):
            naive_union(models).predict_proba(X)
    else:
        # One class is added to every class: rows sum to 2.
        assert naive_union(models).predict_proba(X).sum(axis=1).max() > 1.5
    expected = mean_probabilities(models, X, [1, 1])
    np.testing.assert_allclose(merge(models).predict_proba(X), expected, atol=1e-12)


def test_each_of_many_outputs_has_its_own_classes():
    both = np.column_stack([Y, np.where(X[:, 0] > 0, "hot", "ice")])
    both[300:][CODES[300:] == 0, 0] = "fox"
    both[:300, 1] = "hot"
    models = fitted_on(RandomForestClassifier(4), HALVES, X, both)
    merged = merge(models, weights=[1, 3])
    assert [labels.tolist() for labels in merged.classes_] == [
        ["ant", "bee", "cat", "dog", "eel", "fox"],
        ["hot", "ice"],
    ]
    assert list(merged.n_classes_) == [6, 2]
    for output, classes in enumerate(merged.classes_):
        expected = np.zeros((len(X), len(classes)))
        for model, share in zip(models, [0.25, 0.75], strict=True):
            places = np.searchsorted(classes, model.classes_[output])
            expected[:, places] += share * model.predict_proba(X)[output]
        np.testing.assert_allclose(
            merged.predict_proba(X)[output], expected, atol=1e-12
        )
    assert merged.predict(X).shape == both.shape
    assert pickle.loads(pickle.dumps(merged)).predict(X).tolist() == (
        merged.predict(X).tolist()
    )


def test_weights_are_the_say_of_forests_not_of_trees():
    models = [
        RandomForestClassifier(n, random_state=n).fit(X[rows], Y[rows])
        for n, rows in zip((2, 7), HALVES, strict=True)
    ]
    expected = mean_probabilities(models, X, [300, 300])
    unweighted = naive_union(models).predict_proba(X)
    assert np.abs(unweighted - expected).max() > 0.05
    merged = merge(models, weights=[300, 300])
    assert np.abs(merged.predict_proba(X) - expected).max() <= 1e-12
    third = RandomForestClassifier(3, random_state=0).fit(X, Y)
    again = merge([merged, third], weights=[2, 1])
    expected = mean_probabilities([merged, third], X, [2, 1])
    assert np.abs(again.predict_proba(X) - expected).max() <= 1e-12


@pytest.mark.parametrize("weights", [None, [1, 1], [5e-324, 5e-324], [1e308, 1e308]])
def test_trees_are_shared_where_nothing_changes(weights):
    models = fitted_on(RandomForestClassifier(3), HALVES, X, Y)
    merged = merge(models, weights=weights)
    members = [tree for model in models for tree in model.estimators_]
    assert all(map(lambda one, other: one is other, merged.estimators_, members))
    assert merged.estimators_ is not models[0].estimators_
    assert not np.shares_memory(merged.classes_, models[0].classes_)


def test_changed_trees_leave_the_old_ones_alone():
    parts = [rows_of("ant", "bee"), rows_of("bee", "cat")]
    models = fitted_on(RandomForestClassifier(3), parts, X, Y)
    before = [model.predict_proba(X) for model in models]
    merged = merge(models, weights=[1, 2])
    for tree in merged.estimators_:
        tree.tree_.value[...] = 0
    for model, expected in zip(models, before, strict=True):
        np.testing.assert_array_equal(model.predict_proba(X), expected)


def test_what_is_of_one_part_only_is_dropped():
    models = fitted_on(RandomForestClassifier(30, oob_score=True), HALVES, X, Y)
    naive = naive_union(models)
    assert len(naive.oob_decision_function_) == 300
    assert max(map(max, naive.estimators_samples_)) < 300
    merged = merge(models)
    for name in ("oob_score_", "oob_decision_function_", "estimators_samples_"):
        assert not hasattr(merged, name)
    assert merged.estimator_.get_params() == models[0].estimator_.get_params()


def test_forests_grow_on_after_a_merge():
    models = fitted_on(RandomForestClassifier(3, warm_start=True), HALVES, X, Y)
    merged = merge(models)
    merged.set_params(n_estimators=8).fit(X, Y)
    assert merged.estimators_[:6] == [t for model in models for t in model.estimators_]
    assert len({tree.random_state for tree in merged.estimators_}) == 8


def test_the_same_trees_twice_are_noticed():
    models = [
        RandomForestClassifier(4, random_state=0).fit(X, Y),
        RandomForestClassifier(4, random_state=1).fit(X, Y),
        RandomForestClassifier(6, random_state=0).fit(X, Y),
    ]
    assert len({tree.random_state for tree in naive_union(models)}) == 10  # not a word
    with pytest.warns(UserWarning, match="4 members of estimator 2 are in") as caught:
        merge(models)
    assert caught[0].filename == __file__


def test_two_copies_that_grew_on_are_noticed():
    first = RandomForestClassifier(3, warm_start=True, random_state=0).fit(X, Y)
    copies = [pickle.loads(pickle.dumps(first)) for _ in range(2)]
    for one in copies:
        one.set_params(n_estimators=5).fit(X, Y)
    with pytest.warns(UserWarning, match="5 members of estimator 1 are in"):
        merge(copies)


def test_the_same_seed_on_other_rows_is_no_twin():
    models = [
        RandomForestClassifier(4, random_state=0).fit(X[rows], Y[rows])
        for rows in HALVES
    ]
    assert len(merge(models)) == 8
    one_class = RandomForestClassifier(2, random_state=0).fit(X[:5], ["ant"] * 5)
    merge([one_class, one_class])  # trees without a split


@pytest.mark.parametrize("order", [1, -1])
def test_missing_values_in_one_part_only(order):
    holes = X.copy()
    holes[:300:3, 0] = np.nan
    models = fitted_on(RandomForestClassifier(5), HALVES, holes, Y)[::order]
    expected = mean_probabilities(models, holes, [1, 1])
    merged = merge(models)
    np.testing.assert_allclose(merged.predict_proba(holes), expected, atol=1e-12)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"criterion": "entropy"}, "criterion is 'gini'"),
        ({"monotonic_cst": [1] + [0] * 7}, "monotonic_cst is None"),
        ({"max_features": None}, "max_features is 'sqrt'"),
    ],
)
def test_trees_grown_by_other_rules_are_refused(parameters, message):
    two = [rows_of("ant", "bee")] * 2
    models = fitted_on(RandomForestClassifier(2), two, X, Y)
    models[1].set_params(**parameters).fit(X[two[0]], Y[two[0]])
    naive_union(models).predict(X)  # not a word
    with pytest.raises(NotMergeableError, match=message):
        merge(models)


def test_other_features_targets_and_labels_are_refused():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=list("abcdefgh"))
    models = [
        RandomForestClassifier(2, random_state=0).fit(frame, Y),
        RandomForestClassifier(2, random_state=1).fit(frame[list("bacdefgh")], Y),
        RandomForestClassifier(2, random_state=2).fit(X[:, :7], Y),
        RandomForestClassifier(2, random_state=3).fit(X, CODES),
        RandomForestClassifier(2, random_state=4).fit(X, Y),
    ]
    naive_union(models[:2]).predict(frame)  # not a word
    with pytest.raises(NotMergeableError, match="feature 0 is 'a' in estimator 0"):
        merge(models[:2])
    with pytest.raises(NotMergeableError, match="8 features and estimator 1 has 7"):
        merge([models[4], models[2]])
    naive_union([models[4], models[3]]).predict(X)  # not a word
    with pytest.raises(NotMergeableError, match="labels of estimator 0 are <U3"):
        merge([models[4], models[3]])
    regressors = [
        ExtraTreesRegressor(2, random_state=0).fit(X, TARGET),
        ExtraTreesRegressor(2, random_state=1).fit(X, np.column_stack([TARGET] * 2)),
    ]
    with pytest.raises(ValueError, match="broadcast"):
        naive_union(regressors).predict(X)
    with pytest.raises(NotMergeableError, match="1 targets and estimator 1 2;"):
        merge(regressors)


@pytest.mark.parametrize(
    "model",
    [
        AdaBoostClassifier(n_estimators=2),
        GradientBoostingClassifier(n_estimators=2),
        HistGradientBoostingClassifier(max_iter=2),
    ],
)
def test_boosting_is_refused(model):
    model.fit(X, Y)
    with pytest.raises(NotMergeableError, match=r"corrects those before.*vote"):
        merge([model, model])


def test_a_part_without_rows_has_weight_0():
    model = RandomForestClassifier(3)
    models = [*fitted_on(model, HALVES, X, Y), clone(model)]
    merged = merge(models, weights=[300, 300, 0])
    assert len(merged) == 6
    expected = mean_probabilities(models[:2], X, [1, 1])
    np.testing.assert_allclose(merged.predict_proba(X), expected, atol=1e-12)


@pytest.mark.parametrize(
    "model",
    [RandomForestClassifier(3), ExtraTreesRegressor(3), RandomTreesEmbedding(3)],
)
def test_one_forest_merges_to_itself(model):
    model.fit(X, CODES)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        merged = merge([model])
    assert merged is not model
    np.testing.assert_array_equal(merged.apply(X), model.apply(X))
