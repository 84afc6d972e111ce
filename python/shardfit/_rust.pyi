from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias, final

import numpy as np
import numpy.typing as npt

__all__ = [
    "Analyzer",
    "ArrowTexts",
    "__version__",
    "hash_documents",
    "hash_pairs",
    "hash_tokens",
]

__version__: str

# data, indices and indptr of a CSR matrix.
_CsrArrays: TypeAlias = tuple[
    npt.NDArray[Any], npt.NDArray[np.signedinteger], npt.NDArray[np.signedinteger]
]

# The built-in analysis of a vectorizer.
@final
class Analyzer:
    # kind: "word" (runs of \w), "nonspace" (runs of \S), "char" or "char_wb"
    def __new__(
        cls,
        kind: str,
        *,
        ngram_range: tuple[int, int],
        lowercase: bool = True,
        strip_accents: str | None = None,
        min_length: int = 1,
        stop_words: frozenset[Any] | None = None,
    ) -> Analyzer: ...

# Strings or bytes in Arrow's memory.
@final
class ArrowTexts:
    # None if `data`, which must have an Arrow capsule method, holds something else.
    @staticmethod
    def read(data: Any) -> ArrowTexts | None: ...
    def to_list(self, null: Any) -> list[Any]: ...

# `target` holds what HashTarget in feature_extraction/_hasher.py says.

# Analyse documents, hash and count their features. What is not read in place goes
# through `decode`, and through `analyze` if that does not return a `str`.
def hash_documents(
    documents: Iterable[Any] | ArrowTexts,
    analyzer: Analyzer,
    target: Mapping[str, object],
    *,
    decode: Callable[[Any], Any],
    analyze: Callable[[Any], Iterable[Any]],
    always_decode: bool,
    is_utf8: bool,
    null: Any,
) -> _CsrArrays: ...

# Hash and count features that are at hand, for each sample.
def hash_tokens(
    samples: Iterator[Iterable[Any]], target: Mapping[str, object]
) -> _CsrArrays: ...

# Hash the names of (name, value) pairs, in the order they come: rows are not summed up.
def hash_pairs(
    samples: Iterator[Iterable[Any]],
    n_features: int,
    alternate_sign: bool,
    n_threads: int,
) -> _CsrArrays: ...
