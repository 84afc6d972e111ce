"""Which rows go to which partition, and whether the partitions are alike."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["default_n_partitions", "split_rows", "warn_of_skew", "without_weightless"]

# One partition for so many rows, unless the user says how many, and never more than
# this: a fixed rule, so that a model does not depend on the machine that trained it.
_ROWS_PER_PARTITION = 2000
_MOST_PARTITIONS = 16

# Shares of classes that differ by less than this do no harm that could be measured.
_HARMLESS_DISTANCE = 0.1
# Chance alone hardly ever moves a partition by so many standard deviations.
_SURELY_NOT_CHANCE = 5.0


def default_n_partitions(n_rows: int) -> int:
    """Return the number of partitions for so many rows."""
    return max(1, min(_MOST_PARTITIONS, n_rows // _ROWS_PER_PARTITION))


def split_rows(
    n_rows: int,
    n_partitions: int,
    *,
    groups: NDArray[np.intp] | None = None,
    rng: np.random.RandomState | None = None,
) -> list[NDArray[np.intp]]:
    """Split rows into partitions whose sizes differ by one row at most.

    Parameters
    ----------
    n_rows : int
    n_partitions : int
        At most `n_rows`.
    groups : ndarray of shape (n_rows,), optional
        Number of the class of each row. Shuffled rows are then dealt class by class:
        each partition gets its share of every class, up to one row.
    rng : RandomState, optional
        Shuffles the rows. Without it, partitions are stretches of rows.

    Returns
    -------
    list of ndarray
        The numbers of the rows of each partition, ascending.
    """
    if rng is None:
        return np.array_split(np.arange(n_rows), n_partitions)
    order = rng.permutation(n_rows)
    if groups is not None:
        order = order[np.argsort(groups[order], kind="stable")]
    return [np.sort(order[number::n_partitions]) for number in range(n_partitions)]


def without_weightless(
    partitions: list[NDArray[np.intp]], weights: NDArray[np.float64]
) -> list[NDArray[np.intp]]:
    """Join partitions whose rows all weigh nothing with others.

    No estimator learns from such rows alone, but their labels are known to it.

    Parameters
    ----------
    partitions : list of ndarray
        The rows of each.
    weights : ndarray of shape (n_rows,)

    Returns
    -------
    list of ndarray
        Each with a row that weighs more, unless none does.
    """
    has_weight = [bool(weights[rows].any()) for rows in partitions]
    kept = [rows for rows, has in zip(partitions, has_weight, strict=True) if has]
    weightless = [
        rows for rows, has in zip(partitions, has_weight, strict=True) if not has
    ]
    if not kept or not weightless:
        return partitions
    kept[-1] = np.sort(np.concatenate([kept[-1], *weightless]))
    return kept


def warn_of_skew(y: NDArray[Any], partitions: list[NDArray[np.intp]]) -> None:
    """Warn if the targets of a partition are unlike those of all rows.

    Parameters
    ----------
    y : ndarray of shape (n_rows,)
        Numbers of classes if of integers, else numbers to predict.
    partitions : list of ndarray
        The rows of each.

    Warns
    -----
    UserWarning
        With the partition that is furthest off, in numbers.
    """
    found = _class_skew(y, partitions) if y.dtype.kind == "i" else _shift(y, partitions)
    if found is not None:
        warnings.warn(
            f"the partitions are not alike: {found}; models of such partitions merge "
            'badly: use shuffle=True, or merge="exact" where the estimator allows it',
            UserWarning,
            stacklevel=2,
        )


def _class_skew(codes: NDArray[Any], partitions: list[NDArray[np.intp]]) -> str | None:
    n_classes = int(codes.max()) + 1
    shares = np.bincount(codes, minlength=n_classes) / len(codes)
    worst, number_of_worst = 0.0, -1
    for number, rows in enumerate(partitions):
        own = np.bincount(codes[rows], minlength=n_classes) / len(rows)
        # Half the sum of the differences: the share of rows that would have to change.
        distance = float(np.abs(own - shares).sum() / 2)
        noise = float(np.sqrt(shares * (1 - shares) / len(rows)).sum() / 2)
        if distance > max(_HARMLESS_DISTANCE, 2 * noise, worst):
            worst, number_of_worst = distance, number
    if number_of_worst < 0:
        return None
    return (
        f"{worst:.0%} of the rows of partition {number_of_worst} of {len(partitions)} "
        "would need another class to hold the classes in the shares that all rows have"
    )


def _shift(y: NDArray[Any], partitions: list[NDArray[np.intp]]) -> str | None:
    spread = float(np.std(y))
    if spread == 0:
        return None
    shifts = np.array([np.mean(y[rows]) - np.mean(y) for rows in partitions]) / spread
    noise = np.array([1 / np.sqrt(len(rows)) for rows in partitions])
    is_off = np.abs(shifts) > np.maximum(_SURELY_NOT_CHANCE * noise, _HARMLESS_DISTANCE)
    if not is_off.any():
        return None
    worst = int(np.argmax(np.abs(shifts)))
    return (
        f"the targets of partition {worst} of {len(partitions)} are off by "
        f"{abs(shifts[worst]):.2g} standard deviations on average"
    )
