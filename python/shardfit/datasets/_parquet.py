"""Parquet files, read few enough rows at a time to hold them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate, islice
from pathlib import Path
from typing import TYPE_CHECKING

from shardfit.datasets._arrow import (
    Request,
    Rows,
    arrow_errors,
    gathered,
    is_string,
    not_utf8,
    pa,
    pa_parquet,
    pc,
)
from shardfit.exceptions import DatasetError

if TYPE_CHECKING:
    import numpy as np

__all__ = ["read_parquet"]

# More would be faster, but rows may suddenly be long: a thousand times 1 MB is 1 GB.
_MOST_ROWS = 256
_READ_BUFFER_BYTES = 2**16


def read_parquet(
    file: Path, request: Request, rng: np.random.Generator | None
) -> Iterator[Rows]:
    """Yield the rows of a Parquet file; `rng` shuffles its row groups.

    A file says neither how long its rows are nor how far a dictionary makes them grow,
    so each row group begins with one row that brings its dictionaries with it.
    """
    yield from gathered(_read_rows(file, request, rng), request.block_bytes)


def _read_rows(
    file: Path, request: Request, rng: np.random.Generator | None
) -> Iterator[Rows]:
    with arrow_errors(file, "the Parquet file is damaged or cut off"):
        yield from _ParquetReader(file, request).rows(rng)


class _ParquetReader:
    def __init__(self, file: Path, request: Request) -> None:
        self.file = file
        self.request = request
        self.most_bytes = 4 * request.block_bytes
        self.n_file_bytes = file.stat().st_size
        with self._open() as parquet:
            self.metadata = parquet.metadata
            self.schema = parquet.schema_arrow
        request.check_names(self.schema.names, file)
        self.columns = None if request.everything else request.names
        self.dictionaries = [
            field.name
            for field in self.schema
            if is_string(field.type) or pa.types.is_binary(field.type)
        ]

    def _open(self, dictionaries: list[str] | None = None) -> pa_parquet.ParquetFile:
        return pa_parquet.ParquetFile(
            str(self.file),
            read_dictionary=dictionaries,
            buffer_size=_READ_BUFFER_BYTES,
            pre_buffer=False,
            metadata=getattr(self, "metadata", None),
            page_checksum_verification=True,
        )

    def rows(self, rng: np.random.Generator | None) -> Iterator[Rows]:
        counts = [
            self.metadata.row_group(i).num_rows
            for i in range(self.metadata.num_row_groups)
        ]
        starts = [0, *accumulate(counts)]
        if starts[-1] != self.metadata.num_rows:
            raise DatasetError(
                f"the file is damaged: its row groups have {starts[-1]} rows, the "
                f"file {self.metadata.num_rows}",
                file=self.file,
            )
        order = range(len(counts)) if rng is None else rng.permutation(len(counts))
        n_done = 0
        for group in order:
            if not counts[group]:
                continue
            row = 1 + starts[group]
            for batch in self._row_group(int(group), row):
                n_done += batch.num_rows
                yield Rows(row, batch, self._position(n_done))
                row += batch.num_rows
            if row != 1 + starts[group + 1]:
                raise DatasetError(
                    f"the file is damaged: row group {group} does not have the "
                    f"{counts[group]} rows that the footer names",
                    file=self.file,
                )

    def _position(self, n_done: int) -> int:
        return self.n_file_bytes * n_done // max(int(self.metadata.num_rows), 1)

    def _row_group(self, group: int, first_row: int) -> Iterator[pa.RecordBatch]:
        """Yield a row group, with fewer rows at a time if they turn out long."""
        n_at_once = self._rows_at_once(group)
        n_done = 0
        while True:
            n_seen = 0
            with self._open() as parquet:
                for batch in parquet.iter_batches(
                    n_at_once, [group], self.columns, use_threads=False
                ):
                    n_new = min(n_seen + batch.num_rows - n_done, batch.num_rows)
                    n_seen += batch.num_rows
                    if n_new <= 0:
                        continue
                    n_done += n_new
                    decoded = _decoded(
                        batch.slice(batch.num_rows - n_new),
                        self.file,
                        first_row + n_done - n_new,
                    )
                    yield decoded
                    if n_at_once > 1 and decoded.nbytes > self.most_bytes:
                        break
                else:
                    return
            n_at_once = max(1, n_at_once // 8)

    def _rows_at_once(self, group: int) -> int:
        """Return how many rows of a row group may be read without knowing their size.

        A row from a dictionary is at most as long as the longest entry, and the first
        row comes with the whole dictionary. What the footer says about columns would
        help too, but pyarrow aborts the process where that is damaged.
        """
        with self._open(self.dictionaries) as parquet:
            rows = parquet.iter_batches(1, [group], self.columns, use_threads=False)
            longest = sum(
                _longest(column) for row in islice(rows, 1) for column in row.columns
            )
        info = self.metadata.row_group(group)
        average = info.total_byte_size // max(info.num_rows, 1)
        n_at_once = min(
            self.request.block_bytes // max(average, 1),
            self.most_bytes // max(longest, 1),
            _MOST_ROWS,
        )
        return max(1, int(n_at_once))


def _longest(column: pa.Array) -> int:
    """Return the bytes of the longest value that the column may bring."""
    if not pa.types.is_dictionary(column.type):
        return int(column.nbytes)
    return int(pc.max(pc.binary_length(column.dictionary)).as_py() or 0)


def _decoded(batch: pa.RecordBatch, file: Path, first_row: int) -> pa.RecordBatch:
    """Write strings out, since a dictionary comes whole with each batch; check them.

    Raises
    ------
    DatasetError
        If a string is not UTF-8, which pyarrow does not look at.
    """
    columns = []
    for name, encoded in zip(batch.schema.names, batch.columns, strict=True):
        column = encoded
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        if pa.types.is_string_view(column.type):
            column = column.cast(pa.string())
        if is_string(column.type):
            try:
                column.validate(full=True)
            except pa.ArrowInvalid as error:
                binary = column.cast(pa.large_binary())
                raise not_utf8(binary, file, first_row, name) from error
        columns.append(column)
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)
