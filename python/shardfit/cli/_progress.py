"""Show how far the work is: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

__all__ = ["Reporter", "reporting", "say"]

_SECONDS_BETWEEN_LINES = 30.0


def say(message: str) -> None:
    """Write one line for the person who runs the command, not for a pipe."""
    print(f"shardfit: {message}", file=sys.stderr, flush=True)


class Reporter(Protocol):
    """What the library tells while it works."""

    def start(self, phase: str, total_rows: int | None) -> None:
        """Begin a phase of `total_rows` rows, None where nobody knows yet."""

    def advance(self, n_rows: int, n_bytes: int) -> None:
        """Count rows, and the bytes of data that they are, as done."""


@contextmanager
def reporting(
    *, quiet: bool, total_bytes: int | None = None
) -> Iterator[Reporter | None]:
    """Give the reporter that suits standard error, or None to be silent.

    Parameters
    ----------
    quiet : bool
        Whether to be silent.
    total_bytes : int, optional
        What the bytes of a phase without a number of rows add up to.
    """
    if quiet:
        yield None
    elif sys.stderr.isatty():
        with _bar_display() as display:
            bar = _Bar(display, total_bytes)
            yield bar
            bar.finish()
    else:
        lines = _Lines()
        yield lines
        lines.finish()


class _Rows(ProgressColumn):
    """The rows done."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.fields['n_rows']:,} rows")


class _Speed(ProgressColumn):
    """Megabytes per second since the phase began."""

    def render(self, task: Task) -> Text:
        return Text(_speed(task.fields["n_bytes"], task.elapsed or 0.0))


def _bar_display() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        _Rows(),
        _Speed(),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
        console=Console(stderr=True),
    )


class _Bar:
    """One bar, drawn by rich, that begins again with every phase."""

    def __init__(self, display: Progress, total_bytes: int | None) -> None:
        self._display = display
        self._total_bytes = total_bytes
        self._total: int | None = None
        self._counts_rows = False
        self._n_rows = self._n_bytes = 0
        self._task = display.add_task("", total=None, n_rows=0, n_bytes=0)

    def start(self, phase: str, total_rows: int | None) -> None:
        self._n_rows = self._n_bytes = 0
        self._counts_rows = total_rows is not None
        self._total = self._total_bytes if total_rows is None else total_rows
        self._display.reset(
            self._task, total=self._total, description=phase, n_rows=0, n_bytes=0
        )

    def advance(self, n_rows: int, n_bytes: int) -> None:
        self._n_rows += n_rows
        self._n_bytes += n_bytes
        self._show(self._n_rows if self._counts_rows else self._n_bytes)

    def finish(self) -> None:
        """Fill the bar, which stays on the screen when the work is done."""
        if self._total is None:
            self._total = self._n_bytes
            self._display.update(self._task, total=self._total)
        self._show(self._total)

    def _show(self, completed: int) -> None:
        self._display.update(
            self._task,
            completed=completed,
            n_rows=self._n_rows,
            n_bytes=self._n_bytes,
        )


class _Lines:
    """A line when a phase ends, and one every half minute while it lasts."""

    def __init__(self) -> None:
        self._phase: str | None = None

    def start(self, phase: str, total_rows: int | None) -> None:
        self.finish()
        self._phase = phase
        self._total_rows = total_rows
        self._n_rows = self._n_bytes = 0
        self._began = self._spoke = time.monotonic()

    def advance(self, n_rows: int, n_bytes: int) -> None:
        self._n_rows += n_rows
        self._n_bytes += n_bytes
        now = time.monotonic()
        is_late = now - self._spoke >= _SECONDS_BETWEEN_LINES
        # The end of the phase has a line of its own.
        if is_late and self._n_rows != self._total_rows:
            self._spoke = now
            self._speak()

    def finish(self) -> None:
        """Write the line of the phase that ends, if there is one."""
        if self._phase is not None:
            self._speak()
            self._phase = None

    def _speak(self) -> None:
        seconds = time.monotonic() - self._began
        rows = f"{self._n_rows:,} rows"
        if self._total_rows and self._n_rows < self._total_rows:
            rows = f"{self._n_rows:,} of {self._total_rows:,} rows"
        parts = [rows, f"{seconds:.1f} s", _speed(self._n_bytes, seconds)]
        say(f"{self._phase}: {', '.join(filter(None, parts))}")


def _speed(n_bytes: int, seconds: float) -> str:
    """Write a speed, nothing where nothing was read."""
    return f"{n_bytes / 1e6 / seconds:.1f} MB/s" if n_bytes and seconds else ""
