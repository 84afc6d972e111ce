"""Partitions of rows become one fitted estimator, in one of five ways."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import clone
from sklearn.ensemble._base import _set_random_states
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC, LinearSVR

from shardfit.merging import merge
from shardfit.merging._linear import AVERAGED, merge_linear
from shardfit.parallel import Rounds
from shardfit.partitioned._mixing import Mixture
from shardfit.partitioned._narrowing import narrow
from shardfit.partitioned._parts import Part
from shardfit.partitioned._tasks import Tasks

__all__ = ["Plan", "average", "exact", "mix", "union"]

_SEEDS = np.iinfo(np.int32).max


@dataclass(frozen=True)
class Plan:
    """What all ways of training need to know.

    Parameters
    ----------
    estimator : estimator
        Not fitted, with the parameters that the partitions train with.
    classes : ndarray of shape (n_classes,) or None
        All labels, or None if it is no classifier.
    weights : {"auto", "df", "rows", "uniform"}
        How much each partition counts.
    rng : RandomState
        Where all seeds come from.
    tasks : Tasks
        Runs them.
    """

    estimator: Any
    classes: NDArray[Any] | None
    weights: str
    rng: np.random.RandomState
    tasks: Tasks

    def weighs_features(self, parts: Sequence[Part]) -> bool:
        """Tell whether every feature has weights of its own."""
        is_sparse = all(sparse.issparse(part.X) for part in parts)
        if self.weights == "df" and not is_sparse:
            raise ValueError(
                'weights="df" counts the rows that hold each feature, so X must be a '
                'sparse matrix; use weights="rows" for dense ones'
            )
        return self.weights == "df" or (self.weights == "auto" and is_sparse)

    def weights_of(self, parts: Sequence[Part]) -> NDArray[np.float64]:
        """Return how much each partition counts as a whole."""
        if self.weights == "uniform":
            return np.ones(len(parts))
        return np.array([part.weight for part in parts])

    def seeds(self, n_seeds: int) -> list[int]:
        """Return seeds that no other task has."""
        return [int(seed) for seed in self.rng.randint(_SEEDS, size=n_seeds)]

    def fit_each(self, parts: Sequence[Part], models: Sequence[Any]) -> list[Any]:
        """Fit one model to each partition, each with a seed of its own."""
        for model, seed in zip(models, self.seeds(len(parts)), strict=True):
            _set_random_states(model, np.random.RandomState(seed))
        is_liblinear = uses_liblinear(self.estimator)
        return self.tasks(
            fit_alone if is_liblinear else Part.fit,
            list(zip(parts, models, strict=True)),
            prefer="processes" if is_liblinear else "threads",
        )


def uses_liblinear(estimator: Any) -> bool:
    """Tell whether LIBLINEAR fits an estimator."""
    return isinstance(estimator, LinearSVC | LinearSVR) or (
        isinstance(estimator, LogisticRegression) and estimator.solver == "liblinear"
    )


# Its random numbers come from one generator for the whole process: threads that fit
# side by side would take them from each other, and no fit could be repeated.
_LIBLINEAR = Lock()


def fit_alone(part: Part, estimator: Any) -> Any:
    """Fit an estimator while no other thread does: the task that workers run."""
    with _LIBLINEAR:
        return part.fit(estimator)


def exact(plan: Plan, parts: Sequence[Part]) -> Any:
    """Fit estimators that merge exactly."""
    models = plan.fit_each(parts, [clone(plan.estimator) for _ in parts])
    return merge(models, weights=[part.weight for part in parts])


def average(plan: Plan, parts: Sequence[Part]) -> Any:
    """Fit linear models and average them once."""
    if not (type(plan.estimator) in AVERAGED and plan.weighs_features(parts)):
        models = plan.fit_each(parts, [clone(plan.estimator) for _ in parts])
        return merge(models, weights=plan.weights_of(parts))
    narrowed, narrowing = narrow(parts)
    models = plan.fit_each(narrowed, [clone(plan.estimator) for _ in parts])
    weights = plan.weights_of(parts)
    return narrowing.widen(merge_linear(models, weights, None, narrowing.columns))


def mix(plan: Plan, parts: Sequence[Part], n_epochs: int, *, only_once: bool) -> Any:
    """Train SGD models epoch by epoch, and average them after each or after the last.

    Parameters
    ----------
    plan : Plan
    parts : sequence of Part
    n_epochs : int
    only_once : bool
        Whether they are averaged after the last epoch only.

    Returns
    -------
    estimator
    """
    mixture = Mixture(
        plan.estimator,
        parts,
        plan.classes,
        by_feature=plan.weighs_features(parts),
        weights=plan.weights_of(parts),
    )
    # An epoch may be short, so that the workers had better stay.
    with Rounds(len(parts), n_jobs=plan.tasks.n_jobs) as rounds:
        for epoch in range(n_epochs):
            mixture.train(plan.seeds(len(parts)), rounds)
            plan.tasks.advance(len(parts))
            if epoch + 1 < n_epochs and not only_once:
                mixture.mix()
    return mixture.result()


def union(plan: Plan, parts: Sequence[Part]) -> Any:
    """Fit ensembles and unite them; together they have as many members as one."""
    models = [clone(plan.estimator) for _ in parts]
    if hasattr(plan.estimator, "n_estimators"):
        for model, share in zip(models, shares_of(plan.estimator, parts), strict=True):
            model.set_params(n_estimators=share)
    weights = None if plan.weights == "auto" else plan.weights_of(parts)
    return merge(plan.fit_each(parts, models), weights=weights)


def shares_of(estimator: Any, parts: Sequence[Part]) -> list[int]:
    """Return how many members each partition grows."""
    n_members, n_parts = estimator.n_estimators, len(parts)
    if n_members < n_parts:
        raise ValueError(
            f"n_estimators={n_members} is less than n_partitions={n_parts}, and each "
            "partition grows at least one; raise one or lower the other"
        )
    return [
        n_members // n_parts + (number < n_members % n_parts)
        for number in range(n_parts)
    ]
