"""How a memory budget is divided, and whether it can be met at all."""

from __future__ import annotations

from dataclasses import dataclass

from shardfit.partitioned._files.window import ENTRY_BYTES, ROW_BYTES

__all__ = ["COPIES_OF_ROWS", "Demand", "gathering_bytes", "window_bytes"]

# Interpreter, NumPy, SciPy, scikit-learn and pyarrow after their imports, measured.
_LIBRARIES = 300 * 10**6
# Text of a batch, as read and as decoded, and its vectorized rows.
_BATCH = 100 * 10**6
# Less than this would make the windows so small that the rows are hardly shuffled.
_SMALLEST_WINDOW = 16 * 10**6
# Rows that are mixed already gain nothing from a larger window than this share.
_SHARE_FOR_MIXED_ROWS = 40

# Numbers per feature that averaging needs beside the models, for the row of
# coefficients that it works at.
_ROWS_OF_AVERAGING = 5
# The same for document frequencies: old and new counts, and the weights.
_ROWS_OF_FREQUENCIES = 3

COPIES_OF_ROWS = 3
"""How often rows are in memory at once where an estimator is fitted to all of them: as
gathered, as dealt to the partitions, and as the estimators want to have them."""


@dataclass(frozen=True)
class Demand:
    """What a training needs beside its rows.

    Parameters
    ----------
    n_partitions, n_features : int
    n_rows_of_model : int
        How many numbers a model has for each feature: one per class, for most.
    n_more_models : int, default=0
        Models' worth of working memory.
    weighs_terms : bool, default=False
        Whether document frequencies are counted.
    counts_features : bool, default=True
        Whether the partitions' rows are counted by feature, to average models.
    """

    n_partitions: int
    n_features: int
    n_rows_of_model: int
    n_more_models: int = 0
    weighs_terms: bool = False
    counts_features: bool = True

    @property
    def n_models(self) -> int:
        """Models at once: several partitions' mean is one more."""
        n_models = self.n_partitions + 1 if self.n_partitions > 1 else 1
        return n_models + self.n_more_models

    @property
    def model_bytes(self) -> int:
        """Bytes of all models."""
        return self.n_models * self.n_rows_of_model * self.n_features * 8

    @property
    def count_bytes(self) -> int:
        """Bytes of what is counted by feature."""
        n_rows = _ROWS_OF_FREQUENCIES if self.weighs_terms else 0
        if self.counts_features and self.n_partitions > 1:
            n_rows += self.n_partitions + _ROWS_OF_AVERAGING
        return n_rows * self.n_features * 8


def window_bytes(memory: int, demand: Demand, *, is_mixed: bool) -> int:
    """Return how much of a memory budget is for vectorized rows that come and go.

    Parameters
    ----------
    memory : int
        Bytes that the process may use.
    demand : Demand
    is_mixed : bool
        Whether the files hold their rows in random order: these then take a small
        share of the budget, and otherwise all that is left of it.

    Returns
    -------
    int
        Bytes.

    Raises
    ------
    ValueError
        If the budget is too small for this training.
    """
    smallest = max(_SMALLEST_WINDOW, ENTRY_BYTES * demand.n_features + ROW_BYTES)
    left = _left_for_rows(memory, demand, smallest)
    if is_mixed:
        return min(left, max(memory // _SHARE_FOR_MIXED_ROWS, smallest))
    return left


def gathering_bytes(memory: int, demand: Demand) -> int:
    """Return how much of a memory budget all vectorized rows together may take.

    Parameters
    ----------
    memory : int
        Bytes that the process may use.
    demand : Demand

    Returns
    -------
    int
        Bytes.

    Raises
    ------
    ValueError
        If the budget is too small for any rows.
    """
    smallest = ENTRY_BYTES * demand.n_features + ROW_BYTES
    return _left_for_rows(memory, demand, COPIES_OF_ROWS * smallest) // COPIES_OF_ROWS


def _left_for_rows(memory: int, demand: Demand, smallest: int) -> int:
    models, counts = demand.model_bytes, demand.count_bytes
    left = int(memory) - _LIBRARIES - _BATCH - models - counts
    if left >= smallest:
        return left
    n_features = demand.n_features
    tables = f"{demand.n_models} models of {demand.n_rows_of_model} x {n_features}"
    parts = [
        f"{models} of them for {tables} coefficients",
        f"{counts} for counts of features" if counts else "",
        f"{_LIBRARIES} for libraries",
        f"{_BATCH} for reading",
    ]
    raise ValueError(
        f"memory={memory} is not enough: this training needs "
        f"{memory - left + smallest} bytes, {', '.join(filter(None, parts))} and "
        f"{smallest} for rows; raise memory, or lower n_features or n_partitions"
    )
