"""The members of ensembles of one class, and the lists that must stay in step.

An ensemble keeps more than one list with an entry per member. Where one of them is
forgotten, scikit-learn goes by the shortest, and says nothing.
"""

from __future__ import annotations

import warnings
from copy import deepcopy
from itertools import chain
from typing import Any

import joblib
import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.ensemble import RandomTreesEmbedding
from sklearn.preprocessing import OneHotEncoder

from shardfit.exceptions import NotMergeableError
from shardfit.merging._state import blank_copy
from shardfit.merging._trees import is_same_tree, leaves_of, scaled_tree, weight_of

__all__ = ["check_outputs", "picked_members", "set_members", "warn_of_twins"]

# Beside `estimators_`, whose entries may be shared, these hold an entry per member.
_LISTS = (
    "estimators_features_",
    "_decision_path_lengths",
    "_average_path_length_per_tree",
)


def set_members(result: Any, models: list[Any], members: list[list[Any]]) -> None:
    """Give an ensemble the members of others.

    Parameters
    ----------
    result : ensemble
        Gets all attributes that belong to its members.
    models : list of fitted ensembles
        Where the members come from.
    members : list of list of estimators
        For each model its members, as they shall be in the result.
    """
    result.estimators_ = list(chain.from_iterable(members))
    result.n_estimators = len(result.estimators_)
    result.estimator_ = clone(models[0].estimator_)
    for name in _LISTS:
        if name in vars(models[0]):
            kind = type(getattr(models[0], name))
            entries = chain.from_iterable(getattr(model, name) for model in models)
            setattr(result, name, kind(entry.copy() for entry in entries))
    if isinstance(result, RandomTreesEmbedding):
        _set_encoder(result)


def picked_members(model: Any, numbers: NDArray[np.intp]) -> Any:
    """Return a new ensemble of some members of one.

    Parameters
    ----------
    model : fitted ensemble
    numbers : ndarray of shape (n_picked,)
        Which, ascending.

    Returns
    -------
    ensemble
        It shares the members, unless their weights differ: then they are scaled so
        that the weights of those picked are 1 in the mean.
    """
    n_members = len(model.estimators_)
    result = blank_copy(model)
    result.n_estimators = len(numbers)
    for name, value in vars(model).items():
        if name in vars(result) or name.startswith("oob_"):
            continue
        if name in _LISTS:
            setattr(
                result, name, type(value)(value[number].copy() for number in numbers)
            )
        elif name == "_seeds":
            # After a warm start, these are the seeds of the last members only.
            if len(value) == n_members:
                result._seeds = value[numbers]
        elif name != "estimators_":
            setattr(result, name, deepcopy(value))
    result.estimators_ = [model.estimators_[number] for number in numbers]
    mean = sum(map(weight_of, result.estimators_)) / len(numbers)
    if not np.isclose(mean, 1.0, rtol=1e-12, atol=0.0):
        result.estimators_ = [scaled_tree(one, 1 / mean) for one in result.estimators_]
    if isinstance(result, RandomTreesEmbedding):
        _set_encoder(result)
    return result


def _set_encoder(forest: Any) -> None:
    """Fit the encoder of a RandomTreesEmbedding to the leaves of its trees."""
    leaves = [leaves_of(tree) for tree in forest.estimators_]
    most = max(map(len, leaves))
    # One row per leaf; a tree with fewer leaves repeats its last one.
    table = np.array([np.pad(own, (0, most - len(own)), mode="edge") for own in leaves])
    forest.one_hot_encoder_ = OneHotEncoder(sparse_output=forest.sparse_output)
    forest.one_hot_encoder_.fit(table.T.astype(np.int64))
    forest._n_features_out = sum(map(len, leaves))


def check_outputs(models: list[Any]) -> None:
    """Refuse ensembles whose members predict different numbers of targets.

    Parameters
    ----------
    models : list of fitted ensembles

    Raises
    ------
    NotMergeableError
    """
    first = _n_outputs(models[0])
    for number, model in enumerate(models):
        if _n_outputs(model) != first:
            raise NotMergeableError(
                f"estimator 0 predicts {first} targets and estimator {number} "
                f"{_n_outputs(model)}; fit all on the same targets"
            )


def _n_outputs(model: Any) -> int:
    return int(getattr(model.estimators_[0], "n_outputs_", 1))


def warn_of_twins(models: list[Any]) -> None:
    """Warn if two ensembles hold the same members, which then count twice.

    Parameters
    ----------
    models : list of fitted ensembles
        To be called by mergers themselves: the warning points to who called `merge`.

    Warns
    -----
    UserWarning
    """
    owners: dict[int, tuple[int, Any]] = {}
    twins: dict[tuple[int, int], int] = {}
    for number, model in enumerate(models):
        for seed, member in _seeded(model):
            owner, other = owners.setdefault(seed, (number, member))
            if owner != number and _is_same(other, member):
                twins[owner, number] = twins.get((owner, number), 0) + 1
    if twins:
        (one, other), count = next(iter(twins.items()))
        warnings.warn(
            f"{count} members of estimator {other} are in estimator {one} as well, and "
            "count twice: both were fitted on the same rows with the same "
            "random_state; give every one its own",
            UserWarning,
            stacklevel=4,
        )


def _seeded(model: Any) -> list[tuple[int, Any]]:
    """List the members that chance has shaped, each with its seed."""
    seeds = [getattr(member, "random_state", None) for member in model.estimators_]
    own = getattr(model, "_seeds", ())
    if len(own) == len(seeds):
        seeds = list(own)
    pairs = zip(seeds, model.estimators_, strict=True)
    return [(int(seed), member) for seed, member in pairs if seed is not None]


def _is_same(one: Any, other: Any) -> bool:
    if hasattr(one, "tree_") and hasattr(other, "tree_"):
        return is_same_tree(one, other)
    return bool(joblib.hash(one) == joblib.hash(other))
