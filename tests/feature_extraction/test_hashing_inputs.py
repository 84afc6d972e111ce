"""Every container of documents gives the matrix of the list of its elements."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import strategies as st
from sklearn.feature_extraction.text import (
    HashingVectorizer as SklearnHashingVectorizer,
)

from shardfit.feature_extraction.text import HashingVectorizer
from tests.feature_extraction.comparison import assert_same_vectorizer, observe
from tests.feature_extraction.containers import CONTENT, PLAIN_CONTAINERS
from tests.feature_extraction.kernels import given_and_kernel
from tests.feature_extraction.parameters import native_parameters
from tests.feature_extraction.strategies import texts

METHODS = ["transform", "fit_transform"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("analyzer", ["word", "char_wb"])
@pytest.mark.parametrize("name", PLAIN_CONTAINERS)
def test_container(name: str, analyzer: str, method: str) -> None:
    make = PLAIN_CONTAINERS[name]
    parameters = {"analyzer": analyzer, "n_jobs": 2}
    assert_same_vectorizer(make, parameters, method=method)
    assert_same_vectorizer(
        make, {**parameters, "lowercase": False, "n_features": 50}, method=method
    )


ARROW_TYPES: dict[str, Callable[[Iterable[Any]], Any]] = {
    "string": lambda items: pa.array(items, pa.string()),
    "large_string": lambda items: pa.array(items, pa.large_string()),
    "string_view": lambda items: pa.array(items, pa.string_view()),
    "dictionary": lambda items: pa.array(items, pa.string()).dictionary_encode(),
    "dictionary int8": lambda items: pa.array(
        items, pa.dictionary(pa.int8(), pa.large_string())
    ),
}
BINARY_TYPES: dict[str, Callable[[Iterable[Any]], Any]] = {
    "binary": lambda items: pa.array(items, pa.binary()),
    "large_binary": lambda items: pa.array(items, pa.large_binary()),
    "binary_view": lambda items: pa.array(items, pa.binary_view()),
}
arrow_texts = st.one_of(texts, st.none()).map(
    lambda text: text and text.encode("utf-8", "replace").decode()
)


@given_and_kernel(
    st.lists(arrow_texts, max_size=8),
    st.sampled_from(sorted(ARROW_TYPES)),
    st.booleans(),
    st.lists(st.integers(0, 8), max_size=4),
    st.tuples(st.integers(0, 3), st.integers(0, 9)),
    native_parameters(),
)
def test_arrow_arrays(
    items: list[str | None],
    type_name: str,
    keep_nulls: bool,
    cuts: list[int],
    window: tuple[int, int],
    parameters: dict[str, Any],
) -> None:
    if not keep_nulls:
        items = [item for item in items if item is not None]
    build = ARROW_TYPES[type_name]
    # Slices keep an offset into a longer buffer.
    array = build(["before", *items, None])[1:-1]
    _same_as_list(array, parameters)
    _same_as_list(array.slice(*window), parameters)
    _same_as_list(_in_chunks(build, items, cuts), parameters)
    _same_as_list(_in_chunks(build, items, cuts).slice(*window), parameters)


def _in_chunks(build: Callable[..., Any], items: list[Any], cuts: list[int]) -> Any:
    edges = [0, *sorted(cut for cut in cuts if cut <= len(items)), len(items)]
    pieces = pairwise(edges)
    # Each chunk of a dictionary has a dictionary of its own.
    chunks = [build(items[start:stop]) for start, stop in pieces]
    return pa.chunked_array(chunks)


def _same_as_list(array: Any, parameters: dict[str, Any]) -> None:
    assert_same_vectorizer(lambda: array, parameters, make_expected=array.to_pylist)


@pytest.mark.parametrize("type_name", [*ARROW_TYPES, *BINARY_TYPES])
@pytest.mark.parametrize(
    "parameters", [{}, {"analyzer": "char", "n_jobs": 2}], ids=repr
)
def test_arrow_types(type_name: str, parameters: dict[str, Any]) -> None:
    build = {**ARROW_TYPES, **BINARY_TYPES}[type_name]
    content: list[Any] = CONTENT
    if type_name in BINARY_TYPES:
        content = [text.encode() for text in CONTENT]
    _same_as_list(build(content), parameters)
    _same_as_list(build([*content, None, *content]), parameters)
    _same_as_list(build([None]), parameters)
    _same_as_list(build([]), parameters)
    _same_as_list(build(content * 500)[3:3001], parameters)
    _same_as_list(pa.chunked_array([build(content), build([])] * 9), parameters)
    _same_as_list(pa.chunked_array([build(content)]).slice(2, 0), parameters)
    _same_as_list(build(content * 50), {**parameters, "tokenizer": str.split})


@pytest.mark.parametrize(
    "array",
    [
        pa.array([1, 2]),
        pa.array([None, None]),
        pa.array([["a"], ["b"]]),
        pa.array([True]),
        pa.array([{"text": "a"}]),
        pa.array([], pa.int8()),
        pa.chunked_array([], pa.int8()),
    ],
    ids=lambda array: str(array.type),
)
def test_arrow_of_what_is_no_text(array: Any) -> None:
    theirs = observe(lambda: SklearnHashingVectorizer().transform(array.to_pylist()))
    ours = observe(lambda: HashingVectorizer().transform(array))
    assert theirs.failed
    # The message may name pyarrow's own class of scalars.
    assert ours.kind == theirs.kind


def test_arrow_bytes_are_decoded_as_bytes_are() -> None:
    array = pa.array([b"valid", b"\xff bad utf-8"])
    for errors in ("strict", "replace"):
        _same_as_list(array, {"decode_error": errors})
    _same_as_list(pa.array([b"abcd"], pa.binary(4)), {"encoding": "utf-16-le"})


def test_arrow_without_chunks() -> None:
    _same_as_list(pa.chunked_array([], pa.string()), {})


def test_arrow_dictionary_with_nulls_in_both_places() -> None:
    values = pa.array(["one", None, "three"])
    for indices in ([0, 2, 2], [0, 1], [0, None], [2, 0, 2] * 900):
        array = pa.DictionaryArray.from_arrays(pa.array(indices, pa.int32()), values)
        _same_as_list(array, {"n_jobs": 2})


def test_arrow_view_with_several_buffers() -> None:
    long_texts = [f"text {n} " + "long enough for a buffer " * 40 for n in range(3000)]
    gathered = pl.Series(long_texts).gather([2999, 0, 17, 17, 1500] * 40)
    taken = gathered.to_arrow(compat_level=pl.CompatLevel.newest())
    assert taken.type == pa.string_view()
    _same_as_list(taken, {"n_jobs": 2})


class CapsuleOnly:
    """Another library's column: nothing but the Arrow PyCapsule interface."""

    def __init__(self, array: Any) -> None:
        self._array = array

    def __iter__(self) -> Iterator[Any]:
        return iter(self._array.to_pylist())

    def __len__(self) -> int:
        return len(self._array)

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self._array.__arrow_c_stream__(requested_schema)


def test_capsule_interface() -> None:
    array = pa.chunked_array([CONTENT, CONTENT[::-1]])
    assert_same_vectorizer(
        lambda: CapsuleOnly(array), {}, make_expected=array.to_pylist
    )


def test_numpy_strings_are_not_copied_back() -> None:
    content = np.array(CONTENT)
    before = content.tobytes()
    HashingVectorizer(strip_accents="unicode", n_jobs=2).transform(content)
    assert content.tobytes() == before
