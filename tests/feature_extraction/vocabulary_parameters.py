"""Hypothesis strategies: corpora and parameters of the vectorizers that learn terms."""

from __future__ import annotations

from collections import Counter, OrderedDict, UserDict, defaultdict
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from tests.feature_extraction.pairs import Fresh
from tests.feature_extraction.parameters import (
    FLOATS,
    OTHER_DTYPES,
    SIMPLE_ANALYSIS,
    UNUSUAL_ANALYSIS,
    with_analysis,
    with_some_of,
)
from tests.feature_extraction.strategies import documents, short_texts, texts

__all__ = [
    "COUNT_DTYPES",
    "FIXED_VOCABULARIES",
    "NAMES",
    "ODD_VOCABULARIES",
    "corpora",
    "odd_parameters",
    "plain_corpora",
    "usual_parameters",
]

NAMES = ["CountVectorizer", "TfidfVectorizer"]

# Terms that the generated texts are made of, so that some are found.
_TERMS = [
    "the",
    "fox",
    "straße",
    "naïve",
    "日本語",
    "ab",
    "a",
    " ",
    "it is",
    "οδυσσευς",
]

COUNT_DTYPES = [
    *[np.int64, np.int32, np.int16, np.int8, np.uint64, np.uint32, np.uint16, np.uint8],
    *[np.float64, np.float32, int, float, "i8", "f4", np.dtype("u1")],
]

# SciPy has no matrices of foreign byte order.
_WEIGHT_DTYPES = [*(dtype for dtype in FLOATS if dtype != ">f8"), np.int64]


class _WithDefault(dict[Any, Any]):
    def __missing__(self, key: Any) -> int:
        return 0


FIXED_VOCABULARIES: list[Any] = [
    _TERMS,
    tuple(_TERMS[::-1]),
    set(_TERMS),
    frozenset(_TERMS[:1]),
    {term: column for column, term in enumerate(_TERMS)},
    {term: column for column, term in enumerate(reversed(_TERMS))},
    {term: np.int64(column) for column, term in enumerate(_TERMS)},
    {"fox": 2, "the": 0, "dog": 1},
    "abc dέσ",
    ["the"],
    ["absent"],
    ["The", "the"],
    np.array(_TERMS),
]
ODD_VOCABULARIES: list[Any] = [
    *[[], {}, "", (), set()],
    *[["the", "fox", "the"], "abca"],
    *[{"the": 0, "fox": 2}, {"the": 1, "fox": 2}, {"the": 0, "fox": 0}],
    *[{"the": -1, "fox": 0}, {"the": 0, "fox": 2**40}, {"the": 2**70}],
    *[{"the": 0.0, "fox": 1.0}, {"the": False, "fox": True}, {"the": "0"}],
    *[{"the": None}, {"the": np.uint8(0), "fox": np.float32(1)}],
    *[["the", b"the"], ["the", 3], [("the",), "the"], {"the": 0, 5: 1}, {None: 0}],
    *[3, None, object, True, [["the"]], np.array([["the"], ["fox"]])],
    *[np.array([3, 4]), np.arange(3), pd.Index(["the", "fox"]), pd.Series(["fox"])],
    *[["fox", "\ud800", "\0", "FOX"], ["ﬁ", "Ǆ", "ß"], range(3)],
    OrderedDict(the=1, fox=0),
    defaultdict(int, the=0, fox=1),
    Counter({"the": 0, "fox": 1}),
    _WithDefault(the=0, fox=1),
    UserDict(the=0, fox=1),
    MappingProxyType({"the": 0, "fox": 1}),
    dict.fromkeys(_TERMS).keys(),
    Fresh(lambda: iter(["the", "fox"])),
    Fresh(lambda: (term for term in ("the", "fox", "the"))),
    Fresh(lambda: map(str.lower, _TERMS)),
]

_simple = {
    **SIMPLE_ANALYSIS,
    "min_df": st.sampled_from([1, 1, 1, 2, 3, 0.0, 0.3, 0.5, 1.0]),
    "max_df": st.sampled_from([1.0, 1.0, 0.9, 0.6, 0.5, 1, 2, 5, 1000]),
    "max_features": st.sampled_from([None, None, 1, 2, 3, 7, 1000]),
    "vocabulary": st.sampled_from([*[None] * 30, *FIXED_VOCABULARIES]),
}
_simple_tfidf = {
    "norm": st.sampled_from(["l1", "l2", None]),
    "use_idf": st.booleans(),
    "smooth_idf": st.booleans(),
    "sublinear_tf": st.booleans(),
}
_USUAL = {
    "CountVectorizer": with_analysis(
        {**_simple, "dtype": st.sampled_from(COUNT_DTYPES)}
    ),
    "TfidfVectorizer": with_analysis(
        {**_simple, **_simple_tfidf, "dtype": st.sampled_from(_WEIGHT_DTYPES)}
    ),
}

_unusual = {
    **UNUSUAL_ANALYSIS,
    "min_df": st.sampled_from(
        [0, -1, 1.5, 2.0, "1", None, True, np.int64(2), np.float32(0.5), float("nan")]
    ),
    "max_df": st.sampled_from(
        [0, -1, 1.5, 2.0, "1", None, True, np.int64(2), np.float32(0.5), 0.0, 10**30]
    ),
    "max_features": st.sampled_from(
        [0, -1, 2.5, "all", True, np.int64(2), np.uint8(3), 2**70]
    ),
    "vocabulary": st.sampled_from([*FIXED_VOCABULARIES, *ODD_VOCABULARIES]),
    "dtype": st.sampled_from([*COUNT_DTYPES, *FLOATS, *OTHER_DTYPES, *OTHER_DTYPES]),
}
_unusual_tfidf = {
    "norm": st.sampled_from(["l1", "l2", "max", None, "", "L2", 2]),
    **{
        name: st.sampled_from([True, False, 1, 0, "yes", None, np.bool_(True)])
        for name in ("use_idf", "smooth_idf", "sublinear_tf")
    },
}
_UNUSUAL = {
    "CountVectorizer": _unusual,
    "TfidfVectorizer": {**_unusual, **_unusual_tfidf},
}


def usual_parameters(name: str) -> st.SearchStrategy[dict[str, Any]]:
    """Valid parameters of an estimator, without callables."""
    return _USUAL[name]


def odd_parameters(name: str) -> st.SearchStrategy[dict[str, Any]]:
    """All parameters, with callables, unusual values and values that are refused."""
    return with_some_of(_UNUSUAL[name], _USUAL[name])


@st.composite
def _related_texts(draw: Any, max_size: int) -> list[str]:
    """Texts made of the same few pieces, so that terms are common and rare."""
    pieces = draw(st.lists(short_texts, min_size=1, max_size=6))
    some = st.lists(st.sampled_from(pieces), max_size=4).map(" ".join)
    return list(draw(st.lists(some, max_size=max_size)))


def corpora(max_size: int = 6) -> st.SearchStrategy[list[Any]]:
    """Lists of documents, which mostly share terms."""
    related = _related_texts(max_size)
    return st.one_of(related, related, related, st.lists(documents, max_size=max_size))


def plain_corpora(max_size: int = 6) -> st.SearchStrategy[list[str]]:
    """Lists of documents that no parameter can fail on."""
    related = _related_texts(max_size)
    return st.one_of(related, related, related, st.lists(texts, max_size=max_size))
