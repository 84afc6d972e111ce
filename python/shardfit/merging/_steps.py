"""The steps of a composition: each is merged, or judged, by the rule of its class."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from shardfit import merging  # Its door needs the rules made of these steps.
from shardfit.exceptions import NotMergeableError
from shardfit.merging._rules import Mergeability

__all__ = ["is_step", "judge_steps", "merge_step"]

_FROM_WORST = ("no", "union", "average", "exact")

Steps = list[tuple[str, Any]]


def is_step(estimator: Any) -> bool:
    """Tell whether a step is an estimator, not "passthrough", "drop" or None."""
    return estimator is not None and not isinstance(estimator, str)


def judge_steps(steps: Steps) -> Mergeability:
    """Return the mergeability of the worst step, with its name.

    Parameters
    ----------
    steps : list of (str, estimator)

    Returns
    -------
    Mergeability
    """
    judged = [
        (name, step, merging.mergeability(step))
        for name, step in steps
        if is_step(step)
    ]
    if not judged:
        return Mergeability("exact", "it has no step that learns anything")
    name, step, worst = min(judged, key=lambda one: _FROM_WORST.index(one[2].kind))
    reason = f"its step {name!r}, {type(step).__name__}: {worst.reason}"
    if worst.kind == "no":
        remedy = worst.remedy
        if "fit it once" in remedy:
            remedy += "; sklearn.frozen.FrozenEstimator keeps it as it is"
        return Mergeability("no", reason, remedy)
    remedies = {
        f"{name!r}: {answer.remedy}" for name, _, answer in judged if answer.remedy
    }
    return Mergeability(worst.kind, reason, "; ".join(sorted(remedies)))


def merge_step(
    name: str,
    models: list[Any],
    weights: NDArray[np.float64] | None,
    seen: list[NDArray[Any]] | None = None,
) -> Any:
    """Merge one step of several compositions.

    Parameters
    ----------
    name : str
        Its name, for messages.
    models : list of fitted estimators
        The step in each composition.
    weights : ndarray of shape (n_models,) or (n_models, n_features) or None
        As given for the compositions; a step gets those that it can use.
    seen : list of ndarray, optional
        The labels that each really saw.

    Returns
    -------
    estimator
        A new one.
    """
    try:
        return merging.merge(models, weights=_usable(models, weights), classes=seen)
    except NotMergeableError as error:
        raise NotMergeableError(f"step {name!r}: {error}") from error


def _usable(
    models: list[Any], weights: NDArray[np.float64] | None
) -> NDArray[np.float64] | None:
    rule = merging._merge._rule_of(models)
    if rule.weights == "values" and not rule.judge(models[0]).remedy:
        return np.ones((len(models), models[0].n_features_in_))  # it does not need them
    if weights is None or rule.weights in ("own", "none"):
        return None
    if weights.ndim == 1:
        return None if rule.weights == "values" else weights
    if rule.weights not in ("features", "values"):
        return None
    n_features = getattr(models[0], "n_features_in_", weights.shape[1])
    if weights.shape[1] == n_features:
        return weights
    # They are of the features before other steps.
    raise NotMergeableError(
        f"weights has {weights.shape[1]} columns, and {type(models[0]).__name__} has "
        f"{n_features} features; give one weight per part"
    )
