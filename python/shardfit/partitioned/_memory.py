"""How a memory budget is divided, and whether it can be met at all."""

from __future__ import annotations

from shardfit.partitioned._window import ENTRY_BYTES, ROW_BYTES

__all__ = ["window_bytes"]

# Interpreter, NumPy, SciPy, scikit-learn and pyarrow after their imports, measured.
_LIBRARIES = 300 * 10**6
# Text of a batch, as read and as decoded, and its vectorized rows.
_BATCH = 100 * 10**6
# Less than this would make the windows so small that the rows are hardly shuffled.
_SMALLEST_WINDOW = 16 * 10**6
# Rows that are mixed already gain nothing from a larger window than this share.
_SHARE_FOR_MIXED_ROWS = 40


def window_bytes(
    memory: int, *, n_partitions: int, n_classes: int, n_features: int, is_mixed: bool
) -> int:
    """Return how much of a memory budget is for vectorized rows.

    Parameters
    ----------
    memory : int
        Bytes that the process may use.
    n_partitions, n_classes, n_features : int
        They set the size of the models.
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
    n_rows = 1 if n_classes == 2 else n_classes
    # Several partitions need their mean as well, and it is one more model.
    n_models = n_partitions + 1 if n_partitions > 1 else 1
    models = n_models * n_rows * n_features * 8
    smallest = max(_SMALLEST_WINDOW, ENTRY_BYTES * n_features + ROW_BYTES)
    left = int(memory) - _LIBRARIES - _BATCH - models
    if left < smallest:
        need = memory - left + smallest
        raise ValueError(
            f"memory={memory} is not enough: this training needs {need} bytes, "
            f"{models} of them for {n_models} models of {n_rows} x {n_features} "
            f"coefficients, {_LIBRARIES} for libraries, {_BATCH} for reading and "
            f"{smallest} for rows; raise memory, or lower n_features or n_partitions"
        )
    if is_mixed:
        return min(left, max(memory // _SHARE_FOR_MIXED_ROWS, smallest))
    return left
