"""CSV and TSV files, read block by block; every cell is text."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

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
# How pyarrow says that a row, or the header, does not fit into a block.
_TOO_LONG = ("straddling object", "CSV parse error: Empty CSV file or block")


def read_csv(file: Path, request: Request, delimiter: str) -> Iterator[Rows]:
    """Yield the rows of a CSV file.

    A row longer than a block makes pyarrow stop; the file is then read again with
    larger blocks, past the rows that were already given out. An unclosed quote would
    swallow the rest of the file in silence: a last row of our own that does not come
    out again gives it away.
    """
    yield from gathered(_read_rows(file, request, delimiter), request.block_bytes)


def _read_rows(file: Path, request: Request, delimiter: str) -> Iterator[Rows]:
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
        try:
            with (
                ByteStream(file, tail=b"\n") as stream,
                arrow_errors(file, "the header is not UTF-8 text"),
            ):
                names = _header_of(stream, delimiter, block_bytes)
        except DatasetError as error:
            if not _says_too_long(error):
                raise
            if block_bytes >= request.max_row_bytes:
                raise DatasetError(
                    "there is no header: the file holds only empty lines, a quote is "
                    "not closed, or the header is longer than "
                    f"max_row_bytes={request.max_row_bytes:,} bytes",
                    file=file,
                ) from error
            block_bytes = min(_BLOCK_GROWTH * block_bytes, request.max_row_bytes)
        else:
            request.check_names(names, file)
            return names


def _header_of(stream: ByteStream, delimiter: str, block_bytes: int) -> list[str]:
    """Return the names of the columns; only the header must be right for that."""
    first_line = pa_csv.open_csv(
        stream,
        read_options=pa_csv.ReadOptions(use_threads=False, block_size=block_bytes),
        parse_options=pa_csv.ParseOptions(
            delimiter=delimiter,
            newlines_in_values=True,
            invalid_row_handler=lambda row: "skip",
        ),
    )
    names: list[str] = first_line.schema.names
    return names


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

    def rows(self, n_skipped: int) -> Iterator[Rows]:
        """Yield the rows behind the first `n_skipped` ones."""
        last_row = self.delimiter.join([self.last_cell] * len(self.names))
        with ByteStream(self.file, tail=f"\n{last_row}\n".encode()) as stream:
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
        broken: list[Any] = []

        def remember(row: Any) -> str:
            broken.append(row)
            return "error"

        try:
            for batch in self._open(stream, wanted, remember):
                if batch.num_rows:
                    yield batch
        except pa.ArrowInvalid as error:
            if not broken:
                raise
            raise self._wrong_cells(broken[0]) from error

    def _open(
        self, stream: ByteStream, wanted: list[str], remember: Callable[[Any], str]
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
                invalid_row_handler=remember,
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

    def _wrong_cells(self, row: Any) -> DatasetError:
        # pyarrow counts the header as row 1.
        number = row.number - 1
        if self.last_cell in row.text:
            return self._unclosed(number)
        return DatasetError(
            f"the row has {row.actual_columns} cells, the header "
            f"{row.expected_columns}; quote cells that hold the delimiter "
            f"{self.delimiter!r}, or look for an unclosed quote: {row.text[:60]!r}",
            file=self.file,
            row=number,
        )

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
