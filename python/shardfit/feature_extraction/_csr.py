"""Wrapping the core's arrays as the sparse type that scikit-learn is set to return."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn import get_config

__all__ = ["align", "max_int32_entries", "wrap_csr"]

# With more entries than this, index arrays are 64 bits wide; the tests lower it.
max_int32_entries = int(np.iinfo(np.int32).max)


def wrap_csr(
    data: np.ndarray[Any, Any],
    indices: np.ndarray[Any, Any],
    indptr: np.ndarray[Any, Any],
    n_features: int,
    *,
    is_canonical: bool = True,
) -> Any:
    """Return a CSR matrix or array over the three arrays, which are not copied.

    Canonical rows have ascending columns, each once. If nothing is said about them,
    SciPy finds out when it needs to know, by reading all of them.
    """
    # Scikit-learn before 1.9 has no such setting and returns matrices.
    interface = get_config().get("sparse_interface", "spmatrix")
    container = sp.csr_array if interface == "sparray" else sp.csr_matrix
    X = container((data, indices, indptr), shape=(len(indptr) - 1, n_features))
    if is_canonical:
        X.has_sorted_indices = True
        X.has_canonical_format = True
    return X


def align(X: Any) -> Any:
    """Return a CSR matrix or array as the one that scikit-learn is set to return."""
    interface = get_config().get("sparse_interface")
    if interface == "spmatrix" and not isinstance(X, sp.spmatrix):
        return sp.csr_matrix(X)
    if interface == "sparray" and isinstance(X, sp.spmatrix):
        return sp.csr_array(X)
    return X
