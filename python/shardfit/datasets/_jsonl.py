"""Files of one JSON object per line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from shardfit.datasets._arrow import Request, Rows, pa, pa_json, show_names
from shardfit.datasets._streams import ByteStream
from shardfit.exceptions import DatasetError

__all__ = ["read_jsonl"]

_LABEL_TYPES = {bool: pa.bool_(), int: pa.int64(), str: pa.string()}
_UNSTORABLE = (pa.ArrowException, UnicodeEncodeError, OverflowError)
_TYPE_NAMES = {
    bool: "a boolean",
    dict: "an object",
    float: "a number with a fraction or exponent",
    int: "an integer",
    list: "a list",
    str: "a string",
    type(None): "null",
}


def read_jsonl(file: Path, request: Request) -> Iterator[Rows]:
    """Yield the rows of a JSONL file; empty lines are none.

    pyarrow parses each block. Whatever it refuses is parsed again by Python's json,
    which has the last word and knows the row.
    """
    parser = _Parser(file, request)
    first_row = 1
    with ByteStream(file) as stream:
        for block in _whole_lines(stream, request, lambda: parser.n_rows + 1):
            batch = parser.parse(block)
            if batch is not None:
                yield Rows(first_row, batch, stream.position)
                first_row += batch.num_rows


def _whole_lines(
    stream: ByteStream, request: Request, next_row: Callable[[], int]
) -> Iterator[bytes]:
    begun: list[bytes] = []
    n_begun = 0
    while data := stream.read(min(request.block_bytes, request.max_row_bytes)):
        end = data.rfind(b"\n") + 1
        if end:
            yield b"".join([*begun, memoryview(data)[:end]])
            begun, n_begun = [], 0
        begun.append(data[end:])
        n_begun += len(data) - end
        if n_begun > request.max_row_bytes:
            raise DatasetError(
                f"the row is longer than max_row_bytes={request.max_row_bytes:,} "
                "bytes; raise max_row_bytes",
                file=stream.file,
                row=next_row(),
            )
    if n_begun:
        yield b"".join(begun)


class _Parser:
    """Parses blocks of whole lines, one after the other."""

    def __init__(self, file: Path, request: Request) -> None:
        self.file = file
        self.request = request
        self.n_rows = 0
        self.label_type: type | None = None

    def parse(self, block: bytes) -> pa.RecordBatch | None:
        """Return the rows of the next block, None if there are none."""
        if self.n_rows == 0:
            if not block.strip():
                return None
            self._look_at_first_row(block)
        batch = None if self.request.everything else self._parse_fast(block)
        if batch is None:
            batch = self._parse_exactly(block)
        if batch is not None:
            self.n_rows += batch.num_rows
        return batch

    def _look_at_first_row(self, block: bytes) -> None:
        row = self._object(next(_lines(block)), 1)
        self.request.check_names(list(row), self.file)
        if self.request.label is not None:
            self.label_type = type(row[self.request.label])
            if self.label_type not in _LABEL_TYPES:
                raise self._wrong_label(row[self.request.label], 1)

    def _parse_fast(self, block: bytes) -> pa.RecordBatch | None:
        n_lines = _count_objects(block)
        if not n_lines:
            return None
        fields = [(name, self._type_of(name)) for name in self.request.names]
        try:
            table = pa_json.read_json(
                pa.BufferReader(block),
                read_options=pa_json.ReadOptions(
                    use_threads=False, block_size=len(block) + 1
                ),
                parse_options=pa_json.ParseOptions(
                    explicit_schema=pa.schema(fields),
                    unexpected_field_behavior="ignore",
                ),
            ).select([name for name, _ in fields])
            table.validate(full=True)
        except pa.ArrowException:
            return None
        if table.num_rows != n_lines or any(
            column.null_count for column in table.columns
        ):
            return None
        (batch,) = table.combine_chunks().to_batches()
        return batch

    def _parse_exactly(self, block: bytes) -> pa.RecordBatch | None:
        first_row = self.n_rows + 1
        rows = [
            self._object(line, number)
            for number, line in enumerate(_lines(block), first_row)
        ]
        if not rows:
            return None
        for number, row in enumerate(rows, first_row):
            self._check(row, number)
        if self.request.everything:
            names = list(dict.fromkeys(name for row in rows for name in row))
        else:
            names = self.request.names
        columns = [self._column(rows, name, first_row) for name in names]
        return pa.RecordBatch.from_arrays(columns, names=names)

    def _object(self, line: bytes, number: int) -> dict[str, Any]:
        try:
            row = json.loads(line.decode())
        except UnicodeDecodeError as error:
            raise DatasetError(
                f"the line is not UTF-8 (byte {line[error.start]:#04x} at "
                f"position {error.start}); convert the file to UTF-8",
                file=self.file,
                row=number,
            ) from error
        except (ValueError, RecursionError) as error:
            raise DatasetError(
                f"the line is not one JSON object ({error})", file=self.file, row=number
            ) from error
        if not isinstance(row, dict):
            raise DatasetError(
                f"the line holds {_TYPE_NAMES[type(row)]}, not an object; write one "
                "object per line",
                file=self.file,
                row=number,
            )
        return row

    def _check(self, row: dict[str, Any], number: int) -> None:
        for name in self.request.names:
            if name not in row:
                raise DatasetError(
                    f"the row lacks this column; it has {show_names(list(row))}",
                    file=self.file,
                    row=number,
                    column=name,
                )
            value = row[name]
            if name == self.request.label:
                if type(value) is not self.label_type:
                    raise self._wrong_label(value, number)
            elif not isinstance(value, str):
                raise DatasetError(
                    f"the text is {_TYPE_NAMES[type(value)]}; it must be a string",
                    file=self.file,
                    row=number,
                    column=name,
                )

    def _wrong_label(self, value: object, number: int) -> DatasetError:
        kind = _TYPE_NAMES[type(value)]
        if type(value) in _LABEL_TYPES and self.label_type is not None:
            message = (
                f"the label is {kind}, that of row 1 {_TYPE_NAMES[self.label_type]}; "
                "write all labels in one type"
            )
        else:
            message = (
                f"the label is {kind}; labels must be strings, integers or booleans"
            )
        return DatasetError(
            message, file=self.file, row=number, column=self.request.label
        )

    def _type_of(self, name: str) -> pa.DataType | None:
        """Return the type of a column, None for one that was not asked for."""
        if name in self.request.text:
            return pa.string()
        if name == self.request.label and self.label_type is not None:
            return _LABEL_TYPES[self.label_type]
        return None

    def _column(
        self, rows: list[dict[str, Any]], name: str, first_row: int
    ) -> pa.Array:
        values = [row.get(name) for row in rows]
        wanted = self._type_of(name)
        try:
            return pa.array(values, wanted)
        except _UNSTORABLE:
            if wanted is None:
                return pa.array([json.dumps(value) for value in values])
        for number, value in enumerate(values, first_row):
            try:
                pa.array([value], wanted)
            except _UNSTORABLE as error:
                raise DatasetError(
                    f"the label {value} does not fit into 64 bits; use strings"
                    if isinstance(value, int)
                    else f"the text is not Unicode: half a surrogate pair ({error})",
                    file=self.file,
                    row=number,
                    column=name,
                ) from error
        raise AssertionError("a column cannot be stored, but each of its values can")


def _count_objects(block: bytes) -> int:
    """Return how many lines there are, 0 if one of them does not begin with ``{``.

    pyarrow crashes on a block of nulls, and takes several objects in a line, or one in
    several lines, for rows.
    """
    n_lines = block.count(b"\n") + (not block.endswith(b"\n"))
    if block.startswith(b"{") and 1 + block.count(b"\n{") == n_lines:
        return n_lines
    # Empty lines or indented ones: look at each.
    lines = list(_lines(block))
    return len(lines) if all(line[:1] == b"{" for line in lines) else 0


def _lines(block: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(block):
        end = block.find(b"\n", start) + 1 or len(block)
        line = block[start:end].strip()
        if line:
            yield line
        start = end
