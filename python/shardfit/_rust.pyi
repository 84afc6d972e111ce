from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias, final

import numpy as np
import numpy.typing as npt

__all__ = [
    "Analyzer",
    "ArrowTexts",
    "Rows",
    "TermCounts",
    "Vocabulary",
    "__profile__",
    "__version__",
    "available_kernels",
    "count_terms",
    "hash_documents",
    "hash_pairs",
    "hash_tokens",
    "kernel_in_use",
    "look_up_terms",
    "scale_rows",
    "use_kernel",
]

__version__: str
# "release", or "debug" with checks that make it slow.
__profile__: str

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

# `reading` holds what Reading in feature_extraction/_plan.py says, `target` what
# HashTarget in feature_extraction/_hasher.py and `weighting` what Weighting in
# feature_extraction/_vocabulary.py says; `store`, where terms go besides, what
# FeatureStore in feature_extraction/_feature_names.py says. Documents that are not read
# in place go through `decode`, and through `analyze` if that does not return a `str`.

# Analyse documents, hash and count their features.
def hash_documents(
    documents: Iterable[Any] | ArrowTexts,
    analyzer: Analyzer,
    reading: Mapping[str, object],
    target: Mapping[str, object],
    store: Mapping[str, object] | None = None,
) -> _CsrArrays: ...

# Hash and count features that are at hand, for each sample.
def hash_tokens(
    samples: Iterable[Iterable[Any]],
    target: Mapping[str, object],
    store: Mapping[str, object] | None = None,
) -> _CsrArrays: ...

# Hash the names of (name, value) pairs, in the order they come: rows are not summed up.
def hash_pairs(
    samples: Iterator[Iterable[Any]],
    n_features: int,
    alternate_sign: bool,
    n_threads: int,
) -> _CsrArrays: ...

# Terms in order of first sight, with the number of documents and of times each was met.
@final
class TermCounts:
    n_documents: Final[int]
    @staticmethod
    def restore(
        terms: list[str] | list[str | bytes],
        document_frequencies: npt.NDArray[np.int64],
        term_frequencies: npt.NDArray[np.int64],
        n_documents: int,
    ) -> TermCounts: ...
    def __len__(self) -> int: ...
    def terms(self) -> list[str]: ...
    def document_frequencies(self) -> npt.NDArray[np.int64]: ...
    def term_frequencies(self) -> npt.NDArray[np.int64]: ...
    # Which term comes first alphabetically, which second and so on.
    def alphabetical_order(self, n_threads: int) -> npt.NDArray[np.int64]: ...
    # Add counts as if their documents came after those that were counted here.
    def absorb(self, other: TermCounts) -> None: ...
    # The column of each term among hashed features, and whether it counts as -1 there.
    def hashed(
        self, n_features: int, alternate_sign: bool
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]: ...
    # The column of each term; -1 leaves it out.
    def vocabulary(self, columns: npt.NDArray[np.int32]) -> Vocabulary: ...

# Counts per document, used up by `matrix`.
@final
class Rows:
    n_documents: Final[int]
    n_entries: Final[int]
    largest_count: Final[int]
    # `columns` as for TermCounts.vocabulary. Entries come in order of first sight.
    def matrix(
        self, weighting: Mapping[str, object], columns: npt.NDArray[np.int32]
    ) -> _CsrArrays: ...

# Terms and their columns, for looking up.
@final
class Vocabulary:
    # None if looking up in the dict is more than looking up strings in a list.
    @staticmethod
    def read(mapping: dict[Any, Any]) -> Vocabulary | None: ...
    # Whether the dict still holds the very entries that were read from it.
    def is_of(self, mapping: dict[Any, Any]) -> bool: ...
    # The terms that have a column, in order of first sight, and their columns.
    def terms(self) -> list[str]: ...
    def columns(self) -> npt.NDArray[np.int64]: ...

# Count all terms of documents. Rows only if they are to be kept.
def count_terms(
    documents: Iterable[Any] | ArrowTexts,
    analyzer: Analyzer,
    reading: Mapping[str, object],
    *,
    n_threads: int,
    keep_rows: bool,
) -> tuple[TermCounts, Rows | None]: ...

# The matrix of the terms that a vocabulary has; columns ascend within a row. Counts
# cannot be replaced: how large they are is not known before.
def look_up_terms(
    documents: Iterable[Any] | ArrowTexts,
    analyzer: Analyzer,
    reading: Mapping[str, object],
    vocabulary: Vocabulary,
    weighting: Mapping[str, object],
) -> _CsrArrays: ...

# Multiply values by the weights of their columns and divide rows by their norm, in
# place. False and nothing else if these are not the arrays of a CSR matrix without
# surplus entries, or if there are fewer weights than columns.
def scale_rows(
    data: npt.NDArray[np.floating],
    indices: npt.NDArray[np.signedinteger],
    indptr: npt.NDArray[np.signedinteger],
    idf: npt.NDArray[np.floating] | None,
    norm: str | None,
    n_threads: int,
) -> bool: ...

# The names of the kernels that this processor can run, the fastest last.
def available_kernels() -> list[str]: ...

# The name of the kernel that this process uses: unless `use_kernel` has said so, what
# SHARDFIT_KERNEL says, or else the fastest.
def kernel_in_use() -> str: ...

# Use the kernel of this name from now on, or with None the one that a new process would
# choose; returns its name. Every kernel gives the same answers.
def use_kernel(name: str | None) -> str: ...
