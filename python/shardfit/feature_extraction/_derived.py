"""Fitted attributes that are made when somebody reads them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

__all__ = ["Derived"]


class Derived:
    """Decorates a method that makes an attribute from what was learned.

    The attribute is kept in `__dict__`, where scikit-learn and pickle look for it. An
    attribute that is assigned or deleted does not follow from what was learned any
    longer; so that is forgotten.

    Parameters
    ----------
    source : str or None, default=None
        Name of the attribute that holds what was learned.
    """

    def __init__(self, source: str | None = None) -> None:
        self._source = source

    def __call__(self, make: Callable[[Any], Any]) -> Derived:
        """Take the method, which returns None if nothing was learned."""
        self._make = make
        self._name = make.__name__
        self.__doc__ = make.__doc__
        return self

    def __get__(self, estimator: Any, owner: type | None = None) -> Any:
        if estimator is None:
            return self
        state = estimator.__dict__
        if self._name in state:
            return state[self._name]
        value = self._make(estimator)
        if value is None:
            raise AttributeError(
                f"{type(estimator).__name__!r} object has no attribute {self._name!r}",
                name=self._name,
                obj=estimator,
            )
        return state.setdefault(self._name, value)

    def __set__(self, estimator: Any, value: Any) -> None:
        self._forget_source(estimator)
        estimator.__dict__[self._name] = value

    def __delete__(self, estimator: Any) -> None:
        self.__get__(estimator)  # Raises AttributeError if there is none.
        self._forget_source(estimator)
        del estimator.__dict__[self._name]

    def _forget_source(self, estimator: Any) -> None:
        if self._source not in estimator.__dict__:
            return
        # The other attributes that are made of it stay what they would have been.
        for kind in type(estimator).__mro__:
            for other in vars(kind).values():
                if isinstance(other, Derived) and other is not self:
                    with suppress(AttributeError, ValueError):
                        other.__get__(estimator)
        del estimator.__dict__[self._source]
