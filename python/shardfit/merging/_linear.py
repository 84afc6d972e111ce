"""Weighted means of linear models, class by class and feature by feature.

A plain mean divides the coefficient of a rare feature, which one part alone has
learned, by the number of parts. So every feature may have weights of its own: with
the number of documents that hold it, partitions of text lose next to nothing.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn import linear_model
from sklearn.svm import LinearSVC, LinearSVR

from shardfit.exceptions import NotMergeableError
from shardfit.merging._linear_checks import check_not_diverged
from shardfit.merging._rules import Mergeability, Rule
from shardfit.merging._state import blank_copy, rows_of, union_of_classes

__all__ = ["AVERAGED", "RULES", "Columns", "merge_linear", "warn_of_loss"]

# PassiveAggressive* are deprecated, and gone from scikit-learn 1.10 on.
AVERAGED: frozenset[type] = frozenset(
    getattr(linear_model, name)
    for name in (
        "LogisticRegression",
        "PassiveAggressiveClassifier",
        "PassiveAggressiveRegressor",
        "Perceptron",
        "SGDClassifier",
        "SGDOneClassSVM",
        "SGDRegressor",
    )
    if hasattr(linear_model, name)
) | {LinearSVC, LinearSVR}

# Beside any share of the largest count this is nothing; where no part holds a feature,
# all have the same say.
_NO_ROWS = 1e-30

# Tables of one column, which have no features to be weighed by.
_OFFSETS = ("intercept_", "offset_", "_standard_intercept", "_average_intercept")

# For every row of the merged table, the row and sign that give it, or None.
_Shares = list[tuple[int, float] | None]


@dataclass(frozen=True)
class Columns:
    """Which features the columns of each model are, and how much they weigh.

    Parameters
    ----------
    n_features : int
        Number of features of the merged model.
    positions : sequence of ndarray of shape (n_columns_of_model,) or slice
        For each model, the features that its columns are. What a model has no column
        for, it has no say in.
    counts : sequence of ndarray of shape (n_columns_of_model,)
        For each model, how much each of its columns weighs.
    """

    n_features: int
    positions: Sequence[Any]
    counts: Sequence[NDArray[Any]]


def merge_linear(
    models: list[Any],
    weights: NDArray[np.float64] | None,
    seen: list[NDArray[Any]] | None,
    columns: Columns | None = None,
) -> Any:
    """Average linear models of one class.

    Parameters
    ----------
    models : list of fitted estimators
        All of one class, which is in `AVERAGED`, and alike.
    weights : ndarray of shape (n_models,) or (n_models, n_features) or None
        Finite, not negative, no row all 0. With two dimensions, all intercepts weigh
        the same.
    seen : list of ndarray or None
        The labels that each model really saw, part of its ``classes_``.
    columns : Columns, optional
        If the models have some of the features each. `weights` are then for the
        intercepts alone.

    Returns
    -------
    estimator
        A new one.
    """
    check_not_diverged(models)
    if weights is not None and weights.ndim == 2:
        columns, weights = _weighted_columns(weights, models[0].n_features_in_), None
    scale = rows_of(weights, models)
    result = blank_copy(models[0])
    if columns is not None:
        result.n_features_in_ = columns.n_features
    if hasattr(models[0], "classes_"):
        result.classes_ = union_of_classes([m.classes_ for m in models], at_least=2)
        shares = [_rows_of(model.classes_, result.classes_) for model in models]
        by_row = _weights_by_row(models, result.classes_, shares, scale, seen)
    else:
        shares = [[(0, 1.0)] for _ in models]
        by_row = scale[:, np.newaxis]
    mean = _Mean(shares, by_row, columns)

    def mean_of(name: str) -> Any:
        parts = [getattr(model, name) for model in models]
        if name in _OFFSETS:
            heights = [_as_rows(model.coef_).shape[0] for model in models]
            tables = [
                np.broadcast_to(np.reshape(part, (-1, 1)), (height, 1))
                for part, height in zip(parts, heights, strict=True)
            ]
            offsets = mean.of_offsets(tables).ravel()
            # LinearSVC without intercept has the float 0.0.
            return offsets if np.ndim(parts[0]) or offsets.any() else 0.0
        table = mean.of_coefficients([_as_rows(part) for part in parts])
        return table if hasattr(result, "classes_") else table[0]

    is_one_class = "offset_" in vars(models[0])  # and has no intercept
    if getattr(result, "average", False):
        _set_averaged_state(result, mean_of)
    else:
        result.coef_ = mean_of("coef_")
        if not is_one_class:
            result.intercept_ = mean_of("intercept_")
    if is_one_class:
        result.offset_ = mean_of("offset_")
    _set_counters(result, models)
    return result


def _weighted_columns(weights: NDArray[np.float64], n_features: int) -> Columns:
    """Return all columns of all models, each with weights of its own."""
    if weights.shape[1] != n_features:
        raise ValueError(
            f"weights has {weights.shape[1]} columns, and there are {n_features} "
            "features; give one weight per feature"
        )
    return Columns(n_features, [slice(None)] * len(weights), list(weights))


def _set_averaged_state(result: Any, mean_of: Any) -> None:
    """Set what `average=True` keeps; `coef_` alone would be ignored later on."""
    result._standard_coef = mean_of("_standard_coef")
    result._standard_intercept = mean_of("_standard_intercept")
    result._average_coef = mean_of("_average_coef")
    result._average_intercept = mean_of("_average_intercept")
    # The very same arrays, as scikit-learn itself has it.
    result.coef_ = result._average_coef
    if not isinstance(result, linear_model.SGDOneClassSVM):
        result.intercept_ = result._average_intercept


def _set_counters(result: Any, models: list[Any]) -> None:
    if hasattr(models[0], "n_iter_"):
        n_iter = np.max([model.n_iter_ for model in models], axis=0)
        result.n_iter_ = n_iter if n_iter.ndim else n_iter.item()
    if hasattr(models[0], "t_"):
        result.t_ = 1.0 + sum(model.t_ - 1.0 for model in models)


def _rows_of(own: NDArray[Any], union: NDArray[Any]) -> _Shares:
    """For every row of the merged coefficients, the row and sign that give it."""
    if len(own) == len(union):
        n_rows = 1 if len(union) == 2 else len(union)
        return [(row, 1.0) for row in range(n_rows)]
    shares: _Shares = [None] * len(union)
    positions = np.searchsorted(union, own)
    if len(own) == 2:
        # One row tells the two classes apart; as one against the rest it is the
        # second's row, and with the sign turned the first's.
        shares[positions[0]] = (0, -1.0)
        shares[positions[1]] = (0, 1.0)
    else:
        for row, position in enumerate(positions):
            shares[position] = (row, 1.0)
    return shares


def _weights_by_row(
    models: list[Any],
    union: NDArray[Any],
    shares: list[_Shares],
    weights: NDArray[np.float64],
    seen: list[NDArray[Any]] | None,
) -> NDArray[np.float64]:
    """Return the say of each model in each row, shape (n_models, n_rows)."""
    knows = np.array([[share is not None for share in model] for model in shares])
    by_row: NDArray[np.float64] = np.where(knows, weights[:, np.newaxis], 0.0)
    if seen is not None:
        saw = np.array([np.isin(union, labels) for labels in seen])
        if knows.shape[1] == 1:
            saw = np.asarray(saw.all(axis=1, keepdims=True))
        informed = np.where(saw, by_row, 0.0)
        by_row = np.asarray(np.where(informed.any(axis=0), informed, by_row))
    kind = type(models[0])
    is_joint = kind is linear_model.LogisticRegression or (
        kind is LinearSVC and models[0].multi_class == "crammer_singer"
    )
    if is_joint and (by_row != by_row[:, :1]).any():
        raise NotMergeableError(
            f"{kind.__name__} models of different classes cannot be merged: the "
            "coefficients of a class depend on the other classes; give every "
            'partition rows of all classes, or use SGDClassifier with loss="log_loss" '
            'or "hinge"'
        )
    return by_row


class _Mean:
    """The mean of tables, one row per class, in a new array.

    It is added up in float64, whatever the models hold, and one row at a time. So the
    working memory is one row; with weights by feature, two rows and a mean of float64.
    """

    def __init__(
        self,
        shares: list[_Shares],
        by_row: NDArray[np.float64],
        columns: Columns | None,
    ) -> None:
        self._shares = shares
        # By the largest of each row first: sums of huge weights are infinite, and tiny
        # ones may be all that a class has.
        parts = by_row / by_row.max(axis=0)
        self._by_row = parts / parts.sum(axis=0)
        self._columns = columns
        if columns is not None:
            self._most = max(own.max(initial=0.0) for own in columns.counts) or 1.0

    def of_offsets(self, tables: list[NDArray[Any]]) -> NDArray[Any]:
        """Return the mean of tables of one column."""
        n_rows, n_columns = self._by_row.shape[1], tables[0].shape[1]
        mean = np.empty((n_rows, n_columns), dtype=_dtype_of(tables))
        for row in range(n_rows):
            total = np.zeros(n_columns)
            for number, source, sign, weight in self._contributions(row):
                total += (sign * weight) * _row(tables[number], source)
            mean[row] = total
        return mean

    def of_coefficients(self, tables: list[NDArray[Any]]) -> NDArray[Any]:
        """Return the mean of tables of one column per feature."""
        if self._columns is None:
            return self.of_offsets(tables)
        n_rows, n_features = self._by_row.shape[1], self._columns.n_features
        mean = np.zeros((n_rows, n_features))
        has_say = self._by_row > 0
        # Rows in which the same models have a say share their weights.
        for pattern in np.unique(has_say, axis=1).T:
            members = np.flatnonzero(pattern)
            rows = np.flatnonzero((has_say == pattern[:, np.newaxis]).all(axis=0))
            for number, weight in self._weights_by_column(members):
                own = self._columns.positions[number]
                for row in rows:
                    share = self._shares[number][row]
                    assert share is not None
                    source, sign = share
                    mean[row][own] += (sign * weight) * _row(tables[number], source)
        return mean.astype(_dtype_of(tables), copy=False)

    def _weights_by_column(
        self, members: NDArray[np.intp]
    ) -> Iterator[tuple[int, NDArray[np.float64]]]:
        """Yield some models, and the share of each in the mean of its columns."""
        assert self._columns is not None
        total = np.zeros(self._columns.n_features)
        for number in members:
            own = self._columns.positions[number]
            total[own] += self._columns.counts[number] / self._most + _NO_ROWS
        for number in members:
            own = self._columns.positions[number]
            share = self._columns.counts[number] / self._most + _NO_ROWS
            yield int(number), share / total[own]

    def _contributions(self, row: int) -> list[tuple[int, int, float, float]]:
        """List who gives a row: model, row there, sign, weight."""
        found = []
        for number, shares in enumerate(self._shares):
            share, weight = shares[row], float(self._by_row[number, row])
            if share is not None and weight > 0:
                found.append((number, *share, weight))
        return found


def _as_rows(coef: Any) -> Any:
    """Return a table of one row per class, which is sparse after `sparsify`."""
    return sparse.csr_matrix(coef) if sparse.issparse(coef) else np.atleast_2d(coef)


def _row(table: Any, number: int) -> NDArray[Any]:
    row = table[number]
    dense: NDArray[Any] = row.toarray()[0] if sparse.issparse(row) else row
    return dense


def _dtype_of(tables: list[Any]) -> np.dtype[Any]:
    # Coefficients that were assigned may be integers, and their mean is none.
    return np.result_type(np.float16, *(table.dtype for table in tables))


_AVERAGE = Mergeability(
    "average",
    "the weighted mean of linear models is near to one model of all rows",
    "weights by feature, the number of rows that hold it, bring it nearer",
)


def _judge(model: Any) -> Mergeability:
    if getattr(model, "class_weight", None) == "balanced":
        return Mergeability(
            "no",
            'class_weight="balanced" weighs the classes of every part of the rows '
            "differently",
            "compute the weights once, on all labels, with "
            "sklearn.utils.class_weight.compute_class_weight, and pass them as a dict",
        )
    if getattr(model, "average", False) > 1:
        return Mergeability(
            "no",
            f"average={model.average} starts after so many steps of each model, which "
            "a merged model cannot continue",
            "use average=True or average=False",
        )
    return _AVERAGE


def warn_of_loss(model: Any, *, stacklevel: int = 3) -> None:
    """Warn of models whose mean is worse than one model in a way that does not show.

    Parameters
    ----------
    model : estimator
    stacklevel : int, default=3
        Whose line the warning names, as for `warnings.warn`.

    Warns
    -----
    UserWarning
    """
    # From 1.8 on, LogisticRegression has its ratio only.
    penalty = getattr(model, "penalty", "deprecated")
    is_by_ratio = penalty == "deprecated" and getattr(model, "l1_ratio", 0)
    if is_by_ratio or penalty in ("l1", "elasticnet"):
        name = "l1_ratio" if is_by_ratio else "penalty"
        remedy = "l1_ratio=0" if is_by_ratio else 'penalty="l2"'
        warnings.warn(
            f"{name}={getattr(model, name)!r}: the mean of sparse models is less "
            "sparse and often less accurate than one model of all rows; "
            f"{remedy} does not lose this way",
            UserWarning,
            stacklevel=stacklevel + 1,
        )
    if isinstance(model, linear_model.SGDOneClassSVM):
        warnings.warn(
            "the mean of SGDOneClassSVM models agrees with one model of all rows on "
            "nine rows of ten only: their offsets depend on the rows of each part",
            UserWarning,
            stacklevel=stacklevel + 1,
        )


def _merge_and_warn(
    models: list[Any],
    weights: NDArray[np.float64] | None,
    seen: list[NDArray[Any]] | None,
) -> Any:
    warn_of_loss(models[0])
    return merge_linear(models, weights, seen)


RULES: dict[type, Rule] = {
    kind: Rule(
        _merge_and_warn,
        _judge,
        weights="features",
        takes_classes=True,
    )
    for kind in AVERAGED
}
