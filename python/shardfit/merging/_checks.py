"""What must hold before estimators may be merged at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pickle import PicklingError
from typing import Any

import numpy as np
from joblib import hash as fingerprint

from shardfit.exceptions import NotMergeableError

__all__ = ["check_alike", "is_same"]

# Parameters that steer how one fit runs and not what the fitted state means.
_FREE_PARAMETERS = frozenset(
    {
        "copy",
        "copy_X",
        "early_stopping",
        "max_iter",
        "n_iter_no_change",
        "n_jobs",
        "random_state",
        "shuffle",
        "tol",
        "validation_fraction",
        "verbose",
        "warm_start",
    }
)


def check_alike(models: list[Any], *, free: Sequence[str] = ()) -> None:
    """Refuse estimators whose fitted state does not mean the same thing.

    Parameters
    ----------
    models : list of fitted estimators
        All of one class.
    free : sequence of str
        Names of further parameters that may differ.

    Raises
    ------
    NotMergeableError
        If features, their names, or parameters differ.
    """
    first = models[0]
    for number, model in enumerate(models):
        _check_parameters(first, model, number, _FREE_PARAMETERS | set(free))
        _check_features(first, model, number)
        _check_feature_names(first, model, number)


def _check_features(first: Any, model: Any, number: int) -> None:
    ours, theirs = (getattr(one, "n_features_in_", None) for one in (first, model))
    if ours != theirs:
        raise NotMergeableError(
            f"estimator 0 has {ours} features and estimator {number} has {theirs}; "
            "fit all on the same features"
        )


def _check_feature_names(first: Any, model: Any, number: int) -> None:
    names = getattr(first, "feature_names_in_", None)
    others = getattr(model, "feature_names_in_", None)
    if names is None and others is None:
        return
    if names is None or others is None:
        raise NotMergeableError(
            f"estimator 0 was fitted {'with' if names is not None else 'without'} "
            f"feature names and estimator {number} "
            f"{'with' if others is not None else 'without'} them; fit all alike"
        )
    different = np.flatnonzero(names != others)
    if len(different):
        at = different[0]
        raise NotMergeableError(
            f"feature {at} is {names[at]!r} in estimator 0 and {others[at]!r} in "
            f"estimator {number}; fit all on the same columns in the same order"
        )


def _check_parameters(
    first: Any, model: Any, number: int, free: frozenset[str]
) -> None:
    ours, theirs = first.get_params(), model.get_params()
    for name in sorted(ours.keys() | theirs.keys()):
        if name in free or name.rpartition("__")[2] in free:
            continue
        if not is_same(ours.get(name), theirs.get(name)):
            raise NotMergeableError(
                f"{name} is {ours.get(name)!r} in estimator 0 and "
                f"{theirs.get(name)!r} in estimator {number}; fit all with the same "
                "parameters"
            )


def is_same(one: Any, other: Any) -> bool:
    """Tell whether two parameters mean the same.

    Estimators do if they are of one class: their own parameters are compared under
    their own names.
    """
    if one is other:
        return True
    if hasattr(one, "get_params") and not isinstance(one, type):
        return type(one) is type(other)
    if isinstance(one, Mapping):
        return (
            isinstance(other, Mapping)
            and one.keys() == other.keys()
            and all(is_same(one[key], other[key]) for key in one)
        )
    if isinstance(one, list | tuple):
        return (
            isinstance(other, list | tuple)
            and len(one) == len(other)
            and all(map(is_same, one, other))
        )
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return np.shape(one) == np.shape(other) and all(
            map(is_same, np.ravel(one).tolist(), np.ravel(other).tolist())
        )
    if bool(one == other) or (_is_nan(one) and _is_nan(other)):
        return True
    # Objects that came from other processes are equal if they pickle to the same.
    with suppress(PicklingError, AttributeError, TypeError):
        return type(one) is type(other) and fingerprint(one) == fingerprint(other)
    return False


def _is_nan(value: Any) -> bool:
    """Tell whether a parameter is NaN, a common value of `missing_values`."""
    return isinstance(value, float) and bool(np.isnan(value))
