"""Which classes merge, how, and by whose code: the table that `merge` looks into.

Every other file of this room that knows how to merge something exports ``RULES``, a
dict from class to `Rule`, and `_merge` puts them together. Classes are looked up
themselves, never through their base classes: a subclass may keep state of which its
base knows nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

from numpy.typing import NDArray

__all__ = ["Kind", "Mergeability", "Merger", "Rule", "always"]

Kind = Literal["exact", "average", "union", "no"]
Weights = Literal["say", "features", "rows", "values", "own", "none"]


class Mergeability(NamedTuple):
    """Whether estimators merge, and how well.

    Attributes
    ----------
    kind : {"exact", "average", "union", "no"}
        "exact": the same estimator as from all rows at once, up to rounding.
        "average": a mean of models, near to one model of all rows. "union": an
        ensemble with the members of all. "no": `merge` refuses.
    reason : str
        Why.
    remedy : str
        What to do, or to give to `merge`, empty if there is nothing to say.
    """

    kind: Kind
    reason: str
    remedy: str = ""


class Merger(Protocol):
    """Code that joins estimators which are known to be alike."""

    def __call__(
        self,
        estimators: list[Any],
        weights: NDArray[Any] | None,
        classes: list[NDArray[Any]] | None,
        /,
    ) -> Any:
        """Return a new estimator that shares no memory with the others.

        Parameters
        ----------
        estimators : list of fitted estimators
            At least one; of one class and alike as `merge` checks it.
        weights : ndarray of shape (n_estimators,) or (n_estimators, n_features) or None
            As given to `merge`, of float64; no row is all 0. None if not given.
        classes : list of ndarray or None
            The labels that each estimator really saw, part of its ``classes_``.
        """


@dataclass(frozen=True)
class Rule:
    """How estimators of one class merge.

    Parameters
    ----------
    merge : callable
        See `Merger`. It is not called if `judge` says "no".
    judge : callable
        Takes an estimator, fitted or not, and returns its `Mergeability`, which may
        depend on its parameters.
    free_parameters : sequence of str
        Parameters that may differ between the estimators, beyond those that only
        steer how one fit runs.
    weights : {"say", "features", "rows", "values", "own", "none"}
        What the weights of `merge` are: "say", one number per estimator, how much it
        counts; "features", the same, or one per estimator and feature; "rows", the
        number of rows of each, which must be given; "values", the number of values that
        are not missing for each feature, which must be given; "own", nothing, as the
        estimators know their number of rows; "none", nothing, and weights that differ
        are refused. Only "features" and "values" see two dimensions. What must be given
        need not be where the remedy of `judge` is empty.
    takes_classes : bool
        Whether `merge` may be told the labels that each estimator saw.
    needs_fit : bool
        Whether there is anything to fit: hashing learns nothing.
    """

    merge: Merger
    judge: Callable[[Any], Mergeability]
    free_parameters: Sequence[str] = ()
    weights: Weights = "say"
    takes_classes: bool = False
    needs_fit: bool = True


def always(kind: Kind, reason: str, remedy: str = "") -> Callable[[Any], Mergeability]:
    """Return a judge for a class whose parameters do not matter."""
    mergeability = Mergeability(kind, reason, remedy)
    return lambda estimator: mergeability
