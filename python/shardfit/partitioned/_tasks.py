"""The tasks of one training: where they run, and who is told how many are done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal

from sklearn import config_context, get_config

from shardfit.parallel import in_order, run_tasks

__all__ = ["Tasks"]


class Tasks:
    """Runs tasks on the active backend of joblib, run after run.

    Parameters
    ----------
    n_jobs : int or None
        Number of workers.
    progress : callable, optional
        Told the number of tasks that are done, of all runs.

    Attributes
    ----------
    n_jobs : int or None
        As given.
    """

    def __init__(
        self, n_jobs: int | None, progress: Callable[[int], object] | None = None
    ) -> None:
        self.n_jobs = n_jobs
        self._progress = progress
        self._n_done = 0

    def __call__(
        self,
        function: Callable[..., Any],
        arguments: Sequence[tuple[Any, ...]],
        *,
        prefer: Literal["threads", "processes"] = "threads",
    ) -> list[Any]:
        """Run a function for each tuple of arguments.

        Parameters
        ----------
        function : callable
        arguments : sequence of tuples
        prefer : {"threads", "processes"}, default="threads"
            What to use where the user chose no backend.

        Returns
        -------
        list
            The results in the order of the arguments.
        """
        before = self._n_done
        results = run_tasks(
            # Threads and processes have a configuration of their own.
            partial(_configured, get_config(), function),
            arguments,
            n_jobs=self.n_jobs,
            prefer=prefer,
            progress=lambda n_done: self._tell(before + n_done),
        )
        return list(in_order(results))

    def advance(self, n_tasks: int) -> None:
        """Say that so many tasks were done elsewhere."""
        self._tell(self._n_done + n_tasks)

    def _tell(self, n_done: int) -> None:
        self._n_done = n_done
        if self._progress is not None:
            self._progress(n_done)


def _configured(
    config: dict[str, Any], function: Callable[..., Any], *arguments: Any
) -> Any:
    """Call a function as scikit-learn is configured where the tasks come from."""
    with config_context(**config):
        return function(*arguments)
