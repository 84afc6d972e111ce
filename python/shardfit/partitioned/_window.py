"""As many vectorized rows as the memory budget allows, dealt out to partitions."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

__all__ = ["ENTRY_BYTES", "ROW_BYTES", "Window"]

# Each entry is 8 bytes of value and 4 of column, and each row is dealt out as a copy.
ENTRY_BYTES = 2 * (8 + 4)
# Row pointer and class, twice; the permutation; targets and weights inside SGD.
ROW_BYTES = 64

_MOST_ENTRIES = 2**31 - 1  # row pointers are int32: SGD takes no others


class Window:
    """Rows of a sparse matrix and their classes, up to a number of bytes.

    The memory is reserved at once, taken as rows come, and used again after
    `clear`: no window is ever built up from pieces, which would need it twice.

    Parameters
    ----------
    n_bytes : int
        Budget for the rows and the copies that `deal` makes. It must hold a row with
        an entry in every column.
    n_features : int
        Number of columns.

    Attributes
    ----------
    n_rows : int
        Number of rows held.
    """

    def __init__(self, n_bytes: int, n_features: int) -> None:
        self._n_bytes = n_bytes
        self._n_features = n_features
        most_entries = min(n_bytes // ENTRY_BYTES, _MOST_ENTRIES)
        most_rows = n_bytes // ROW_BYTES
        self._most_entries = most_entries
        self._values = np.empty(most_entries, dtype=np.float64)
        self._columns = np.empty(most_entries, dtype=np.int32)
        self._starts = np.zeros(most_rows + 1, dtype=np.int32)
        self._classes = np.empty(most_rows, dtype=np.int32)
        self.n_rows = 0

    def clear(self) -> None:
        """Forget all rows, and keep the memory for the next ones."""
        self.n_rows = 0

    def class_counts(self, n_classes: int) -> NDArray[np.int64]:
        """Return the number of rows per class, shape (n_classes,)."""
        return np.bincount(self._classes[: self.n_rows], minlength=n_classes)

    def append(self, X: sparse.csr_matrix, classes: NDArray[np.int32]) -> int:
        """Copy the first rows of a matrix into the window, as many as fit.

        Parameters
        ----------
        X : csr_matrix of shape (n_rows, n_features)
        classes : ndarray of shape (n_rows,)
            Numbers of the classes.

        Returns
        -------
        int
            Number of rows copied: at least 1 if the window was empty.
        """
        held = int(self._starts[self.n_rows])
        ends = X.indptr[1:].astype(np.int64)
        cost = ENTRY_BYTES * (held + ends) + ROW_BYTES * np.arange(
            self.n_rows + 1, self.n_rows + len(ends) + 1
        )
        fits = (cost <= self._n_bytes) & (held + ends <= self._most_entries)
        n_rows = int(np.count_nonzero(fits))  # both sides grow: the fitting come first
        if n_rows:
            n_entries = int(ends[n_rows - 1])
            self._values[held : held + n_entries] = X.data[:n_entries]
            self._columns[held : held + n_entries] = X.indices[:n_entries]
            rows = slice(self.n_rows, self.n_rows + n_rows)
            self._starts[rows.start + 1 : rows.stop + 1] = held + ends[:n_rows]
            self._classes[rows] = classes[:n_rows]
            self.n_rows += n_rows
        return n_rows

    def deal(
        self, n_partitions: int, rng: np.random.Generator
    ) -> Iterator[tuple[sparse.csr_matrix, NDArray[np.int32]]]:
        """Shuffle the rows and deal them out, the same number to each but for one.

        Parameters
        ----------
        n_partitions : int
            At least 1.
        rng : numpy.random.Generator
            The order of the rows, and with it who gets which, comes from here.

        Yields
        ------
        csr_matrix of shape (n_rows_of_partition, n_features)
            A copy of the partition's rows.
        ndarray of shape (n_rows_of_partition,)
            Their classes.
        """
        n_entries = int(self._starts[self.n_rows])
        held = sparse.csr_matrix(
            (
                self._values[:n_entries],
                self._columns[:n_entries],
                self._starts[: self.n_rows + 1],
            ),
            shape=(self.n_rows, self._n_features),
        )
        for rows in np.array_split(rng.permutation(self.n_rows), n_partitions):
            yield held[rows], self._classes[rows]
