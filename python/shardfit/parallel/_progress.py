"""Show how many tasks are done: a bar on a terminal, a few lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["progress_bar"]

_MOST_LINES = 10
_TASKS_PER_LINE = 10  # where their number is not known


@contextmanager
def progress_bar(
    verbose: int, total: int | None, description: str
) -> Iterator[Callable[[int], None] | None]:
    """Give what `run_tasks` takes as `progress`.

    Parameters
    ----------
    verbose : int
        0 shows nothing.
    total : int or None
        Number of tasks; None if nobody knows.
    description : str
        What is being done.

    Yields
    ------
    callable or None
        To be called with the number of tasks done; None shows nothing. Everything goes
        to standard error.

    Raises
    ------
    ImportError
        If a bar is to be drawn on a terminal, and rich is not installed.

    Examples
    --------
    >>> from shardfit.parallel import progress_bar, run_tasks
    >>> tasks = [(1.5,), (2.5,)]
    >>> with progress_bar(0, len(tasks), "rounding") as progress:
    ...     results = list(run_tasks(round, tasks, progress=progress))
    """
    if not verbose:
        yield None
    elif sys.stderr.isatty():
        with _bar(total, description) as show:
            yield show
    else:
        yield _lines(total, description)


@contextmanager
def _bar(total: int | None, description: str) -> Iterator[Callable[[int], None]]:
    try:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )
    except ImportError as error:
        raise ImportError(
            'a progress bar needs rich: pip install "shardfit[cli]", or use verbose=0'
        ) from error
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
        console=Console(stderr=True),
    ) as display:
        bar = display.add_task(description, total=total)
        yield lambda n_done: display.update(bar, completed=n_done)


def _lines(total: int | None, description: str) -> Callable[[int], None]:
    began = time.monotonic()
    n_written = 0
    of_total = "" if total is None else f" of {total}"

    def show(n_done: int) -> None:
        nonlocal n_written
        n_due = n_done // _TASKS_PER_LINE
        if total is not None:
            n_due = n_done * min(total, _MOST_LINES) // total
        if n_due > n_written:
            n_written = n_due
            seconds = time.monotonic() - began
            line = f"shardfit: {description}: {n_done}{of_total}, {seconds:.1f} s\n"
            sys.stderr.write(line)
            sys.stderr.flush()

    return show
