"""Rows of one partition, and how the rows of a training become partitions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.utils import _safe_indexing

__all__ = ["Part"]

_LARGEST = np.iinfo(np.int32).max


@dataclass(frozen=True)
class Part:
    """Rows with all that belongs to them.

    Parameters
    ----------
    X : array-like, sparse matrix, DataFrame or list, of n_rows rows
    y : ndarray of shape (n_rows,) or (n_rows, n_outputs) or None
    metadata : dict
        Arguments of `fit` by name; what has n_rows elements is one per row.
    n_rows : int
    """

    X: Any
    y: Any
    n_rows: int
    metadata: dict[str, Any] = field(default_factory=dict)

    @property
    def sample_weight(self) -> NDArray[np.float64] | None:
        """Return the weights of the rows, if there are any."""
        return self.metadata.get("sample_weight")

    @property
    def weight(self) -> float:
        """Return the sum of the weights of the rows, each 1 without weights."""
        weights = self.sample_weight
        return float(self.n_rows if weights is None else weights.sum())

    def rows(self, numbers: NDArray[np.intp]) -> Part:
        """Return some of the rows."""
        return Part(
            _take(self.X, numbers),
            None if self.y is None else self.y[numbers],
            len(numbers),
            {
                name: _take(value, numbers) if self._is_per_row(value) else value
                for name, value in self.metadata.items()
            },
        )

    def _is_per_row(self, value: Any) -> bool:
        if isinstance(value, str | bytes | dict):
            return False
        n_values = value.shape[0] if hasattr(value, "shape") else _length(value)
        return bool(n_values == self.n_rows)

    def fit(self, estimator: Any) -> Any:
        """Fit an estimator to the rows: the task that workers run."""
        if self.y is None:
            return estimator.fit(self.X, **self.metadata)
        return estimator.fit(self.X, self.y, **self.metadata)


def _length(value: Any) -> int | None:
    return len(value) if hasattr(value, "__len__") else None


def _take(X: Any, numbers: NDArray[np.intp]) -> Any:
    if not sparse.issparse(X):
        return _safe_indexing(X, numbers)
    rows = (X if X.format in ("csr", "lil") else X.tocsr())[numbers]
    if rows.format == "csr" and rows.nnz <= _LARGEST and rows.shape[1] <= _LARGEST:
        # SGD and LIBLINEAR refuse 64-bit indices, which a part seldom needs.
        rows.indices = rows.indices.astype(np.int32, copy=False)
        rows.indptr = rows.indptr.astype(np.int32, copy=False)
    return rows
