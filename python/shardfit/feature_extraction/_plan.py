"""Which parameters and documents the core can handle exactly as scikit-learn does.

A vectorizer's parameters either translate into an analyzer of the core, or there is a
reason why not, and then scikit-learn's own code does the analysis. There is nothing in
between: an option that would be almost equal counts as one that does not translate. The
reason is logged, at level DEBUG.
"""

from __future__ import annotations

import codecs
import operator
import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, partial
from numbers import Integral
from typing import Any, NamedTuple, TypedDict

import numpy as np

from shardfit._rust import Analyzer, ArrowTexts

__all__ = [
    "CoreAnalysis",
    "Reading",
    "ValueType",
    "core_analysis",
    "count_type",
    "is_overridden",
    "iterable_documents",
    "plan_reading",
    "value_type",
]

MAX_BUCKETS = int(np.iinfo(np.int32).max)

# The methods that make up the analysis, and what is made of it. If a subclass or an
# instance has its own, it must be asked.
_HOOKS = frozenset(
    {
        "_char_ngrams",
        "_char_wb_ngrams",
        "_check_stop_words_consistency",
        "_check_vocabulary",
        "_count_vocab",
        "_get_hasher",
        "_limit_features",
        "_sort_features",
        "_validate_vocabulary",
        "_white_spaces",
        "_word_ngrams",
        "build_analyzer",
        "build_preprocessor",
        "build_tokenizer",
        "decode",
        "get_stop_words",
    }
)

# Patterns that match exactly the maximal runs of a class, from a minimum length on:
# k - 1 times the class, then the class with a quantifier. A word boundary at either end
# of a run of \w changes nothing.
_RUN = re.compile(
    r"(?:\(\?u\))?"
    r"(?:(?:\\b)?(?P<word>(?:\\w)+)|(?P<nonspace>(?:\\S)+))"
    r"(?:\+|\{(?P<least>[1-9][0-9]{0,5}),\})"
    r"(?P<boundary>\\b)?"
)


# Reading a list of stop words takes as long as analysing a document.
_make_analyzer = lru_cache(maxsize=8)(Analyzer)


@lru_cache(maxsize=8)
def _run_rule(pattern: str) -> tuple[str, int] | None:
    """Return the kind and minimum length of the runs that a pattern matches."""
    match = _RUN.fullmatch(pattern)
    if match is None or (match["nonspace"] and match["boundary"]):
        return None
    kind = "word" if match["word"] else "nonspace"
    atoms = len(match[kind]) // 2
    return kind, atoms - 1 + int(match["least"] or 1)


class CoreAnalysis(NamedTuple):
    """The analysis of a vectorizer, in the core's terms."""

    kind: str
    ngram_range: tuple[int, int]
    min_length: int

    def build(self, vectorizer: Any, stop_words: frozenset[Any] | None) -> Analyzer:
        """Return the core's analyzer for a vectorizer with this analysis."""
        return _make_analyzer(
            self.kind,
            ngram_range=self.ngram_range,
            lowercase=bool(vectorizer.lowercase),
            strip_accents=vectorizer.strip_accents,
            min_length=self.min_length,
            stop_words=stop_words,
        )


def core_analysis(vectorizer: Any, original: type) -> CoreAnalysis | str:
    """Translate a vectorizer's parameters.

    Parameters
    ----------
    vectorizer : estimator
        With the parameters and methods of scikit-learn's text vectorizers.
    original : type
        The class whose methods the core stands for.

    Returns
    -------
    CoreAnalysis or str
        What the core has to do, or the reason why it cannot.
    """
    v = vectorizer
    reason = _reason_for_python(v, original)
    if reason is not None:
        return reason
    kind, least = v.analyzer, 1
    if kind == "word":
        pattern = v.token_pattern
        rule = _run_rule(pattern) if type(pattern) is str else None
        if rule is None:
            return f"token_pattern={v.token_pattern!r} needs Python's module re"
        kind, least = rule
    bounds = v.ngram_range if isinstance(v.ngram_range, list | tuple) else ()
    if len(bounds) != 2 or type(bounds[0]) is not int or type(bounds[1]) is not int:
        return f"ngram_range={v.ngram_range!r} does not hold two int"
    low, high = bounds
    if v.analyzer == "word" and high == 1:
        low = 1  # Scikit-learn passes single tokens through, whatever the lower bound.
    if not 1 <= low <= high:
        return f"ngram_range={v.ngram_range!r} is not a range from 1 on"
    return CoreAnalysis(kind, (min(low, MAX_BUCKETS), min(high, MAX_BUCKETS)), least)


