"""As many vectorized rows as their memory allows, dealt out to partitions."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

__all__ = ["CLASS_THREADS", "ENTRY_BYTES", "ROW_BYTES", "Window"]

# Each entry is 8 bytes of value and 4 of column.
ENTRY_BYTES = 8 + 4
# How many classes one model may train side by side: each has its own targets, weights
# and order of the rows, and the window must not depend on the number of jobs.
CLASS_THREADS = 8
# Row pointer and class, and what each of these threads has.
ROW_BYTES = 16 + 16 * CLASS_THREADS

# Rows that are copied to be weighted: few beside those of a batch.
_ROWS_AT_A_TIME = 4096

_MOST_ENTRIES = 2**31 - 1  # row pointers are int32: SGD takes no others


class Window:
    """Rows of sparse matrices and their classes, up to a number of bytes.

    Every row is dealt to a partition as it comes, and copied to its place there: the
    partitions train on these rows without another copy.

    Parameters
    ----------
    n_bytes : int
        Budget for all rows. It must hold a row with an entry in every column.
    n_features : int
        Number of columns.
    n_partitions : int
        At least 1.

    Attributes
    ----------
    n_rows : int
        Number of rows held.
    """

    def __init__(self, n_bytes: int, n_features: int, n_partitions: int) -> None:
        self._n_bytes = n_bytes
        # Twice the fair share and one full row: chance hardly ever asks for more.
        n_each = n_bytes
        if n_partitions > 1:
            largest = ENTRY_BYTES * n_features + ROW_BYTES
            n_each = min(n_bytes, 2 * n_bytes // n_partitions + largest)
        self._stacks = [_Stack(n_each, n_features) for _ in range(n_partitions)]
        self.n_rows = 0

    def clear(self) -> None:
        """Forget all rows, and keep the memory for the next ones."""
        for stack in self._stacks:
            stack.n_rows = 0
        self.n_rows = 0

    def class_counts(self, n_classes: int) -> NDArray[np.int64]:
        """Return the number of rows per class, shape (n_classes,)."""
        counts = [np.bincount(y, minlength=n_classes) for _, y in self.parts()]
        return np.asarray(np.sum(counts, axis=0))

    def append(
        self, X: sparse.csr_matrix, classes: NDArray[np.int32], owners: NDArray[np.intp]
    ) -> int:
        """Copy the first rows of a matrix into the window, as many as fit.

        Parameters
        ----------
        X : csr_matrix of shape (n_rows, n_features)
        classes : ndarray of shape (n_rows,)
            Numbers of the classes.
        owners : ndarray of shape (n_rows,)
            Number of the partition that each row is for.

        Returns
        -------
        int
            Number of rows copied: at least 1 if the window was empty.
        """
        costs = ENTRY_BYTES * np.diff(X.indptr).astype(np.int64) + ROW_BYTES
        held = sum(stack.n_bytes for stack in self._stacks)
        n_rows = int(np.searchsorted(held + np.cumsum(costs), self._n_bytes, "right"))
        for number, stack in enumerate(self._stacks):
            own = np.flatnonzero(owners[:n_rows] == number)
            ends = stack.n_bytes + np.cumsum(costs[own])
            n_fitting = int(np.searchsorted(ends, stack.most_bytes, "right"))
            if n_fitting < len(own):
                n_rows = int(own[n_fitting])
        if len(self._stacks) == 1:
            self._stacks[0].push(X, classes[:n_rows])
        else:
            for number, stack in enumerate(self._stacks):
                own = np.flatnonzero(owners[:n_rows] == number)
                stack.push(X[own], classes[own])
        self.n_rows += n_rows
        return n_rows

    def weigh(self, weight: Callable[[sparse.csr_matrix], sparse.csr_matrix]) -> None:
        """Give the rows other values in the same columns.

        Parameters
        ----------
        weight : callable
            From rows to rows that have entries in the same places.
        """
        for stack in self._stacks:
            stack.weigh(weight)

    def parts(self) -> Iterator[tuple[sparse.csr_matrix, NDArray[np.int32]]]:
        """Return the rows of each partition, in the order in which they came.

        Yields
        ------
        csr_matrix of shape (n_rows_of_partition, n_features)
            A view of the window.
        ndarray of shape (n_rows_of_partition,)
            Their classes.
        """
        for stack in self._stacks:
            yield stack.rows()


class _Stack:
    """The rows of one partition, in arrays that are reserved once and filled again.

    Memory is only taken as rows come. Building up matrices from pieces would need it
    twice.
    """

    def __init__(self, most_bytes: int, n_features: int) -> None:
        self.most_bytes = min(most_bytes, ENTRY_BYTES * _MOST_ENTRIES)
        self.n_rows = 0
        self._n_features = n_features
        most_entries = self.most_bytes // ENTRY_BYTES
        most_rows = self.most_bytes // ROW_BYTES
        self._values = np.empty(most_entries, dtype=np.float64)
        self._columns = np.empty(most_entries, dtype=np.int32)
        self._starts = np.zeros(most_rows + 1, dtype=np.int32)
        self._classes = np.empty(most_rows, dtype=np.int32)

    @property
    def n_bytes(self) -> int:
        return ENTRY_BYTES * int(self._starts[self.n_rows]) + ROW_BYTES * self.n_rows

    def push(self, X: sparse.csr_matrix, classes: NDArray[np.int32]) -> None:
        """Copy as many of the first rows as there are classes."""
        n_new = len(classes)
        held, n_entries = int(self._starts[self.n_rows]), int(X.indptr[n_new])
        self._values[held : held + n_entries] = X.data[:n_entries]
        self._columns[held : held + n_entries] = X.indices[:n_entries]
        rows = slice(self.n_rows, self.n_rows + n_new)
        self._starts[rows.start + 1 : rows.stop + 1] = held + X.indptr[1 : n_new + 1]
        self._classes[rows] = classes
        self.n_rows += n_new

    def weigh(self, weight: Callable[[sparse.csr_matrix], sparse.csr_matrix]) -> None:
        """Write other values over those of a few rows at a time."""
        X, _ = self.rows()
        for start in range(0, self.n_rows, _ROWS_AT_A_TIME):
            few = X[start : start + _ROWS_AT_A_TIME]
            begin = int(X.indptr[start])
            self._values[begin : begin + few.nnz] = weight(few).data

    def rows(self) -> tuple[sparse.csr_matrix, NDArray[np.int32]]:
        n_entries = int(self._starts[self.n_rows])
        X = sparse.csr_matrix((self.n_rows, self._n_features))
        # Given to its constructor, views of less than half of an array are copied.
        X.data = self._values[:n_entries]
        X.indices = self._columns[:n_entries]
        X.indptr = self._starts[: self.n_rows + 1]
        return X, self._classes[: self.n_rows]
