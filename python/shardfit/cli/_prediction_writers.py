"""Write predictions batch by batch as Parquet, CSV or JSON lines."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date, time
from decimal import Decimal
from typing import Any, BinaryIO, Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

__all__ = ["WriteTable", "writing_predictions"]

WriteTable = Callable[[pa.Table], None]


# A row group of Parquet should be worth its entry in the footer.
_ROW_GROUP_ROWS = 2**17
_ROW_GROUP_BYTES = 2**26


@contextmanager
def writing_predictions(sink: BinaryIO, suffix: str) -> Iterator[WriteTable]:
    """Give a function that appends a table of predictions to an open file.

    Parameters
    ----------
    sink : binary file
        Where to write.
    suffix : {".parquet", ".csv", ".jsonl"}
        The format. CSV quotes all text, doubles the quotes in it and leaves nulls
        empty, as RFC 4180 and Python's csv module read it.

    Yields
    ------
    callable
        Takes a pyarrow.Table; in Parquet and CSV the first one fixes the types. It
        raises ValueError for a table that the format cannot hold.
    """
    if suffix == ".jsonl":
        yield lambda table: _write_jsonl(table, sink)
        return
    outlet = _Outlet(sink)
    rows = _RowGroups(outlet, _open_csv if suffix == ".csv" else _open_parquet)
    try:
        yield rows.write
        rows.close()
    except BaseException:
        # Left open, a writer of Arrow would write its last bytes whenever Python
        # forgets it, to a file that is gone by then.
        outlet.shut()
        rows.abandon()
        raise


class _Outlet(io.RawIOBase):
    """Passes bytes on until it is shut, and then takes and forgets them."""

    def __init__(self, sink: BinaryIO) -> None:
        self._sink: BinaryIO | None = sink

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        if self._sink is not None:
            self._sink.write(data)
        return len(data)

    def shut(self) -> None:
        self._sink = None


class _ColumnarWriter(Protocol):
    """What the CSV and the Parquet writer of Arrow have in common."""

    def write_table(self, table: pa.Table) -> None: ...

    def close(self) -> None: ...


def _open_csv(sink: io.RawIOBase, schema: pa.Schema) -> _ColumnarWriter:
    for column in schema:
        if pa.types.is_nested(column.type):
            raise ValueError(
                f"column {column.name!r} of type {column.type} does not fit in CSV; "
                "write .jsonl or .parquet"
            )
    writer: _ColumnarWriter = pyarrow.csv.CSVWriter(sink, schema)
    return writer


def _open_parquet(sink: io.RawIOBase, schema: pa.Schema) -> _ColumnarWriter:
    writer: _ColumnarWriter = pyarrow.parquet.ParquetWriter(
        sink, schema, compression="zstd"
    )
    return writer


class _RowGroups:
    """Gather small tables into groups of rows, all of the first table's types."""

    def __init__(
        self,
        sink: io.RawIOBase,
        open_writer: Callable[[io.RawIOBase, pa.Schema], _ColumnarWriter],
    ) -> None:
        self._sink = sink
        self._open_writer = open_writer
        self._writer: _ColumnarWriter | None = None
        self._waiting: list[pa.Table] = []

    def write(self, table: pa.Table) -> None:
        if self._writer is None:
            self._schema = _without_null_types(table.schema)
            self._writer = self._open_writer(self._sink, self._schema)
        self._waiting.append(_cast(table, self._schema))
        if (
            sum(table.num_rows for table in self._waiting) >= _ROW_GROUP_ROWS
            or sum(table.nbytes for table in self._waiting) >= _ROW_GROUP_BYTES
        ):
            self._write_group(self._writer)

    def close(self) -> None:
        """Write what waits, and the end of the file."""
        if self._writer is not None:
            self._write_group(self._writer)
            self._writer.close()

    def abandon(self) -> None:
        """Let go of a file that nobody wants any more."""
        if self._writer is not None:
            with suppress(OSError, pa.ArrowException):
                self._writer.close()

    def _write_group(self, writer: _ColumnarWriter) -> None:
        if self._waiting:
            writer.write_table(pa.concat_tables(self._waiting))
            self._waiting = []


def _without_null_types(schema: pa.Schema) -> pa.Schema:
    """Take columns that begin with nothing but nulls for text."""
    return pa.schema(
        [(c.name, pa.string() if pa.types.is_null(c.type) else c.type) for c in schema]
    )


def _cast(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Give a table the types of the first one, or say which column cannot have it."""
    for index, (name, wanted) in enumerate(
        zip(schema.names, schema.types, strict=True)
    ):
        column = table.column(index)
        try:
            table = table.set_column(index, name, column.cast(wanted))
        except pa.ArrowException:
            raise ValueError(
                f"column {name!r} has values of type {column.type} here and {wanted} "
                "before; do not keep it, or write .jsonl"
            ) from None
    return table


def _write_jsonl(table: pa.Table, sink: BinaryIO) -> None:
    for index, column in enumerate(table.columns):
        if pa.types.is_floating(column.type):
            # JSON has no NaN and no infinity.
            finite = pc.if_else(pc.is_finite(column), column, None)
            table = table.set_column(index, table.schema.names[index], finite)
    lines = (
        json.dumps(row, ensure_ascii=False, allow_nan=False, default=_json_value)
        for row in table.to_pylist()
    )
    sink.write("".join(f"{line}\n" for line in lines).encode())


def _json_value(value: Any) -> str:
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    raise ValueError(
        f"a value of type {type(value).__name__} does not fit in JSON; write .parquet"
    )
