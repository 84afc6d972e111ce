"""Many short runs, one after the other, by workers that stay.

Joblib looks for results every 10 ms. A round of an iterative solver may take less than
that, and a solver makes a hundred of them: worker threads that wait for work cost it a
tenth of a millisecond. Where the workers are processes, `run_tasks` serves as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from itertools import count
from types import TracebackType
from typing import Any, Self

from shardfit.parallel._inner_threads import limited_blas
from shardfit.parallel._run import in_order, run_tasks
from shardfit.parallel._workers import active_workers

__all__ = ["Rounds"]


class Rounds:
    """Run a function for each tuple of arguments, again and again.

    Parameters
    ----------
    n_tasks : int
        The most tasks of one round.
    n_jobs : int or None, default=None
        Number of workers, as `run_tasks` takes it: by default threads, or those of the
        backend that `joblib.parallel_config` has set.

    Examples
    --------
    >>> from shardfit.parallel import Rounds
    >>> with Rounds(3, n_jobs=2) as rounds:
    ...     for base in (2, 3):
    ...         print(list(rounds.run(pow, [(base, 1), (base, 2), (base, 3)])))
    [2, 4, 8]
    [3, 9, 27]
    """

    def __init__(self, n_tasks: int, *, n_jobs: int | None = None) -> None:
        self._n_jobs = n_jobs
        self._workers = active_workers(n_jobs, "threads", n_tasks)
        self._executor: ThreadPoolExecutor | None = None
        self._limits = ExitStack()

    def __enter__(self) -> Self:
        if self._workers.are_threads and self._workers.count > 1:
            self._limits.enter_context(limited_blas(self._workers.count))
            self._executor = ThreadPoolExecutor(self._workers.count)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._executor is not None:
            self._executor.shutdown(cancel_futures=True)
        self._limits.close()

    def run(
        self, function: Callable[..., Any], arguments: Sequence[tuple[Any, ...]]
    ) -> Iterator[Any]:
        """Run one round.

        Parameters
        ----------
        function : callable
            As for `run_tasks`.
        arguments : sequence of tuples
            The arguments of each task.

        Returns
        -------
        iterator
            The results in the order of the tasks.
        """
        named = partial(_perform, function)
        if self._workers.count == 1:
            return map(named, count(), arguments)
        if self._executor is not None:
            return self._executor.map(named, count(), arguments)
        return in_order(run_tasks(function, arguments, n_jobs=self._n_jobs))


def _perform(
    function: Callable[..., Any], number: int, arguments: tuple[Any, ...]
) -> Any:
    """Run a task; what it raises says which one it was."""
    try:
        return function(*arguments)
    except Exception as error:
        error.add_note(f"in partition {number}")
        raise
