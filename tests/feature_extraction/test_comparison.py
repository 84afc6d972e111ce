"""The comparison sees what it is there to see."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from tests.feature_extraction.comparison import CountedIterator, assert_same, observe


def _matrix(**changes: Any) -> Any:
    parts = {"data": [0.0, np.nan, 2.0], "indices": [0, 1, 0], "indptr": [0, 2, 3]}
    dtypes = {
        "data": "f8",
        "indices": "i4",
        "indptr": "i4",
        **changes.pop("dtypes", {}),
    }
    parts.update(changes)
    cls = parts.pop("cls", sp.csr_matrix)
    shape = parts.pop("shape", (2, 3))
    arrays = {name: np.array(parts[name], dtypes[name]) for name in dtypes}
    matrix = cls((arrays["data"], arrays["indices"], arrays["indptr"]), shape=shape)
    # The constructor may choose index types of its own.
    matrix.indices, matrix.indptr = arrays["indices"], arrays["indptr"]
    return matrix


def _raise(error: Exception) -> Any:
    raise error


def _warn(category: type[Warning], text: str) -> Any:
    warnings.warn(text, category, stacklevel=1)
    return _matrix()


DIFFERENT: list[Callable[[], Any]] = [
    lambda: _matrix(data=[-0.0, np.nan, 2.0]),
    lambda: _matrix(data=[0.0, -np.nan, 2.0]),
    lambda: _matrix(data=[0.0, np.nan, np.nextafter(2.0, 3.0)]),
    lambda: _matrix(dtypes={"data": "f4"}),
    lambda: _matrix(dtypes={"data": ">f8"}),
    lambda: _matrix(dtypes={"indices": "i8", "indptr": "i8"}),
    lambda: _matrix(indices=[1, 0, 0]),
    lambda: _matrix(indptr=[0, 1, 3]),
    lambda: _matrix(data=[np.nan, 2.0], indices=[1, 0], indptr=[0, 1, 2]),
    lambda: _matrix(shape=(2, 4)),
    lambda: _matrix(cls=sp.csr_array),
    lambda: _matrix().tocsc(),
    lambda: _matrix().toarray(),
    lambda: _warn(UserWarning, "look"),
    lambda: _warn(RuntimeWarning, "look"),
    lambda: _warn(UserWarning, "listen"),
    lambda: _raise(ValueError("reason")),
    lambda: _raise(TypeError("reason")),
    lambda: _raise(ValueError("other reason")),
    lambda: _raise(UnicodeError("reason")),
]


def test_equal_calls_are_equal() -> None:
    for call in [_matrix, *DIFFERENT]:
        assert_same(observe(call), observe(call))


def test_different_calls_differ() -> None:
    calls = [_matrix, *DIFFERENT]
    for i, one in enumerate(calls):
        for other in calls[:i]:
            with pytest.raises(AssertionError, match="differs from scikit-learn"):
                assert_same(observe(one), observe(other))


def test_notes_and_addresses_do_not_matter() -> None:
    noted = ValueError("reason of <object at 0x7f0000000010>")
    noted.add_note("document 3")
    plain = ValueError("reason of <object at 0x7f0000000020>")
    assert_same(observe(lambda: _raise(noted)), observe(lambda: _raise(plain)))


def test_padding_of_long_doubles_does_not_matter() -> None:
    one, other = (_matrix(dtypes={"data": np.longdouble}) for _ in range(2))
    if np.dtype(np.longdouble).itemsize == 16 and np.finfo(np.longdouble).nmant == 63:
        other.data.view(np.uint8).reshape(-1, 16)[:, 10:] = 7
    assert_same(observe(lambda: one), observe(lambda: other))
    other.data[2] = np.nextafter(other.data[2], np.longdouble(3))
    with pytest.raises(AssertionError):
        assert_same(observe(lambda: one), observe(lambda: other))


def test_requests_are_counted() -> None:
    iterator = CountedIterator(["a", "b", "c"])
    assert [next(iterator), next(iterator)] == ["a", "b"]
    assert iterator.requests == 2
    assert list(iterator) == ["c"]
    assert iterator.requests == 4
