"""Ensembles fitted on parts, what their union must predict, and the usual mistake."""

from __future__ import annotations

from copy import copy
from typing import Any

import numpy as np
from sklearn.base import clone


def naive_union(models: list[Any]) -> Any:
    """Copy the first ensemble, and give it the members of all."""
    union = copy(models[0])
    union.estimators_ = [member for model in models for member in model.estimators_]
    union.n_estimators = len(union.estimators_)
    return union


def mean_probabilities(models: list[Any], X: Any, weights: Any) -> np.ndarray:
    """Return the weighted mean of what the models say, class by class."""
    classes = np.unique(np.concatenate([model.classes_ for model in models]))
    total = np.zeros((len(X), len(classes)))
    for model, weight in zip(models, weights, strict=True):
        places = np.searchsorted(classes, model.classes_)
        total[:, places] += weight * model.predict_proba(X)
    return total / np.sum(weights)


def fitted_on(model: Any, parts: list[Any], X: Any, y: Any = None) -> list[Any]:
    """Fit a model for every part of the rows, each with a seed of its own."""
    models = []
    for seed, rows in enumerate(parts):
        one = clone(model)
        if "random_state" in one.get_params():
            one.set_params(random_state=seed)
        models.append(one.fit(X[rows], None if y is None else y[rows]))
    return models


def skewed_parts(rng: np.random.Generator, y: Any, n_parts: int) -> list[np.ndarray]:
    """Cut rows so that every part has its own share of every class, maybe none."""
    classes, codes = np.unique(y, return_inverse=True)
    shares = rng.dirichlet(np.full(n_parts, 0.3), len(classes))
    owners = np.array([rng.choice(n_parts, p=shares[code]) for code in codes])
    parts = [np.flatnonzero(owners == part) for part in range(n_parts)]
    return [rows for rows in parts if len(rows)]
