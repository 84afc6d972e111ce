"""The merge that everybody writes first, to show what it gets wrong."""

from __future__ import annotations

from copy import copy
from typing import Any


def naive_merge(models: list[Any]) -> Any:
    """Copy the first model, and set the plain means."""
    merged = copy(models[0])
    merged.coef_ = sum(model.coef_ for model in models) / len(models)
    merged.intercept_ = sum(model.intercept_ for model in models) / len(models)
    return merged
