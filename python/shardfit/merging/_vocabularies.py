"""Vectorizers that learn terms: the vocabulary of all documents.

Ours keep the counts of all terms, and what `min_df`, `max_df` and `max_features` leave
out is decided anew. Scikit-learn's keep terms alone: a vocabulary of which nothing was
left out merges, no other.
"""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import CountVectorizer as SklearnCountVectorizer
from sklearn.feature_extraction.text import TfidfVectorizer as SklearnTfidfVectorizer

from shardfit.exceptions import NotMergeableError
from shardfit.feature_extraction._vocabulary import LearnedTerms
from shardfit.feature_extraction._weights import DocumentFrequencies
from shardfit.feature_extraction.text import CountVectorizer, TfidfVectorizer
from shardfit.merging import _frequencies
from shardfit.merging._frequencies import GIVE_ROWS, is_weighted, merge_tfidf
from shardfit.merging._rules import Mergeability, Rule, always
from shardfit.merging._state import blank_copy

__all__ = [
    "RULES",
    "keeps_every_term",
    "kept_frequencies",
    "learned_terms",
    "positions_in",
    "vocabulary_of",
]

_KEEP_COUNTS = (
    "use CountVectorizer or TfidfVectorizer of shardfit.feature_extraction.text, which "
    "keep all counts, in pickles after partial_fit; or fit it once, on all rows"
)


def keeps_every_term(vectorizer: Any) -> bool:
    """Tell whether a vectorizer has a column for every term of its documents.

    Parameters
    ----------
    vectorizer : CountVectorizer
        Scikit-learn's or ours.
    """
    return vectorizer.vocabulary is not None or _pruning(vectorizer) is None


def _pruning(vectorizer: Any) -> str | None:
    """Return the parameter that may leave terms out, as text."""
    min_df, max_df = vectorizer.min_df, vectorizer.max_df
    if vectorizer.max_features is not None:
        return f"max_features={vectorizer.max_features}"
    if min_df != (1 if isinstance(min_df, Integral) else 0.0):
        return f"min_df={min_df}"
    if isinstance(max_df, Integral) or max_df != 1.0:
        return f"max_df={max_df}"
    return None


def learned_terms(vectorizer: Any) -> LearnedTerms | None:
    """Return the counts that one of our vectorizers has kept, None if there are none.

    Parameters
    ----------
    vectorizer : CountVectorizer
        Scikit-learn's or ours, fitted.
    """
    learned: LearnedTerms | None = vars(vectorizer).get("_learned")
    mapping = vars(vectorizer).get("vocabulary_")
    if learned is None or mapping is None:
        return learned
    # The dict belongs to the user as soon as it was read.
    return learned if learned.kept(vectorizer).as_dict() == mapping else None


def kept_frequencies(vectorizer: Any) -> DocumentFrequencies | None:
    """Return the document frequency of each column, None if it is not known.

    Parameters
    ----------
    vectorizer : CountVectorizer
        Scikit-learn's or ours, fitted.
    """
    learned = learned_terms(vectorizer)
    if learned is None:
        return None
    return DocumentFrequencies(
        learned.document_frequencies(vectorizer),
        learned.counts.n_documents,
        is_single=np.dtype(vectorizer.dtype) == np.float32,
    )


def vocabulary_of(vectorizer: Any) -> dict[Any, int]:
    """Return the column of each term, without a change of the vectorizer.

    Parameters
    ----------
    vectorizer : CountVectorizer or DictVectorizer
        Fitted.
    """
    mapping: dict[Any, int] | None = vars(vectorizer).get("vocabulary_")
    if mapping is None:
        mapping = vars(vectorizer)["_learned"].kept(vectorizer).as_dict()
    return mapping


def positions_in(
    merged: dict[Any, int], parts: Sequence[dict[Any, int]]
) -> list[NDArray[np.intp]]:
    """Return for each part the merged column of each of its columns.

    Parameters
    ----------
    merged : dict
        The column of each term.
    parts : sequence of dict
        The same for each part.

    Returns
    -------
    list of ndarray
        With -1 where the merged vocabulary does not have the term.
    """
    positions = []
    for part in parts:
        own = np.full(len(part), -1, dtype=np.intp)
        for term, column in part.items():
            own[column] = merged.get(term, -1)
        positions.append(own)
    return positions


