"""Train classifiers that need all rows at once, as far as memory holds them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import clone

from shardfit.parallel import worker_count
from shardfit.partitioned._classifier import PartitionedClassifier
from shardfit.partitioned._files.memory import COPIES_OF_ROWS
from shardfit.partitioned._files.progress import Progress
from shardfit.partitioned._files.rows import VectorizedRows
from shardfit.partitioned._files.window import Window

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy import sparse

__all__ = ["fit_to_all", "gather"]


def gather(
    rows: VectorizedRows, n_features: int, *, memory: int, n_bytes: int
) -> tuple[sparse.csr_matrix, NDArray[Any]]:
    """Read all rows into memory.

    Parameters
    ----------
    rows : VectorizedRows
    n_features : int
    memory : int
        The whole budget, for the message.
    n_bytes : int
        What the rows may take of it.

    Returns
    -------
    csr_matrix of shape (n_rows, n_features)
        Weighted, if rows are.
    ndarray of shape (n_rows,)
        Their labels.

    Raises
    ------
    ValueError
        If they take more.
    """
    window = Window(n_bytes, n_features, 1)
    labels = rows.labels
    for X, codes in rows.count(None):
        n_new = len(codes)
        if window.append(X, codes, np.zeros(n_new, dtype=np.intp)) < n_new:
            share = window.n_rows / labels.n_rows
            need = int(memory + (n_bytes / share - n_bytes) * COPIES_OF_ROWS)
            raise ValueError(
                f"memory={memory} holds {window.n_rows} of {labels.n_rows} rows, and "
                "this classifier needs all of them at once: "
                f"about {need} bytes; raise memory, lower n_features, shorten "
                "ngram_range, or use an SGDClassifier, which needs few rows at a time"
            )
    window.weigh(rows.weigh)
    ((X, codes),) = window.parts()
    return X, labels.classes[codes]


def fit_to_all(
    estimator: Any,
    X: sparse.csr_matrix,
    y: NDArray[Any],
    *,
    merge: Any,
    n_partitions: int,
    n_jobs: int | None,
    seed: int,
    progress: Progress,
) -> Any:
    """Fit a classifier by partitions of rows in memory.

    Parameters
    ----------
    estimator : classifier
        Not fitted.
    X : csr_matrix of shape (n_rows, n_features)
    y : ndarray of shape (n_rows,)
    merge : {"auto", "average", "exact", "union"}
    n_partitions : int
    n_jobs : int or None
    seed : int
    progress : Progress
        Told when it is done.

    Returns
    -------
    classifier
        Fitted.
    """
    progress.start("fit", len(y))
    template = clone(estimator)
    asked = template.get_params(deep=False)
    if n_partitions == 1 and "n_jobs" in asked:
        # An estimator alone has the threads to itself.
        template.set_params(n_jobs=worker_count(n_jobs))
    partitioned = PartitionedClassifier(
        template,
        n_partitions=n_partitions,
        merge=merge,
        random_state=seed,
        n_jobs=n_jobs,
    )
    fitted = partitioned.fit(X, y).estimator_
    progress.advance(len(y), 0)
    if "n_jobs" in asked:
        fitted.set_params(n_jobs=asked["n_jobs"])
    return fitted
