"""Dummies: what they predict without features."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.dummy import DummyClassifier, DummyRegressor

from shardfit.exceptions import NotMergeableError
from shardfit.merging._rules import Mergeability, Rule
from shardfit.merging._state import blank_copy, union_of_classes

__all__ = ["RULES"]

# Counts are shares of classes times a number of rows: whole numbers, but for rounding.
_ROUNDING = 1e-12


def _merge_classifiers(models: list[Any], weights: Any, classes: Any) -> Any:
    merged = blank_copy(models[0])
    _check_outputs(models)
    merged._strategy = models[0]._strategy
    merged.n_outputs_ = models[0].n_outputs_
    merged.sparse_output_ = models[0].sparse_output_
    if merged.n_outputs_ == 1:
        merged.classes_, merged.class_prior_ = _distribution(
            [model.classes_ for model in models],
            [model.class_prior_ for model in models],
            weights,
        )
        merged.n_classes_ = len(merged.classes_)
        return merged
    outputs = [
        _distribution(
            [model.classes_[output] for model in models],
            [model.class_prior_[output] for model in models],
            weights,
        )
        for output in range(merged.n_outputs_)
    ]
    merged.classes_ = [labels for labels, _ in outputs]
    merged.class_prior_ = [prior for _, prior in outputs]
    merged.n_classes_ = [len(labels) for labels, _ in outputs]
    return merged


def _distribution(
    labels: list[NDArray[Any]],
    priors: list[NDArray[Any]],
    weights: NDArray[np.float64],
) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Return the classes of an output and their shares."""
    union = union_of_classes(labels)
    counts = np.zeros(len(union))
    for own, prior, weight in zip(labels, priors, weights, strict=True):
        counts[np.searchsorted(union, own)] += weight * prior
    # Two classes may have the same number of rows: then the first one wins.
    whole = np.rint(counts)
    counts = np.where(abs(counts - whole) <= _ROUNDING * weights.sum(), whole, counts)
    return union, counts / counts.sum()


def _merge_regressors(models: list[Any], weights: Any, classes: Any) -> Any:
    merged = blank_copy(models[0])
    _check_outputs(models)
    merged.n_outputs_ = models[0].n_outputs_
    constants = np.stack([model.constant_ for model in models])
    if merged.strategy == "constant":
        merged.constant_ = constants[0]
    else:
        mean = np.average(constants, axis=0, weights=weights)
        merged.constant_ = mean.astype(constants.dtype)
    return merged


def _check_outputs(models: list[Any]) -> None:
    for number, model in enumerate(models):
        if model.n_outputs_ != models[0].n_outputs_:
            raise NotMergeableError(
                f"estimator 0 has {models[0].n_outputs_} outputs and estimator "
                f"{number} has {model.n_outputs_}; fit all on the same outputs"
            )
        is_sparse = getattr(model, "sparse_output_", False)
        if is_sparse != getattr(models[0], "sparse_output_", False):
            raise NotMergeableError(
                f"y was {'dense' if is_sparse else 'sparse'} for estimator 0 and "
                f"{'sparse' if is_sparse else 'dense'} for estimator {number}; fit "
                "all on targets of one kind"
            )


_ROWS = (
    "pass weights, the number of rows of each estimator, or the sum of their sample "
    "weights"
)


def _judge_classifier(model: Any) -> Mergeability:
    return Mergeability("exact", "shares of classes of parts give those of all", _ROWS)


def _judge_regressor(model: Any) -> Mergeability:
    if model.strategy == "mean":
        return Mergeability("exact", "means of parts give that of the whole", _ROWS)
    if model.strategy == "constant":
        return Mergeability("exact", "all predict the same constant")
    return Mergeability(
        "no",
        f"strategy={model.strategy!r} of parts does not give that of the whole",
        'fit it on all rows, or use strategy="mean"',
    )


RULES: dict[type, Rule] = {
    DummyClassifier: Rule(_merge_classifiers, _judge_classifier, weights="rows"),
    DummyRegressor: Rule(_merge_regressors, _judge_regressor, weights="rows"),
}