def _merge_count_vectorizers(
    models: list[Any],
    weights: NDArray[np.float64] | None,
    classes: list[NDArray[Any]] | None,
) -> Any:
    merged = blank_copy(models[0])
    learned = _join_counts(models)
    if learned is None:
        _set_vocabulary(merged, models)
    else:
        merged.fixed_vocabulary_ = False
        merged._learned = learned
    return merged


def _merge_tfidf_vectorizers(
    models: list[Any],
    weights: NDArray[np.float64] | None,
    classes: list[NDArray[Any]] | None,
) -> Any:
    merged = blank_copy(models[0])
    learned = None if any(map(_has_own_weights, models)) else _join_counts(models)
    if learned is not None:
        merged.fixed_vocabulary_ = False
        merged._learned = learned
        return merged
    tfidfs = [model._tfidf for model in models]
    parts = _set_vocabulary(merged, models)
    merged._tfidf = merge_tfidf(
        tfidfs,
        weights,
        positions=positions_in(merged.vocabulary_, parts),
        n_features=len(merged.vocabulary_),
    )
    return merged


def _has_own_weights(vectorizer: Any) -> bool:
    """Tell whether the weights were assigned, and do not follow from the counts."""
    tfidf = vars(vectorizer).get("_tfidf")
    return (
        tfidf is not None
        and "_frequencies" not in vars(tfidf)
        and is_weighted(tfidf)
        and "_learned" in vars(vectorizer)
    )


def _join_counts(models: list[Any]) -> LearnedTerms | None:
    """Return new counts of the documents of all, None if some are not known."""
    parts = [learned_terms(model) for model in models]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    return LearnedTerms.joined(known)


def _set_vocabulary(merged: Any, models: list[Any]) -> list[dict[Any, int]]:
    """Set the union of the vocabularies, and return those of the models."""
    parts = [vocabulary_of(model) for model in models]
    merged.fixed_vocabulary_ = bool(getattr(models[0], "fixed_vocabulary_", False))
    if "stop_words_" in vars(models[0]):  # set by older versions
        merged.stop_words_ = set().union(*(model.stop_words_ for model in models))
    if all(part == parts[0] for part in parts) and (
        merged.fixed_vocabulary_ or len(parts) == 1 or _pruning(merged) is None
    ):
        merged.vocabulary_ = dict(parts[0])
        return parts
    for number, (part, model) in enumerate(zip(parts, models, strict=True)):
        _check_is_learned(part, model, number)
    # In order of first sight, as a fit of all documents leaves it.
    union = dict.fromkeys(term for part in parts for term in part)
    for column, term in enumerate(sorted(union)):
        union[term] = column
    merged.vocabulary_ = union
    return parts


def _check_is_learned(part: dict[Any, int], model: Any, number: int) -> None:
    """Refuse a vocabulary that is not all terms of the documents."""
    pruning = _pruning(model)
    if pruning is not None:
        raise NotMergeableError(
            f"estimator {number} does not know the counts behind its vocabulary, from "
            f"which {pruning} leaves terms out: it was unpickled after fit alone, "
            "vocabulary_ was assigned, or scikit-learn's own code did the fit; "
            f"{_KEEP_COUNTS}"
        )
    if model.fixed_vocabulary_ or any(
        column != place
        for place, (_, column) in enumerate(sorted(part.items(), key=lambda it: it[0]))
    ):
        raise NotMergeableError(
            f"the vocabulary of estimator {number} was given or assigned, and is "
            "another one than that of others; give all the same"
        )


def _judge(vectorizer: Any) -> Mergeability:
    pruning = _pruning(vectorizer)
    if pruning is None or vectorizer.vocabulary is not None:
        remedy = GIVE_ROWS if getattr(vectorizer, "use_idf", False) else ""
        return Mergeability("exact", "the terms of all parts are those of all", remedy)
    return Mergeability(
        "no",
        f"{pruning} has left terms out of each part that the whole may keep",
        _KEEP_COUNTS,
    )


_COUNTS = "the counts of all terms add up"
_AFTER_FIT = (
    "fit parts in other processes by partial_fit, whose pickles hold the counts"
)

RULES: dict[type, Rule] = {
    **_frequencies.RULES,
    SklearnCountVectorizer: Rule(_merge_count_vectorizers, _judge),
    SklearnTfidfVectorizer: Rule(_merge_tfidf_vectorizers, _judge),
    CountVectorizer: Rule(
        _merge_count_vectorizers, always("exact", _COUNTS, _AFTER_FIT)
    ),
    TfidfVectorizer: Rule(
        _merge_tfidf_vectorizers, always("exact", _COUNTS, _AFTER_FIT)
    ),
}
