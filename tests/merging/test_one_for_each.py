"""One estimator for each output or label."""

from __future__ import annotations

import pickle
from copy import copy

import numpy as np
import pytest
from hypothesis import given
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression, SGDClassifier, SGDRegressor
from sklearn.multiclass import OneVsRestClassifier, _ConstantPredictor
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.naive_bayes import BernoulliNB, MultinomialNB
from sklearn.pipeline import make_pipeline

from shardfit.exceptions import NotMergeableError
from shardfit.merging import merge, mergeability
from tests.merging.corpora import documents
from tests.merging.exactness import (
    EXAMPLES,
    check_exact,
    cut,
    fitted_parts,
    numbers_of_parts,
    seeds,
)

X, Y = make_classification(
    n_samples=2000,
    n_features=20,
    n_informative=12,
    n_classes=5,
    class_sep=2.0,
    random_state=0,
)


@EXAMPLES
@given(rng=seeds, n_parts=numbers_of_parts)
def test_outputs(rng, n_parts):
    n_rows = int(rng.integers(1, 40))
    table = rng.poisson(1.0, (n_rows, 4))
    targets = np.column_stack([rng.integers(0, 3, n_rows), rng.integers(5, 7, n_rows)])
    model = MultiOutputClassifier(MultinomialNB())
    full = clone(model).fit(table, targets)
    models, rows = fitted_parts(model, cut(rng, n_rows, n_parts), table, targets)
    merged = check_exact(models, full, weights=rows)
    np.testing.assert_array_equal(merged.predict(table), full.predict(table))
    merged.partial_fit(table, targets)


def test_outputs_of_regressors_and_of_partial_fit():
    targets = X[:, :2] @ [[1.0, 2.0], [3.0, -1.0]]
    model = MultiOutputRegressor(SGDRegressor(random_state=0))
    models, rows = fitted_parts(model, [slice(0, 700), slice(700, 2000)], X, targets)
    merged = merge(models, weights=rows)
    expected = np.average([m.predict(X) for m in models], axis=0, weights=rows)
    np.testing.assert_allclose(merged.predict(X), expected)
    with pytest.raises(NotMergeableError, match="2 outputs and estimator 1 has 1"):
        merge([models[0], clone(model).fit(X, targets[:, :1])])
    labels = np.column_stack([Y, Y > 2])
    partial = [
        MultiOutputClassifier(SGDClassifier(random_state=0)).partial_fit(
            X[part], labels[part], classes=[np.arange(5), np.arange(2)]
        )
        for part in (slice(0, 1000), slice(1000, 2000))
    ]
    merged = merge(partial)
    assert not hasattr(merged, "classes_")  # neither has scikit-learn
    assert merged.predict(X).shape == (2000, 2)


def one_vs_rest(*classes, inner=None, seed=0):
    rows = np.flatnonzero(np.isin(Y, classes))
    rows = np.random.default_rng(seed).permutation(rows)[:300]
    inner = SGDClassifier(random_state=seed) if inner is None else inner
    return OneVsRestClassifier(inner).fit(X[rows], Y[rows])


def test_labels_are_aligned():
    models = [
        one_vs_rest(0, 1, 2),
        one_vs_rest(2, 3, 4, seed=1),
        one_vs_rest(0, 4, seed=2),
    ]
    merged = merge(models, weights=[300, 300, 300])
    assert merged.classes_.tolist() == [0, 1, 2, 3, 4]
    assert merged.label_binarizer_.y_type_ == "multiclass"
    # As many estimators, of other labels.
    naive = copy(models[0])
    naive.estimators_ = [
        merge([one, other])
        for one, other in zip(models[0].estimators_, models[1].estimators_, strict=True)
    ]
    assert naive.score(X, Y) < 0.5
    assert merged.score(X, Y) > 0.6
    two = models[2].estimators_[0]
    expected = np.mean([models[0].estimators_[0].coef_, -two.coef_], axis=0)
    np.testing.assert_allclose(merged.estimators_[0].coef_, expected)
    expected = np.mean([models[1].estimators_[2].coef_, two.coef_], axis=0)
    np.testing.assert_allclose(merged.estimators_[4].coef_, expected)
    pickle.loads(pickle.dumps(merged)).predict(X)


def test_two_labels_stay_one_estimator():
    models = [one_vs_rest(1, 3), one_vs_rest(1, 3, seed=1)]
    with pytest.warns(UserWarning, match="present in all"):
        models.append(one_vs_rest(3, seed=2))
    merged = merge(models)
    assert len(merged.estimators_) == 1
    assert merged.decision_function(X).shape == (2000,)
    rows = np.isin(Y, (1, 3))
    assert merged.score(X[rows], Y[rows]) > 0.9


