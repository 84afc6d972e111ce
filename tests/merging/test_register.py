"""Classes of others that `merge` has been taught."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.datasets import make_blobs
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import make_pipeline

from shardfit.exceptions import NotMergeableError
from shardfit.merging import _merge, merge, mergeability, register

X, Y = make_blobs(n_samples=90, n_features=4, centers=3, random_state=0)
HALVES = [slice(0, 30), slice(30, 90)]


class Centered(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        self.mean_, self.n_rows_ = X.mean(axis=0), len(X)
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        return X - self.mean_


class OwnClassifier(SGDClassifier):
    pass


@pytest.fixture(autouse=True)
def _forget(monkeypatch):
    monkeypatch.setattr(_merge, "_RULES", dict(_merge._RULES))


def join_means(models, weights, classes):
    merged = clone(models[0])
    rows = np.array([model.n_rows_ for model in models])
    merged.mean_ = rows @ np.array([model.mean_ for model in models]) / rows.sum()
    merged.n_rows_, merged.n_features_in_ = rows.sum(), models[0].n_features_in_
    return merged


def test_a_registered_transformer_merges_alone_and_in_a_pipeline():
    with pytest.raises(NotMergeableError, match="register"):
        merge([Centered().fit(X[rows]) for rows in HALVES])
    register(Centered, join_means)
    assert mergeability(Centered()).kind == "exact"
    merged = merge([Centered().fit(X[rows]) for rows in HALVES])
    np.testing.assert_allclose(merged.mean_, X.mean(axis=0))
    pipelines = [make_pipeline(Centered()).fit(X[rows]) for rows in HALVES]
    assert mergeability(pipelines[0]).kind == "exact"
    np.testing.assert_allclose(merge(pipelines)[0].mean_, X.mean(axis=0))


def test_what_learns_behind_a_registered_transformer_is_not_carried_over():
    register(Centered, join_means)
    model = make_pipeline(Centered(), SGDClassifier(random_state=0))
    models = [clone(model).fit(X[rows], Y[rows]) for rows in HALVES]
    with pytest.raises(NotMergeableError, match="Centered makes other columns"):
        merge(models)
    frozen = FrozenEstimator(Centered().fit(X))
    model = make_pipeline(frozen, SGDClassifier(random_state=0))
    same = [clone(model).fit(X, Y) for _ in range(2)]
    np.testing.assert_array_equal(merge(same).predict(X), same[0].predict(X))


def test_a_subclass_of_a_known_class_gets_weights_and_classes():
    heard = []

    def join(models, weights, classes):
        heard.append((len(models), weights.tolist(), [c.tolist() for c in classes]))
        return clone(models[0])

    register(OwnClassifier, join, kind="average", reason="it is near")
    models = [OwnClassifier().fit(X, Y) for _ in range(2)]
    merge([OwnClassifier(), *models], weights=[0, 1, 2], classes=[[0], [1], [2]])
    assert heard == [(2, [1.0, 2.0], [[1], [2]])]
    assert mergeability(models[0]) == ("average", "it is near", "")
    with pytest.raises(ValueError, match="one weight per estimator"):
        merge(models, weights=np.ones((2, 4)))


@pytest.mark.parametrize("returned", [lambda models: None, lambda models: models[1]])
def test_a_function_must_return_a_new_estimator(returned):
    register(Centered, lambda models, weights, classes: returned(models))
    with pytest.raises(TypeError, match="registered for Centered must return a new"):
        merge([Centered().fit(X), Centered().fit(X)])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((SGDClassifier(), join_means), TypeError, "must be a class"),
        ((Centered, None), TypeError, "must be callable"),
        ((SGDClassifier, join_means), ValueError, "register a subclass"),
    ],
)
def test_wrong_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        register(*arguments)


@pytest.mark.parametrize("kind", ["no", "sum", None, ["exact"]])
def test_wrong_kinds(kind):
    with pytest.raises(ValueError, match="kind must be"):
        register(Centered, join_means, kind=kind)


def test_a_class_is_registered_once():
    register(Centered, join_means)
    with pytest.raises(ValueError, match="knows Centered already"):
        register(Centered, join_means)
