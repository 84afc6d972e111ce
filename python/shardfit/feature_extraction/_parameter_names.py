"""The names of an estimator's parameters, read once from each constructor.

Scikit-learn reads the signature anew whenever parameters are checked, listed or cloned,
which takes as long as to fit a vectorizer to a few short documents.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from sklearn.base import BaseEstimator

__all__ = ["ParameterNames"]


class ParameterNames:
    """Mixin, to be the first base, for estimators that know their parameters."""

    @classmethod
    def _get_param_names(cls) -> list[str]:
        # A class that is given another constructor is asked again.
        key: Any = cls, cls.__init__
        return list(_read_names(*key))


@lru_cache(maxsize=64)
def _read_names(estimator: type, init: Any) -> tuple[str, ...]:
    return tuple(BaseEstimator._get_param_names.__func__(estimator))
