"""Forests that hold the trees of all forests.

The mean over these trees is the mean of the forests' own predictions, once all trees
speak of the same classes: a tree has a column for every class that its forest saw, and
columns of different classes must not be added.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
    RandomTreesEmbedding,
)

from shardfit.exceptions import NotMergeableError
from shardfit.merging._members import check_outputs, set_members, warn_of_twins
from shardfit.merging._rules import Mergeability, Rule, always
from shardfit.merging._state import blank_copy, union_of_classes
from shardfit.merging._trees import aligned_tree, scaled_tree

__all__ = ["RULES"]


def _merge_forests(
    models: list[Any],
    weights: NDArray[np.float64] | None,
    classes: list[NDArray[Any]] | None,
) -> Any:
    check_outputs(models)
    warn_of_twins(models)
    result = blank_copy(models[0])
    result.n_outputs_ = models[0].n_outputs_
    members = [list(model.estimators_) for model in models]
    if "classes_" in vars(models[0]):
        _align(result, models, members)
    if weights is not None:
        for trees, factor in zip(members, _factors(members, weights), strict=True):
            # Sharing the trees is better than multiplying by what rounding left.
            if not np.isclose(factor, 1.0, rtol=1e-14, atol=0.0):
                trees[:] = [scaled_tree(tree, factor) for tree in trees]
    set_members(result, models, members)
    return result


def _align(result: Any, models: list[Any], members: list[list[Any]]) -> None:
    """Set the union of the classes, and bring all trees to it."""
    is_single = result.n_outputs_ == 1
    own = [[model.classes_] if is_single else model.classes_ for model in models]
    union = [union_of_classes(list(labels)) for labels in zip(*own, strict=True)]
    sizes = [len(labels) for labels in union]
    result.classes_ = union[0] if is_single else union
    result.n_classes_ = sizes[0] if is_single else sizes
    for labels, trees in zip(own, members, strict=True):
        if [len(one) for one in labels] == sizes:
            continue
        places = [np.searchsorted(*pair) for pair in zip(union, labels, strict=True)]
        trees[:] = [aligned_tree(tree, places, sizes) for tree in trees]


def _factors(
    members: list[list[Any]], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return what the trees of each forest count, 1 in the mean over all trees."""
    sizes = np.array([len(trees) for trees in members])
    shares = weights / weights.max()
    factors: NDArray[np.float64] = shares / shares.sum() * (sizes.sum() / sizes)
    return factors


def _merge_embeddings(
    models: list[Any],
    weights: NDArray[np.float64] | None,
    classes: list[NDArray[Any]] | None,
) -> Any:
    warn_of_twins(models)
    result = blank_copy(models[0])
    result.n_outputs_ = models[0].n_outputs_
    set_members(result, models, [model.estimators_ for model in models])
    return result


def _merge_isolation_forests(
    models: list[Any],
    weights: NDArray[np.float64] | None,
    classes: list[NDArray[Any]] | None,
) -> Any:
    first = models[0]
    for number, model in enumerate(models):
        if model._max_samples != first._max_samples:
            raise NotMergeableError(
                f"the trees of estimator 0 have {first._max_samples} rows each, and "
                f"those of estimator {number} have {model._max_samples}: their depths "
                "mean different scores; set max_samples to a number of rows that every "
                "part has"
            )
    warn_of_twins(models)
    result = blank_copy(first)
    result.offset_ = first.offset_
    result.max_samples_ = result._max_samples = first._max_samples
    result._max_features = first._max_features
    set_members(result, models, [model.estimators_ for model in models])
    return result


_UNION = Mergeability(
    "union",
    "the merged forest holds the trees of all, and predicts the mean of theirs",
    "weights, the number of rows of each part, if the parts differ in size",
)
# Rows drawn per tree are a matter of how many rows a part has.
_FREE = ("n_estimators", "oob_score", "max_samples")


def _judge_isolation_forest(model: Any) -> Mergeability:
    if model.contamination != "auto":
        return Mergeability(
            "no",
            f"contamination={model.contamination} is a share of the scores of all "
            "rows, which no part knows",
            'use contamination="auto", and set offset_ of the merged forest to '
            "np.percentile(forest.score_samples(X), 100 * contamination)",
        )
    return Mergeability(
        "union", "the merged forest holds the trees of all, and scores as they do"
    )


RULES: dict[type, Rule] = {
    **dict.fromkeys(
        (
            ExtraTreesClassifier,
            ExtraTreesRegressor,
            RandomForestClassifier,
            RandomForestRegressor,
        ),
        Rule(
            _merge_forests, lambda model: _UNION, free_parameters=_FREE, weights="say"
        ),
    ),
    RandomTreesEmbedding: Rule(
        _merge_embeddings,
        always("union", "the merged embedding has the leaves of all trees"),
        free_parameters=_FREE,
        weights="none",
    ),
    IsolationForest: Rule(
        _merge_isolation_forests,
        _judge_isolation_forest,
        free_parameters=_FREE,
        weights="none",
    ),
}
