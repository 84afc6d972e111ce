"""How long-running functions tell where they are."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Progress", "Silence"]


class Progress(Protocol):
    """What an object must offer to be told of progress."""

    def start(self, phase: str, total_rows: int | None) -> None:
        """Take note that a phase begins, and with it the end of the one before.

        Parameters
        ----------
        phase : str
            ``"labels"``, ``"document frequencies"``, ``"epoch 1/5"`` and so on,
            ``"rows"`` and ``"fit"`` where all rows are needed at once, ``"score"`` or
            ``"predict"``.
        total_rows : int or None
            Number of rows of the phase, None where it is not known.
        """

    def advance(self, n_rows: int, n_bytes: int) -> None:
        """Take note that so many more rows of the phase are done.

        Parameters
        ----------
        n_rows : int
            Rows done since the last call.
        n_bytes : int
            Bytes read for them: 0 where they were in memory already.
        """


class Silence:
    """Progress that nobody listens to."""

    def start(self, phase: str, total_rows: int | None) -> None:
        """Do nothing."""

    def advance(self, n_rows: int, n_bytes: int) -> None:
        """Do nothing."""
