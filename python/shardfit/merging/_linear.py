"""Weighted means of linear models, class by class."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn import linear_model
from sklearn.base import clone
from sklearn.svm import LinearSVC

from shardfit.exceptions import NotMergeableError
from shardfit.merging._checks import check_alike, check_not_diverged, union_of_classes

__all__ = ["AVERAGED", "merge_linear"]

# PassiveAggressive* are deprecated, and gone from scikit-learn 1.10 on.
AVERAGED: frozenset[type] = frozenset(
    getattr(linear_model, name)
    for name in (
        "LogisticRegression",
        "PassiveAggressiveClassifier",
        "PassiveAggressiveRegressor",
        "Perceptron",
        "SGDClassifier",
        "SGDRegressor",
    )
    if hasattr(linear_model, name)
) | {LinearSVC}


def merge_linear(
    models: list[Any], weights: NDArray[np.float64], seen: list[NDArray[Any]] | None
) -> Any:
    """Average linear models of one class.

    Parameters
    ----------
    models : list of fitted estimators
        All of one class, which is in `AVERAGED`.
    weights : ndarray of shape (n_models,)
        Finite, not negative, the largest being 1.
    seen : list of ndarray or None
        The labels that each model really saw, part of its ``classes_``.

    Returns
    -------
    estimator
        A new one.
    """
    check_alike(models)
    check_not_diverged(models)
    result = clone(models[0])
    if hasattr(models[0], "classes_"):
        result.classes_ = union_of_classes(models)
        shares = [_rows_of(model.classes_, result.classes_) for model in models]
        by_row = _weights_by_row(models, result.classes_, shares, weights, seen)
    else:
        shares = [[(0, 1.0)] for _ in models]
        by_row = weights[:, np.newaxis]
    by_row = by_row / by_row.sum(axis=0)

    def mean_of(name: str) -> Any:
        parts = [getattr(model, name) for model in models]
        if np.ndim(parts[0]) == 0:  # LinearSVC without intercept has the float 0.0
            return 0.0
        if "intercept" in name:
            columns = [np.asarray(part).reshape(-1, 1) for part in parts]
            return _mean(columns, shares, by_row).ravel()
        mean = _mean([_as_rows(part) for part in parts], shares, by_row)
        return mean if hasattr(result, "classes_") else mean[0]

    if getattr(result, "average", False):
        _set_averaged_state(result, mean_of)
    else:
        result.coef_ = mean_of("coef_")
        result.intercept_ = mean_of("intercept_")
    _set_counters(result, models)
    return result


def _set_averaged_state(result: Any, mean_of: Any) -> None:
    """Set what `average=True` keeps; `coef_` alone would be ignored later on."""
    result._standard_coef = mean_of("_standard_coef")
    result._standard_intercept = mean_of("_standard_intercept")
    result._average_coef = mean_of("_average_coef")
    result._average_intercept = mean_of("_average_intercept")
    # The very same arrays, as scikit-learn itself has it.
    result.coef_ = result._average_coef
    result.intercept_ = result._average_intercept


def _set_counters(result: Any, models: list[Any]) -> None:
    result.n_features_in_ = models[0].n_features_in_
    if hasattr(models[0], "feature_names_in_"):
        result.feature_names_in_ = models[0].feature_names_in_.copy()
    if hasattr(models[0], "n_iter_"):
        n_iter = np.max([model.n_iter_ for model in models], axis=0)
        result.n_iter_ = n_iter if n_iter.ndim else n_iter.item()
    if hasattr(models[0], "t_"):
        result.t_ = 1.0 + sum(model.t_ - 1.0 for model in models)


def _rows_of(own: NDArray[Any], union: NDArray[Any]) -> list[tuple[int, float] | None]:
    """For every row of the merged coefficients, the row and sign that give it."""
    if len(own) == len(union):
        n_rows = 1 if len(union) == 2 else len(union)
        return [(row, 1.0) for row in range(n_rows)]
    shares: list[tuple[int, float] | None] = [None] * len(union)
    positions = np.searchsorted(union, own)
    if len(own) == 2:
        # One row tells the two classes apart; as one against the rest it is the
        # second's row, and with the sign turned the first's.
        shares[positions[0]] = (0, -1.0)
        shares[positions[1]] = (0, 1.0)
    else:
        for row, position in enumerate(positions):
            shares[position] = (row, 1.0)
    return shares


def _weights_by_row(
    models: list[Any],
    union: NDArray[Any],
    shares: list[list[tuple[int, float] | None]],
    weights: NDArray[np.float64],
    seen: list[NDArray[Any]] | None,
) -> NDArray[np.float64]:
    """Return the say of each model in each row, shape (n_models, n_rows)."""
    knows = np.array([[share is not None for share in model] for model in shares])
    by_row: NDArray[np.float64] = np.where(knows, weights[:, np.newaxis], 0.0)
    if seen is not None:
        saw = np.array([np.isin(union, labels) for labels in seen])
        if knows.shape[1] == 1:
            saw = np.asarray(saw.all(axis=1, keepdims=True))
        informed = np.where(saw, by_row, 0.0)
        by_row = np.asarray(np.where(informed.any(axis=0), informed, by_row))
    mute = np.flatnonzero(~by_row.any(axis=0))
    if len(mute):
        raise NotMergeableError(
            f"class {union[mute[0]].item()!r} is known only to estimators of weight "
            "0; give one of them a weight, or leave these estimators out"
        )
    kind = type(models[0])
    is_joint = kind is linear_model.LogisticRegression or (
        kind is LinearSVC and models[0].multi_class == "crammer_singer"
    )
    if is_joint and (by_row != by_row[:, :1]).any():
        raise NotMergeableError(
            f"{kind.__name__} models of different classes cannot be merged: the "
            "coefficients of a class depend on the other classes; give every "
            'partition rows of all classes, or use SGDClassifier with loss="log_loss" '
            'or "hinge"'
        )
    return by_row


def _mean(
    tables: list[NDArray[Any]],
    shares: list[list[tuple[int, float] | None]],
    by_row: NDArray[np.float64],
) -> NDArray[Any]:
    """Return the mean of tables, one row per class, in a new array.

    It is added up in float64, whatever the models hold, and one row at a time, so
    that the working memory is one row.
    """
    n_rows = by_row.shape[1]
    n_columns = tables[0].shape[1]
    mean = np.empty((n_rows, n_columns), dtype=np.result_type(*tables))
    for row in range(n_rows):
        total = np.zeros(n_columns)
        for table, share, weight in zip(tables, shares, by_row[:, row], strict=True):
            source = share[row]
            if source is not None and weight > 0:
                number, sign = source
                total += (sign * weight) * table[number]
        mean[row] = total
    return mean


def _as_rows(coef: Any) -> NDArray[Any]:
    if sparse.issparse(coef):  # after sparsify()
        coef = coef.toarray()
    return np.atleast_2d(coef)
