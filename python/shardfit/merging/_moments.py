"""Counts, means and variances of parts, joined into those of the whole."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Moments", "join_moments"]


class Moments(NamedTuple):
    """How many values there are, their mean and their variance, all of float64.

    Arrays of one shape, or of shapes that broadcast.
    """

    total: NDArray[np.float64]
    mean: NDArray[np.float64]
    variance: NDArray[np.float64]


def join_moments(
    counts: NDArray[Any], means: NDArray[Any], variances: NDArray[Any]
) -> Moments:
    """Return the moments of all values from those of parts.

    Parameters
    ----------
    counts : ndarray of shape (n_parts, ...)
    means : ndarray of shape (n_parts, ...)
    variances : ndarray of shape (n_parts, ...)
        The mean squared distance from the mean. Where a part has no values, its mean
        and variance do not matter and may be NaN.

    Returns
    -------
    Moments
        NaN where no part has values.
    """
    counts = np.asarray(counts, dtype=np.float64)
    counts = np.broadcast_to(counts, np.broadcast_shapes(counts.shape, means.shape))
    means = np.where(counts > 0, means, 0.0)
    variances = np.where(counts > 0, variances, 0.0)
    total = counts.sum(axis=0)
    with np.errstate(invalid="ignore"):
        shares = counts / total
        # Means are taken as distances from one of them: large ones that hardly differ
        # would lose digits otherwise.
        first = np.take_along_axis(
            means, (counts > 0).argmax(axis=0)[np.newaxis], axis=0
        )[0]
        mean = first + (shares * (means - first)).sum(axis=0)
        variance = (shares * (variances + (means - mean) ** 2)).sum(axis=0)
    return Moments(total, mean, variance)
