"""Hypothesis strategies: the parameters of the analysis, and those of the hashers."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st

__all__ = [
    "FLOATS",
    "OTHER_DTYPES",
    "SIMPLE_ANALYSIS",
    "UNUSUAL_ANALYSIS",
    "any_parameters",
    "native_parameters",
    "with_analysis",
    "with_some_of",
]


def upper_case(document: str) -> str:
    return document.upper()


def split_on_spaces(document: str) -> list[str]:
    return document.split(" ")


def generate_halves(document: str) -> Any:
    middle = len(document) // 2
    yield document[:middle]
    yield document[middle:]


def encode_words(document: str) -> list[bytes]:
    return [word.encode("utf-8", "replace") for word in document.split()]


def fail_on_z(document: str) -> str:
    if "z" in document:
        raise LookupError(f"no z, please: {len(document)}")
    return document


def number_words(document: str) -> list[Any]:
    return list(range(len(document.split())))


TOKEN_PATTERNS = [
    r"(?u)\b\w\w+\b",
    r"\b\w\w+\b",
    r"\w+",
    r"\b\w+\b",
    r"(?u)\b\w+\b",
    r"\w{3,}",
    r"\w\w\w+",
    r"\S+",
    r"[a-z]+",
    r"[a-zA-Z]+",
    r"[A-Za-z0-9_]+",
    r"\b[a-z]{2,}\b",
    r"\d+",
    r"[^\s]+",
    r"[^\W\d_]+",
    r".",
    r"(?s).",
    r"",
    r"\w*",
    r"a|",
    r"(\w)\w+",
    r"(?:\w)\w+",
    r"(x)?\w+",
    r"(?P<token>\w+)-",
    r"(?a)\b\w\w+\b",
    r"(?a)\w+",
    r"(?i)[a-z]+",
    r"(?i)straße|ſ|k",
    r"(?<=\s)\w+",
    r"\w+(?=\s)",
    r"(?<!\w)\w\w",
    r"(\w)\1",
    r"\w+?\b",
    r"\B\w+\B",
    r"^\w+|\w+$",
    r"(?m)^\w+",
    r"\w\w+",
    r"\w+\s\w+",
    r"[\w']+",
    r"[\w-]{2,5}",
    r"\bword\b",
    r"[\u0900-\u097f]+",
    r"(?x) \w + # verbose",
    r"\w++\b",
]

STOP_WORDS: list[list[Any]] = [
    [],
    ["the"],
    ["The", "and", "dog"],
    ["", "a", "é", "σ", "\ud800"],
    ["quick brown", "it is", "x²"],
    ["日本語", "ﬁnance", "finance", "cafe", "café", "naïve"],
    ["the", b"the", None, 3],
    ["the"] * 5 + [str(number) for number in range(60)],
]

NGRAM_RANGES = [(1, 1), (1, 2), (2, 2), (1, 3), (2, 3), (3, 3), (2, 4), (1, 5), (4, 9)]
UNUSUAL_NGRAM_RANGES = [
    *[(0, 1), (0, 0), (0, 2), (-1, 1), (-2, -1), (-1, 2), (2, 1), (1, 0), (7, 300)],
    *[(True, True), (np.int64(1), np.int64(2)), (1, 1.0), (1.0, 2), (1, 2, 3), ()],
    *[(1, 2**31), (1, 2**63), (1, 2**70), (2**62, 2**63 - 1)],
]

SIZES = [1, 2, 3, 7, 2**4, 1000, 2**18, 2**20, 2**20 + 7, 2**31 - 2]
FLOATS = [np.float64, np.float32, "f8", "float32", "<f4", ">f8", np.dtype("f4"), float]
OTHER_DTYPES = [
    *[np.int64, np.int32, np.int16, np.int8, np.uint8, np.uint64, int, bool, np.bool_],
    *[np.complex64, np.complex128, np.longdouble, ">i4", ">f4", None],
    *[np.float16, object, str, "S3", "M8[s]", "nonsense"],
]

SIMPLE_ANALYSIS: dict[str, st.SearchStrategy[Any]] = {
    "lowercase": st.booleans(),
    "binary": st.booleans(),
    "strip_accents": st.sampled_from([None, "ascii", "unicode"]),
    "n_jobs": st.sampled_from([None, 1, 2, 3]),
}
_simple_hashing = {
    **SIMPLE_ANALYSIS,
    "norm": st.sampled_from(["l1", "l2", None]),
    "alternate_sign": st.booleans(),
    "n_features": st.sampled_from(SIZES),
    "dtype": st.sampled_from(FLOATS),
}


def _mostly_default(
    options: dict[str, st.SearchStrategy[Any]],
) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=options)


def with_analysis(
    simple: dict[str, st.SearchStrategy[Any]],
) -> st.SearchStrategy[dict[str, Any]]:
    """Return parameters without callables: how to analyse, and some of `simple`."""
    words = {
        **simple,
        "analyzer": st.just("word"),
        "ngram_range": st.sampled_from(NGRAM_RANGES),
        "token_pattern": st.sampled_from(TOKEN_PATTERNS),
        "stop_words": st.sampled_from(["english", *STOP_WORDS]),
    }
    characters = st.fixed_dictionaries(
        {
            "analyzer": st.sampled_from(["char", "char_wb"]),
            "ngram_range": st.sampled_from(NGRAM_RANGES),
        },
        optional=simple,
    )
    return st.one_of(_mostly_default(words), characters, _mostly_default(simple))


_native = with_analysis(_simple_hashing)


@st.composite
def native_parameters(draw: Any) -> dict[str, Any]:
    """Parameters without callables: the ones worth doing in native code."""
    chosen: dict[str, Any] = draw(_native)
    return chosen


_preprocessors: Sequence[Callable[..., Any]] = [upper_case, fail_on_z, str, len]
_tokenizers = [split_on_spaces, generate_halves, encode_words, list, number_words]
UNUSUAL_ANALYSIS: dict[str, st.SearchStrategy[Any]] = {
    "preprocessor": st.sampled_from([None, *_preprocessors]),
    "tokenizer": st.sampled_from([None, *_tokenizers]),
    "strip_accents": st.sampled_from(
        [None, "ascii", "unicode", upper_case, fail_on_z, "", "nonsense"]
    ),
    "analyzer": st.sampled_from(
        ["word", "char", "char_wb", *_tokenizers, fail_on_z, "nonsense", None]
    ),
    "ngram_range": st.sampled_from([*NGRAM_RANGES, *UNUSUAL_NGRAM_RANGES]),
    "token_pattern": st.sampled_from(
        [*TOKEN_PATTERNS, None, "(a)(b)", "(", b"\\w+", re.compile(r"\w+")]
    ),
    "stop_words": st.sampled_from(
        ["english", "german", *STOP_WORDS, ("the",), {"the"}, frozenset("ab"), 3]
    ),
    "lowercase": st.sampled_from([True, False, 1, 0, "yes", "", None]),
    "binary": st.sampled_from([True, False, 1, 0, "yes", None]),
    "decode_error": st.sampled_from(["strict", "replace", "nonsense"]),
    "encoding": st.sampled_from(["utf-8", "nonsense", "latin-1", "rot13", ""]),
    "input": st.sampled_from(["content", "nonsense", "file", "filename"]),
}
_unusual_hashing = {
    **UNUSUAL_ANALYSIS,
    "n_features": st.sampled_from(
        [*SIZES, -1, -7, 2**31 - 1, 2**31, 2**40, 2**64, 2.5, "16", None]
        + [np.int64(16), np.uint8(200), True]
    ),
    "dtype": st.sampled_from([*FLOATS, *OTHER_DTYPES, *OTHER_DTYPES]),
    "norm": st.sampled_from(["l1", "l2", "max", None, "", "L2"]),
    "alternate_sign": st.sampled_from([True, False, 1, 0, "yes", None]),
}


@st.composite
def with_some_of(
    draw: Any,
    unusual: dict[str, st.SearchStrategy[Any]],
    usual: st.SearchStrategy[dict[str, Any]],
) -> dict[str, Any]:
    """Up to three unusual parameters, alone or beside usual ones."""
    names = draw(
        st.lists(st.sampled_from(sorted(unusual)), min_size=1, max_size=3, unique=True)
    )
    parameters = draw(usual) if draw(st.booleans()) else {}
    return {**parameters, **{name: draw(unusual[name]) for name in names}}


def any_parameters() -> st.SearchStrategy[dict[str, Any]]:
    """All parameters, with callables, unusual values and values that are refused."""
    return with_some_of(_unusual_hashing, _native)