def is_overridden(estimator: Any, name: str, original: type) -> bool:
    """Tell whether an estimator's method is other than that of the class `original`."""
    theirs = getattr(type(estimator), name, None)
    return theirs is not getattr(original, name, None) or name in vars(estimator)


@lru_cache(maxsize=8)
def _read_hooks(original: type) -> Callable[[type], tuple[Any, ...]]:
    """Return what reads the methods that make up the analysis from a class."""
    return operator.attrgetter(*(hook for hook in _HOOKS if hasattr(original, hook)))


def _reason_for_python(v: Any, original: type) -> str | None:
    # One by one, the methods take as long to look up as a sentence takes to analyse.
    read = _read_hooks(original)
    is_usual = all(map(operator.is_, read(type(v)), read(original)))
    if not (is_usual and _HOOKS.isdisjoint(vars(v))):
        hooks = [hook for hook in _HOOKS if is_overridden(v, hook, original)]
        return f"overridden: {', '.join(sorted(hooks))}"
    built_in = type(v.analyzer) is str and v.analyzer in ("word", "char", "char_wb")
    if not built_in or v.preprocessor is not None:
        return "analyzer or preprocessor is not a built-in"
    if v.analyzer == "word" and v.tokenizer is not None:
        return "tokenizer is a callable"
    if not isinstance(v.lowercase, bool | np.bool_):
        return f"lowercase={v.lowercase!r} is not a bool"
    if v.strip_accents is not None and v.strip_accents not in ("ascii", "unicode"):
        return f"strip_accents={v.strip_accents!r} is not a built-in"
    return None


# The core's names of types; to make NumPy's takes longer.
_FLOATS: dict[type, str] = {np.float64: "float64", np.float32: "float32"}
_COUNTED_AS_SUCH: dict[type, str] = {**_FLOATS, np.int64: "int64"}


