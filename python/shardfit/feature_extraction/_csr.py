"""Wrapping the core's arrays as the sparse type that scikit-learn is set to return."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn import get_config

__all__ = ["align", "max_int32_entries", "wrap_csr"]

# With more entries than this, index arrays are 64 bits wide; the tests lower it.
max_int32_entries = int(np.iinfo(np.int32).max)


@lru_cache(maxsize=2)
def _other_attributes(container: type) -> dict[str, Any] | None:
    """Return what a matrix has besides arrays and shape, or None if that is not known.

    SciPy's constructor takes longer over its checks than a short document takes
    altogether. Arrays of the core pass them, so the attributes can be set directly, if
    this SciPy has those that we know.
    """
    attributes = dict(vars(container((1, 1))))
    own = {"data", "indices", "indptr", "_shape"}
    others = {name: attributes.pop(name) for name in attributes.keys() - own}
    is_known = attributes.keys() == own and others.keys() <= {"maxprint"}
    return others if is_known else None


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
    shape = (len(indptr) - 1, n_features)
    others = _other_attributes(container)
    if others is not None and indices.dtype == indptr.dtype == np.int32:
        X = container.__new__(container)
        vars(X).update(others, data=data, indices=indices, indptr=indptr, _shape=shape)
    else:
        X = container((data, indices, indptr), shape=shape)
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
