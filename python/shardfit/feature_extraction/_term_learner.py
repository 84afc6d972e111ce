"""What CountVectorizer and TfidfVectorizer do alike: learn terms, and find them."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import chain
from typing import Any, NoReturn

import numpy as np
from sklearn.base import _fit_context
from sklearn.feature_extraction.text import CountVectorizer as SklearnCountVectorizer

from shardfit import _rust
from shardfit._rust import Vocabulary
from shardfit._threads import threads_for
from shardfit.feature_extraction import _csr
from shardfit.feature_extraction._derived import Derived
from shardfit.feature_extraction._dict_lookup import columns_in_dict
from shardfit.feature_extraction._parameter_names import ParameterNames
from shardfit.feature_extraction._plan import (
    CoreAnalysis,
    ValueType,
    core_analysis,
    count_type,
    is_overridden,
    iterable_documents,
    plan_reading,
)
from shardfit.feature_extraction._vocabulary import (
    CountedRows,
    LearnedTerms,
    count_in_python,
    does_round,
    keep_by_matrix,
    may_round,
    weighting,
)

__all__ = ["TermLearner"]

_logger = logging.getLogger(__name__)

# A dict `vocabulary_` belongs to the user, who may change it any time. The core looks
# terms up in a copy: making it takes some 100 ns an entry, to find that the dict is
# still the same some 10 ns. A short document's terms are found in the dict itself in
# 30 us. So these numbers of entries for each document are the most for which the copy
# pays, whatever the documents are.
_MOST_ENTRIES_COPIED = 300
_MOST_ENTRIES_COMPARED = 3_000


def _look_ahead(documents: Iterator[Any], most: int) -> tuple[Iterable[Any], int]:
    """Return the documents of an iterator, and how many there are up to `most`.

    Nothing but strings is taken out early: a file may be closed when the next one
    comes.
    """
    taken: list[Any] = []
    try:
        for document in documents:
            taken.append(document)
            if len(taken) >= most or not isinstance(document, str | bytes):
                return chain(taken, documents), most
    except Exception as error:  # noqa: BLE001 - it is raised when its turn comes
        return chain(taken, map(_raise, [error])), most
    return taken, len(taken)


def _raise(error: Exception) -> NoReturn:
    raise error


class _DictCopy:
    """The core's copy of a dict `vocabulary_`, made as soon as it pays."""

    def __init__(self) -> None:
        self._copy: Vocabulary | None = None
        self._is_odd = False
        self._documents_without = 0

    def find(self, mapping: dict[Any, Any], n_documents: int) -> Vocabulary | None:
        """Return a copy to look up so many documents in, or None if it does not pay."""
        if len(mapping) > _MOST_ENTRIES_COMPARED * n_documents:
            return None
        if self._copy is not None and self._copy.is_of(mapping):
            return self._copy
        self._documents_without += n_documents
        if (
            self._is_odd
            or len(mapping) > _MOST_ENTRIES_COPIED * self._documents_without
        ):
            return None
        self._copy = Vocabulary.read(mapping)
        self._is_odd = self._copy is None
        self._documents_without = 0
        return self._copy