class ValueType(NamedTuple):
    """How counts become values: computed as one type by the core, then cast."""

    computed: str
    dtype: np.dtype[Any]

    @property
    def is_float(self) -> bool:
        """Whether the core may also scale the rows."""
        return self.dtype.kind == "f"

    def cast(self, data: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Return what the core has computed as `dtype`."""
        # By way of int64, since small integers wrap around there and not in floats.
        if data.dtype.kind == "f" and not self.is_float:
            data = data.astype(np.int64)
        return data.astype(self.dtype, copy=False)


def value_type(
    dtype: object, n_features: object, alternate_sign: object
) -> ValueType | str:
    """Return how the core produces values of `dtype`, or the reason why it cannot."""
    if n_features == 0:
        # Scikit-learn divides by it, in C, which ends the process.
        raise ValueError(
            f"n_features must be between 1 and {MAX_BUCKETS}, got {n_features!r}"
        )
    if not isinstance(n_features, Integral) or not 1 <= int(n_features) <= MAX_BUCKETS:
        return f"n_features={n_features!r} is not between 1 and {MAX_BUCKETS}"
    if not isinstance(alternate_sign, bool | np.bool_):
        return f"alternate_sign={alternate_sign!r} is not a bool"
    wanted = _native_dtype(dtype)
    if name := _FLOATS.get(wanted.type):
        return ValueType(name, wanted)
    # Sums of signs wrap around like the integers scikit-learn adds up; a negative sign
    # does not go into an unsigned one in the first place.
    if wanted.kind == "i" or (wanted.kind == "u" and not alternate_sign):
        return ValueType("float64", wanted)
    return f"dtype={dtype!r} needs NumPy's own conversions"


def count_type(dtype: object) -> ValueType | str:
    """Return how the core produces counts of `dtype`, or the reason why it cannot."""
    wanted = _native_dtype(dtype)
    if name := _COUNTED_AS_SUCH.get(wanted.type):
        return ValueType(name, wanted)
    # Scikit-learn counts in C's int, too.
    if wanted.kind in "iu":
        return ValueType("int32", wanted)
    return f"dtype={dtype!r} needs NumPy's own conversions"


def _native_dtype(dtype: object) -> np.dtype[Any]:
    """Return the native NumPy dtype that is meant, or that of objects if none is."""
    try:
        wanted = np.dtype(dtype)  # type: ignore[call-overload]
    except (TypeError, ValueError):
        return np.dtype(object)
    return wanted if dtype is not None and wanted.isnative else np.dtype(object)


class Reading(TypedDict):
    """How documents are read."""

    decode: Callable[[Any], Any]
    analyze: Callable[[Any], Iterable[Any]]
    """For documents that `decode` has not made strings."""
    always_decode: bool
    """Whether even strings go through `decode`, because they are names of files."""
    is_utf8: bool
    """Whether bytes that are valid UTF-8 are decoded as such."""
    null: Any
    """What a missing value in Arrow's format stands for."""


def plan_reading(
    vectorizer: Any, analysis: CoreAnalysis, documents: Any
) -> tuple[Iterable[Any] | ArrowTexts, Analyzer, Reading]:
    """Return documents, analyzer and the way to read, as the core takes them.

    Parameters
    ----------
    vectorizer : estimator
        With the parameters and methods of scikit-learn's text vectorizers.
    analysis : CoreAnalysis
        What `core_analysis` has said of it.
    documents : iterable
        What the caller has passed.
    """
    analyze = vectorizer.build_analyzer()
    analyzer = analysis.build(vectorizer, analyze.keywords.get("stop_words"))
    texts, null = _view_documents(documents)
    encoding, decode_error = vectorizer.encoding, vectorizer.decode_error
    reading: Reading = {
        "decode": vectorizer.decode,
        # What `decode` returned must not be decoded once more: a file is read once.
        "analyze": partial(analyze.func, **{**analyze.keywords, "decoder": None}),
        "always_decode": vectorizer.input in ("filename", "file"),
        "is_utf8": _is_utf8(encoding) and type(decode_error) is str,
        "null": null,
    }
    return texts, analyzer, reading


def _is_utf8(encoding: object) -> bool:
    try:
        return type(encoding) is str and (
            encoding == "utf-8" or codecs.lookup(encoding).name == "utf-8"
        )
    except LookupError:
        return False  # An error only if a document turns out to be bytes.


def iterable_documents(documents: Any) -> Any:
    """Return documents in the form that scikit-learn's own code can iterate."""
    texts, null = _read_arrow(documents)
    return documents if texts is None else texts.to_list(null)


def _view_documents(documents: Any) -> tuple[Iterable[Any] | ArrowTexts, Any]:
    """Return documents in the form that is read fastest, and what stands for a null.

    Arrow data is read in place, as is what pandas and polars keep in Arrow's format.
    One-dimensional NumPy arrays are turned into strings block by block, which is what
    iterating does one by one. Everything else is iterated as it is.
    """
    if type(documents) is list:
        return documents, None
    if type(documents) is np.ndarray and documents.ndim == 1:
        if documents.dtype.kind in "OSTU":
            return _iterate_blocks(documents), None
        return documents, None
    texts, null = _read_arrow(documents)
    return (documents if texts is None else texts), null


def _read_arrow(documents: Any) -> tuple[ArrowTexts | None, Any]:
    """Return the Arrow strings an object holds, if any, and what stands for a null."""
    texts = ArrowTexts.read(documents) if _holds_arrow(documents) else None
    return texts, getattr(getattr(documents, "dtype", None), "na_value", None)


def _holds_arrow(documents: Any) -> bool:
    kind = type(documents)
    if not hasattr(kind, "__arrow_c_stream__") and not hasattr(
        kind, "__arrow_c_array__"
    ):
        return False
    dtype = getattr(documents, "dtype", None)
    if not any(base.__module__.partition(".")[0] == "pandas" for base in kind.__mro__):
        # What polars exports of Python objects is their addresses.
        return str(dtype) != "Object"
    # pandas also converts to Arrow what it keeps as Python objects.
    in_arrow = getattr(dtype, "storage", None) == "pyarrow"
    return in_arrow or hasattr(dtype, "pyarrow_dtype")


def _iterate_blocks(documents: np.ndarray[Any, Any]) -> Iterator[Any]:
    size = 1 << 14
    for start in range(0, len(documents), size):
        yield from documents[start : start + size].tolist()
