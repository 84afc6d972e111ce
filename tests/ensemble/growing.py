"""Forests to grow, and members that wait, or kill their process, while they do."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import make_classification
from sklearn.ensemble import (
    BaggingClassifier,
    RandomForestClassifier,
)

from shardfit.ensemble import ForestGrower

X, CODES = make_classification(
    n_samples=800, n_features=10, n_informative=7, n_classes=4, random_state=0
)
Y = np.array(["ant", "bee", "cat", "dog"])[CODES]
FOREST = RandomForestClassifier(10, random_state=0)
GATES: dict[str, threading.Event] = {}


class Gated(ClassifierMixin, BaseEstimator):
    """A member that says it has begun, and goes on when it is let."""

    def __init__(self, path=None, begun="begun", go="go", random_state=None):
        self.path = path
        self.begun = begun
        self.go = go
        self.random_state = random_state

    def fit(self, X, y):
        GATES[self.begun].set()
        assert GATES[self.go].wait(60)
        self.classes_ = np.unique(y)
        self.n_features_in_ = X.shape[1]
        return self

    def predict(self, X):
        return np.repeat(self.classes_[:1], len(X))


class Deadly(Gated):
    """A member that kills its process, as often as there are files that say so."""

    def fit(self, X, y):
        for name in Path(self.path).glob("bullet*"):
            try:
                name.unlink()
            except FileNotFoundError:
                continue
            os.kill(os.getpid(), signal.SIGKILL)
        self.classes_ = np.unique(y)
        return self


def gated(n_estimators=6, **parameters):
    bagging = BaggingClassifier(Gated(), n_estimators, bootstrap=False)
    return ForestGrower(bagging, n_tasks=n_estimators, n_jobs=1, **parameters)


def grown(forest, X=X, y=Y, sample_weight=None, **parameters):
    grower = ForestGrower(forest, **parameters).launch(
        X, y, sample_weight=sample_weight
    )
    assert grower.wait()
    return grower.aggregate()


def answer(forest, X=X):
    for name in ("predict_proba", "transform", "score_samples", "predict"):
        if hasattr(forest, name):
            result = getattr(forest, name)(X)
            return result.toarray() if sp.issparse(result) else result
    raise AssertionError(forest)
