"""HashingVectorizer does what scikit-learn's does, for any text and any parameters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import (
    HashingVectorizer as SklearnHashingVectorizer,
)

from shardfit.feature_extraction.text import HashingVectorizer
from tests.feature_extraction.comparison import (
    CountedIterator,
    assert_same,
    assert_same_vectorizer,
    observe,
)
from tests.feature_extraction.kernels import given_and_kernel
from tests.feature_extraction.parameters import any_parameters, native_parameters
from tests.feature_extraction.strategies import (
    broken_documents,
    byte_documents,
    documents,
    short_texts,
    texts,
)

METHODS = ["transform", "fit_transform", "fit().transform"]
CONTAINERS = [list, tuple, iter, lambda items: (item for item in items)]


@settings(max_examples=4 * settings.default.max_examples)
@given_and_kernel(
    st.lists(documents, min_size=1, max_size=5),
    native_parameters(),
    st.sampled_from(METHODS),
    st.sampled_from([1, 1, 1, 1, 80]),
)
def test_any_text_with_parameters_without_callables(
    content: list[str], parameters: dict[str, Any], method: str, repeats: int
) -> None:
    if sum(map(len, content)) > 2000:
        repeats = 1
    # Repeated, there is enough to share out among threads.
    assert_same_vectorizer(lambda: content * repeats, parameters, method=method)


@given_and_kernel(
    st.lists(st.one_of(short_texts, broken_documents), max_size=3),
    any_parameters(),
    st.sampled_from([*METHODS, "fit"]),
)
def test_any_text_with_any_parameters(
    content: list[Any], parameters: dict[str, Any], method: str
) -> None:
    assert_same_vectorizer(lambda: content, parameters, method=method)


@given_and_kernel(byte_documents(), native_parameters())
def test_bytes_are_decoded_alike(
    content_and_decoding: tuple[list[bytes], dict[str, Any]], parameters: dict[str, Any]
) -> None:
    content, decoding = content_and_decoding
    assert_same_vectorizer(lambda: content, {**parameters, **decoding})


@given_and_kernel(
    st.lists(texts, max_size=6),
    broken_documents,
    st.lists(st.one_of(texts, broken_documents), max_size=3),
    native_parameters(),
    st.sampled_from(CONTAINERS),
)
def test_first_broken_document_decides(
    before: list[str],
    broken: Any,
    after: list[Any],
    parameters: dict[str, Any],
    container: Any,
) -> None:
    content = [*before, broken, *after]
    assert_same_vectorizer(lambda: container(content), parameters)


@given_and_kernel(
    st.lists(st.one_of(texts, texts, broken_documents), max_size=6),
    native_parameters(),
)
def test_iterators_are_consumed_equally_far(
    content: list[Any], parameters: dict[str, Any]
) -> None:
    requests = []
    for vectorizer in _pair(parameters):
        iterator = CountedIterator(content)
        observe(lambda: vectorizer.transform(iterator))  # noqa: B023
        requests.append(iterator.requests)
    assert requests[0] == requests[1]


@given_and_kernel(
    st.lists(texts, min_size=1, max_size=4), st.integers(0, 4), native_parameters()
)
def test_exceptions_of_iterators_pass_through(
    content: list[str], position: int, parameters: dict[str, Any]
) -> None:
    def documents_then_error() -> Iterator[str]:
        yield from content[:position]
        raise ZeroDivisionError("from the iterator")

    assert_same_vectorizer(documents_then_error, parameters)


@given_and_kernel(st.lists(texts, min_size=1, max_size=4), native_parameters())
def test_thread_counts_agree(content: list[str], parameters: dict[str, Any]) -> None:
    repeats = 1 if sum(map(len, content)) > 2000 else 64
    results = [
        observe(
            lambda: HashingVectorizer(**{**parameters, "n_jobs": n_jobs}).transform(  # noqa: B023
                content * repeats
            )
        )
        for n_jobs in (1, 2, 3, None)
    ]
    for other in results[1:]:
        assert_same(other, results[0], parameters)


@given_and_kernel(
    st.lists(texts, min_size=1, max_size=3),
    st.lists(texts, max_size=8),
    native_parameters(),
)
def test_stop_words_drawn_from_the_text(
    content: list[str], extra: list[str], parameters: dict[str, Any]
) -> None:
    stop_words = [*content[0].lower().split()[:4], *content[0].split()[2:5], *extra]
    parameters = {**parameters, "analyzer": "word", "stop_words": stop_words}
    assert_same_vectorizer(lambda: content, parameters)


@given_and_kernel(st.data(), native_parameters())
def test_one_vectorizer_used_again_and_changed_between(
    data: st.DataObject, parameters: dict[str, Any]
) -> None:
    ours, theirs = _pair(parameters)
    for _ in range(3):
        content = data.draw(st.lists(texts, min_size=1, max_size=3))
        assert_same(
            observe(lambda: ours.transform(content)),  # noqa: B023
            observe(lambda: theirs.transform(content)),  # noqa: B023
            parameters,
        )
        changes = data.draw(native_parameters())
        changes.pop("n_jobs", None)
        ours.set_params(**changes)
        theirs.set_params(**changes)


SINGLE_CHANGES: list[dict[str, Any]] = [
    *[{"n_features": n} for n in (-1, -7, 2**31 - 1, 2**31, 2**40, 2**64, "16")],
    *[{"n_features": n} for n in (2.5, None, True, np.int64(16), np.uint8(200))],
    *[{"ngram_range": r} for r in ([1, 2], (2, 1), (0, 0), (0, 1), (-1, 2), (1, 1.0))],
    *[{"ngram_range": r} for r in (None, "12", (1,), (1, 2, 3), ("a", "b"), (0, 3))],
    *[{"dtype": d} for d in (np.int64, np.int32, np.int16, np.int8, np.uint8, bool)],
    *[{"dtype": d} for d in (np.complex128, np.longdouble, ">f8", "f4", np.float16)],
    *[{"dtype": d} for d in (object, str, None, "nonsense", np.dtype("f4"), int)],
    *[{"norm": n} for n in ("max", "nonsense", "", 1)],
    *[{"stop_words": w} for w in ({"the"}, ("the",), frozenset({"the"}), "german", "")],
    *[{"stop_words": w} for w in (["The"], ["don't"], iter(()), 3, {"the": 1})],
    *[{"strip_accents": a} for a in ("nonsense", "", True, 0, str.upper)],
    *[{"analyzer": a} for a in ("nonsense", None, "", str.split, "WORD")],
    *[{"token_pattern": p} for p in (None, "(", "(a)(b)", b"\\w+", "", "(a)?b", 3)],
    *[{"lowercase": v} for v in (0, 1, "yes", "", None, np.bool_(False))],
    *[{"binary": v} for v in (0, 1, "yes", None, np.bool_(True))],
    *[{"alternate_sign": v} for v in (0, 1, "yes", None, 2, np.bool_(False))],
    *[{"encoding": v} for v in ("nonsense", "latin-1", None, 3)],
    *[{"decode_error": v} for v in ("nonsense", "ignore", None)],
    *[{"input": v} for v in ("nonsense", "file", "filename", None)],
    {"tokenizer": str.split},
    {"tokenizer": 3},
    {"preprocessor": str.upper},
    {"preprocessor": 3},
    {"analyzer": str.split, "preprocessor": str.upper, "ngram_range": (1, 2)},
    {"analyzer": "char", "stop_words": "english", "tokenizer": str.split},
    {"analyzer": "char_wb", "token_pattern": r"\w+"},
    {"analyzer": str.split, "token_pattern": r"\w+", "stop_words": ["a"]},
    {"tokenizer": str.split, "token_pattern": None},
    {"n_features": 5, "binary": True, "norm": None},
    {"n_features": 5, "dtype": np.int8, "norm": None},
    {"n_features": 5, "dtype": np.int8, "norm": None, "alternate_sign": False},
    {"n_features": 5, "dtype": np.uint8, "norm": None, "alternate_sign": False},
    {"n_features": 5, "dtype": bool, "norm": None, "alternate_sign": False},
    {"n_features": 5, "dtype": bool, "norm": None},
    {"n_features": 5, "dtype": ">i4", "norm": None, "binary": True},
    {"n_features": 5, "dtype": np.clongdouble, "norm": None},
]
MIXED_CONTENT = [
    "The quick brown fox, the dog and the café don't",
    b"bytes caf\xc3\xa9 the",
    "",
    "word " * 300,
]


@pytest.mark.parametrize("method", [*METHODS, "fit", "partial_fit"])
@pytest.mark.parametrize("parameters", SINGLE_CHANGES, ids=repr)
def test_unusual_parameter(parameters: dict[str, Any], method: str) -> None:
    if method in ("fit", "partial_fit"):
        for content in (MIXED_CONTENT, "one string", None):
            outcomes = [
                observe(lambda: type(getattr(v, method)(content)).__name__)  # noqa: B023
                for v in _pair(parameters)
            ]
            assert_same(*outcomes, (parameters, method))
        return
    assert_same_vectorizer(lambda: MIXED_CONTENT, parameters, method=method)
    assert_same_vectorizer(lambda: MIXED_CONTENT[:1] * 200, parameters, method=method)


def _pair(parameters: dict[str, Any]) -> tuple[Any, Any]:
    plain = {name: value for name, value in parameters.items() if name != "n_jobs"}
    return HashingVectorizer(**parameters), SklearnHashingVectorizer(**plain)
