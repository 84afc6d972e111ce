"""Rows of text files as batches of strings and labels."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shardfit.datasets._arrow import Request, Rows, is_string, pa, pc
from shardfit.datasets._csv import read_csv
from shardfit.datasets._jsonl import read_jsonl
from shardfit.datasets._labels import (
    LABEL_TYPES,
    LabelColumn,
    LabelCounter,
    LabelSummary,
)
from shardfit.datasets._parquet import read_parquet
from shardfit.datasets._paths import PathsLike, find_files, format_of
from shardfit.exceptions import DatasetError

__all__ = ["LabelSummary", "TextBatch", "TextFiles"]

_DELIMITERS = {"csv": ",", "tsv": "\t"}
# Bounds what a batch costs beyond its text: offsets, labels, columns of numbers.
_MOST_ROWS = 2**16
_MOST_BYTES = 2**31 - 2**20


@dataclass(frozen=True)
class TextBatch:
    """Consecutive rows of one file.

    Parameters
    ----------
    file : Path
        The file.
    first_row : int
        Number of the first row in that file, the first row of data being 1.
    texts : pyarrow.Array of shape (n_rows,)
        One document per row, of type string or large_string, without nulls.
    labels : ndarray of shape (n_rows,) or None
        One label per row; int64, bool or strings (``<U``). None if no label was asked
        for.
    n_bytes : int
        Bytes of text, as UTF-8.
    columns : pyarrow.RecordBatch of n_rows rows, or None
        All columns of these rows, if they were asked for.
    """

    file: Path
    first_row: int
    texts: pa.Array
    labels: NDArray[Any] | None
    n_bytes: int
    columns: pa.RecordBatch | None

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.texts)


class TextFiles:
    r"""Rows of text files, read in batches of bounded size.

    Files may be larger than memory: what is held at a time depends on `batch_bytes` and
    on the longest row, not on the files.

    Parameters
    ----------
    paths : str, path-like or iterable of them
        Each a file, a pattern (``data/*.csv``) or a folder, which stands for all files
        in and below it that can be read: Parquet (``.parquet``, ``.pq``), CSV
        (``.csv``), tab-separated values (``.tsv``) and one JSON object per line
        (``.jsonl``, ``.ndjson``, ``.json``), the latter three also compressed
        (``.gz``, ``.zst``). Text is UTF-8.
    text : str or iterable of str
        Name of the column that holds the text; several are joined by a newline.
    label : str, optional
        Name of the column that holds the labels.
    label_type : {"string", "integer", "boolean"}, optional
        What the labels are; by default this is found by reading them all. CSV labels
        are integers if each of them is one.
    batch_bytes : int, default=2 * 2**20
        About how many bytes of text a batch holds. A longer row is a batch of its own.
    max_row_bytes : int, default=64 * 2**20
        The longest row, in bytes, that is accepted.

    Attributes
    ----------
    files : tuple of Path
        The files, in the order in which they are read.
    text : tuple of str
        Names of the text columns.
    label : str or None
        Name of the label column.
    label_type : str or None
        As given, or as found by `summarize_labels`.
    n_bytes : int
        Size of all files on disk.

    Raises
    ------
    FileNotFoundError
        If a path, pattern or folder yields no file.
    shardfit.exceptions.DatasetError
        If a file has a suffix that cannot be read. While reading: if a file is damaged
        or empty, a column is missing, or a text or label is null or of a type that
        cannot be used; with file, row and column.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from shardfit.datasets import TextFiles
    >>> folder = tempfile.TemporaryDirectory()
    >>> file = Path(folder.name, "reviews.csv")
    >>> _ = file.write_text("body,stars\nfine,5\nawful,1\nvery good,5\n")
    >>> reviews = TextFiles(file, text="body", label="stars")
    >>> reviews.summarize_labels().classes
    array([1, 5])
    >>> for batch in reviews.batches():
    ...     print(batch.texts.to_pylist(), batch.labels)
    ['fine', 'awful', 'very good'] [5 1 5]
    >>> folder.cleanup()
    """

    def __init__(
        self,
        paths: PathsLike,
        *,
        text: str | list[str] | tuple[str, ...],
        label: str | None = None,
        label_type: str | None = None,
        batch_bytes: int = 2 * 2**20,
        max_row_bytes: int = 64 * 2**20,
    ) -> None:
        self.files = find_files(paths)
        self.text = (text,) if isinstance(text, str) else tuple(text)
        self.label = label
        self.label_type = label_type
        self.batch_bytes = batch_bytes
        self.max_row_bytes = max_row_bytes
        self._check_arguments()
        self.n_bytes = sum(os.path.getsize(file) for file in self.files)
        self._summary: LabelSummary | None = None

    def _check_arguments(self) -> None:
        columns = [*self.text] if self.label is None else [*self.text, self.label]
        if not self.text or len(set(columns)) < len(columns):
            raise ValueError(
                "text must name at least one column, and text and label different "
                f"ones, got text={self.text!r}, label={self.label!r}"
            )
        if self.label_type not in (None, *LABEL_TYPES):
            raise ValueError(
                f"label_type must be None or one of {LABEL_TYPES}, got "
                f"{self.label_type!r}"
            )
        for name in ("batch_bytes", "max_row_bytes"):
            value = getattr(self, name)
            if not 1 <= value <= _MOST_BYTES:
                raise ValueError(
                    f"{name} must be between 1 and {_MOST_BYTES}, got {value}"
                )

    def __repr__(self) -> str:
        return (
            f"TextFiles({len(self.files)} files, {self.n_bytes:,} bytes, "
            f"text={self.text!r}, label={self.label!r})"
        )

    def summarize_labels(
        self, advance: Callable[[int, int], object] | None = None
    ) -> LabelSummary:
        """Read all labels, and nothing else, once.

        Parameters
        ----------
        advance : callable, optional
            Called as ``advance(n_rows, n_bytes)`` with the rows, and the bytes on disk,
            read since the last call; the bytes of all calls add up to `n_bytes`.

        Returns
        -------
        LabelSummary
            Classes, rows per class, number of rows and whether they are mixed. A
            second call returns it at once.

        Raises
        ------
        ValueError
            If there is no label column.
        shardfit.exceptions.DatasetError
            If labels are null, of different types or of one that cannot be used.
        """
        if self.label is None:
            raise ValueError("there are no labels to summarize: give label=...")
        if self._summary is None:
            counter = LabelCounter(self.label, self.label_type)
            request = replace(self._request(False), text=())
            for file in self.files:
                position = 0
                for rows in self._rows(file, request):
                    counter.add(file, self._label_column(file, rows))
                    if advance is not None:
                        advance(rows.batch.num_rows, rows.position - position)
                        position = rows.position
                if advance is not None:
                    advance(0, os.path.getsize(file) - position)
            self._summary, self.label_type = counter.summary()
        return self._summary

    def batches(
        self, *, seed: int | None = None, keep_columns: bool = False
    ) -> Iterator[TextBatch]:
        """Read all rows.

        Parameters
        ----------
        seed : int, optional
            Shuffles the files and the row groups of Parquet files, always in the same
            way for the same seed. By default rows come in the order of `files`.
        keep_columns : bool, default=False
            Whether a batch also brings all other columns. Those of CSV files are
            strings, those of JSONL files have the types of the values in that batch.

        Yields
        ------
        TextBatch
            Rows of one file, at least one and about `batch_bytes` of text.

        Raises
        ------
        shardfit.exceptions.DatasetError
            If a file cannot be used; batches before the place have been yielded.
        """
        label_type = self.label_type
        if self.label is not None and label_type is None:
            self.summarize_labels()
            label_type = self.label_type
        request = self._request(keep_columns)
        rng = None if seed is None else np.random.default_rng(seed)
        order = (
            range(len(self.files)) if rng is None else rng.permutation(len(self.files))
        )
        for i in order:
            file = self.files[i]
            for rows in self._rows(file, request, rng):
                texts = _texts(file, rows, self.text)
                labels = None
                if label_type is not None:
                    labels = self._label_column(file, rows).to_numpy(label_type)
                for start, stop, n_bytes in self._cuts(file, rows, texts):
                    yield TextBatch(
                        file=file,
                        first_row=rows.first_row + start,
                        texts=texts.slice(start, stop - start),
                        labels=None if labels is None else labels[start:stop],
                        n_bytes=n_bytes,
                        columns=rows.batch.slice(start, stop - start)
                        if keep_columns
                        else None,
                    )

    def _request(self, everything: bool) -> Request:
        return Request(
            text=self.text,
            label=self.label,
            everything=everything,
            block_bytes=self.batch_bytes,
            max_row_bytes=self.max_row_bytes,
        )

    def _rows(
        self, file: Path, request: Request, rng: np.random.Generator | None = None
    ) -> Iterator[Rows]:
        kind = format_of(file)
        if kind == "parquet":
            every = read_parquet(file, request, rng)
        elif kind == "jsonl":
            every = read_jsonl(file, request)
        else:
            every = read_csv(file, request, _DELIMITERS[kind])
        n_rows = 0
        for rows in every:
            n_rows += rows.batch.num_rows
            yield rows
            # The pool of pyarrow keeps for a second what is freed, and in a second
            # more is read, and freed, than many batches hold.
            pa.default_memory_pool().release_unused()
        if n_rows == 0:
            raise DatasetError("the file has no rows", file=file)

    def _label_column(self, file: Path, rows: Rows) -> LabelColumn:
        assert self.label is not None
        return LabelColumn(file, rows, self.label, format_of(file) in _DELIMITERS)

    def _cuts(
        self, file: Path, rows: Rows, texts: pa.Array
    ) -> Iterator[tuple[int, int, int]]:
        """Yield start, stop and bytes of batches that are not too large."""
        lengths = pc.binary_length(texts).to_numpy().astype(np.int64)
        longest = int(lengths.argmax())
        if lengths[longest] > self.max_row_bytes:
            raise DatasetError(
                f"the text has {lengths[longest]:,} bytes, more than max_row_bytes="
                f"{self.max_row_bytes:,}; raise max_row_bytes or split the text",
                file=file,
                row=rows.first_row + longest,
            )
        ends = np.cumsum(lengths)
        start = begun = 0
        while start < len(texts):
            fitting = int(np.searchsorted(ends, begun + self.batch_bytes, "right"))
            stop = min(max(fitting, start + 1), start + _MOST_ROWS)
            yield start, stop, int(ends[stop - 1]) - begun
            start, begun = stop, int(ends[stop - 1])


def _texts(file: Path, rows: Rows, names: tuple[str, ...]) -> pa.Array:
    columns = [_text_column(file, rows, name) for name in names]
    if len(columns) == 1:
        return columns[0]
    if sum(column.nbytes for column in columns) > _MOST_BYTES:
        columns = [column.cast(pa.large_string()) for column in columns]
    return pc.binary_join_element_wise(*columns, "\n")


def _text_column(file: Path, rows: Rows, name: str) -> pa.Array:
    column = rows.batch.column(name)
    if not is_string(column.type) and not pa.types.is_null(column.type):
        raise DatasetError(
            f"text of type {column.type} cannot be used; cast the column to string",
            file=file,
            column=name,
        )
    if column.null_count:
        row = pc.index(column.is_null(), pa.scalar(True)).as_py()
        raise DatasetError(
            "the text is null; remove the row or fill in an empty text",
            file=file,
            row=rows.first_row + row,
            column=name,
        )
    return column
