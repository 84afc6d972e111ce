"""CSV and TSV files, read block by block; every cell is text."""

from __future__ import annotations

import atexit
import csv
import io
import re
import secrets
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any
from weakref import WeakSet

from shardfit.datasets._arrow import (
    Request,
    Rows,
    arrow_errors,
    gathered,
    not_utf8,
    pa,
    pa_csv,
)
from shardfit.datasets._streams import ByteStream
from shardfit.exceptions import DatasetError

__all__ = ["read_csv"]

_BLOCK_FOR_HEADER = 2**16
_BLOCK_GROWTH = 8
_SMALLEST_BLOCK = 64
# pyarrow reads up to 32 blocks ahead: together they are one batch more.
_BLOCKS_PER_BATCH = 32
# How pyarrow says that a row has another number of cells than the header.
_WRONG_CELLS = re.compile(
    r"Row #(?P<row>\d+): Expected (?P<expected>\d+) columns, got (?P<got>\d+): "
    r"(?P<text>.*)",
    re.DOTALL,
)
# How pyarrow says that a row, or the header, does not fit into a block.
_TOO_LONG = ("straddling object", "CSV parse error: Empty CSV file or block")


def read_csv(file: Path, request: Request, delimiter: str) -> Iterator[Rows]:
    """Return the rows of a CSV file; lines that are empty are no rows.

    A row longer than a block makes pyarrow stop; the file is then read again with
    larger blocks, past the rows that were already given out. An unclosed quote would
    swallow the rest of the file in silence: a last row of our own that does not come
    out again gives it away.
    """
    rows = _read_rows(file, request, delimiter)
    _unfinished.add(rows)
    return gathered(rows, request.block_bytes)


# pyarrow reads ahead in a thread that calls back into Python. A reader that is still
# open when the interpreter shuts down would have that thread end the process.
_unfinished: WeakSet[Generator[Rows, None, None]] = WeakSet()


@atexit.register
def _close_unfinished() -> None:
    for rows in list(_unfinished):
        rows.close()


