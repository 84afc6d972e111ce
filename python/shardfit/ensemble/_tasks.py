"""Who grows which trees, on which rows, from which seed.

All of this follows from the parameters alone, so that the forest does not depend on
how many workers there are, nor on which of them is the fastest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone, is_classifier
from sklearn.ensemble import BaggingClassifier, BaggingRegressor, IsolationForest
from sklearn.utils import _safe_indexing, check_array, check_random_state

__all__ = ["Rows", "cut", "grow_trees", "spawn_seeds", "task_forest", "trees_by_task"]

_AUTO_SAMPLES = 256  # what max_samples="auto" of IsolationForest is at most


@dataclass(frozen=True)
class Rows:
    """Rows to grow trees on.

    Parameters
    ----------
    X : array-like of shape (n_rows, n_features)
    y : array-like of shape (n_rows,) or (n_rows, n_outputs) or None
    sample_weight : array-like of shape (n_rows,) or None
    """

    X: Any
    y: Any
    sample_weight: Any

    def __len__(self) -> int:
        return int(self.X.shape[0]) if hasattr(self.X, "shape") else len(self.X)

    def at(self, numbers: NDArray[np.intp]) -> Rows:
        """Return some of the rows."""
        values = (self.X, self.y, self.sample_weight)
        return Rows(
            *(None if one is None else _safe_indexing(one, numbers) for one in values)
        )

    def for_trees_of(self, forest: Any) -> Rows:
        """Return the rows as trees take them, so that not every task converts them."""
        is_plain = isinstance(self.X, np.ndarray) or sparse.issparse(self.X)
        if not is_plain or isinstance(forest, BaggingClassifier | BaggingRegressor):
            return self
        X = check_array(
            self.X, accept_sparse="csc", dtype=np.float32, ensure_all_finite=False
        )
        return Rows(X, self.y, self.sample_weight)


def grow_trees(
    forest: Any, n_trees: int, seed: int, rows: Rows, config: dict[str, Any]
) -> Any:
    """Fit a forest of a few trees.

    Parameters
    ----------
    forest : forest
        Not fitted.
    n_trees, seed : int
    rows : Rows
    config : dict
        scikit-learn's, of the thread that wants the trees.

    Returns
    -------
    forest
    """
    part = clone(forest).set_params(n_estimators=n_trees, random_state=seed)
    with config_context(**config):
        return part.fit(rows.X, rows.y, sample_weight=rows.sample_weight)


def trees_by_task(n_trees: int, n_tasks: int, n_partitions: int) -> list[int]:
    """Return how many trees each task grows.

    Parameters
    ----------
    n_trees, n_tasks, n_partitions : int
        Descending. The tasks take turns at the partitions.

    Returns
    -------
    list of int
        Of all tasks, and of all partitions, the numbers differ by one at most.
    """
    counts = [0] * n_tasks
    for number, share in enumerate(np.array_split(np.arange(n_trees), n_partitions)):
        own = range(number, n_tasks, n_partitions)
        for task, trees in zip(own, np.array_split(share, len(own)), strict=True):
            counts[task] = len(trees)
    return counts


def spawn_seeds(
    random_state: Any, n_tasks: int
) -> tuple[np.random.Generator, list[int]]:
    """Return what the rows are dealt out by, and a seed for every task.

    Parameters
    ----------
    random_state : int, RandomState instance or None
    n_tasks : int

    Returns
    -------
    Generator
    list of int
    """
    entropy = check_random_state(random_state).randint(2**31, size=4).tolist()
    dealing, *tasks = np.random.SeedSequence(entropy).spawn(n_tasks + 1)
    seeds = [int(task.generate_state(1)[0]) for task in tasks]
    return np.random.default_rng(dealing), seeds


def cut(
    rows: Rows, forest: Any, n_partitions: int, random: np.random.Generator
) -> list[Rows]:
    """Deal rows out at random, for classifiers each class for itself.

    Parameters
    ----------
    rows : Rows
    forest : forest
    n_partitions : int
    random : Generator

    Returns
    -------
    list of Rows
        Of sizes that differ by one at most.
    """
    order = random.permutation(len(rows))
    if is_classifier(forest) and rows.y is not None:
        order = order[np.argsort(_codes(rows.y)[order], kind="stable")]
    parts = [np.sort(order[first::n_partitions]) for first in range(n_partitions)]
    return [rows.at(part) for part in parts]


def _codes(y: Any) -> NDArray[np.intp]:
    """Return a number for each row, the same for the same classes."""
    table = np.asarray(y)
    columns = table.reshape(len(table), -1).T
    codes = np.column_stack([np.unique(one, return_inverse=True)[1] for one in columns])
    numbers = np.unique(codes, axis=0, return_inverse=True)[1]
    return np.asarray(numbers, dtype=np.intp).ravel()


def task_forest(forest: Any, parts: list[Rows]) -> Any:
    """Return a forest with the parameters that suit a task.

    Parameters
    ----------
    forest : forest
    parts : list of Rows
        What its trees will be grown on.

    Returns
    -------
    forest
        Not fitted.

    Raises
    ------
    ValueError
        If trees of an `IsolationForest` want more rows than a part has.
    """
    copy = clone(forest).set_params(n_jobs=1, warm_start=False)
    class_weight = getattr(copy, "class_weight", None)
    if isinstance(class_weight, dict):
        # A part that lacks a class would take its weight for a mistake.
        classes = np.unique(np.concatenate([np.asarray(part.y) for part in parts]))
        if class_weight.keys() <= set(classes.tolist()):
            copy.set_params(
                class_weight={**dict.fromkeys(classes.tolist(), 1.0), **class_weight}
            )
    if isinstance(copy, IsolationForest) and len(parts) > 1:
        # The depths of trees of more and of fewer rows mean different scores.
        copy.set_params(max_samples=_rows_per_tree(copy.max_samples, parts))
    return copy


def _rows_per_tree(max_samples: Any, parts: list[Rows]) -> int:
    fewest = min(map(len, parts))
    if max_samples == "auto":
        return min(_AUTO_SAMPLES, fewest)
    if isinstance(max_samples, float):
        return max(1, int(max_samples * fewest))
    if max_samples > fewest:
        raise ValueError(
            f"max_samples must be at most the number of rows of a partition, {fewest}, "
            f"got {max_samples}; use fewer partitions, or fewer rows per tree"
        )
    return int(max_samples)
