"""Least squares through means and centred products that partitions add up.

Every partition centres its rows at its own means, and sums are joined with the
difference of the means. Products of uncentred columns would not do: with an offset of
1e8 the variance is lost among sixteen digits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

__all__ = ["MOST_FEATURES", "Moments", "least_squares", "moments_of", "ridge"]

_Float = NDArray[np.float64]

# The products of all pairs of columns are sent around: 128 MiB at this number.
MOST_FEATURES = 4096
_ROWS_AT_A_TIME = 2048
# Digits of a sparse column's variance that may be lost by not centring its rows.
_MOST_CANCELLATION = 1e4


@dataclass(frozen=True)
class Moments:
    """Weighted means and centred products of some rows.

    Parameters
    ----------
    n_rows : int
    weight : float
        Sum of the weights.
    mean_x : ndarray of shape (n_features,)
    mean_y : ndarray of shape (n_targets,)
    gram : ndarray of shape (n_features, n_features)
        Weighted sum of the products of two columns of X less their means.
    cross : ndarray of shape (n_features, n_targets)
        The same for a column of X and one of y.
    square : ndarray of shape (n_targets,)
        The same for a column of y with itself.
    """

    n_rows: int
    weight: float
    mean_x: _Float
    mean_y: _Float
    gram: _Float
    cross: _Float
    square: _Float

    def __add__(self, other: Moments) -> Moments:
        """Return the moments of both parts' rows."""
        weight = self.weight + other.weight
        share = other.weight / weight if weight else 0.0
        apart_x, apart_y = other.mean_x - self.mean_x, other.mean_y - self.mean_y
        between = self.weight * share
        return Moments(
            self.n_rows + other.n_rows,
            weight,
            self.mean_x + share * apart_x,
            self.mean_y + share * apart_y,
            self.gram + other.gram + between * np.outer(apart_x, apart_x),
            self.cross + other.cross + between * np.outer(apart_x, apart_y),
            self.square + other.square + between * apart_y**2,
        )

    def about_zero(self) -> Moments:
        """Return the products that are not centred, for a fit without intercept."""
        return Moments(
            self.n_rows,
            self.weight,
            np.zeros_like(self.mean_x),
            np.zeros_like(self.mean_y),
            self.gram + self.weight * np.outer(self.mean_x, self.mean_x),
            self.cross + self.weight * np.outer(self.mean_x, self.mean_y),
            self.square + self.weight * self.mean_y**2,
        )

    def objective(self, coef: _Float, alpha: _Float) -> _Float:
        """Return half the penalised sum of squares, per target."""
        explained = np.einsum("ij,ij->j", coef, self.gram @ coef - 2.0 * self.cross)
        penalty = alpha * np.einsum("ij,ij->j", coef, coef)
        return np.asarray(0.5 * (self.square + explained + penalty))


def moments_of(
    matrix: Any,
    columns: NDArray[np.intp] | None,
    n_features: int,
    values: _Float,
    weights: _Float,
) -> Moments:
    """Compute the moments of a partition's rows.

    Parameters
    ----------
    matrix : CSC matrix or ndarray of shape (n_rows, n_columns)
    columns : ndarray of int of shape (n_columns,) or None
        Which features the columns are; None is all.
    n_features : int
    values : ndarray of shape (n_rows, n_targets)
    weights : ndarray of shape (n_rows,)

    Returns
    -------
    Moments
    """
    n_rows = matrix.shape[0]
    weight = float(weights.sum())
    scale = 1.0 / weight if weight else 0.0
    mean_x = scale * np.asarray(matrix.T @ weights)
    mean_y = scale * (values.T @ weights)
    centred_y = values - mean_y
    if sparse.issparse(matrix):
        gram, cross, mean_x = _sparse_products(
            matrix, mean_x, mean_y, centred_y, weights
        )
    else:
        gram, cross, mean_x = _dense_products(matrix, mean_x, centred_y, weights)
    if columns is not None:
        gram, cross, mean_x = _spread(gram, cross, mean_x, columns, n_features)
    square = np.einsum("i,ij,ij->j", weights, centred_y, centred_y)
    return Moments(n_rows, weight, mean_x, mean_y, gram, cross, square)


def _sparse_products(
    matrix: Any, mean_x: _Float, mean_y: _Float, centred_y: _Float, weights: _Float
) -> tuple[_Float, _Float, _Float]:
    weight = weights.sum()
    weighted = matrix.T.multiply(weights).tocsr()
    gram = np.asarray((weighted @ matrix).toarray())
    offsets = weight * mean_x**2
    if (gram.diagonal() > _MOST_CANCELLATION * (gram.diagonal() - offsets)).any():
        return _dense_products(matrix, mean_x, centred_y, weights)
    gram -= weight * np.outer(mean_x, mean_x)
    return gram, np.asarray(weighted @ centred_y), mean_x


