"""Terms that were counted, and the vocabulary that scikit-learn would make of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from numbers import Integral
from threading import RLock
from typing import Any, NamedTuple, TypedDict

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from shardfit import _rust
from shardfit._rust import Rows, TermCounts, Vocabulary
from shardfit._threads import effective_threads
from shardfit.feature_extraction import _csr
from shardfit.feature_extraction._plan import ValueType

__all__ = [
    "CountedRows",
    "LearnedTerms",
    "Weighting",
    "count_in_python",
    "does_round",
    "keep_by_matrix",
    "may_round",
    "weighting",
]

_NO_TERMS = "empty vocabulary; perhaps the documents only contain stop words"

# Every whole number up to this one is a float32.
_MOST_EXACT_FLOAT32 = 2**24


class Weighting(TypedDict):
    """What becomes of counts on their way into the matrix."""

    dtype: str
    """'int64', 'int32', 'float64' or 'float32'."""
    binary: bool
    """Whether every count becomes 1."""
    tf: npt.NDArray[Any] | None
    """What replaces each count."""
    idf: npt.NDArray[Any] | None
    """What the values of each column are multiplied by."""
    norm: str | None
    """'l1', 'l2' or None."""
    n_threads: int
    max_int32: int
    """With more entries than this, indices and indptr are int64."""


def weighting(
    values: ValueType,
    n_threads: int,
    *,
    binary: bool,
    tf: npt.NDArray[Any] | None = None,
    idf: npt.NDArray[Any] | None = None,
    norm: str | None = None,
) -> Weighting:
    """Return what becomes of counts; nothing more than values, by default."""
    return {
        "dtype": values.computed,
        "binary": binary,
        "tf": tf,
        "idf": idf,
        "norm": norm,
        "n_threads": n_threads,
        "max_int32": _csr.max_int32_entries,
    }


class CountedRows(NamedTuple):
    """Documents that the core has counted, on their way to becoming a matrix."""

    rows: Rows
    columns: npt.NDArray[np.int32]
    """The column of each term; empty if they are not known yet."""
    n_features: int
    values: ValueType
    n_threads: int

    def matrix(
        self,
        *,
        binary: bool,
        tf: npt.NDArray[Any] | None = None,
        idf: npt.NDArray[Any] | None = None,
        norm: str | None = None,
    ) -> Any:
        """Return the matrix, with counts replaced and rows scaled; uses up the rows."""
        how = weighting(
            self.values, self.n_threads, binary=binary, tf=tf, idf=idf, norm=norm
        )
        data, indices, indptr = self.rows.matrix(how, self.columns)
        return _csr.wrap_csr(
            self.values.cast(data),
            indices,
            indptr,
            self.n_features,
            # Scikit-learn learns a vocabulary and leaves rows in order of first sight.
            is_canonical=False,
        )


class KeptTerms(NamedTuple):
    """The terms that have a column."""

    terms: npt.NDArray[np.int64]
    """For each column its term, as a place in order of first sight."""
    columns: npt.NDArray[np.int32]
    """For each term its column, or -1."""
    vocabulary: Vocabulary
    column_type: type
    """What the columns in the dict `vocabulary_` are: `int` or `np.int_`."""

    def as_dict(self) -> dict[str, Any]:
        """Return what scikit-learn calls `vocabulary_`."""
        columns = self.vocabulary.columns()
        is_plain = self.column_type is int
        numbers = columns.tolist() if is_plain else columns.astype(self.column_type)
        return dict(zip(self.vocabulary.terms(), numbers, strict=True))

    def names(self) -> npt.NDArray[np.object_]:
        """Return the terms by column."""
        names = np.empty(len(self.terms), dtype=object)
        names[self.vocabulary.columns()] = self.vocabulary.terms()
        return names


class LearnedTerms:
    """The terms of all documents seen so far, and those that are kept of them.

    Parameters
    ----------
    counts : TermCounts
        The terms, none left out.
    is_partial : bool
        Whether more documents may come. Then which terms are kept is decided when that
        is asked for.
    """

    def __init__(self, counts: TermCounts, *, is_partial: bool) -> None:
        self.counts = counts
        self.is_partial = is_partial
        self._kept: KeptTerms | None = None
        # What is kept must be worked out from one state of the counts.
        self._lock = RLock()

    def kept(self, vectorizer: Any, sums: npt.NDArray[Any] | None = None) -> KeptTerms:
        """Return the terms that the parameters of a vectorizer keep.

        They are chosen once; parameters that change later have no effect.

        Parameters
        ----------
        vectorizer : CountVectorizer
            With the parameters.
        sums : ndarray of shape (n_terms,), default=None
            The sum of each term's values, in alphabetical order. By default, it is
            taken from the counts.

        Raises
        ------
        ValueError
            If nothing is kept; scikit-learn's message.
        """
        with self._lock:
            if self._kept is None:
                if not len(self.counts):
                    raise ValueError(_NO_TERMS)
                n_threads = effective_threads(vectorizer.n_jobs)
                is_within = _within_limits(vectorizer, self.counts)
                order = self.counts.alphabetical_order(n_threads)
                if sums is None and vectorizer.max_features is not None:
                    sums = _sums(self.counts, vectorizer)[order]
                terms = order
                if sums is not None or not is_within.all():
                    terms = order[_choose(vectorizer, is_within[order], sums)]
                columns = np.full(len(order), -1, dtype=np.int32)
                columns[terms] = np.arange(len(terms), dtype=np.int32)
                vocabulary = self.counts.vocabulary(columns)
                column_type = int if vectorizer.max_features is None else np.int_
                self._kept = KeptTerms(terms, columns, vocabulary, column_type)
            return self._kept

    def document_frequencies(self, vectorizer: Any) -> npt.NDArray[np.int64]:
        """Return the number of documents with each term that is kept, by column."""
        with self._lock:
            return self.counts.document_frequencies()[self.kept(vectorizer).terms]

    def absorb(self, counts: TermCounts) -> None:
        """Add documents to those seen; what is kept is up for decision again."""
        with self._lock:
            self.counts.absorb(counts)
            self.is_partial = True
            self._kept = None

    def as_plain_data(self) -> dict[str, Any]:
        """Return lists, arrays and numbers from which `restore` makes the same."""
        return {
            "terms": self.counts.terms(),
            "document_frequencies": self.counts.document_frequencies(),
            "term_frequencies": self.counts.term_frequencies(),
            "n_documents": self.counts.n_documents,
        }

    @classmethod
    def restore(cls, plain: dict[str, Any]) -> LearnedTerms:
        """Return the terms that `as_plain_data` has described."""
        return cls(TermCounts.restore(**plain), is_partial=True)

    @classmethod
    def joined(cls, parts: Sequence[LearnedTerms]) -> LearnedTerms:
        """Return the terms of all parts in their order, as new ones."""
        joined = cls.restore(parts[0].as_plain_data())
        for part in parts[1:]:
            joined.counts.absorb(part.counts)
        return joined


def _within_limits(vectorizer: Any, counts: TermCounts) -> npt.NDArray[np.bool_]:
    """Tell which terms, in order of first sight, are in enough but few documents."""
    max_df, min_df = vectorizer.max_df, vectorizer.min_df
    n_documents = counts.n_documents
    high: Any = max_df if isinstance(max_df, Integral) else max_df * n_documents
    low: Any = min_df if isinstance(min_df, Integral) else min_df * n_documents
    if high < low:
        raise ValueError("max_df corresponds to < documents than min_df")
    frequencies = counts.document_frequencies()
    return np.asarray((frequencies <= high) & (frequencies >= low))


def _choose(
    vectorizer: Any, is_kept: npt.NDArray[np.bool_], sums: npt.NDArray[Any] | None
) -> npt.NDArray[np.bool_]:
    """Tell which of the terms within the limits are kept, all in alphabetical order."""
    if sums is not None and is_kept.sum() > vectorizer.max_features:
        # NumPy decides between equal sums, by a sort that is not stable: it has to be
        # the same sort of the same numbers.
        best = (-sums[is_kept]).argsort()[: vectorizer.max_features]
        candidates = np.flatnonzero(is_kept)
        is_kept = np.zeros(len(is_kept), dtype=bool)
        is_kept[candidates[best]] = True
    if not is_kept.any():
        raise ValueError(
            "After pruning, no terms remain. Try a lower min_df or a higher max_df."
        )
    return is_kept


def _sums(counts: TermCounts, vectorizer: Any) -> npt.NDArray[Any]:
    """Return the sum of each term's values, of the type that SciPy gives it."""
    sums = (
        counts.document_frequencies()
        if vectorizer.binary
        else counts.term_frequencies()
    )
    return sums.astype(sp.csr_matrix((1, 1), dtype=vectorizer.dtype).sum(axis=0).dtype)


