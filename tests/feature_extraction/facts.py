"""Everything that can be seen of a result, in a form that ``==`` compares exactly."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator

__all__ = ["ADDED_PARAMETERS", "State", "comparable", "facts_of", "kept_state", "mask"]

# What our constructors take beyond scikit-learn's, by class.
ADDED_PARAMETERS: dict[str, frozenset[str]] = {
    "CountVectorizer": frozenset({"n_jobs"}),
    "FeatureHasher": frozenset({"n_jobs"}),
    "HashingVectorizer": frozenset({"n_jobs", "store_features"}),
    "TfidfTransformer": frozenset({"n_jobs"}),
    "TfidfVectorizer": frozenset({"n_jobs"}),
}

_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,}")
# Cython, compiled into scikit-learn, words these as an older Python did.
_UNPACKING = re.compile(r".*values? to unpack.*")
_EXTENDED_PRECISION_BITS = 63
_EXTENDED_PRECISION_BYTES = 10


@dataclass(frozen=True)
class State:
    """Attributes of an estimator, to be compared one by one."""

    attributes: Mapping[str, Any]


def mask(text: str) -> str:
    """Return `text` without what differs from run to run."""
    return _UNPACKING.sub("cannot be unpacked", _ADDRESS.sub("0x", text))


def kept_state(estimator: Any) -> list[tuple[str, Any]]:
    """Return what a pickle of an estimator keeps and scikit-learn's has as well."""
    added = ADDED_PARAMETERS.get(type(estimator).__name__, frozenset())
    # Scikit-learn writes its version into the pickles of its own classes alone.
    left_out = {*added, "_sklearn_version"}
    state = estimator.__getstate__()
    return [(name, state[name]) for name in sorted(state) if name not in left_out]


def facts_of(result: Any) -> Iterator[tuple[str, Any]]:
    """Yield named facts about what a call returned."""
    if sp.issparse(result):
        yield from _facts_of_matrix(result)
    elif isinstance(result, State):
        for name, value in sorted(result.attributes.items()):
            yield name, comparable(value)
    else:
        yield "value", comparable(result)


def comparable(value: Any) -> Any:
    """Return types, order and bits of a value, and of what is in it."""
    kind = type(value).__name__
    if sp.issparse(value):
        return kind, tuple(_facts_of_matrix(value))
    if isinstance(value, np.ndarray):
        writeable = bool(value.flags.writeable)
        if value.dtype.hasobject:
            content: Any = tuple(map(comparable, value.ravel().tolist()))
        else:
            content = _bytes_that_matter(value)
        return kind, value.dtype.str, value.shape, writeable, content
    if isinstance(value, dict):
        items = ((comparable(key), comparable(item)) for key, item in value.items())
        return kind, tuple(items)
    if isinstance(value, list | tuple):
        return kind, tuple(map(comparable, value))
    if isinstance(value, BaseEstimator):
        return kind, tuple((n, comparable(item)) for n, item in kept_state(value))
    return kind, mask(repr(value))


def _facts_of_matrix(matrix: Any) -> Iterator[tuple[str, Any]]:
    yield "format", matrix.format
    yield "shape", matrix.shape
    yield "index types", tuple(type(length).__name__ for length in matrix.shape)
    for name in ("indptr", "indices", "data"):
        array = getattr(matrix, name)
        yield f"{name} dtype", array.dtype.str
        yield f"{name} length", array.shape
        yield f"{name} writeable", bool(array.flags.writeable)
        yield name, _bytes_that_matter(array)
    # Read last: SciPy works them out on first use.
    yield "has_sorted_indices", bool(matrix.has_sorted_indices)
    yield "has_canonical_format", bool(matrix.has_canonical_format)


def _bytes_that_matter(array: Any) -> bytes:
    data = np.ascontiguousarray(array)
    is_extended = np.finfo(np.longdouble).nmant == _EXTENDED_PRECISION_BITS
    if not is_extended or data.dtype not in (np.longdouble, np.clongdouble):
        return data.tobytes()
    # x87 numbers occupy 12 or 16 bytes, those above the tenth of no defined value.
    parts = data.view(np.uint8).reshape(-1, np.dtype(np.longdouble).itemsize)
    return parts[:, :_EXTENDED_PRECISION_BYTES].tobytes()
