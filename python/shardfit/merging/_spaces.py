"""How the columns that a part's transformer makes are made of those of the merged one.

A model that was trained behind a transformer of its part knows that one's columns: some
of the merged columns, and on another scale. A linear model can be carried over, as long
as every column of the part is a multiple of one merged column, plus a number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from joblib import hash as fingerprint
from numpy.typing import NDArray
from sklearn.feature_extraction import DictVectorizer
from sklearn.feature_extraction.text import CountVectorizer as SklearnCountVectorizer
from sklearn.feature_extraction.text import TfidfTransformer as SklearnTfidfTransformer
from sklearn.feature_extraction.text import TfidfVectorizer as SklearnTfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    StandardScaler,
)
from sklearn.utils._missing import is_scalar_nan

from shardfit.exceptions import NotMergeableError
from shardfit.feature_extraction.text import (
    CountVectorizer,
    TfidfTransformer,
    TfidfVectorizer,
)
from shardfit.merging import _stateless
from shardfit.merging._frequencies import document_frequencies, is_weighted
from shardfit.merging._vocabularies import (
    keeps_every_term,
    kept_frequencies,
    positions_in,
    vocabulary_of,
)

__all__ = [
    "ONE_FIT",
    "SPACES",
    "TFIDF",
    "Change",
    "Changes",
    "changes",
    "has_changed",
    "in_turn",
    "of_weights",
]

TFIDF = (SklearnTfidfTransformer, TfidfTransformer)

ONE_FIT = (
    "fit the steps before it once, on all rows; "
    "shardfit.partitioned.PartitionedClassifier does so"
)


@dataclass(frozen=True)
class Change:
    """How the columns of one part are made of the merged ones.

    Column j of the part is ``scale[j] * merged column positions[j] + shift[j]``.

    Parameters
    ----------
    n_columns : int
        Number of merged columns.
    positions : ndarray of shape (n_columns_of_part,) or None
        The merged column of each column, -1 where there is none. None if the columns
        are the same.
    scale, shift : ndarray of shape (n_columns_of_part,) or None
        None where nothing is scaled or shifted.
    counts : ndarray of shape (n_columns_of_part,) or None
        In how many documents of the part each column is, if that is known.
    is_complete : bool
        Whether merged columns that the part does not have are 0 in all its rows.
    """

    n_columns: int
    positions: NDArray[np.intp] | None = None
    scale: NDArray[np.float64] | None = None
    shift: NDArray[np.float64] | None = None
    counts: NDArray[Any] | None = None
    is_complete: bool = True

    @property
    def is_selection(self) -> bool:
        """Whether values stay, and only columns move."""
        return self.scale is None and self.shift is None

    def then(self, other: Change) -> Change:
        """Return this change followed by one that keeps the columns in their places.

        Parameters
        ----------
        other : Change
            Of a transformer that scales columns, in terms of the part's columns.
        """
        scale = self.scale
        if other.scale is not None:
            scale = other.scale if scale is None else scale * other.scale
        return replace(
            self,
            scale=scale,
            counts=self.counts if other.counts is None else other.counts,
        )


Changes = list[Change] | None
_Finder = Callable[[list[Any], Any, NDArray[np.float64] | None], Changes]

# What `changes` knows; compositions add themselves.
SPACES: dict[type, _Finder] = {}


def changes(
    models: list[Any], merged: Any, rows: NDArray[np.float64] | None = None
) -> Changes:
    """Return how the columns of parts are made of those of their merged transformer.

    Parameters
    ----------
    models : list of fitted transformers
        The parts.
    merged : transformer
        The result of their merge.
    rows : ndarray of shape (n_models,) or None
        How many rows each was fitted on.

    Returns
    -------
    list of Change, or None
        One for each part; None if all have the merged columns as they are. Missing
        values that are filled in by other numbers do not count as a change.

    Raises
    ------
    NotMergeableError
        If columns differ in a way that no `Change` can describe.
    """
    finder = SPACES.get(type(merged))
    if finder is not None:
        return finder(models, merged, rows)
    if type(merged) not in _stateless.RULES and has_changed(models, merged):
        raise NotMergeableError(
            f"{type(merged).__name__} makes other columns in every part, and what a "
            f"model has learned from these does not carry over; {ONE_FIT}"
        )
    return None


def has_changed(models: list[Any], merged: Any) -> bool:
    """Tell whether the fitted state of a merged estimator differs from that of a part.

    Parameters
    ----------
    models : list of estimators
        The parts.
    merged : estimator
        Of the same class.
    """
    state = fingerprint(_fitted_state(merged), coerce_mmap=True)
    return any(
        fingerprint(_fitted_state(model), coerce_mmap=True) != state for model in models
    )


def _fitted_state(model: Any) -> dict[str, Any]:
    parameters = model.get_params(deep=False)
    return {
        name: value
        for name, value in vars(model).items()
        # The number of rows says nothing about the columns.
        if name not in parameters and name != "n_samples_seen_"
    }


def _of_terms(models: list[Any], merged: Any, rows: Any) -> Changes:
    parts = [vocabulary_of(model) for model in models]
    union = vocabulary_of(merged)
    if all(part == union for part in parts):
        return None
    return [Change(len(union), positions=own) for own in positions_in(union, parts)]


def _of_counts(models: list[Any], merged: Any, rows: Any) -> Changes:
    found = _of_terms(models, merged, rows)
    if found is None:
        return None
    counted = [kept_frequencies(model) for model in models]
    return [
        replace(
            change,
            counts=None if its is None else its.counts,
            is_complete=keeps_every_term(merged),
        )
        for change, its in zip(found, counted, strict=True)
    ]


def of_weights(
    models: list[Any],
    merged: Any,
    rows: NDArray[np.float64] | None,
    positions: Sequence[NDArray[np.intp] | None] | None = None,
) -> Changes:
    """Return the changes of TfidfTransformers.

    They are near the truth only: after the weights, every row is scaled by its norm,
    and the norms of weights that differ are not in one ratio.

    Parameters
    ----------
    positions : sequence, optional
        For each part, the merged columns that it was fitted on.
    """
    if not is_weighted(merged):
        return None
    whole = np.asarray(merged.idf_, dtype=np.float64)
    found, is_same = [], True
    for number, model in enumerate(models):
        own = None if positions is None else positions[number]
        target = whole if own is None else np.where(own >= 0, whole[own], np.nan)
        idf = np.asarray(model.idf_, dtype=np.float64)
        is_same = is_same and np.allclose(idf, target, rtol=1e-12, atol=0)
        with np.errstate(invalid="ignore"):
            ratio = idf / target
        n_rows = None if rows is None else float(rows[number])
        counts = None
        if n_rows is not None or "_frequencies" in vars(model):
            counts = document_frequencies(model, n_rows, number).counts
        # Without `smooth_idf`, terms of no document weigh infinitely much; nothing
        # was learned about them.
        scale = np.where(np.isfinite(ratio), ratio, 1.0)
        found.append(Change(len(whole), scale=scale, counts=counts))
    return None if is_same and positions is None else found


def _of_tfidf_vectorizers(models: list[Any], merged: Any, rows: Any) -> Changes:
    terms = _of_counts(models, merged, rows)
    tfidfs = [model._tfidf for model in models]
    positions = None if terms is None else [change.positions for change in terms]
    return in_turn(terms, of_weights(tfidfs, merged._tfidf, rows, positions))


def in_turn(first: Changes, second: Changes) -> Changes:
    """Return the changes of two transformers, of which the other scales columns.

    Parameters
    ----------
    first, second : list of Change, or None
    """
    if first is None or second is None:
        return second if first is None else first
    return [one.then(other) for one, other in zip(first, second, strict=True)]


def _affine(
    models: list[Any], merged: Any, line: Callable[[Any], tuple[Any, Any]]
) -> Changes:
    """Return the changes of scalers, each of which is ``scale * column + shift``."""
    scale, shift = line(merged)
    lines = [line(model) for model in models]
    if all(map(_is_equal, lines, lines[:1] * len(lines))):
        return None
    n_columns = merged.n_features_in_
    found = []
    for own_scale, own_shift in lines:
        ratio = np.broadcast_to(own_scale / scale, n_columns)
        moved = np.broadcast_to(own_shift - ratio * shift, n_columns)
        found.append(Change(n_columns, scale=ratio, shift=moved))
    return found


def _is_equal(one: tuple[Any, Any], other: tuple[Any, Any]) -> bool:
    return all(map(np.array_equal, one, other))


def _of_standard_scalers(models: list[Any], merged: Any, rows: Any) -> Changes:
    def line(scaler: Any) -> tuple[Any, Any]:
        scale = 1.0 / scaler.scale_ if scaler.with_std else 1.0
        return scale, -scaler.mean_ * scale if scaler.with_mean else 0.0

    return _affine(models, merged, line)


def _of_min_max_scalers(models: list[Any], merged: Any, rows: Any) -> Changes:
    # With `clip`, the rows that a part was fitted on are within its limits.
    return _affine(models, merged, lambda scaler: (scaler.scale_, scaler.min_))


def _of_max_abs_scalers(models: list[Any], merged: Any, rows: Any) -> Changes:
    return _affine(models, merged, lambda scaler: (1.0 / scaler.scale_, 0.0))


def _of_keys(
    models: list[Any], merged: Any, keys: Callable[[Any], list[Any]]
) -> Changes:
    """Return the changes of transformers whose columns have keys."""
    union = {key: column for column, key in enumerate(keys(merged))}
    parts = [{key: column for column, key in enumerate(keys(m))} for m in models]
    if all(part == union for part in parts):
        return None
    return [Change(len(union), positions=own) for own in positions_in(union, parts)]


def _of_one_hot_encoders(models: list[Any], merged: Any, rows: Any) -> Changes:
    def dropped(encoder: Any) -> set[tuple[int, Any]]:
        places = encoder.drop_idx_
        return {
            (feature, _key(categories[places[feature]]))
            for feature, categories in enumerate(encoder.categories_)
            if places is not None and places[feature] is not None
        }

    def keys(encoder: Any) -> list[Any]:
        every = (
            (feature, _key(category))
            for feature, categories in enumerate(encoder.categories_)
            for category in categories
        )
        left_out = dropped(encoder)
        return [key for key in every if key not in left_out]

    for model in models:
        if dropped(model) != dropped(merged):
            raise NotMergeableError(
                "OneHotEncoder drops other categories in each part, so that "
                "coefficients are relative to others; name the categories to drop, or "
                "use drop=None"
            )
    return _of_keys(models, merged, keys)


def _key(category: Any) -> Any:
    """Return something that is equal for equal categories, NaN among them."""
    return ("NaN", None) if is_scalar_nan(category) else (category,)


def _of_imputers(models: list[Any], merged: Any, rows: Any) -> Changes:
    def keys(imputer: Any) -> list[Any]:
        kept = list(range(len(imputer.statistics_)))
        if not imputer.keep_empty_features:
            kept = [
                feature
                for feature in kept
                if not is_scalar_nan(imputer.statistics_[feature])
            ]
        indicator = imputer.indicator_
        marked = [] if indicator is None else indicator.features_.tolist()
        return [(False, one) for one in kept] + [(True, one) for one in marked]

    found = _of_keys(models, merged, keys)
    if found is None:
        return None
    # What a part never saw, and left out, is filled in for the whole.
    return [replace(change, is_complete=False) for change in found]


SPACES |= {
    CountVectorizer: _of_counts,
    DictVectorizer: _of_terms,
    MaxAbsScaler: _of_max_abs_scalers,
    MinMaxScaler: _of_min_max_scalers,
    OneHotEncoder: _of_one_hot_encoders,
    SimpleImputer: _of_imputers,
    SklearnCountVectorizer: _of_counts,
    SklearnTfidfTransformer: of_weights,
    SklearnTfidfVectorizer: _of_tfidf_vectorizers,
    StandardScaler: _of_standard_scalers,
    TfidfTransformer: of_weights,
    TfidfVectorizer: _of_tfidf_vectorizers,
}