def may_round(dtype: np.dtype[Any]) -> bool:
    """Tell whether sums of values of a type may be other than those of the counts."""
    return dtype == np.float32 or (dtype.kind in "iu" and dtype.itemsize < 4)


def does_round(counts: TermCounts, counted: CountedRows, *, binary: bool) -> bool:
    """Tell whether sums of values of a type that may round do so."""
    dtype = counted.values.dtype
    if dtype == np.float32:
        return bool(counts.term_frequencies().max(initial=0) > _MOST_EXACT_FLOAT32)
    return not binary and counted.rows.largest_count > np.iinfo(dtype).max


def keep_by_matrix(vectorizer: Any, learned: LearnedTerms, counted: CountedRows) -> Any:
    """Choose terms by the sums of values that may round or wrap around.

    They are other than the sums of the counts, and depend on the order of documents.

    Parameters
    ----------
    vectorizer : CountVectorizer
        With the parameters.
    learned : LearnedTerms
        The terms, not chosen yet.
    counted : CountedRows
        The documents; they are used up.

    Returns
    -------
    X : sparse matrix or array
        The columns of the terms that are kept.
    """
    order = learned.counts.alphabetical_order(counted.n_threads)
    columns = np.empty(len(order), dtype=np.int32)
    columns[order] = np.arange(len(order), dtype=np.int32)
    all_columns = counted._replace(columns=columns, n_features=len(order))
    X = all_columns.matrix(binary=bool(vectorizer.binary))
    kept = learned.kept(vectorizer, np.asarray(X.sum(axis=0)).ravel())
    return X[:, columns[kept.terms]]


def count_in_python(
    documents: Iterable[Any], analyze: Callable[[Any], Iterable[Any]]
) -> TermCounts:
    """Count the terms that a callable finds in each document.

    Raises
    ------
    TypeError
        If one is not a string.
    """
    document_frequencies: Counter[str] = Counter()
    term_frequencies: Counter[str] = Counter()
    n_documents = 0
    for document in documents:
        counted = Counter(analyze(document))
        document_frequencies.update(counted.keys())
        term_frequencies.update(counted)
        n_documents += 1
    terms = list(term_frequencies)
    for term in terms:
        if not isinstance(term, str):
            raise TypeError(
                f"partial_fit counts terms that are strings, but the analyzer gave "
                f"{term!r}; fit takes any term, but all documents at once"
            )
    return _rust.TermCounts.restore(
        terms,
        np.fromiter((document_frequencies[t] for t in terms), np.int64, len(terms)),
        np.fromiter(term_frequencies.values(), np.int64, len(terms)),
        n_documents,
    )
