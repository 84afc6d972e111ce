"""Models that train side by side on their own rows and are averaged."""

from __future__ import annotations

from typing import Any

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.linear_model import SGDClassifier

from shardfit._threads import effective_threads
from shardfit.merging import merge
from shardfit.partitioned._window import CLASS_THREADS, Window

__all__ = ["Partitions"]


class Partitions:
    """One model per partition.

    Parameters
    ----------
    template : SGDClassifier
        Not fitted.
    n_partitions : int
        At least 1.
    n_classes : int
        Classes are the numbers from 0 on.
    n_jobs : int or None
        Number of workers of joblib's active backend, which is threads by default.
    """

    def __init__(
        self,
        template: SGDClassifier,
        n_partitions: int,
        n_classes: int,
        n_jobs: int | None,
    ) -> None:
        self._classes = np.arange(n_classes)
        self._n_jobs = _workers(n_jobs)
        self._models = [clone(template) for _ in range(n_partitions)]
        if n_partitions == 1:
            # A model alone has the threads to itself, for its classes.
            n_jobs = None if self._n_jobs is None else min(self._n_jobs, CLASS_THREADS)
            self._models[0].set_params(n_jobs=n_jobs)
        self._forget_rows()

    def _forget_rows(self) -> None:
        self._counts = np.zeros((len(self._models), len(self._classes)), dtype=np.int64)

    def train(self, window: Window, seed: np.random.SeedSequence) -> None:
        """Train each model once on its rows of a window.

        Parameters
        ----------
        window : Window
        seed : numpy.random.SeedSequence
            Decides the order of the rows in each partition.
        """
        tasks = [
            (model, X, y, self._classes, int(state))
            for model, (X, y), state in zip(
                self._models,
                window.parts(),
                seed.generate_state(len(self._models)),
                strict=True,
            )
        ]
        for number, (_, _, y, *_) in enumerate(tasks):
            self._counts[number] += np.bincount(y, minlength=len(self._classes))
        if len(tasks) == 1:
            self._models = [train_partition(*tasks[0])]
            return
        n_jobs = None if self._n_jobs is None else min(self._n_jobs, len(tasks))
        self._models = Parallel(n_jobs=n_jobs, prefer="threads")(
            delayed(train_partition)(*task) for task in tasks
        )

    def mix(self) -> None:
        """Let every model go on from the average of all."""
        if len(self._models) == 1:
            return
        mean = self._mean()
        for model in self._models:
            # Own copies: SGD writes into them. The step counter stays the model's own,
            # because that of all models together would shorten the steps too soon.
            model.coef_ = _refilled(getattr(model, "coef_", None), mean.coef_)
            model.intercept_ = mean.intercept_.copy()
        self._forget_rows()

    def _mean(self) -> SGDClassifier:
        trained = np.flatnonzero(self._counts.sum(axis=1))
        return merge(
            [self._models[number] for number in trained],
            weights=self._counts[trained].sum(axis=1),
            classes=[np.flatnonzero(self._counts[number]) for number in trained],
        )

    def result(self) -> SGDClassifier:
        """Return the average of the models.

        Returns
        -------
        SGDClassifier
        """
        return self._models[0] if len(self._models) == 1 else self._mean()


def train_partition(
    model: SGDClassifier, X: Any, y: NDArray[Any], classes: NDArray[Any], seed: int
) -> SGDClassifier:
    """Train a model on some rows once: the task that joblib's workers run.

    Parameters
    ----------
    model : SGDClassifier
        Changed in place, except where it came memory-mapped.
    X : csr_matrix of shape (n_rows, n_features)
    y : ndarray of shape (n_rows,)
    classes : ndarray of shape (n_classes,)
    seed : int
        Decides the order of the rows.

    Returns
    -------
    SGDClassifier
        The model, which a worker in another process has to send back.
    """
    if X.shape[0] == 0:
        return model
    for name in ("coef_", "intercept_"):
        array = getattr(model, name, None)
        # joblib hands large arrays to processes as read-only maps of a file, and SGD
        # writes into them unasked: a segmentation fault.
        if array is not None and not _is_own(array):
            setattr(model, name, np.array(array))
    return model.set_params(random_state=seed).partial_fit(X, y, classes=classes)


def _is_own(array: NDArray[Any]) -> bool:
    return array.flags.writeable and not isinstance(array, np.memmap)


def _refilled(
    array: NDArray[np.float64] | None, values: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Copy values into an array where there is one, into a new one elsewhere."""
    if array is None:
        return values.copy()
    np.copyto(array, values)
    return array


def _workers(n_jobs: int | None) -> int | None:
    """Return joblib's `n_jobs`, which is None where the user's configuration says."""
    if n_jobs is None and effective_n_jobs(None) > 1:
        return None
    return effective_threads(n_jobs)
