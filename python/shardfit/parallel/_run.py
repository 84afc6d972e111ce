"""Run tasks on joblib's active backend, and see them through."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import Any

from joblib import Parallel, delayed

from shardfit.exceptions import WorkerLostError
from shardfit.parallel._inner_threads import limited_blas
from shardfit.parallel._results import is_there, results_folder, taken
from shardfit.parallel._task import (
    Door,
    TaskError,
    perform,
    perform_in_process,
    perform_in_thread,
)
from shardfit.parallel._workers import Workers, active_workers, lost_worker

__all__ = ["in_order", "run_tasks"]

Results = Generator[tuple[int, Any], None, None]

_LOSSES_SIDE_BY_SIDE = 2
_MOST_LOSSES = 3


def run_tasks(
    function: Callable[..., Any],
    arguments: Sequence[tuple[Any, ...]],
    *,
    n_jobs: int | None = None,
    prefer: str = "threads",
    name: str = "partition",
    progress: Callable[[int], object] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Iterator[tuple[int, Any]]:
    """Run a function for each tuple of arguments, side by side.

    Parameters
    ----------
    function : callable
        Must not write into its arguments: worker processes get large arrays as
        read-only maps of a file. For worker processes it must be picklable, and so
        must arguments and results. It may run more than once for the same arguments,
        since workers die.
    arguments : sequence of tuples
        The arguments of each task.
    n_jobs : int or None, default=None
        Number of workers; None is what `joblib.parallel_config` says, or every CPU
        where it says nothing. With one worker, or one task, the calling thread does
        the work.
    prefer : {"threads", "processes"}, default="threads"
        What to use where `joblib.parallel_config` chose no backend.
    name : str, default="partition"
        What a task is called in messages.
    progress : callable, optional
        Called with the number of tasks done whenever a result arrives.
    cancelled : callable, optional
        Asked before a task is given to a worker, possibly by another thread. Once it
        returns True no more tasks are, and the iteration ends with the results of those
        that were.

    Returns
    -------
    iterator of (int, object)
        Number and result of each task, as they are done; all at the end if the backend
        cannot do better. To close it early stops the rest: processes are stopped at
        once, threads finish the task that they are at.

    Raises
    ------
    WorkerLostError
        If a task lost its worker three times, the last of them while it ran alone.
    ValueError
        If the active backend is joblib's "multiprocessing", which never notices that.

    Notes
    -----
    What the function raises is passed on, with a note that says which task it was, and
    the rest is stopped as if the iterator had been closed. While worker threads run,
    BLAS and OpenMP are limited to their share of the CPUs, in the whole process; where
    runs overlap, BLAS is until the last one ends.

    Examples
    --------
    >>> from shardfit.parallel import run_tasks
    >>> sorted(run_tasks(pow, [(2, 3), (3, 2), (5, 1)], n_jobs=2))
    [(0, 8), (1, 9), (2, 5)]
    """
    workers = active_workers(n_jobs, prefer, len(arguments))
    run = _Run(function, arguments, workers, name, cancelled or _never)
    return run.results(progress or _ignore)


def in_order(results: Iterable[tuple[int, Any]]) -> Iterator[Any]:
    """Put results into the order of their tasks.

    Sums of floating-point numbers depend on their order, and the order in which tasks
    are done depends on luck.

    Parameters
    ----------
    results : iterable of (int, object)
        Numbers from 0 on, and results. Those that come early are kept until it is
        their turn.

    Yields
    ------
    object
        The results.

    Examples
    --------
    >>> from shardfit.parallel import in_order
    >>> list(in_order([(1, "b"), (0, "a"), (2, "c")]))
    ['a', 'b', 'c']
    """
    early: dict[int, Any] = {}
    turn = 0
    for number, result in results:
        early[number] = result
        while turn in early:
            yield early.pop(turn)
            turn += 1


class _Run:
    """The tasks of one call, and what is known of them."""

    def __init__(
        self,
        function: Callable[..., Any],
        arguments: Sequence[tuple[Any, ...]],
        workers: Workers,
        name: str,
        cancelled: Callable[[], bool],
    ) -> None:
        self._function = function
        self._arguments = arguments
        self._workers = workers
        self._name = name
        self._cancelled = cancelled
        self._is_cancelled = False
        self._door = Door()
        self._n_given = 0
        self._n_losses = 0
        self._losses: Counter[int] = Counter()  # by task, of those that are not done
        self._left = dict.fromkeys(range(len(arguments)))

    def results(self, progress: Callable[[int], object]) -> Iterator[tuple[int, Any]]:
        """Yield what comes, whoever computes it."""
        if self._workers.count == 1:
            source = self._inline()
        elif self._workers.are_threads:
            source = self._in_threads()
        else:
            source = self._in_processes()
        try:
            with closing(source):
                for number, result in source:
                    del self._left[number]
                    progress(len(self._arguments) - len(self._left))
                    yield number, result
        except TaskError as caught:
            failed = caught
        else:
            return
        failed.error.add_note(f"in {self._name} {failed.number}")
        if failed.trace is not None:
            failed.error.__cause__ = _WorkerTraceback(failed.trace)
        raise failed.error

    def _inline(self) -> Results:
        for number in list(self._left):
            if self._cancelled():
                return
            try:
                result = self._function(*self._arguments[number])
            except Exception as error:  # noqa: BLE001 - the caller gets it
                raise TaskError(number, error, None) from None
            yield number, result

    def _in_threads(self) -> Results:
        door = self._door
        with limited_blas(self._workers.count) as limits:
            try:
                task = partial(perform_in_thread, door, limits)
                for outcome in self._side_by_side(list(self._left), task):
                    if outcome is not None:  # as of a task that found the door shut
                        yield outcome
            except (Exception, GeneratorExit):
                # Nobody can stop a thread. An impatient user does not wait for it.
                door.shut()
                door.wait()
                raise
            finally:
                door.shut()

    def _in_processes(self) -> Results:
        if not self._workers.are_processes_of_loky:
            yield from self._with_losses(perform, None)
            return
        with results_folder() as folder:
            task = partial(perform_in_process, folder)
            yield from self._with_losses(task, folder)

    def _with_losses(self, task: Callable[..., Any], folder: Path | None) -> Results:
        while self._left and not self._is_cancelled:
            numbers = self._next_numbers()
            try:
                for outcome in self._side_by_side(numbers, task):
                    yield outcome if folder is None else taken(folder, outcome)
            except Exception as error:
                if not lost_worker(error):
                    raise
                loss = error
            else:
                continue
            given = [n for n in numbers[: self._n_given] if n in self._left]
            if folder is not None:
                for number in filter(partial(is_there, folder), given):
                    yield taken(folder, number)
            self._count_loss(given, loss)

    def _next_numbers(self) -> list[int]:
        """Return one task that may be deadly, or all that are left."""
        suspects = [number for number in self._left if self._losses[number]]
        if suspects and self._n_losses >= _LOSSES_SIDE_BY_SIDE:
            return suspects[:1]
        return list(self._left)

    def _count_loss(self, given: list[int], error: Exception) -> None:
        self._n_losses += 1
        for number in given:
            if number not in self._left:
                continue
            self._losses[number] += 1
            # Its last worker was lost by nobody else, since it ran alone.
            if self._losses[number] == _MOST_LOSSES:
                raise WorkerLostError(self._name, number, _MOST_LOSSES) from error

    def _side_by_side(
        self, numbers: list[int], task: Callable[..., Any]
    ) -> Generator[Any, None, None]:
        parallel = Parallel(
            n_jobs=self._workers.count,
            backend=self._workers.backend,
            return_as=self._workers.return_as,
            batch_size=1,
            # What waits at a worker would be lost with it.
            pre_dispatch="n_jobs",
        )
        outcomes: Iterable[Any] = ()
        try:
            outcomes = parallel(self._calls(numbers, task))
            # Not `yield from`, which would close joblib's generator: see `_stop`.
            for outcome in outcomes:  # noqa: UP028
                yield outcome
        finally:
            self._n_given = parallel.n_dispatched_tasks
            _stop(outcomes)

    def _calls(self, numbers: list[int], task: Callable[..., Any]) -> Iterator[Any]:
        for number in numbers:
            if self._cancelled():
                self._is_cancelled = True
                self._door.shut()
                return
            yield delayed(task)(number, self._function, self._arguments[number])


class _WorkerTraceback(Exception):  # noqa: N818 - it is shown, and never raised
    """Where a worker process was when the function raised."""

    def __str__(self) -> str:
        return f'\n"""\n{self.args[0]}"""'


class _Stopped(BaseException):
    """Ends joblib's generator without the warning that closing it gives."""


def _stop(outcomes: Iterable[Any]) -> None:
    if isinstance(outcomes, Generator):
        with suppress(_Stopped):
            outcomes.throw(_Stopped)


def _never() -> bool:
    return False


def _ignore(n_done: int) -> None:
    pass
