"""Document frequencies behind inverse document frequencies, and TfidfTransformer.

Neither the mean of ``idf_`` nor anything else of the weights themselves is that of all
documents. The number of documents with a term adds up, and follows from its weight and
the number of documents.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfTransformer as SklearnTfidfTransformer

from shardfit.exceptions import NotMergeableError
from shardfit.feature_extraction._weights import DocumentFrequencies
from shardfit.feature_extraction.text import TfidfTransformer
from shardfit.merging._rules import Rule, always
from shardfit.merging._state import blank_copy

__all__ = [
    "GIVE_ROWS",
    "RULES",
    "document_frequencies",
    "is_weighted",
    "merge_tfidf",
    "with_frequencies",
]

GIVE_ROWS = "give weights: the number of documents that each was fitted on"

# Logarithms of other machines differ in the last bits.
_MOST_SPACINGS = 8


def is_weighted(transformer: Any) -> bool:
    """Tell whether a fitted TfidfTransformer has weights of terms.

    Parameters
    ----------
    transformer : TfidfTransformer
        Scikit-learn's or ours.
    """
    # To ask ours for `idf_` would make it.
    makes_it = _counted(transformer) is not None and bool(transformer.use_idf)
    return makes_it or "idf_" in vars(transformer)


def document_frequencies(
    transformer: Any, n_documents: float | None, number: int = 0
) -> DocumentFrequencies:
    """Return in how many documents each column of a TfidfTransformer was.

    Parameters
    ----------
    transformer : TfidfTransformer
        Scikit-learn's or ours; it knows them, or `is_weighted` holds.
    n_documents : float or None
        How many documents it was fitted on. Ours may know.
    number : int, default=0
        Which estimator it is, for messages.

    Returns
    -------
    DocumentFrequencies

    Raises
    ------
    NotMergeableError
        If the weights are not those of so many documents.
    """
    counted = _counted(transformer)
    if counted is not None:
        return counted
    if n_documents is None:
        raise NotMergeableError(
            f"{type(transformer).__name__} cannot be merged without weights: idf_ does "
            f"not tell of how many documents it is; {GIVE_ROWS}"
        )
    return _inverted(transformer, n_documents, number)


def _counted(transformer: Any) -> DocumentFrequencies | None:
    counted: DocumentFrequencies | None = vars(transformer).get("_frequencies")
    return counted


def _inverted(transformer: Any, n_documents: float, number: int) -> DocumentFrequencies:
    """Return the document frequencies from which fit has made ``idf_``."""
    idf = np.asarray(transformer.idf_)
    smooth = bool(transformer.smooth_idf)
    with np.errstate(over="ignore", invalid="ignore"):
        shares = np.exp(idf.astype(np.float64) - 1.0)
        counts = np.rint((n_documents + smooth) / shares - smooth)
        spacing = np.spacing(np.maximum(idf, 1.0).astype(idf.dtype))
    is_count = (counts >= 0) & (counts <= n_documents)
    frequencies = DocumentFrequencies(
        np.where(is_count, counts, 0).astype(np.int64),
        int(n_documents),
        is_single=idf.dtype == np.float32,
        is_partial=True,
    )
    again = frequencies.idf(smooth)
    with np.errstate(invalid="ignore"):
        is_near = np.abs(again - idf) <= _MOST_SPACINGS * spacing
    is_weight = is_count & ((again == idf) | is_near)
    if not float(n_documents).is_integer() or not is_weight.all():
        raise NotMergeableError(
            f"estimator {number} was not fitted on {n_documents:g} documents: no "
            f"number of them with each term gives its idf_; {GIVE_ROWS}"
        )
    # The step from one count to the next must show in the weights.
    if (spacing * _MOST_SPACINGS * (counts + smooth) > 0.5).any():
        raise NotMergeableError(
            f"the idf_ of estimator {number} is {idf.dtype}, and does not tell the "
            f"numbers of {n_documents:g} documents apart; fit on values of float64, "
            "or use shardfit's TfidfTransformer"
        )
    return frequencies


def merge_tfidf(
    models: list[Any],
    rows: NDArray[np.float64] | None,
    *,
    positions: Sequence[NDArray[np.intp]] | None = None,
    n_features: int | None = None,
) -> Any:
    """Merge TfidfTransformers, whose columns may be some of those of the merged one.

    Parameters
    ----------
    models : list of fitted TfidfTransformer
        Scikit-learn's or ours, of one class.
    rows : ndarray of shape (n_models,) or None
        How many documents each was fitted on.
    positions : sequence of ndarray, optional
        For each model, the merged columns that its columns are.
    n_features : int, optional
        Number of merged columns; with `positions`.

    Returns
    -------
    TfidfTransformer
        As if fitted on the documents of all.
    """
    weighted = [is_weighted(model) for model in models]
    is_counted = all(_counted(model) is not None for model in models)
    if not any(weighted) and not is_counted:
        return _without_weights(models[0], n_features)
    if not is_counted and not all(weighted):
        raise NotMergeableError(
            f"estimator {weighted.index(False)} has no idf_ and estimator "
            f"{weighted.index(True)} has; fit all with the same parameters"
        )
    if n_features is None:
        n_features = _n_columns(models[0])
    counts = np.zeros(n_features, dtype=np.int64)
    n_documents, is_single = 0, True
    for number, model in enumerate(models):
        n_rows = None if rows is None else float(rows[number])
        part = document_frequencies(model, n_rows, number)
        if positions is None:
            counts += part.counts
        else:
            counts[positions[number]] += part.counts
        n_documents += part.n_documents
        is_single = is_single and part.is_single
    merged = DocumentFrequencies(counts, n_documents, is_single, is_partial=True)
    return with_frequencies(models[0], merged)


def with_frequencies(model: Any, frequencies: DocumentFrequencies) -> Any:
    """Return a TfidfTransformer with the parameters of one, and other frequencies.

    Parameters
    ----------
    model : TfidfTransformer
        Scikit-learn's or ours.
    frequencies : DocumentFrequencies
    """
    result = blank_copy(model)
    if isinstance(result, TfidfTransformer):
        result._adopt(frequencies._replace(is_partial=True))
    else:
        _set_width(result, len(frequencies.counts))
        result.idf_ = frequencies._replace(is_partial=True).idf(bool(result.smooth_idf))
    return result


def _without_weights(model: Any, n_features: int | None) -> Any:
    result = blank_copy(model)
    if n_features is not None:
        _set_width(result, n_features)
    return result


def _set_width(transformer: Any, n_features: int) -> None:
    if getattr(transformer, "n_features_in_", n_features) != n_features:
        # The names are those of other columns.
        vars(transformer).pop("feature_names_in_", None)
    transformer.n_features_in_ = n_features


def _n_columns(transformer: Any) -> int:
    counted = _counted(transformer)
    return len(transformer.idf_ if counted is None else counted.counts)


def _merge(
    models: list[Any],
    weights: NDArray[np.float64] | None,
    classes: list[NDArray[Any]] | None,
) -> Any:
    return merge_tfidf(models, weights)


_REASON = "the numbers of documents with each term add up"

RULES: dict[type, Rule] = {
    SklearnTfidfTransformer: Rule(_merge, always("exact", _REASON, GIVE_ROWS)),
    TfidfTransformer: Rule(
        _merge,
        always("exact", _REASON, f"if it was unpickled after fit, {GIVE_ROWS}"),
    ),
}
