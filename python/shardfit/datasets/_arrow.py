"""The one place that imports pyarrow, and what its errors mean."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from shardfit.exceptions import DatasetError

try:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.csv as pa_csv
    import pyarrow.json as pa_json
    import pyarrow.parquet as pa_parquet
except ImportError as error:
    raise ImportError(
        'reading text files needs pyarrow: pip install "shardfit[cli]"'
    ) from error

__all__ = [
    "Request",
    "Rows",
    "arrow_errors",
    "gathered",
    "is_string",
    "not_utf8",
    "pa",
    "pa_csv",
    "pa_json",
    "pa_parquet",
    "pc",
]


@dataclass(frozen=True)
class Request:
    """What is to be read of each file.

    Parameters
    ----------
    text : tuple of str
        Names of the text columns.
    label : str or None
        Name of the label column.
    everything : bool
        Whether all other columns are wanted too.
    block_bytes : int
        How much is read at a time.
    max_row_bytes : int
        The longest row that is accepted.
    """

    text: tuple[str, ...]
    label: str | None
    everything: bool
    block_bytes: int
    max_row_bytes: int

    @property
    def names(self) -> list[str]:
        """Names of the columns that must be there, texts first."""
        return [*self.text] if self.label is None else [*self.text, self.label]

    def check_names(self, present: list[str], file: Path) -> None:
        """Raise DatasetError unless each wanted column is there exactly once."""
        for name in self.names:
            if name not in present:
                raise DatasetError(
                    f"there is no such column; the columns are {show_names(present)}",
                    file=file,
                    column=name,
                )
            if present.count(name) > 1:
                raise DatasetError(
                    f"{present.count(name)} columns have this name; rename all but "
                    "one of them",
                    file=file,
                    column=name,
                )


def show_names(names: list[str], limit: int = 20) -> str:
    """Name columns for a message, at most `limit` of them, and long names in part."""
    short = [name if len(name) <= 60 else f"{name[:60]}..." for name in names[:limit]]
    shown = ", ".join(map(repr, short))
    more = len(names) - limit
    return f"{shown} and {more} more" if more > 0 else shown or "none"


@dataclass(frozen=True)
class Rows:
    """Consecutive rows of a file.

    Parameters
    ----------
    first_row : int
        Number of the first of them, counted from 1.
    batch : pyarrow.RecordBatch
        Their columns.
    position : int
        How many bytes of the file have been read so far.
    """

    first_row: int
    batch: pa.RecordBatch
    position: int


def gathered(pieces: Iterable[Rows], n_bytes: int) -> Iterator[Rows]:
    """Join consecutive pieces until they hold `n_bytes` bytes."""
    held: list[Rows] = []
    n_held = 0
    try:
        for piece in pieces:
            if held and (n_held >= n_bytes or not _follows(held[-1], piece)):
                yield _joined(held)
                n_held = 0
            held.append(piece)
            n_held += piece.batch.nbytes
    except DatasetError:
        # What was read before the error is good.
        if held:
            yield _joined(held)
        raise
    if held:
        yield _joined(held)


def _follows(before: Rows, rows: Rows) -> bool:
    return bool(before.first_row + before.batch.num_rows == rows.first_row)


def _joined(pieces: list[Rows]) -> Rows:
    """Return the rows of some pieces, and empty the list: nobody needs them twice."""
    first_row, position = pieces[0].first_row, pieces[-1].position
    batches = [piece.batch for piece in pieces]
    pieces.clear()
    batch = batches[0] if len(batches) == 1 else pa.concat_batches(batches)
    return Rows(first_row, batch, position)


def is_string(type_: pa.DataType) -> bool:
    """Return whether values of this type are strings, without a dictionary."""
    return bool(
        pa.types.is_string(type_)
        or pa.types.is_large_string(type_)
        or pa.types.is_string_view(type_)
    )


@contextmanager
def arrow_errors(file: Path, what: str) -> Iterator[None]:
    """Turn an error of pyarrow about the bytes of a file into a DatasetError.

    What the operating system refuses (an OSError with a number) and what does not fit
    into memory is passed on as it is.
    """
    try:
        yield
    except DatasetError:
        raise
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        if isinstance(error, MemoryError) or getattr(error, "errno", None) is not None:
            raise
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise DatasetError(f"{what} ({reason[0]})", file=file) from error


def not_utf8(column: pa.Array, file: Path, first_row: int, name: str) -> DatasetError:
    """Return the error that names the first value which is not UTF-8."""
    for i, value in enumerate(column):
        try:
            value.as_py().decode()
        except UnicodeDecodeError as error:
            return DatasetError(
                f"the text is not UTF-8 (byte {error.object[error.start]:#04x} at "
                f"position {error.start}); convert the file to UTF-8",
                file=file,
                row=first_row + i,
                column=name,
            )
    return DatasetError("the text is not UTF-8", file=file, column=name)
