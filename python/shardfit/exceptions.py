"""Exceptions that a caller may want to catch; everything else is a builtin."""

from __future__ import annotations

from os import PathLike, fspath

__all__ = ["DatasetError", "NotMergeableError", "WorkerLostError"]


class DatasetError(ValueError):
    """Data that cannot be used, with the place where it was found.

    Parameters
    ----------
    message : str
        What is wrong, with the offending value, and what to do about it.
    file : path-like, optional
        The file that holds the data.
    row : int, optional
        Number of the row in that file, the first row of data being 1.
    column : str, optional
        Name of the column.

    Attributes
    ----------
    file, row, column
        As given; None where the place is not known that precisely.

    Examples
    --------
    >>> from shardfit.exceptions import DatasetError
    >>> print(DatasetError("the text is null", file="a.csv", row=3, column="body"))
    a.csv, row 3, column 'body': the text is null
    """

    def __init__(
        self,
        message: str,
        *,
        file: str | PathLike[str] | None = None,
        row: int | None = None,
        column: str | None = None,
    ) -> None:
        self.message = message
        self.file = None if file is None else fspath(file)
        self.row = row
        self.column = column
        super().__init__(message)

    def __str__(self) -> str:
        place = [self.file] if self.file is not None else []
        if self.row is not None:
            place.append(f"row {self.row}")
        if self.column is not None:
            place.append(f"column {self.column!r}")
        return f"{', '.join(place)}: {self.message}" if place else self.message

    def __reduce__(self):  # type: ignore[no-untyped-def]
        return _rebuild, (self.message, self.file, self.row, self.column)


def _rebuild(
    message: str, file: str | None, row: int | None, column: str | None
) -> DatasetError:
    """Unpickle a DatasetError: keyword-only arguments need this detour."""
    return DatasetError(message, file=file, row=row, column=column)


class NotMergeableError(ValueError):
    """Fitted estimators whose merge would be wrong; the message says what to do."""


class WorkerLostError(RuntimeError):
    """A task whose workers die, one after the other.

    Parameters
    ----------
    name : str
        What a task is called, such as ``"partition"``.
    number : int
        Number of the task, the first being 0.
    n_losses : int
        Number of workers that it lost.

    Attributes
    ----------
    name, number, n_losses
        As given.

    Examples
    --------
    >>> from shardfit.exceptions import WorkerLostError
    >>> print(WorkerLostError("partition", 3, 3))
    partition 3 lost 3 workers, the last while it ran alone: it needs more memory than
    there is, or crashes its process; give it less data at a time, or run it with
    n_jobs=1 to see how it fails
    """

    def __init__(self, name: str, number: int, n_losses: int) -> None:
        super().__init__(name, number, n_losses)
        self.name = name
        self.number = number
        self.n_losses = n_losses

    def __str__(self) -> str:
        return (
            f"{self.name} {self.number} lost {self.n_losses} workers, the last while "
            "it ran alone: it needs more memory than there is, or crashes its process; "
            "give it less data at a time, or run it with n_jobs=1 to see how it fails"
        )
