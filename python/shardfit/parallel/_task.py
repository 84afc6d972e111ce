"""What a worker does with a task, and how it says what went wrong."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Callable
from pathlib import Path
from threading import Condition
from typing import Any

from shardfit.parallel._inner_threads import Limits, limited_openmp
from shardfit.parallel._results import leave

__all__ = [
    "Door",
    "TaskError",
    "perform",
    "perform_in_process",
    "perform_in_thread",
]


class TaskError(Exception):
    """What the function raised, and for which task.

    Parameters
    ----------
    number : int
        Number of the task.
    error : Exception
        What the function raised.
    trace : str or None
        Where, as text; None if `error` knows it itself.
    """

    def __init__(self, number: int, error: Exception, trace: str | None) -> None:
        super().__init__(number, error, trace)
        self.number = number
        self.error = error
        self.trace = trace


class Door:
    """What worker threads pass: it knows how many are inside, and can be shut."""

    def __init__(self) -> None:
        self._change = Condition()
        self._n_inside = 0
        self._is_open = True

    def enter(self) -> bool:
        """Go in, and say so, unless the door is shut."""
        with self._change:
            self._n_inside += self._is_open
            return self._is_open

    def leave(self) -> None:
        """Go out."""
        with self._change:
            self._n_inside -= 1
            self._change.notify_all()

    def shut(self) -> None:
        """Let nobody in any more."""
        with self._change:
            self._is_open = False

    def wait(self) -> None:
        """Wait until nobody is inside."""
        with self._change:
            self._change.wait_for(lambda: not self._n_inside)


def perform(
    number: int, function: Callable[..., Any], arguments: tuple[Any, ...]
) -> tuple[int, Any]:
    """Run a task in a worker of a cluster.

    Parameters
    ----------
    number : int
        Number of the task.
    function : callable
    arguments : tuple
        Its arguments.

    Returns
    -------
    tuple of int and object
        The number, and what the function returned.

    Raises
    ------
    TaskError
        If the function raised an exception.
    """
    try:
        return number, function(*arguments)
    except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets it
        trace = traceback.format_exc()
        raise TaskError(number, _sendable(error), trace) from None


def perform_in_process(
    folder: Path,
    number: int,
    function: Callable[..., Any],
    arguments: tuple[Any, ...],
) -> int:
    """Run a task in a worker process of this machine.

    Parameters
    ----------
    folder : pathlib.Path
        Where to leave the result.
    number, function, arguments
        As `perform` takes them.

    Returns
    -------
    int
        The number.

    Raises
    ------
    TaskError
        If the function raised an exception.
    """
    try:
        leave(folder, number, function(*arguments))
    except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets it
        trace = traceback.format_exc()
        raise TaskError(number, _sendable(error), trace) from None
    return number


def perform_in_thread(
    door: Door,
    limits: Limits,
    number: int,
    function: Callable[..., Any],
    arguments: tuple[Any, ...],
) -> tuple[int, Any] | None:
    """Run a task in a worker thread.

    Parameters
    ----------
    door : Door
        Of the run.
    limits : dict of str to int
        The most threads by library.
    number, function, arguments
        As `perform` takes them.

    Returns
    -------
    tuple of int and object, or None
        As `perform` returns it; None if the door is shut.

    Raises
    ------
    TaskError
        If the function raised an exception.
    """
    if not door.enter():
        return None
    try:
        with limited_openmp(limits):
            return number, function(*arguments)
    except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets it
        raise TaskError(number, error, None) from None
    finally:
        door.leave()


def _sendable(error: Exception) -> Exception:
    """Return the exception, or one that says the same if it cannot be pickled."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    except Exception:  # noqa: BLE001 - a class may raise anything there
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