class TermLearner(ParameterNames, SklearnCountVectorizer):
    """Learns terms with the core where that is exact; the base of our vectorizers.

    The fitted state is `vocabulary_`, a dict, as soon as anybody has read or assigned
    it. Until then, what was learned stays in the core.
    """

    _learned: LearnedTerms

    @Derived("_learned")
    def vocabulary_(self) -> Any:
        """Return the column of each term."""
        return self._learned.kept(self).as_dict() if "_learned" in vars(self) else None

    def __dir__(self) -> Iterable[str]:
        # Scikit-learn lists what can be read, and reads all that is listed here to show
        # an estimator: where no term is kept, these raise a ValueError.
        unmade: set[str] = set()
        if self._has_no_dict():
            try:
                self._learned.kept(self)
            except ValueError:
                unmade = {"vocabulary_", "_tfidf", "idf_"}
        names = set(object.__dir__(self)) - unmade
        return [name for name in names if hasattr(self, name)]

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        state.pop("_dict_copy", None)
        learned = state.pop("_learned", None)
        if learned is not None and "vocabulary_" not in state:
            with suppress(ValueError):
                state["vocabulary_"] = learned.kept(self).as_dict()
        if learned is not None and learned.is_partial:
            state["_learned"] = learned.as_plain_data()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "_learned" in vars(self):
            self._learned = LearnedTerms.restore(vars(self)["_learned"])

    def _has_no_dict(self) -> bool:
        """Tell whether the vocabulary was learned and not been read by the user."""
        return "_learned" in vars(self) and "vocabulary_" not in vars(self)

    def _as_matrix(self, found: CountedRows | Any) -> Any:
        if isinstance(found, CountedRows):
            return found.matrix(binary=bool(self.binary))
        return found

    def _plan(self) -> tuple[CoreAnalysis, ValueType] | None:
        """Return what the core has to do, or None if scikit-learn has to do it."""
        analysis = core_analysis(self, TermLearner)
        values = count_type(self.dtype)
        if isinstance(analysis, str) or isinstance(values, str):
            _logger.debug("scikit-learn's own code runs: %s, %s", analysis, values)
            return None
        return analysis, values

    def _check_documents(self, raw_documents: Any) -> None:
        if isinstance(raw_documents, str):
            raise ValueError(
                "Iterable over raw text documents expected, string object received."
            )
        self._validate_ngram_range()
        self._warn_for_unused_params()

    def _take_given_vocabulary(self) -> None:
        self._validate_vocabulary()
        if self.fixed_vocabulary_ and self.lowercase:
            for term in self.vocabulary:
                if any(map(str.isupper, term)):
                    warnings.warn(
                        "Upper case characters found in vocabulary while 'lowercase' is"
                        " True. These entries will not be matched with any documents",
                        stacklevel=2,
                    )
                    break

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def _learn(self, raw_documents: Any, *, keep_rows: bool) -> CountedRows | Any:
        """Fit, and return the rows, or the matrix if it had to be made."""
        n_threads = threads_for(raw_documents, self.n_jobs)
        plan = self._plan()
        if plan is None:
            documents = iterable_documents(raw_documents)
            return SklearnCountVectorizer.fit_transform(self, documents)
        self._check_documents(raw_documents)
        self._take_given_vocabulary()
        if self.fixed_vocabulary_:
            return self._look_up(raw_documents)
        analysis, values = plan
        check_sums = self.max_features is not None and may_round(values.dtype)
        counts, rows = _rust.count_terms(
            *plan_reading(self, analysis, raw_documents),
            n_threads=n_threads,
            keep_rows=keep_rows or check_sums,
        )
        learned = LearnedTerms(counts, is_partial=False)
        found: CountedRows | Any = None
        if rows is not None:
            unknown = np.empty(0, dtype=np.int32)
            found = CountedRows(rows, unknown, 0, values, n_threads)
        if check_sums and does_round(counts, found, binary=bool(self.binary)):
            found = keep_by_matrix(self, learned, found)
        elif rows is not None:
            kept = learned.kept(self)
            found = found._replace(columns=kept.columns, n_features=len(kept.terms))
        learned.kept(self)
        self._forget_dict()
        self._learned = learned
        return found

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def _learn_more(self, raw_documents: Any) -> CountedRows | Any:
        """Fit to one more part; return its rows if the vocabulary was given."""
        n_threads = threads_for(raw_documents, self.n_jobs)
        self._check_documents(raw_documents)
        self._refuse_to_go_on()
        if not vars(self).get("fixed_vocabulary_"):
            self._take_given_vocabulary()
        if self.fixed_vocabulary_:
            return self._look_up(raw_documents)
        analysis = core_analysis(self, TermLearner)
        if isinstance(analysis, str):
            _logger.debug("scikit-learn's own code analyses: %s", analysis)
            documents = iterable_documents(raw_documents)
            counts = count_in_python(documents, self.build_analyzer())
        else:
            reading = plan_reading(self, analysis, raw_documents)
            counts, _ = _rust.count_terms(
                *reading, n_threads=n_threads, keep_rows=False
            )
        if "_learned" in vars(self):
            self._learned.absorb(counts)
        else:
            self._learned = LearnedTerms(counts, is_partial=True)
        self._forget_dict()
        return None

    def _forget_dict(self) -> None:
        self.__dict__.pop("vocabulary_", None)
        self.__dict__.pop("_dict_copy", None)

    def _refuse_to_go_on(self) -> None:
        """Raise if `partial_fit` cannot add to what was learned."""
        for hook in ("_count_vocab", "_limit_features", "_sort_features"):
            if is_overridden(self, hook, TermLearner):
                raise TypeError(
                    f"partial_fit cannot call {hook}, which {type(self).__name__}"
                    " overrides. Use fit."
                )
        is_counted = "_learned" in vars(self)
        if vars(self).get("fixed_vocabulary_"):
            if self.vocabulary is None:
                raise ValueError(
                    "partial_fit cannot go on: the vocabulary was given so far, but is"
                    " to be learned now. Use clone() to start anew."
                )
            return
        if self.vocabulary is not None and is_counted:
            raise ValueError(
                "partial_fit cannot go on: a vocabulary is given now, but was learned"
                " so far. Use clone() to start anew."
            )
        if "vocabulary_" in vars(self) and not is_counted:
            raise ValueError(
                "partial_fit cannot go on: the counts behind vocabulary_ are not known."
                " It was assigned, learned by fit with scikit-learn's own code, or"
                " unpickled after fit alone. Use partial_fit from the first documents"
                " on, or clone() to start anew."
            )

    def _look_up(
        self,
        raw_documents: Any,
        weigh: Callable[[ValueType, int], dict[str, Any]] | None = None,
    ) -> Any:
        """Return the matrix of documents.

        If the core makes it, `weigh` is called with the type of the values and the
        number of columns, and returns arguments for `weighting`.
        """
        plan = None if isinstance(raw_documents, str) else self._plan()
        target = None
        if plan is not None:
            raw_documents, target = self._find_vocabulary(raw_documents)
        if plan is not None and target is None:
            X = self._look_up_in_dict(raw_documents, *plan)
            if X is not None:
                return X
        if plan is None or target is None:
            _logger.debug("scikit-learn's own code looks up in the dict vocabulary_")
            documents = iterable_documents(raw_documents)
            return SklearnCountVectorizer.transform(self, documents)
        analysis, values = plan
        vocabulary, n_features = target
        n_threads = threads_for(raw_documents, self.n_jobs)
        weights = {} if weigh is None else weigh(values, n_features)
        data, indices, indptr = _rust.look_up_terms(
            *plan_reading(self, analysis, raw_documents),
            vocabulary,
            weighting(values, n_threads, binary=bool(self.binary), **weights),
        )
        return _csr.wrap_csr(
            values.cast(data), indices, indptr, n_features, is_canonical=True
        )

    def _find_vocabulary(
        self, raw_documents: Any
    ) -> tuple[Any, tuple[Vocabulary, int] | None]:
        """Return the documents and what the core looks up in.

        The latter is None if scikit-learn has to do it.
        """
        if self._has_no_dict():
            kept = self._learned.kept(self)
            return raw_documents, (kept.vocabulary, len(kept.terms))
        self._check_vocabulary()
        mapping = vars(self).get("vocabulary_")
        if type(mapping) is not dict:
            return raw_documents, None
        # Of other iterables it is not known, and to ask might be to compute.
        n_documents = len(mapping)
        if isinstance(raw_documents, list | tuple):
            n_documents = len(raw_documents)
        elif isinstance(raw_documents, Iterator) and self.input == "content":
            enough = len(mapping) // _MOST_ENTRIES_COMPARED + 1
            raw_documents, n_ahead = _look_ahead(raw_documents, enough)
            n_documents = n_documents if n_ahead == enough else n_ahead
        copy = self.__dict__.setdefault("_dict_copy", _DictCopy())
        vocabulary = copy.find(mapping, n_documents)
        if vocabulary is None:
            return raw_documents, None
        return raw_documents, (vocabulary, len(mapping))

    def _look_up_in_dict(
        self, raw_documents: Any, analysis: CoreAnalysis, values: ValueType
    ) -> Any:
        """Return the matrix of documents whose terms are looked up in `vocabulary_`.

        None if scikit-learn has to do it.
        """
        mapping = vars(self).get("vocabulary_")
        # Scikit-learn may have to read the documents once more.
        can_read_twice = isinstance(raw_documents, list | tuple)
        if type(mapping) is not dict or not can_read_twice or self.input != "content":
            return None
        n_threads = threads_for(raw_documents, self.n_jobs)
        counts, rows = _rust.count_terms(
            *plan_reading(self, analysis, raw_documents),
            n_threads=n_threads,
            keep_rows=True,
        )
        columns = columns_in_dict(mapping, counts.terms())
        if rows is None or columns is None:
            return None
        found = CountedRows(rows, columns, len(mapping), values, n_threads)
        X = found.matrix(binary=bool(self.binary))
        X.sort_indices()
        return X