def _read_rows(
    file: Path, request: Request, delimiter: str
) -> Generator[Rows, None, None]:
    names = _read_header(file, request, delimiter)
    block_bytes = max(request.block_bytes // _BLOCKS_PER_BATCH, _SMALLEST_BLOCK)
    n_rows = 0
    while True:
        reader = _Reader(file, request, delimiter, names, block_bytes)
        try:
            with arrow_errors(file, "the file cannot be read"):
                for rows in reader.rows(n_rows):
                    n_rows += rows.batch.num_rows
                    yield rows
        except DatasetError as error:
            if not _says_too_long(error):
                raise
            if block_bytes >= request.max_row_bytes:
                raise _too_long(file, n_rows + 1, request) from error
            block_bytes = min(_BLOCK_GROWTH * block_bytes, request.max_row_bytes)
        else:
            return


def _says_too_long(error: DatasetError) -> bool:
    return str(error.__cause__).startswith(_TOO_LONG)


def _too_long(file: Path, row: int, request: Request) -> DatasetError:
    return DatasetError(
        f"the row is longer than max_row_bytes={request.max_row_bytes:,} bytes, or a "
        "quote in it is not closed; close it or raise max_row_bytes",
        file=file,
        row=row,
    )


def _read_header(file: Path, request: Request, delimiter: str) -> list[str]:
    block_bytes = min(_BLOCK_FOR_HEADER, request.max_row_bytes)
    while True:
        with ByteStream(file, tail=b"\n") as stream:
            names = _header_of(stream, delimiter, block_bytes)
        if names is not None:
            break
        if block_bytes >= request.max_row_bytes:
            raise DatasetError(
                "there is no header: the file holds only empty lines, a quote is not "
                "closed, or the header is longer than "
                f"max_row_bytes={request.max_row_bytes:,} bytes",
                file=file,
            )
        block_bytes = min(_BLOCK_GROWTH * block_bytes, request.max_row_bytes)
    try:
        "".join(names).encode()
    except UnicodeEncodeError as error:
        raise DatasetError("the header is not UTF-8 text", file=file) from error
    request.check_names(names, file)
    return names


def _header_of(
    stream: ByteStream, delimiter: str, block_bytes: int
) -> list[str] | None:
    """Return the names of the columns, or None if they do not end in the block.

    By Python's reader, since pyarrow also looks at the rows behind the header.
    """
    text = stream.read(block_bytes).decode("utf-8", "surrogateescape")
    is_whole = not stream.read(1)
    lines = io.StringIO(text, newline="")
    try:
        rows = csv.reader(lines, delimiter=delimiter)
        names = next((row for row in rows if row), None)
    except csv.Error:  # A name is longer than the reader takes.
        return None
    return names if is_whole or lines.tell() < len(text) else None


class _Reader:
    """One pass over a file with blocks of one size."""

    def __init__(
        self,
        file: Path,
        request: Request,
        delimiter: str,
        names: list[str],
        block_bytes: int,
    ) -> None:
        self.file = file
        self.request = request
        self.delimiter = delimiter
        self.names = names
        self.block_bytes = block_bytes
        self.last_cell = f"end-{secrets.token_hex(8)}"
        last_row = delimiter.join([self.last_cell] * len(names))
        self.tail = f"\n{last_row}\n".encode()

    def rows(self, n_skipped: int) -> Iterator[Rows]:
        """Yield the rows behind the first `n_skipped` ones."""
        with ByteStream(self.file, tail=self.tail) as stream:
            first_row = 1
            held: pa.RecordBatch | None = None
            try:
                for batch in self._batches(stream):
                    if held is not None:
                        yield from self._give(held, first_row, n_skipped, stream)
                        first_row += held.num_rows
                    held = batch
            except (pa.ArrowInvalid, DatasetError):
                # What is held was read well; only the place of the error is ahead.
                if held is not None:
                    yield from self._give(held, first_row, n_skipped, stream)
                raise
            if held is None or not self._is_last(held):
                n_rows = first_row - 1 + (0 if held is None else held.num_rows)
                raise self._unclosed(n_rows)
            held = held.slice(0, held.num_rows - 1)
            yield from self._give(held, first_row, n_skipped, stream)

    def _batches(self, stream: ByteStream) -> Iterator[pa.RecordBatch]:
        wanted = self.names if self.request.everything else self.request.names
        try:
            for batch in self._open(stream, wanted):
                if batch.num_rows:
                    yield batch
        except pa.ArrowInvalid as error:
            broken = _WRONG_CELLS.search(str(error))
            if broken is None:
                raise
            raise self._wrong_cells(broken) from error

    def _open(
        self,
        stream: ByteStream,
        wanted: list[str],
        on_broken_row: Callable[[Any], str] | None = None,
    ) -> Any:
        # As binary, since pyarrow would not say in which row a cell is not UTF-8.
        return pa_csv.open_csv(
            stream,
            read_options=pa_csv.ReadOptions(
                use_threads=False, block_size=self.block_bytes
            ),
            parse_options=pa_csv.ParseOptions(
                delimiter=self.delimiter,
                newlines_in_values=True,
                invalid_row_handler=on_broken_row,
            ),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(wanted, pa.binary()),
                include_columns=[] if self.request.everything else wanted,
                strings_can_be_null=False,
            ),
        )

    def _is_last(self, batch: pa.RecordBatch) -> bool:
        last = batch.slice(batch.num_rows - 1)
        return all(
            column[0].as_py() == self.last_cell.encode() for column in last.columns
        )

    def _give(
        self, batch: pa.RecordBatch, first_row: int, n_skipped: int, stream: ByteStream
    ) -> Iterator[Rows]:
        n_old = min(max(n_skipped - first_row + 1, 0), batch.num_rows)
        batch = batch.slice(n_old)
        if batch.num_rows:
            yield Rows(
                first_row + n_old,
                _decoded(batch, self.file, first_row + n_old),
                stream.position,
            )

    def _wrong_cells(self, broken: re.Match[str]) -> DatasetError:
        # pyarrow counts the header as row 1.
        number = int(broken["row"]) - 1
        # The text is cut after some 100 characters.
        if broken["text"].count('"') % 2 and self._broken_row_runs_to_the_end():
            return self._unclosed(number)
        return DatasetError(
            f"the row has {broken['got']} cells, the header {broken['expected']}; "
            f"quote cells that hold the delimiter {self.delimiter!r}, or look for an "
            f"unclosed quote: {broken['text'][:60]!r}",
            file=self.file,
            row=number,
        )

    def _broken_row_runs_to_the_end(self) -> bool:
        # Not asked from the start, because pyarrow cannot show a row that is not UTF-8.
        texts: list[str] = []

        def remember(row: Any) -> str:
            texts.append(row.text)
            return "error"

        with ByteStream(self.file, tail=self.tail) as stream:
            try:
                for _ in self._open(stream, self.names, remember):
                    pass
            except pa.ArrowInvalid:
                pass
        return bool(texts) and self.last_cell in texts[0]

    def _unclosed(self, row: int) -> DatasetError:
        return DatasetError(
            "a quote is opened but never closed; close it, or write it twice inside "
            "a quoted cell",
            file=self.file,
            row=row or None,
        )


def _decoded(batch: pa.RecordBatch, file: Path, first_row: int) -> pa.RecordBatch:
    """Turn columns of bytes into columns of strings.

    Raises
    ------
    DatasetError
        If a cell is not UTF-8.
    """
    columns = []
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        try:
            columns.append(column.cast(pa.string()))
        except pa.ArrowInvalid as error:
            raise not_utf8(column, file, first_row, name) from error
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)