def test_a_part_of_one_label_has_no_say_about_it():
    models = [one_vs_rest(0, 1, 2), one_vs_rest(1, 2, 3, seed=1)]
    with pytest.warns(UserWarning, match="present in all"):
        models.append(one_vs_rest(3, seed=2))
    naive = [model.estimators_[0] for model in models]
    with pytest.raises(AttributeError, match="coef_"):
        naive[2].coef_  # noqa: B018
    merged = merge(models)
    np.testing.assert_array_equal(
        merged.estimators_[3].coef_, models[1].estimators_[2].coef_
    )
    with pytest.warns(UserWarning, match="present in all"):
        models.append(one_vs_rest(4, seed=3))
    with pytest.raises(NotMergeableError, match=r"label .*4.* and rows without it"):
        merge(models)
    with pytest.raises(NotMergeableError, match="rows without it"):
        merge([models[2], models[3]])
    alone = merge([models[2], models[2]])
    assert alone.predict(X[:3]).tolist() == [3, 3, 3]


@pytest.mark.filterwarnings("ignore:Label")
def test_many_labels_per_row():
    labels = np.column_stack([Y == 0, Y > 2, Y == 1, Y > 9]).astype(int)
    model = OneVsRestClassifier(LogisticRegression(max_iter=1000))
    # The second part lacks the first label, and no part has the last.
    parts = [np.flatnonzero(Y != 1), np.flatnonzero(Y != 0)]
    models = [clone(model).fit(X[part], labels[part]) for part in parts]
    assert isinstance(models[1].estimators_[0], _ConstantPredictor)
    merged = merge(models, weights=[len(part) for part in parts])
    np.testing.assert_array_equal(
        merged.estimators_[0].coef_, models[0].estimators_[0].coef_
    )
    assert isinstance(merged.estimators_[3], _ConstantPredictor)
    assert merged.multilabel_
    full = clone(model).fit(X, labels)
    assert merged.score(X, labels) > full.score(X, labels) - 0.1
    assert merged.predict(X).shape == (2000, 4)
    with pytest.raises(NotMergeableError, match="one kind"):
        merge([models[0], clone(model).fit(X, Y)])
    always = clone(model).fit(X[:50], np.column_stack([labels[:50, :3], [1] * 50]))
    with pytest.raises(NotMergeableError, match="rows without it"):
        merge([models[0], always])


@EXAMPLES
@given(rng=seeds, n_parts=numbers_of_parts)
def test_exact_estimators_of_each_label(rng, n_parts):
    table = rng.integers(0, 2, (60, 4))
    y = np.tile([0, 1, 2], 20)
    edges = np.sort(rng.choice(np.arange(3, 60, 3), n_parts - 1, replace=False))
    parts = [slice(*pair) for pair in zip([0, *edges], [*edges, 60], strict=True)]
    model = OneVsRestClassifier(BernoulliNB())
    models, rows = fitted_parts(model, parts, table, y)
    assert mergeability(model).kind == "exact"
    full = clone(model).fit(table, y)
    merged = merge(models, weights=rows)
    np.testing.assert_allclose(
        merged.predict_proba(table), full.predict_proba(table), rtol=1e-12
    )
    lacking = clone(model).fit(table[y != 1], y[y != 1])
    with pytest.raises(NotMergeableError, match=r"two classes|with and without"):
        merge([*models, lacking])


def test_labels_that_were_seen():
    models = []
    for kept in ((0, 1, 2), (2, 3, 4)):
        rows = np.isin(Y, kept)
        model = OneVsRestClassifier(SGDClassifier(random_state=0))
        models.append(model.partial_fit(X[rows], Y[rows], classes=np.arange(5)))
    informed = merge(models, classes=[[0, 1, 2], [2, 3, 4]])
    for label, number in [(0, 0), (1, 0), (3, 1), (4, 1)]:
        np.testing.assert_array_equal(
            informed.estimators_[label].coef_, models[number].estimators_[label].coef_
        )
    uninformed = merge(models).estimators_
    assert (uninformed[0].coef_ != models[0].estimators_[0].coef_).any()
    informed.partial_fit(X, Y)


@pytest.mark.filterwarnings("ignore:Label")
def test_labels_and_outputs_of_other_terms():
    rng = np.random.default_rng(0)
    texts = documents(rng, 300) + " always"
    labels = np.column_stack(
        [[word in text for text in texts] for word in ("cat", "dog", "rare3")]
    ).astype(int)
    parts = [slice(0, 60), slice(60, 300)]
    for for_each in (OneVsRestClassifier, MultiOutputClassifier):
        # Multinomial counts are exact, the mean of linear models is not.
        for inner in (SGDClassifier(random_state=0), MultinomialNB()):
            model = make_pipeline(CountVectorizer(), for_each(inner))
            models = [clone(model).fit(texts[part], labels[part]) for part in parts]
            merged = merge(models, weights=[60, 240])
            full = clone(model).fit(texts, labels)
            assert merged[-1].n_features_in_ == full[-1].n_features_in_
            if isinstance(inner, MultinomialNB):
                np.testing.assert_array_equal(
                    merged.predict(texts), full.predict(texts)
                )
            assert merged.score(texts, labels) > full.score(texts, labels) - 0.1
    labels[:60, 2] = 0
    model = make_pipeline(CountVectorizer(), OneVsRestClassifier(SGDClassifier()))
    models = [clone(model).fit(texts[part], labels[part]) for part in parts]
    last = merge(models)[-1].estimators_[2]
    assert last.n_features_in_ == len(merged[0].vocabulary_)
    merge(models[:1]).predict(texts)
