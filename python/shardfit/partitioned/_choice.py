"""Which way of training suits an estimator: the meaning of `merge="auto"`."""

from __future__ import annotations

from typing import Any, Literal

from shardfit.exceptions import NotMergeableError
from shardfit.merging import mergeability
from shardfit.merging._linear import AVERAGED
from shardfit.partitioned._solver import supports_exact

__all__ = ["Method", "choose_method", "mixes"]

Method = Literal["solve", "exact", "mix", "average", "union"]
"""How the partitions become one estimator.

"solve": the partitions add up gradients, for the optimum of all rows. "exact": fitted
once and merged exactly. "mix": averaged after every epoch. "average": averaged once.
"union": all members in one ensemble.
"""


def choose_method(estimator: Any, merge: str) -> Method:
    """Return the way to train an estimator on partitions.

    Parameters
    ----------
    estimator : estimator
        Not fitted. The last step, if it is a pipeline.
    merge : {"auto", "average", "mix", "exact", "union"}
        What the user asked for.

    Returns
    -------
    Method

    Raises
    ------
    NotMergeableError
        If the estimator cannot be trained in that way, with those that it can.
    """
    possible = _possible_methods(estimator)
    if merge == "auto" and possible:
        return possible[0]
    for method in possible:
        if merge == ("exact" if method == "solve" else method):
            return method
    raise NotMergeableError(_refusal(estimator, merge, possible))


def _possible_methods(estimator: Any) -> list[Method]:
    """List the ways, the best one first."""
    kind = mergeability(estimator).kind
    possible: list[Method] = []
    if kind == "exact":
        possible.append("exact")
    elif supports_exact(estimator) is None:
        possible.append("solve")
    if kind == "average" or (kind == "no" and _is_balanced(estimator)):
        if mixes(estimator):
            possible.append("mix")
        possible.append("average")
    if kind == "union":
        possible.append("union")
    return possible


def mixes(estimator: Any) -> bool:
    """Tell whether a model can be trained epoch by epoch from a given state."""
    return type(estimator) in AVERAGED and hasattr(estimator, "partial_fit")


def _is_balanced(estimator: Any) -> bool:
    """Tell whether only the weights of its classes keep a linear model from merging.

    They are computed for all rows here, and the partitions have them as numbers.
    """
    return (
        type(estimator) in AVERAGED
        and getattr(estimator, "class_weight", None) == "balanced"
        and getattr(estimator, "average", False) in (False, True)
    )


def _refusal(estimator: Any, merge: str, possible: list[Method]) -> str:
    name = type(estimator).__name__
    answer = mergeability(estimator)
    if not possible:
        return (
            f"{name} cannot be trained on partitions: {answer.reason}; {answer.remedy}"
        )
    choices = " or ".join(
        f'merge="{"exact" if method == "solve" else method}"' for method in possible
    )
    reason = answer.reason
    if merge == "exact":
        reason = supports_exact(estimator) or reason
    elif merge == "mix":
        reason = "only SGD models train epoch by epoch from a given state"
    return f'merge="{merge}" is not possible for {name}: {reason}; use {choices}'
