"""Models trained on the columns of their part, carried over to those of the whole."""

from __future__ import annotations

from copy import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.naive_bayes import BernoulliNB, ComplementNB, MultinomialNB
from sklearn.utils.validation import check_is_fitted

from shardfit.exceptions import NotMergeableError
from shardfit.merging._linear import AVERAGED, Columns, merge_linear
from shardfit.merging._spaces import ONE_FIT, Change
from shardfit.merging._steps import merge_step

__all__ = ["can_carry", "carry_linear", "carry_target", "merge_carried"]

_COUNTING = (MultinomialNB, BernoulliNB, ComplementNB)
_COEFFICIENTS = ("coef_", "_standard_coef", "_average_coef")
_INTERCEPTS = {
    "intercept_": "coef_",
    "_standard_intercept": "_standard_coef",
    "_average_intercept": "_average_coef",
}


def can_carry(model: Any, found: list[Change]) -> bool:
    """Tell whether models like this one can be carried over.

    Parameters
    ----------
    model : estimator
    found : list of Change
    """
    if type(model) in AVERAGED:
        return True
    return type(model) in _COUNTING and all(
        change.is_selection and change.is_complete for change in found
    )


def merge_carried(
    name: str,
    models: list[Any],
    found: list[Change],
    weights: NDArray[np.float64] | None,
    seen: list[NDArray[Any]] | None,
) -> Any:
    """Merge models, each trained on the columns of its part.

    Parameters
    ----------
    name : str
        Their name, for messages.
    models : list of fitted estimators
    found : list of Change
        How the columns of each are made of the merged ones.
    weights : ndarray of shape (n_models,) or (n_models, n_features) or None
    seen : list of ndarray or None
        The labels that each really saw.

    Returns
    -------
    estimator
        A new one, for the merged columns.

    Raises
    ------
    NotMergeableError
        If the models depend on the columns in a way that does not carry over.
    """
    if not can_carry(models[0], found):
        raise NotMergeableError(
            f"step {name!r}, {type(models[0]).__name__}, was trained on columns that "
            f"differ between the parts, and does not carry over; {ONE_FIT}"
        )
    for model in models:
        check_is_fitted(model)
    has_moved = any(change.positions is not None for change in found)
    if type(models[0]) in _COUNTING:
        pairs = zip(models, found, strict=True)
        return merge_step(name, [_expanded(*pair) for pair in pairs], weights, seen)
    if has_moved and weights is not None and weights.ndim == 2:
        raise NotMergeableError(
            f"weights by feature do not fit step {name!r}, whose columns differ "
            "between the parts; give one weight per part"
        )
    carried = [
        carry_linear(model, change) for model, change in zip(models, found, strict=True)
    ]
    is_counted = all(change.counts is not None for change in found)
    if not has_moved and (
        not is_counted or (weights is not None and weights.ndim == 2)
    ):
        return merge_step(name, carried, weights, seen)
    rows = np.ones(len(models)) if weights is None else weights
    columns = _columns(models, found, rows)
    return merge_linear(carried, weights, seen, columns=columns)


def _columns(
    models: list[Any], found: list[Change], rows: NDArray[np.float64]
) -> Columns:
    """Return where the columns of each model are, and how much each weighs."""
    # Counts and rows are of one unit only where counts are known for all.
    is_counted = all(change.counts is not None for change in found)
    positions: list[NDArray[np.intp] | slice] = []
    counts = []
    for model, change, weight in zip(models, found, rows, strict=True):
        own = np.full(model.n_features_in_, weight)
        if is_counted and change.counts is not None:
            own = change.counts
        kept = _kept(change)
        positions.append(
            slice(None) if change.positions is None else change.positions[kept]
        )
        counts.append(own[kept])
    return Columns(found[0].n_columns, positions, counts)


def _kept(change: Change) -> Any:
    """Return which columns of a part the whole has."""
    return slice(None) if change.positions is None else change.positions >= 0


def carry_linear(model: Any, change: Change) -> Any:
    """Return a linear model that does to merged columns what one did to its part's.

    Parameters
    ----------
    model : fitted linear model
    change : Change
        How the columns of its part are made of the merged ones.

    Returns
    -------
    estimator
        A copy with new arrays; of its columns those that the whole has.
    """
    carried = copy(model)
    kept = _kept(change)
    vars(carried).pop("feature_names_in_", None)
    for name, source in _INTERCEPTS.items():
        if name in vars(model):
            moved = _moved_by(getattr(model, source), change)
            setattr(carried, name, _added(getattr(model, name), moved))
    if "offset_" in vars(model):
        moved = _moved_by(model.coef_, change)
        carried.offset_ = _added(model.offset_, None if moved is None else -moved)
    for name in _COEFFICIENTS:
        if name in vars(model):
            coef = _dense(getattr(model, name))
            if change.scale is not None:
                coef = (coef * change.scale).astype(coef.dtype)
            setattr(carried, name, coef[..., kept].copy())
    return carried


def _dense(coef: Any) -> NDArray[Any]:
    dense: NDArray[Any] = coef.toarray() if sparse.issparse(coef) else coef
    return dense


def _moved_by(coef: Any, change: Change) -> NDArray[Any] | None:
    """Return what the shifts of all columns add to the decisions."""
    if change.shift is None:
        return None
    return np.atleast_1d(_dense(coef) @ change.shift)


def _added(intercept: Any, moved: NDArray[Any] | None) -> Any:
    if moved is None:
        return intercept
    # Some models without intercept have a plain 0.0 instead.
    own = np.atleast_1d(intercept)
    return (own + moved).astype(own.dtype)


def _expanded(model: Any, change: Change) -> Any:
    """Return a naive Bayes model that has seen none of the columns it did not have."""
    if change.positions is None:
        return model
    expanded = copy(model)
    vars(expanded).pop("feature_names_in_", None)
    expanded.n_features_in_ = change.n_columns
    for name in ("feature_count_", "feature_log_prob_", "feature_all_"):
        if name in vars(model):
            own = getattr(model, name)
            wide = np.zeros((*own.shape[:-1], change.n_columns), dtype=own.dtype)
            kept = _kept(change)
            wide[..., change.positions[kept]] = own[..., kept]
            setattr(expanded, name, wide)
    return expanded


def carry_target(model: Any, change: Change) -> Any:
    """Return a linear regressor of merged targets from one of its part's targets.

    Parameters
    ----------
    model : fitted linear regressor
    change : Change
        How the one target of its part is made of the merged one.

    Returns
    -------
    estimator
        A copy with new arrays.
    """
    carried = copy(model)
    scale = np.ones(1) if change.scale is None else change.scale
    shift = np.zeros(1) if change.shift is None else change.shift
    for name in _COEFFICIENTS:
        if name in vars(model):
            coef = _dense(getattr(model, name))
            setattr(carried, name, (coef / scale).astype(coef.dtype))
    for name in _INTERCEPTS:
        if name in vars(model):
            own = np.atleast_1d(getattr(model, name))
            setattr(carried, name, ((own - shift) / scale).astype(own.dtype))
    return carried
