"""What has grown so far: written by a thread in the background, read by all others."""

from __future__ import annotations

import atexit
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["Growth", "GrowthReport", "State"]

State = Literal["not launched", "running", "done", "aborted", "failed"]


# How long the end of the program waits for trees that nobody will see.
_SECONDS_AT_EXIT = 5.0


@dataclass(frozen=True)
class GrowthReport:
    """How far a forest has grown.

    Attributes
    ----------
    trees_grown : int
        Number of trees that are there.
    trees_wanted : int
        Number of trees of the whole forest.
    tasks_failed : int
        Number of tasks that raised an exception; after the first, no more are begun.
    seconds : float
        Time from the launch until now, or until the end.
    state : {"not launched", "running", "done", "aborted", "failed"}

    Examples
    --------
    >>> from shardfit.ensemble import GrowthReport
    >>> print(GrowthReport(40, 100, 0, 1.25, "running"))
    running: 40 of 100 trees in 1.2 s
    """

    trees_grown: int
    trees_wanted: int
    tasks_failed: int
    seconds: float
    state: State

    def __str__(self) -> str:
        text = (
            f"{self.state}: {self.trees_grown} of {self.trees_wanted} trees in "
            f"{self.seconds:.1f} s"
        )
        if self.tasks_failed:
            text += f", {self.tasks_failed} task failed"
        return text


class Growth:
    """The forests of all tasks that are done, and whether there will be more.

    The thread that fills it knows this object and not the grower, so that a grower
    nobody holds any more can end it.

    Parameters
    ----------
    n_wanted : int
        Number of trees that all tasks have together.
    """

    def __init__(self, n_wanted: int) -> None:
        self._n_wanted = n_wanted
        self._forests: dict[int, Any] = {}
        self._state: State = "running"
        self._began = time.perf_counter()
        self._seconds: float | None = None
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._has_ended = threading.Event()
        self._patience = _SECONDS_AT_EXIT
        self.error: BaseException | None = None
        self.steps: list[tuple[str, Any]] = []

    def start(self, source: Callable[[], Iterator[tuple[int, Any]]]) -> None:
        """Take what a source yields, in a thread of its own.

        Parameters
        ----------
        source : callable
            Called in that thread. Returns a generator of task numbers and forests.
        """
        self._thread = threading.Thread(
            target=self._run, args=(source,), name="shardfit-forest-grower", daemon=True
        )
        self._thread.start()

    def _run(self, source: Callable[[], Iterator[tuple[int, Any]]]) -> None:
        try:
            with closing(source()) as results:  # type: ignore[type-var]
                # To the end, also when nothing more is taken: workers that finish their
                # tasks are of use to others, and those that are killed are not.
                for number, forest in results:
                    self._add(number, forest)
        except BaseException as error:  # noqa: BLE001 - `wait` raises it
            self._end("failed", error)
        else:
            self._end("done")
        finally:
            self._has_ended.set()

    def _add(self, number: int, forest: Any) -> None:
        with self._lock:
            if self._state == "running":
                self._forests[number] = forest

    def abort(self) -> None:
        """Take nothing more."""
        self._end("aborted")

    def end_at_exit(self) -> None:
        """Abort, and wait a little, once for all calls."""
        self.abort()
        patience, self._patience = self._patience, 0.0
        self.join(patience)

    def _end(self, state: State, error: BaseException | None = None) -> None:
        with self._lock:
            if self._state == "running":
                self._state = state
                self._seconds = time.perf_counter() - self._began
                self.error = error

    @property
    def is_running(self) -> bool:
        """Whether more trees will come."""
        return self._state == "running"

    def ask(self) -> bool:
        """Tell whether to begin another task."""
        # Again and again, since the first tasks come before the pool.
        if not self._forests and not _end_at_exit(self):
            self.abort()
        return self.is_running

    def join(self, timeout: float | None) -> bool:
        """Wait for the thread.

        Parameters
        ----------
        timeout : float or None
            In seconds.

        Returns
        -------
        bool
            Whether it has ended.
        """
        # Not by the thread's own `join`: once a KeyboardInterrupt has ended that,
        # Python 3.11 takes the thread for dead.
        has_ended = self._has_ended.wait(timeout)
        if has_ended and self._thread is not None:
            self._thread.join()  # so that it no longer holds the rows
        return has_ended

    def forests(self) -> list[Any]:
        """Return what is there, in the order of the tasks."""
        with self._lock:
            return [self._forests[number] for number in sorted(self._forests)]

    def report(self) -> GrowthReport:
        """Return how far it is."""
        with self._lock:
            return GrowthReport(
                trees_grown=sum(map(len, self._forests.values())),
                trees_wanted=self._n_wanted,
                tasks_failed=int(self._state == "failed"),
                seconds=(
                    time.perf_counter() - self._began
                    if self._seconds is None
                    else self._seconds
                ),
                state=self._state,
            )

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_lock": None, "_thread": None, "_has_ended": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._lock = threading.Lock()
        self._has_ended = threading.Event()
        self._has_ended.set()


def _end_at_exit(growth: Growth) -> bool:
    """See to it that a growth ends before the program does.

    `atexit` is too late for that: by then joblib's pool of processes refuses new tasks,
    and says so at length. What is registered last is called first, so this has to be
    done when the pool is there.

    Returns
    -------
    bool
        False if the program has begun to end.
    """
    reference = weakref.WeakMethod(growth.end_at_exit)

    def end() -> None:
        method = reference()
        if method is not None:
            method()

    try:
        getattr(threading, "_register_atexit", atexit.register)(end)
    except RuntimeError:
        return False
    return True
