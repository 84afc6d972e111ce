"""Compare what two callables do, bit for bit: result, exception and warnings."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sklearn.feature_extraction import FeatureHasher as SklearnFeatureHasher
from sklearn.feature_extraction.text import (
    HashingVectorizer as SklearnHashingVectorizer,
)

from shardfit._rust import kernel_in_use
from shardfit.feature_extraction import FeatureHasher
from shardfit.feature_extraction.text import HashingVectorizer
from tests.feature_extraction.facts import facts_of, mask
from tests.feature_extraction.kernels import using

__all__ = [
    "CountedIterator",
    "Observation",
    "assert_same",
    "assert_same_hasher",
    "assert_same_vectorizer",
    "observe",
]

LONGEST_SHOWN = 2000


@dataclass(frozen=True)
class Observation:
    """Everything a caller can see of one call.

    Parameters
    ----------
    kind : str
        Class name of the result, or qualified name of the exception.
    facts : tuple of (str, object) pairs
        Named facts, each comparable with ``==``: dtypes and raw bytes of a matrix, or
        the message of an exception.
    warnings : tuple of (str, str) pairs
        Category and message of every warning, in order.
    result : object
        What the call returned, for the reader of a failure; it is not compared.
    """

    kind: str
    facts: tuple[tuple[str, Any], ...]
    warnings: tuple[tuple[str, str], ...]
    result: Any = field(default=None, compare=False, repr=False)

    @property
    def failed(self) -> bool:
        """Whether the call raised."""
        return self.kind.startswith("raised ")


def observe(call: Callable[[], Any]) -> Observation:
    """Run `call` and record its result or exception, and its warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = call()
        except Exception as error:
            result = None
            kind = f"raised {type(error).__module__}.{type(error).__qualname__}"
            facts: tuple[tuple[str, Any], ...] = (("message", _message(error)),)
        else:
            kind = type(result).__name__
            facts = tuple(facts_of(result))
    seen = tuple((w.category.__name__, mask(str(w.message))) for w in caught)
    return Observation(kind, facts, seen, result)


def _message(error: BaseException) -> str:
    try:
        return mask(str(error))
    except UnicodeError:
        return "<message cannot be shown>"


def assert_same(ours: Observation, theirs: Observation, case: object = "") -> None:
    """Fail, saying where, unless both calls did exactly the same."""
    if ours == theirs:
        return
    lines = [f"differs from scikit-learn: {case}"]
    if ours.kind != theirs.kind:
        lines.append(f"  shardfit:     {ours.kind} {_brief(ours)}")
        lines.append(f"  scikit-learn: {theirs.kind} {_brief(theirs)}")
    else:
        facts = dict(ours.facts), dict(theirs.facts)
        for name in dict.fromkeys([*facts[0], *facts[1]]):
            mine, other = (one.get(name, "<nothing>") for one in facts)
            if mine != other:
                shown = _show(ours, name, mine), _show(theirs, name, other)
                lines.append(f"  {name}: shardfit {shown[0]}")
                lines.append(f"  {' ' * len(name)}  scikit-learn {shown[1]}")
    if ours.warnings != theirs.warnings:
        lines.append(f"  warnings of shardfit:     {ours.warnings}")
        lines.append(f"  warnings of scikit-learn: {theirs.warnings}")
    raise AssertionError("\n".join(lines))


def _brief(seen: Observation) -> str:
    return str(dict(seen.facts).get("message", dict(seen.facts).get("shape", "")))


def _show(seen: Observation, name: str, value: object) -> str:
    if isinstance(value, bytes):
        return repr(getattr(seen.result, name)[:40])
    text = repr(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."


class CountedIterator:
    """An iterator that remembers how far it was consumed.

    Parameters
    ----------
    items : iterable
        What to hand out, one at a time.
    """

    def __init__(self, items: Iterable[Any]) -> None:
        self._items = iter(items)
        self.requests = 0

    def __iter__(self) -> CountedIterator:
        return self

    def __next__(self) -> Any:
        self.requests += 1
        return next(self._items)


def assert_same_vectorizer(
    make_documents: Callable[[], Any],
    parameters: dict[str, Any],
    *,
    method: str = "transform",
    make_expected: Callable[[], Any] | None = None,
    kernels: Sequence[str] = (),
) -> Observation:
    """Compare both hashing vectorizers on the same documents.

    Parameters
    ----------
    make_documents : callable
        Returns the documents, fresh, so that an iterator can be used for each class.
    parameters : dict
        Constructor parameters; ``n_jobs`` is given to shardfit only.
    method : {"transform", "fit_transform", "fit().transform", "fit"}
        What to call.
    make_expected : callable or None
        Returns the documents for scikit-learn, where these need another container.
    kernels : sequence of str
        The kernels to compare, one after the other, instead of the one in use.

    Returns
    -------
    Observation
        What scikit-learn did, for further checks.
    """
    plain = {name: value for name, value in parameters.items() if name != "n_jobs"}
    theirs = observe(
        lambda: _call(
            SklearnHashingVectorizer(**plain),
            method,
            (make_expected or make_documents)(),
        )
    )
    for kernel in kernels or (kernel_in_use(),):
        with using(kernel):
            ours = observe(
                lambda: _call(HashingVectorizer(**parameters), method, make_documents())
            )
        case = f"HashingVectorizer(**{parameters!r}).{method} by {kernel}"
        assert_same(ours, theirs, case)
    return theirs


def _call(estimator: Any, method: str, documents: Any) -> Any:
    if method == "fit().transform":
        return estimator.fit(documents).transform(documents)
    if method == "fit":
        return repr(type(estimator.fit(documents)).__name__)
    return getattr(estimator, method)(documents)


def assert_same_hasher(
    make_samples: Callable[[], Any],
    parameters: dict[str, Any],
    *,
    method: str = "transform",
) -> Observation:
    """Compare both feature hashers on the same samples, made afresh for each."""
    plain = {name: value for name, value in parameters.items() if name != "n_jobs"}
    theirs = observe(
        lambda: _call(SklearnFeatureHasher(**plain), method, make_samples())
    )
    ours = observe(lambda: _call(FeatureHasher(**parameters), method, make_samples()))
    assert_same(ours, theirs, f"FeatureHasher(**{parameters!r}).{method}")
    return theirs
