"""Losses of linear models that partitions can sum exactly.

A loss is smooth, so the sum over all rows of its value, of its gradient and of its
Hessian's product with a vector is the sum of the partitions' sums. One problem has one
column of coefficients. One-vs-rest classes and targets are independent problems that
share their rounds; the softmax is one joint problem with a column per class.

Everything here is arithmetic on one partition's margins ``X @ coef + intercept``, in
float64, without a regulariser: the one who adds up the sums adds that once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import special

__all__ = [
    "Curvature",
    "Logistic",
    "Multinomial",
    "Objective",
    "SquaredEpsilon",
    "SquaredHinge",
    "SquaredLoss",
    "Tangent",
]

_Float = NDArray[np.float64]
_Problems = NDArray[np.intp]


class Curvature(NamedTuple):
    """The second derivatives of a partition's loss by its margins.

    Parameters
    ----------
    diagonal : ndarray of shape (n_rows, n_problems)
        The second derivative by each margin.
    probabilities : ndarray of shape (n_rows, n_problems) or None
        Of a joint problem, whose margins of one row depend on each other.
    weights : ndarray of shape (n_rows, 1) or None
        Of the rows of a joint problem; None is 1.
    """

    diagonal: _Float
    probabilities: _Float | None = None
    weights: _Float | None = None

    def times(self, margins: _Float, columns: _Problems | None) -> _Float:
        """Return the product with a change of the margins.

        Parameters
        ----------
        margins : ndarray of shape (n_rows, n_columns)
        columns : ndarray of int or None
            The problems that `margins` has; None is all.

        Returns
        -------
        ndarray of shape (n_rows, n_columns)
        """
        if self.probabilities is not None:
            mean = np.einsum("ij,ij->i", self.probabilities, margins)[:, np.newaxis]
            product = self.probabilities * (margins - mean)
            if self.weights is not None:
                product *= self.weights
            return np.asarray(product)
        diagonal = self.diagonal if columns is None else self.diagonal[:, columns]
        return np.asarray(diagonal * margins)


class Tangent(NamedTuple):
    """What a partition's loss is at a point, and how it goes on from there.

    Parameters
    ----------
    losses : ndarray of shape (n_problems,), or (1,) if joint
        Sum over the rows.
    slopes : ndarray of shape (n_rows, n_problems)
        Derivative by each margin.
    curvature : Curvature
    """

    losses: _Float
    slopes: _Float
    curvature: Curvature


class Objective(Protocol):
    """What the solver and the partitions know of a loss."""

    @property
    def is_joint(self) -> bool:
        """Whether the columns are one problem rather than one each."""

    def tangent(
        self,
        targets: NDArray[np.generic],
        weights: _Float | None,
        margins: _Float,
        problems: _Problems,
    ) -> Tangent:
        """Return value, slopes and curvature of a partition's loss.

        Parameters
        ----------
        targets : ndarray of shape (n_rows,) or (n_rows, n_targets)
            Positions among the classes, or values.
        weights : ndarray of shape (n_rows,) or None
            Weight of each row; None is 1.
        margins : ndarray of shape (n_rows, n_columns)
        problems : ndarray of int of shape (n_columns,)
            Which problems the columns belong to.

        Returns
        -------
        Tangent
        """


@dataclass(frozen=True)
class _OneVsRest:
    """Classes told apart by the sign of a margin.

    Parameters
    ----------
    class_weights : ndarray of shape (n_problems, n_classes)
        Weight of a row in a problem, by its class. With one problem, the second of
        two classes is the positive one.
    """

    class_weights: _Float

    is_joint = False

    def _signs_and_weights(
        self,
        targets: NDArray[np.generic],
        weights: _Float | None,
        problems: _Problems,
    ) -> tuple[_Float, _Float]:
        positives = np.array([1]) if len(self.class_weights) == 1 else problems
        signs = np.where(targets[:, np.newaxis] == positives, 1.0, -1.0)
        by_class = np.ascontiguousarray(self.class_weights[problems].T)
        shares: _Float = by_class[targets]
        return signs, shares if weights is None else shares * weights[:, np.newaxis]


@dataclass(frozen=True)
class Logistic(_OneVsRest):
    """Logarithmic loss of two classes, or of each class against the rest."""

    def tangent(
        self,
        targets: NDArray[np.generic],
        weights: _Float | None,
        margins: _Float,
        problems: _Problems,
    ) -> Tangent:
        """See `Objective`."""
        signs, shares = self._signs_and_weights(targets, weights, problems)
        agreement = signs * margins
        losses = _column_sums(shares, np.logaddexp(0.0, -agreement))
        wrong = special.expit(-agreement)
        right = special.expit(agreement)
        weighted = shares * wrong
        return Tangent(losses, -signs * weighted, Curvature(weighted * right))


@dataclass(frozen=True)
class SquaredHinge(_OneVsRest):
    """Squared hinge loss of two classes, or of each class against the rest."""

    def tangent(
        self,
        targets: NDArray[np.generic],
        weights: _Float | None,
        margins: _Float,
        problems: _Problems,
    ) -> Tangent:
        """See `Objective`."""
        signs, shares = self._signs_and_weights(targets, weights, problems)
        short = np.maximum(1.0 - signs * margins, 0.0)
        weighted = shares * short
        curvature = np.where(short > 0, 2.0 * shares, 0.0)
        return Tangent(
            _column_sums(weighted, short), -2.0 * signs * weighted, Curvature(curvature)
        )


@dataclass(frozen=True)
class Multinomial:
    """Logarithmic loss of the softmax over all classes: one joint problem.

    Parameters
    ----------
    class_weights : ndarray of shape (n_classes,)
    """

    class_weights: _Float

    is_joint = True

    def tangent(
        self,
        targets: NDArray[np.generic],
        weights: _Float | None,
        margins: _Float,
        problems: _Problems,
    ) -> Tangent:
        """See `Objective`."""
        rows = np.arange(len(margins))
        shifted = margins - margins.max(axis=1, keepdims=True)
        probabilities = np.exp(shifted)
        totals = probabilities.sum(axis=1, keepdims=True)
        probabilities /= totals
        shares = self.class_weights[targets]
        if weights is not None:
            shares = shares * weights
        losses = np.log(totals[:, 0]) - shifted[rows, targets]
        slopes = probabilities.copy()
        # The true class's slope is minus the sum of the others': p - 1 would cancel.
        slopes[rows, targets] = 0.0
        slopes[rows, targets] = -slopes.sum(axis=1)
        column = shares[:, np.newaxis]
        diagonal = probabilities * (1.0 - probabilities) * column
        return Tangent(
            np.array([shares @ losses]),
            slopes * column,
            Curvature(diagonal, probabilities, column),
        )


@dataclass(frozen=True)
class SquaredLoss:
    """Half the squared difference from a target; several targets are several problems.

    Parameters
    ----------
    class_weights : ndarray of shape (n_problems, n_classes) or None
        If given, the targets are classes, +1 for a problem's own class and -1 for
        the others, as a ridge classifier has it.
    """

    class_weights: _Float | None = None

    is_joint = False

    def tangent(
        self,
        targets: NDArray[np.generic],
        weights: _Float | None,
        margins: _Float,
        problems: _Problems,
    ) -> Tangent:
        """See `Objective`."""
        values, shares = self.values(targets, weights, problems)
        excess = margins - values
        weighted = shares * excess
        curvature = np.broadcast_to(shares, margins.shape)
        return Tangent(
            0.5 * _column_sums(weighted, excess), weighted, Curvature(curvature)
        )

    def values(
        self,
        targets: NDArray[np.generic],
        weights: _Float | None,
        problems: _Problems,
    ) -> tuple[_Float, _Float]:
        """Return the targets of some problems as numbers, and their weights.

        Parameters
        ----------
        targets : ndarray of shape (n_rows,) or (n_rows, n_targets)
        weights : ndarray of shape (n_rows,) or None
        problems : ndarray of int

        Returns
        -------
        values : ndarray of shape (n_rows, n_columns)
        weights : ndarray of shape (n_rows, 1)
        """
        if self.class_weights is None:
            values = np.asarray(targets[:, problems], dtype=np.float64)
            ones = np.ones(len(targets)) if weights is None else weights
            return values, ones[:, np.newaxis]
        positives = np.array([1]) if len(self.class_weights) == 1 else problems
        signs = np.where(targets[:, np.newaxis] == positives, 1.0, -1.0)
        # A row weighs the same in all problems, so that they share one matrix.
        shares = self.class_weights[0][targets]
        return signs, (shares if weights is None else shares * weights)[:, np.newaxis]


@dataclass(frozen=True)
class SquaredEpsilon:
    """Square of how far a prediction is more than epsilon away from its target.

    Parameters
    ----------
    epsilon : float
    """

    epsilon: float

    is_joint = False

    def tangent(
        self,
        targets: NDArray[np.generic],
        weights: _Float | None,
        margins: _Float,
        problems: _Problems,
    ) -> Tangent:
        """See `Objective`."""
        values = np.asarray(targets[:, problems], dtype=np.float64)
        ones = np.ones(len(targets)) if weights is None else weights
        shares = ones[:, np.newaxis]
        excess = margins - values
        outside = np.maximum(np.abs(excess) - self.epsilon, 0.0)
        weighted = shares * outside
        curvature = np.where(outside > 0, 2.0 * shares, 0.0)
        return Tangent(
            _column_sums(weighted, outside),
            2.0 * np.sign(excess) * weighted,
            Curvature(curvature),
        )


def _column_sums(left: _Float, right: _Float) -> _Float:
    """Return the sums over the rows of a product."""
    return np.asarray(np.einsum("ij,ij->j", left, right))
