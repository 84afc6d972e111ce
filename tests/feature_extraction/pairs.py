"""An estimator beside scikit-learn's: both are told the same and must answer alike."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from tests.feature_extraction.comparison import (
    Observation,
    assert_same,
    observe,
)
from tests.feature_extraction.facts import ADDED_PARAMETERS, State, kept_state
from tests.feature_extraction.kernels import KERNELS, using

__all__ = [
    "STEPS",
    "USUAL_STEPS",
    "Documents",
    "Fresh",
    "Pair",
    "assert_same_steps",
    "assert_same_steps_by_all_kernels",
    "pair_of",
    "state_of",
]

OURS = "shardfit.feature_extraction.text"
THEIRS = "sklearn.feature_extraction.text"


class Fresh:
    """A parameter that is used up, like an iterator: each estimator gets its own.

    Parameters
    ----------
    make : callable
        Returns the value.
    """

    def __init__(self, make: Callable[[], Any]) -> None:
        self.make = make

    def __repr__(self) -> str:
        return f"Fresh({self.make()!r})"


@dataclass
class Pair:
    """Two estimators that are to behave alike.

    Parameters
    ----------
    ours, theirs : estimator
        The one that is tested, and scikit-learn's.
    case : object
        What a failure is to say about them.
    """

    ours: Any
    theirs: Any
    case: object

    def same(
        self, step: str, call: Callable[[Any], Any], known: Observation | None = None
    ) -> Observation:
        """Compare what `call` does with each estimator; return what theirs did.

        Where that is `known` already, theirs is not called.
        """
        theirs = known or observe(lambda: _answer(self.theirs, call))
        ours = observe(lambda: _answer(self.ours, call))
        assert_same(ours, theirs, f"{self.case} {step}")
        return theirs

    def same_state(self) -> None:
        """Compare all attributes, looking at copies by pickle."""
        self.same("state", lambda estimator: state_of(_copy(estimator)))

    def copied(self) -> Pair:
        """Return the pair of both estimators' copies by pickle."""
        return Pair(_copy(self.ours), _copy(self.theirs), f"copy of {self.case}")


def pair_of(name: str, parameters: dict[str, Any]) -> Pair:
    """Return shardfit's and scikit-learn's estimator of a name."""
    added = ADDED_PARAMETERS[name]
    plain = {key: value for key, value in parameters.items() if key not in added}
    ours = getattr(import_module(OURS), name)(**_made(parameters))
    theirs = getattr(import_module(THEIRS), name)(**_made(plain))
    return Pair(ours, theirs, f"{name}(**{parameters!r})")


def _made(parameters: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.make() if isinstance(value, Fresh) else value
        for name, value in parameters.items()
    }


def _answer(estimator: Any, call: Callable[[Any], Any]) -> Any:
    result = call(estimator)
    return "itself" if result is estimator else result


def _copy(estimator: Any) -> Any:
    return pickle.loads(pickle.dumps(estimator))


def state_of(estimator: Any) -> State:
    """Return the public fitted attributes of an estimator and what a pickle keeps."""
    attributes = {f"state {name}": value for name, value in kept_state(estimator)}
    for name in ("vocabulary_", "fixed_vocabulary_", "idf_"):
        # Whether an attribute is there, and how it is missing, is part of the state.
        try:
            attributes[name] = getattr(estimator, name)
        except Exception as error:
            attributes[name] = [type(error).__name__, str(error)]
    return State(attributes)


@dataclass(frozen=True)
class Documents:
    """Documents to learn from, and others.

    Parameters
    ----------
    learned, others : sequence
        The documents.
    container : callable
        What they are handed over in, made anew for each call.
    """

    learned: Sequence[Any]
    others: Sequence[Any] = ()
    container: Callable[[Iterable[Any]], Any] = list

    def make(self) -> Any:
        """Return the documents to learn from."""
        return self.container(self.learned)

    def make_others(self) -> Any:
        """Return the other documents."""
        return self.container(self.others)


Step = Callable[[Any, Documents], Any]

STEPS: dict[str, Step] = {
    "fit": lambda v, d: v.fit(d.make()),
    "fit_transform": lambda v, d: v.fit_transform(d.make()),
    "fit others": lambda v, d: v.fit(d.make_others()),
    "transform": lambda v, d: v.transform(d.make()),
    "transform others": lambda v, d: v.transform(d.make_others()),
    "fit().transform": lambda v, d: v.fit(d.make()).transform(d.make_others()),
    "names": lambda v, d: v.get_feature_names_out(),
    "vocabulary_": lambda v, d: v.vocabulary_,
    "idf_": lambda v, d: v.idf_,
    "fixed_vocabulary_": lambda v, d: v.fixed_vocabulary_,
    "inverse_transform": lambda v, d: v.inverse_transform(v.transform(d.make_others())),
    "inverse of fit_transform": lambda v, d: v.inverse_transform(
        v.fit_transform(d.make())
    ),
    "state": lambda v, d: state_of(v),
    "state of a copy": lambda v, d: state_of(_copy(v)),
    "copy": lambda v, d: _copy(v).transform(d.make_others()),
}
USUAL_STEPS = (
    "fit_transform",
    "transform others",
    "names",
    "state of a copy",
    "inverse_transform",
    "vocabulary_",
    "transform",
)


def assert_same_steps(
    pair: Pair,
    documents: Documents,
    steps: Sequence[str] = USUAL_STEPS,
    known: Sequence[Observation] = (),
) -> list[Observation]:
    """Compare step by step; return what scikit-learn's estimator did at each.

    Where that is `known` already, scikit-learn's estimator is not called.
    """
    return [
        pair.same(step, lambda v, act=STEPS[step]: act(v, documents), theirs)  # type: ignore[misc]
        for step, theirs in zip(steps, known or [None] * len(steps), strict=True)
    ]


def assert_same_steps_by_all_kernels(
    name: str, parameters: dict[str, Any], documents: Documents, steps: Sequence[str]
) -> None:
    """Compare each kernel step by step with one run of scikit-learn's estimator."""
    known: list[Observation] = []
    for kernel in KERNELS:
        pair = pair_of(name, parameters)
        pair.case = f"{pair.case} by {kernel}"
        with using(kernel):
            known = assert_same_steps(pair, documents, steps, known)
