"""Models that train side by side on the rows of a window and are averaged."""

from __future__ import annotations

from typing import Any

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import clone

from shardfit.merging._linear import Columns, merge_linear
from shardfit.parallel import worker_count
from shardfit.partitioned._files.window import CLASS_THREADS, Window
from shardfit.partitioned._mixing import restart, train_epoch

__all__ = ["Partitions"]


class Partitions:
    """One model per partition.

    Parameters
    ----------
    template : estimator
        Not fitted; a linear classifier that has `partial_fit`.
    n_partitions : int
        At least 1.
    n_classes : int
        Classes are the numbers from 0 on.
    n_jobs : int or None
        Number of workers of joblib's active backend, which is threads by default.
    """

    def __init__(
        self, template: Any, n_partitions: int, n_classes: int, n_jobs: int | None
    ) -> None:
        self._classes = np.arange(n_classes)
        self._n_jobs = worker_count(n_jobs)
        self._models = [clone(template) for _ in range(n_partitions)]
        if n_partitions == 1 and "n_jobs" in template.get_params(deep=False):
            # A model alone has the threads to itself, for its classes.
            self._models[0].set_params(n_jobs=min(self._n_jobs, CLASS_THREADS))
        self._forget_rows()

    def _forget_rows(self) -> None:
        self._class_counts = np.zeros(
            (len(self._models), len(self._classes)), dtype=np.int64
        )
        # How many rows of each partition hold each feature.
        self._feature_counts: list[Any] = [0] * len(self._models)
        self._are_counts_old = False

    def train(
        self, window: Window, seed: np.random.SeedSequence, *, again: bool = False
    ) -> None:
        """Train each model once on its rows of a window.

        Parameters
        ----------
        window : Window
        seed : numpy.random.SeedSequence
            Decides the order of the rows in each partition.
        again : bool, default=False
            Whether these are the rows of the call before, and all rows.
        """
        parts = list(window.parts())
        seeds = seed.generate_state(len(parts))
        tasks = [
            (model, X, y, None, self._classes, int(state))
            for model, (X, y), state in zip(self._models, parts, seeds, strict=True)
        ]
        if len(tasks) == 1:
            self._models = [train_epoch(*tasks[0])]
            return
        if not again:
            self._count(window)
        n_jobs = min(self._n_jobs, len(tasks))
        self._models = Parallel(n_jobs=n_jobs, prefer="threads")(
            delayed(train_epoch)(*task) for task in tasks
        )

    def _count(self, window: Window) -> None:
        if self._are_counts_old:
            self._forget_rows()
        for number, (X, y) in enumerate(window.parts()):
            self._class_counts[number] += np.bincount(y, minlength=len(self._classes))
            in_rows = np.bincount(X.indices, minlength=X.shape[1])
            self._feature_counts[number] += in_rows

    def mix(self) -> None:
        """Let every model go on from the average of all."""
        if len(self._models) == 1:
            return
        mean = self._mean()
        for model in self._models:
            # The copy takes the place of what the model has, and not more.
            for name in ("coef_", "_standard_coef", "_average_coef"):
                vars(model).pop(name, None)
            # Own copies: SGD writes into them. The step counter stays the model's own,
            # because that of all models together would shorten the steps too soon.
            restart(model, mean)
        self._are_counts_old = True

    def _mean(self) -> Any:
        n_rows = self._class_counts.sum(axis=1)
        trained = np.flatnonzero(n_rows)
        counts = [self._feature_counts[number] for number in trained]
        return merge_linear(
            [self._models[number] for number in trained],
            n_rows[trained].astype(np.float64),
            None,  # it says enough which features its rows hold; see `Mixture`
            Columns(len(counts[0]), [slice(None)] * len(trained), counts),
        )

    def result(self) -> Any:
        """Return the average of the models.

        Returns
        -------
        estimator
        """
        return self._models[0] if len(self._models) == 1 else self._mean()
