"""What a mean of linear models does not survive: a model that has diverged."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from shardfit.exceptions import NotMergeableError

__all__ = ["check_not_diverged"]

# Models of one data set differ by small factors; a diverged one by ten powers of ten.
_LARGEST_RATIO = 1e6


def check_not_diverged(models: list[Any]) -> None:
    """Refuse a model that would drown all others.

    Parameters
    ----------
    models : list of fitted linear models

    Raises
    ------
    NotMergeableError
        If a coefficient is not finite, or a model's largest is more than a million
        times that of the middle model.
    """
    sizes = []
    for number, model in enumerate(models):
        # SGDOneClassSVM calls it an offset.
        intercept = getattr(model, "intercept_", getattr(model, "offset_", 0.0))
        size = max(_largest(model.coef_), _largest(np.atleast_1d(intercept)))
        if not np.isfinite(size):
            raise NotMergeableError(
                f"estimator {number} holds coefficients that are not finite; fit it "
                "again with a smaller eta0 or a larger alpha, or leave it out"
            )
        sizes.append(size)
    middle = sorted(sizes)[(len(sizes) - 1) // 2]
    worst = int(np.argmax(sizes))
    if middle > 0 and sizes[worst] > _LARGEST_RATIO * middle:
        raise NotMergeableError(
            f"estimator {worst} has diverged: its largest coefficient is "
            f"{sizes[worst]:.3g}, that of the middle estimator {middle:.3g}; fit it "
            "again with a smaller eta0 or a larger alpha, or leave it out"
        )


def _largest(coef: Any) -> float:
    values = coef.data if sparse.issparse(coef) else coef
    if values.size == 0:
        return 0.0
    # Two passes without a temporary copy; NaN passes through both.
    return float(np.maximum(values.max(), -values.min()))
