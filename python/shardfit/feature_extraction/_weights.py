"""The weights of terms: document frequencies, their inverse, and logarithms of counts.

All of it is computed by NumPy, in scikit-learn's steps: other logarithms differ in the
last bit.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = [
    "NORMS",
    "DocumentFrequencies",
    "is_weight",
    "largest_magnitude",
    "logarithms",
]

# How the core can scale rows.
NORMS = (None, "l1", "l2")


class DocumentFrequencies(NamedTuple):
    """In how many documents each term is."""

    counts: npt.NDArray[np.int64]
    """Of shape (n_features,)."""
    n_documents: int
    is_single: bool
    """Whether weights are computed as float32."""
    is_partial: bool = False
    """Whether `partial_fit` was used, so that more may come."""

    @classmethod
    def of(cls, X: Any) -> DocumentFrequencies:
        """Return those of a sparse matrix in CSR or CSC format."""
        if X.format == "csr":
            counts = np.bincount(X.indices, minlength=X.shape[1])
        else:
            counts = np.diff(X.indptr)
        counts = counts.astype(np.int64, copy=False)
        return cls(counts, X.shape[0], is_single=X.dtype == np.float32)

    def grown_by(self, other: DocumentFrequencies) -> DocumentFrequencies:
        """Return those of the documents of both."""
        return DocumentFrequencies(
            self.counts + other.counts,
            self.n_documents + other.n_documents,
            is_single=self.is_single and other.is_single,
            is_partial=True,
        )

    def idf(self, smooth: bool) -> npt.NDArray[Any]:
        """Return the inverse document frequencies.

        While more documents may come, a term that is in none yet is no reason to warn
        of a division by zero.
        """
        dtype = np.float32 if self.is_single else np.float64
        frequencies: npt.NDArray[Any] = self.counts.astype(dtype)
        frequencies += float(smooth)
        idf = np.full_like(frequencies, self.n_documents + int(smooth))
        quietly: Literal["ignore"] | None = "ignore" if self.is_partial else None
        with np.errstate(divide=quietly, invalid=quietly):
            idf /= frequencies
        np.log(idf, out=idf)
        idf += 1.0
        return idf


def is_weight(idf: Any, dtype: np.dtype[Any], n_features: int) -> bool:
    """Tell whether the core can multiply values of a type by these weights."""
    return (
        type(idf) is np.ndarray
        and idf.dtype == dtype
        and idf.shape == (n_features,)
        and bool(idf.flags.c_contiguous and idf.flags.aligned)
    )


def largest_magnitude(values: Any) -> float:
    """Return the largest magnitude; NaN if there is one."""
    return float(np.maximum(-values.min(initial=0), values.max(initial=0)))


def logarithms(largest: int, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Return what each count up to the largest becomes if `sublinear_tf`."""
    tf = np.arange(largest + 1, dtype=dtype)
    tf[0] = 1  # No count is zero.
    np.log(tf, tf)
    tf += 1.0
    return tf
