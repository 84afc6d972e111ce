"""A folder in which worker processes leave their results.

Loky reads results from one pipe. If a worker dies while it writes a large one, the
reader waits for the rest for ever. So the result goes to a file, and a few bytes that
arrive wholly or not at all through the pipe. What is in the folder is done, also if
the pool breaks before anybody has heard of it.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from joblib.externals.loky.backend.reduction import dump

__all__ = ["is_there", "leave", "results_folder", "taken"]


@contextmanager
def results_folder() -> Iterator[Path]:
    """Make a folder, which goes when the run does.

    Yields
    ------
    pathlib.Path
        In ``JOBLIB_TEMP_FOLDER``, if that is set, else where temporary files go.
    """
    place = os.environ.get("JOBLIB_TEMP_FOLDER")
    with TemporaryDirectory(
        prefix="shardfit-", dir=place, ignore_cleanup_errors=True
    ) as folder:
        yield Path(folder)


def leave(folder: Path, number: int, result: Any) -> None:
    """Put the result of a task into the folder: all of it, or nothing.

    Parameters
    ----------
    folder : pathlib.Path
    number : int
        Number of the task.
    result : object
    """
    unfinished = folder / f"{number}.unfinished"
    with unfinished.open("wb") as file:
        # As loky would: it knows functions of the main module, too.
        dump(result, file, protocol=pickle.HIGHEST_PROTOCOL)
    unfinished.replace(folder / str(number))


def is_there(folder: Path, number: int) -> bool:
    """Tell whether the result of a task is in the folder."""
    return (folder / str(number)).exists()


def taken(folder: Path, number: int) -> tuple[int, Any]:
    """Take the result of a task out of the folder.

    Parameters
    ----------
    folder : pathlib.Path
    number : int
        Number of the task.

    Returns
    -------
    tuple of int and object
        The number, and the result.
    """
    path = folder / str(number)
    with path.open("rb") as file:
        result = pickle.load(file)  # noqa: S301 - our own workers wrote it
    path.unlink()
    return number, result