def _dense_products(
    matrix: Any, mean_x: _Float, centred_y: _Float, weights: _Float
) -> tuple[_Float, _Float, _Float]:
    n_columns, weight = len(mean_x), weights.sum()
    gram = np.zeros((n_columns, n_columns))
    cross = np.zeros((n_columns, centred_y.shape[1]))
    rest = np.zeros(n_columns)
    rows_of = matrix.tocsr() if sparse.issparse(matrix) else matrix
    for rows in _blocks(matrix.shape[0]):
        block = rows_of[rows]
        block = block.toarray() if sparse.issparse(block) else block
        centred = block - mean_x
        weighted = centred * weights[rows, np.newaxis]
        gram += weighted.T @ centred
        cross += weighted.T @ centred_y[rows]
        rest += weighted.sum(axis=0)
    # A mean of large numbers is off by a rounding, which its own residual tells.
    if weight:
        rest /= weight
        gram -= weight * np.outer(rest, rest)
    return gram, cross, mean_x + rest


def _blocks(n_rows: int) -> Iterator[slice]:
    for start in range(0, n_rows, _ROWS_AT_A_TIME):
        yield slice(start, start + _ROWS_AT_A_TIME)


def _spread(
    gram: _Float,
    cross: _Float,
    mean: _Float,
    columns: NDArray[np.intp],
    n_features: int,
) -> tuple[_Float, _Float, _Float]:
    wide_gram = np.zeros((n_features, n_features))
    wide_gram[np.ix_(columns, columns)] = gram
    wide_cross = np.zeros((n_features, cross.shape[1]))
    wide_cross[columns] = cross
    wide_mean = np.zeros(n_features)
    wide_mean[columns] = mean
    return wide_gram, wide_cross, wide_mean


def ridge(moments: Moments, alpha: _Float) -> _Float:
    """Solve the penalised normal equations.

    Parameters
    ----------
    moments : Moments
    alpha : ndarray of shape (n_targets,)
        The penalty of each target.

    Returns
    -------
    ndarray of shape (n_features, n_targets)
        Where the equations are singular, the solution of least norm.
    """
    coef = np.empty_like(moments.cross)
    for penalty in np.unique(alpha):
        of_penalty = alpha == penalty
        coef[:, of_penalty] = _solve(
            moments.gram, moments.cross[:, of_penalty], penalty
        )
    return coef


def _solve(gram: _Float, cross: _Float, penalty: float) -> _Float:
    penalised = gram + penalty * np.eye(len(gram))
    n_features = len(gram)
    floor = n_features * np.finfo(np.float64).eps * float(gram.diagonal().max())
    if penalty > floor or n_features == 0:
        try:
            return np.asarray(linalg.solve(penalised, cross, assume_a="pos"))
        except linalg.LinAlgError:
            pass
    values, vectors = linalg.eigh(penalised)
    kept = values > n_features * np.finfo(np.float64).eps * values[-1]
    return _from_spectrum(values, vectors, kept, cross)


def least_squares(moments: Moments, tol: float) -> tuple[_Float, int, _Float]:
    """Solve the normal equations for the coefficients of least norm.

    Parameters
    ----------
    moments : Moments
    tol : float
        Singular values under this share of the largest count as zero. Squares of
        singular values are resolved to sixteen digits, so the share is at least 1e-8.

    Returns
    -------
    coef : ndarray of shape (n_features, n_targets)
    rank : int
    singular : ndarray of shape (min(n_rows, n_features),)
        Singular values of the centred, weighted X, in descending order.
    """
    values, vectors = linalg.eigh(moments.gram)
    singular = np.sqrt(np.maximum(values, 0.0))
    n_features = len(values)
    resolved = np.sqrt(n_features * np.finfo(np.float64).eps)
    largest = singular[-1] if n_features else 0.0
    kept = singular > max(tol, resolved) * largest
    coef = _from_spectrum(values, vectors, kept, moments.cross)
    n_values = min(moments.n_rows, n_features)
    return coef, int(kept.sum()), singular[::-1][:n_values].copy()


def _from_spectrum(
    values: _Float, vectors: _Float, kept: NDArray[np.bool_], cross: _Float
) -> _Float:
    basis = vectors[:, kept]
    return np.asarray(basis @ ((basis.T @ cross) / values[kept, np.newaxis]))
