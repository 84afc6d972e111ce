"""Imputers: means of what was there, and the features where something was missing."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.utils._missing import is_scalar_nan

from shardfit.exceptions import NotMergeableError
from shardfit.merging._rules import Mergeability, Rule, always
from shardfit.merging._state import blank_copy

__all__ = ["RULES"]


def _merge_imputers(models: list[Any], weights: Any, classes: Any) -> Any:
    merged = blank_copy(models[0])
    dtypes = [model._fit_dtype for model in models]
    for number, dtype in enumerate(dtypes):
        if (dtype.kind == "O") != (dtypes[0].kind == "O"):
            raise NotMergeableError(
                f"estimator 0 was fitted on {dtypes[0]} and estimator {number} on "
                f"{dtype}; fit all on columns of one type"
            )
    for name in ("_fit_dtype", "_fill_dtype"):  # 1.6 has but the first
        if name in vars(models[0]):
            setattr(merged, name, np.result_type(*dtypes))
    if merged.strategy == "mean":
        merged.statistics_ = _mean(models, weights)
    else:
        merged.statistics_ = _constant(models)
    merged.indicator_ = None
    if merged.add_indicator:
        indicators = [model.indicator_ for model in models]
        merged.indicator_ = _merge_indicators(indicators, None, None)
    return merged


def _mean(models: list[Any], counts: NDArray[np.float64]) -> NDArray[Any]:
    statistics = np.stack([model.statistics_ for model in models])
    if counts.shape != statistics.shape:
        raise ValueError(
            f"weights has {counts.shape[1]} columns, and there are "
            f"{statistics.shape[1]} features; give the number of values that are not "
            "missing for each feature"
        )
    is_empty = np.isnan(statistics)
    if models[0].keep_empty_features:
        # A feature without values has the mean 0, and so may one with values.
        is_empty |= (statistics == 0) & (counts == 0)
    wrong = np.argwhere(is_empty != (counts == 0))
    if len(wrong):
        number, feature = wrong[0].tolist()
        there = "no values" if is_empty[number, feature] else "values"
        raise NotMergeableError(
            f"estimator {number} has seen {there} of feature {feature}, and weights "
            f"says that it has {counts[number, feature]:g}; give the number of values "
            "that are not missing, which the rows of each estimator hold"
        )
    total = counts.sum(axis=0)
    means = np.where(is_empty, 0.0, statistics)
    mean = (counts / np.where(total > 0, total, 1.0) * means).sum(axis=0)
    nothing = 0.0 if models[0].keep_empty_features else np.nan
    return np.where(total > 0, mean, nothing).astype(statistics.dtype)


def _constant(models: list[Any]) -> NDArray[Any]:
    """Return the fill value, NaN where no part had any value."""
    statistics = np.stack([model.statistics_ for model in models])
    # Dense rows give an array of objects.
    is_empty = np.array([[is_scalar_nan(value) for value in row] for row in statistics])
    first = is_empty.argmin(axis=0)[np.newaxis]
    constant: NDArray[Any] = np.take_along_axis(statistics, first, axis=0)[0]
    return constant


def _merge_indicators(models: list[Any], weights: Any, classes: Any) -> Any:
    merged = deepcopy(models[0])
    merged.features_ = np.unique(np.concatenate([model.features_ for model in models]))
    return merged


def _judge_imputer(model: Any) -> Mergeability:
    if model.strategy == "mean":
        return Mergeability(
            "exact",
            "means of parts give that of the whole",
            "pass weights, the number of values that are not missing for each "
            "estimator and feature, of shape (n_estimators, n_features)",
        )
    if model.strategy == "constant":
        return Mergeability("exact", "all fill in the same constant")
    return Mergeability(
        "no",
        f"strategy={model.strategy!r} of parts does not give that of the whole",
        "fit it once, on all rows or a sample of them, and use it in all parts; "
        'strategy="mean" and "constant" merge',
    )


RULES: dict[type, Rule] = {
    SimpleImputer: Rule(_merge_imputers, _judge_imputer, weights="values"),
    MissingIndicator: Rule(
        _merge_indicators,
        always("exact", "what is missing in a part is missing in the whole"),
        weights="own",
    ),
}
