"""Labels: which types they may have, how often each occurs, and as NumPy arrays."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shardfit.datasets._arrow import Rows, is_string, pa, pc
from shardfit.datasets._stretches import Stretches
from shardfit.exceptions import DatasetError

__all__ = ["LABEL_TYPES", "LabelColumn", "LabelCounter", "LabelSummary"]

LABEL_TYPES = ("string", "integer", "boolean")

_DTYPES = {"string": np.str_, "integer": np.int64, "boolean": np.bool_}
_INTEGER = r"\A(?:0|-?[1-9][0-9]*)\z"
# The longest label decides the width of the whole array of labels.
_LONGEST_LABEL = 256


@dataclass(frozen=True)
class LabelSummary:
    """The classes of a label column, and how many rows each has.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        The distinct labels, sorted; int64, bool or strings (``<U``).
    counts : ndarray of shape (n_classes,), int64
        Rows per class.
    n_rows : int
        Rows in all files.
    is_mixed : bool
        Whether every stretch of rows, in the order of the files, holds about the same
        share of each class, as it does after shuffling. False also where the rows are
        too few to tell.
    """

    classes: NDArray[Any]
    counts: NDArray[np.int64]
    n_rows: int
    is_mixed: bool


class LabelColumn:
    """The labels of some rows, checked.

    Parameters
    ----------
    file : Path
        Where the rows come from.
    rows : Rows
        The rows; the label column is the last one of this name.
    column : str
        Name of the label column.
    untyped : bool
        Whether the file knows only text (CSV), so that ``"1"`` may mean 1.

    Attributes
    ----------
    values : pyarrow.Array
        Of string, int64 or bool, without nulls.
    type : str
        One of `LABEL_TYPES`, or ``"text"`` if `untyped`.

    Raises
    ------
    DatasetError
        If a label is null, empty (in a CSV file), too long or of another type.
    """

    def __init__(self, file: Path, rows: Rows, column: str, untyped: bool) -> None:
        self._file = file
        self._first_row = rows.first_row
        self._column = column
        labels = rows.batch.column(column)
        self.type = "text" if untyped else self._type_of(labels.type)
        if labels.null_count:
            raise self._error(
                "the label is null; remove the row or give it a label",
                labels.is_null(),
            )
        if self.type == "integer":
            self.values = self._as_int64(labels)
        elif self.type == "boolean":
            self.values = labels
        else:
            self.values = self._as_string(labels)

    def _type_of(self, type_: pa.DataType) -> str:
        if is_string(type_):
            return "string"
        if pa.types.is_integer(type_):
            return "integer"
        if pa.types.is_boolean(type_):
            return "boolean"
        remedy = (
            "remove the rows or give them labels"
            if pa.types.is_null(type_)
            else "cast them to one of these"
        )
        raise DatasetError(
            f"labels of type {type_} cannot be used; they must be strings, integers or "
            f"booleans: {remedy}",
            file=self._file,
            column=self._column,
        )

    def _as_int64(self, labels: pa.Array) -> pa.Array:
        try:
            return labels.cast(pa.int64())
        except pa.ArrowInvalid as error:
            raise self._error(
                f"a label does not fit into 64 bits with sign ({error}); use strings"
            ) from error

    def _as_string(self, labels: pa.Array) -> pa.Array:
        labels = labels.cast(pa.string())
        lengths = pc.utf8_length(labels)
        if self.type == "text" and pc.min(lengths).as_py() == 0:
            raise self._error(
                "the label is empty; remove the row or give it a label",
                pc.equal(lengths, 0),
            )
        if pc.max(lengths).as_py() > _LONGEST_LABEL:
            raise self._error(
                f"the label has {pc.max(lengths)} characters, the limit is "
                f"{_LONGEST_LABEL}; is this the right column?",
                pc.equal(lengths, pc.max(lengths)),
            )
        ends_in_null = pc.ends_with(labels, "\0")
        if pc.any(ends_in_null).as_py():
            raise self._error(
                "the label ends with a NUL character, which NumPy would drop; remove "
                "it",
                ends_in_null,
            )
        return labels

    def to_numpy(self, label_type: str) -> NDArray[Any]:
        """Return the labels as an array of the dtype that belongs to `label_type`.

        Raises
        ------
        DatasetError
            If a label is not of this type.
        """
        values = self.values
        if self.type == "text" and label_type != "string":
            values = self._parse(label_type)
        elif self.type not in ("text", label_type):
            raise self._error(
                f"the labels are of type {self.type}, wanted are labels of type "
                f"{label_type}; cast them"
            )
        if label_type != "string":
            return np.asarray(values.to_numpy(zero_copy_only=False))
        encoded = values.dictionary_encode()
        distinct = np.array(encoded.dictionary.to_pylist(), dtype=np.str_)
        return np.asarray(distinct[encoded.indices.to_numpy()])

    def _parse(self, label_type: str) -> pa.Array:
        if label_type == "integer":
            fits = is_integer(self.values)
            wanted, target = "an integer", pa.int64()
        else:
            fits = pc.match_substring_regex(
                self.values, r"\A(?:true|false)\z", ignore_case=True
            )
            wanted, target = "true or false", pa.bool_()
        if not pc.all(fits).as_py():
            raise self._error(f"the label must be {wanted}", pc.invert(fits))
        return self.values.cast(target)

    def _error(self, message: str, wrong: pa.Array | None = None) -> DatasetError:
        """Return an error for the first row where `wrong` is true."""
        row = None
        if wrong is not None:
            i = pc.index(wrong, pa.scalar(True)).as_py()
            row = self._first_row + i
            value = self.values[i] if hasattr(self, "values") else None
            if value is not None:
                message = f"{message}, not {str(value)[:60]!r}"
        return DatasetError(message, file=self._file, row=row, column=self._column)


def is_integer(labels: pa.Array) -> pa.Array:
    """Return whether each text is an integer as Python writes it, of 64 bits."""
    canonical = pc.match_substring_regex(labels, _INTEGER)
    # 18 digits always fit; the few longer ones are looked at one by one.
    long = pc.and_(canonical, pc.greater(pc.binary_length(labels), 18))
    if not pc.any(long).as_py():
        return canonical
    return pa.array(
        [
            fits and -(2**63) <= int(label) < 2**63
            for fits, label in zip(
                canonical.to_pylist(), labels.to_pylist(), strict=True
            )
        ]
    )


class LabelCounter:
    """Counts labels over batches and files, and finds the type of them all.

    Parameters
    ----------
    column : str
        Name of the label column.
    label_type : str or None
        The type that all labels must have or be read as; None finds it.
    """

    def __init__(self, column: str, label_type: str | None) -> None:
        self._column = column
        self._wanted = label_type
        self._counts: Counter[Any] = Counter()
        self._text_counts: Counter[str] = Counter()
        self._type: str | None = None
        self._file: Path | None = None
        self._text_file: Path | None = None
        self._stretches = Stretches()

    def add(self, file: Path, labels: LabelColumn) -> None:
        """Count the labels of some rows.

        Raises
        ------
        DatasetError
            If their type is not that of the labels before.
        """
        if self._wanted is not None:
            self._type = self._wanted
            found, codes = np.unique(labels.to_numpy(self._wanted), return_inverse=True)
            self._count(self._counts, found.tolist(), codes)
            return
        counter = self._counts
        if labels.type == "text":
            counter = self._text_counts
            self._text_file = self._text_file or file
        elif self._type in (None, labels.type):
            self._type, self._file = labels.type, self._file or file
        else:
            raise self._mixed(labels.type, file)
        encoded = labels.values.dictionary_encode()
        self._count(counter, encoded.dictionary.to_pylist(), encoded.indices.to_numpy())

    def _count(
        self, counter: Counter[Any], distinct: list[Any], codes: NDArray[Any]
    ) -> None:
        counts = np.bincount(codes, minlength=len(distinct))
        counter.update(dict(zip(distinct, counts.tolist(), strict=True)))
        self._stretches.add(distinct, codes)

    def summary(self) -> tuple[LabelSummary, str]:
        """Return what was counted, and the type of the labels.

        Raises
        ------
        DatasetError
            If the labels of CSV files cannot be read as the type of the others.
        """
        counts, type_ = self._counts.copy(), self._type
        if self._text_counts:
            texts = pa.array(list(self._text_counts), pa.string())
            as_integers = pc.all(is_integer(texts)).as_py()
            type_ = type_ or ("integer" if as_integers else "string")
            if type_ == "boolean" or (type_ == "integer" and not as_integers):
                assert self._text_file is not None
                raise self._mixed("string", self._text_file)
            read = int if type_ == "integer" else str
            for text, count in self._text_counts.items():
                counts[read(text)] += count
        assert type_ is not None
        classes = sorted(counts)
        summary = LabelSummary(
            classes=np.array(classes, dtype=_DTYPES[type_]),
            counts=np.array([counts[label] for label in classes], dtype=np.int64),
            n_rows=counts.total(),
            is_mixed=self._stretches.are_alike(),
        )
        return summary, type_

    def _mixed(self, type_: str, file: Path) -> DatasetError:
        return DatasetError(
            f"the labels are of type {type_}, those of {self._file} of type "
            f"{self._type}; write all labels in one type",
            file=file,
            column=self._column,
        )
