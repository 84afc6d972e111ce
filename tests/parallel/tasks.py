"""Functions that the workers of the tests run; what they did is seen in a folder."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from uuid import uuid4


def runs(folder: Path, number: int) -> int:
    """Return how often a task was begun."""
    return len(list(folder.glob(f"run-{number}-*")))


def square(folder: Path, number: int) -> int:
    """Leave a file, and return the square."""
    (folder / f"run-{number}-{uuid4().hex}").touch()
    return number * number


def square_slowly(folder: Path, number: int) -> int:
    """Take a while for it."""
    result = square(folder, number)
    time.sleep(0.05)
    return result


def wait_for(path: Path) -> None:
    """Wait until a file is there."""
    while not path.exists():
        time.sleep(0.01)


def die_once(folder: Path, number: int, deadly: int) -> int:
    """Lose the worker at the first go, once the results of two tasks have arrived."""
    result = square(folder, number)
    if number == deadly and runs(folder, number) == 1:
        wait_for(folder / "arrived-2")
        os.kill(os.getpid(), signal.SIGKILL)
    if number > deadly and runs(folder, deadly) == 1:
        time.sleep(60)  # the pool breaks meanwhile
    return result


def die_always(folder: Path, number: int, deadly: int) -> int:
    """Lose the worker whenever it is tried."""
    result = square_slowly(folder, number)
    if number == deadly:
        os.kill(os.getpid(), signal.SIGKILL)
    return result


def wait_long(folder: Path, number: int) -> int:
    """Say that the task has begun, and sleep."""
    square(folder, number)
    time.sleep(600)
    return number


class Unpicklable(Exception):
    """Cannot be made anew from its arguments."""

    def __init__(self, *, value: int) -> None:
        super().__init__(f"value {value}")
