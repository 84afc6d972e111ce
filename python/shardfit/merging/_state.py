"""What every merged estimator has, whatever its class."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from shardfit.exceptions import NotMergeableError

__all__ = ["blank_copy", "rows_of", "union_of_classes"]


def blank_copy(estimator: Any) -> Any:
    """Return a copy with the parameters and features of an estimator, and no more.

    Parameters
    ----------
    estimator : fitted estimator

    Returns
    -------
    estimator
        Not fitted, but with ``n_features_in_`` and ``feature_names_in_``.
    """
    copy = clone(estimator)
    if "n_features_in_" in vars(estimator):
        copy.n_features_in_ = estimator.n_features_in_
    if "feature_names_in_" in vars(estimator):
        copy.feature_names_in_ = estimator.feature_names_in_.copy()
    return copy


def rows_of(weights: NDArray[Any] | None, estimators: list[Any]) -> NDArray[np.float64]:
    """Return the weight of each estimator, 1 where none was given.

    Parameters
    ----------
    weights : ndarray of shape (n_estimators,) or None
    estimators : list

    Returns
    -------
    ndarray of shape (n_estimators,)
    """
    if weights is None:
        return np.ones(len(estimators))
    return np.asarray(weights, dtype=np.float64)


def union_of_classes(classes: list[NDArray[Any]], *, at_least: int = 1) -> NDArray[Any]:
    """Return all labels that classifiers know, sorted, in a new array.

    Parameters
    ----------
    classes : list of ndarray
        The ``classes_`` of each.
    at_least : int, default=1
        How many classes each must know.

    Returns
    -------
    ndarray of shape (n_classes,)

    Raises
    ------
    NotMergeableError
        If the labels of two are of different kinds, or those of one are too few or
        not in order.
    """
    for number, labels in enumerate(classes):
        if labels.dtype.kind != classes[0].dtype.kind:
            raise NotMergeableError(
                f"the labels of estimator 0 are {classes[0].dtype} and those of "
                f"estimator {number} are {labels.dtype}; fit all on labels of one type"
            )
        if not np.array_equal(np.unique(labels), labels):
            raise NotMergeableError(
                f"classes_ of estimator {number} must be in order, each once and none "
                f"of them NaN, got {labels.tolist()!r:.100}; fit it anew"
            )
        if len(labels) < at_least:
            raise NotMergeableError(
                f"estimator {number} knows the class {labels.tolist()} only; "
                "leave it out, or fit it with partial_fit(X, y, classes=...)"
            )
    try:
        return np.unique(np.concatenate(classes))
    except TypeError as error:
        raise NotMergeableError(
            f"the labels of all estimators together have no order: {error}; fit all "
            "on labels of one type"
        ) from error
