"""What the benchmarks from Python measure: an estimator, an operation, an input."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benches.inputs import (
    COLLIDING,
    FEATURES,
    HASHED,
    LANGUAGES,
    MATRICES,
    ONE_A_CALL,
    PROSE,
    TEXTS,
    Input,
    corpora,
)
from sklearn import feature_extraction as sklearn_features
from sklearn.base import clone
from sklearn.feature_extraction import text as sklearn_text

from shardfit.feature_extraction import FeatureHasher
from shardfit.feature_extraction.text import (
    CountVectorizer,
    HashingVectorizer,
    TfidfTransformer,
    TfidfVectorizer,
)

__all__ = ["Case", "default_folder", "extremes", "main_cases"]

# The corpus of English in a folder of corpora; every other one is only hashed.
ENGLISH = "20news"

# Makes an estimator ready, with documents of the past, and returns what is to be timed,
# which takes documents and returns a matrix.
Operation = Callable[[Any, Any], Callable[[Any], Any]]


def transform(estimator: Any, past: Any) -> Callable[[Any], Any]:
    """Transform with an estimator that was fitted before."""
    return estimator.fit(past).transform  # type: ignore[no-any-return]


def fit_transform(estimator: Any, _: Any) -> Callable[[Any], Any]:
    """Fit an estimator that knows nothing, and transform."""
    return lambda documents: clone(estimator).fit_transform(documents)


def partial_fit(estimator: Any, _: Any) -> Callable[[Any], Any]:
    """Fit on ten parts, one after the other; scikit-learn's fits on the whole.

    Every hundredth document is transformed, because `partial_fit` leaves to the first
    `transform` what ends a `fit`.
    """

    def timed(documents: list[Any]) -> Any:
        learner = clone(estimator)
        if hasattr(learner, "partial_fit"):
            step = -(-len(documents) // 10)
            for start in range(0, len(documents), step):
                learner.partial_fit(documents[start : start + step])
        else:
            learner.fit(documents)
        return learner.transform(documents[::100])

    return timed


@dataclass(frozen=True)
class Case:
    """An operation of an estimator on a class of input."""

    estimator: Any  # shardfit's class
    operation: Operation
    input: Input
    parameters: dict[str, Any] = field(default_factory=dict)  # besides the input's

    @property
    def title(self) -> str:
        """Return the names of the estimator and the operation."""
        arguments = ", ".join(
            f"{key}={value!r}" for key, value in self.parameters.items()
        )
        return f"{self.estimator.__name__}({arguments}).{self.operation.__name__}"

    def __str__(self) -> str:
        """Return the name, which becomes that of a test."""
        return f"{self.title}: {self.input.name}"

    def sklearn(self) -> Any:
        """Return the estimator of scikit-learn."""
        name = self.estimator.__name__
        module = sklearn_features if hasattr(sklearn_features, name) else sklearn_text
        return getattr(module, name)(**self.input.parameters, **self.parameters)

    def shardfit(self, n_jobs: int) -> Any:
        """Return the estimator of shardfit."""
        parameters = {**self.input.parameters, **self.parameters}
        return self.estimator(**parameters, n_jobs=n_jobs)

    def past(self, documents: Any, scale: float) -> Any:
        """Return what an estimator was fitted on that now transforms `documents`."""
        return self.input.past(scale) if self.input.past else documents


def default_folder() -> Path | None:
    """Return the folder of corpora that the environment names."""
    folder = os.environ.get("SHARDFIT_CORPORA")
    return Path(folder) if folder else None


def main_cases(folder: Path | None) -> list[Case]:
    """Return what users do most, on the corpora of a folder or on made-up texts."""
    files = {each.name: each for each in corpora(folder)}
    english = files.pop(ENGLISH, PROSE)
    windows = {"analyzer": "char_wb", "ngram_range": (2, 4)}
    return [
        *(
            Case(HashingVectorizer, transform, each)
            for each in [english, *(files.values() or [LANGUAGES])]
        ),
        Case(HashingVectorizer, transform, english, {"ngram_range": (1, 2)}),
        Case(HashingVectorizer, transform, english, windows),
        Case(CountVectorizer, fit_transform, english),
        Case(TfidfVectorizer, fit_transform, english),
        Case(TfidfVectorizer, transform, english),
    ]


def extremes() -> list[Case]:
    """Return where the gain might be small, or a loss."""
    learnt = [*TEXTS, *COLLIDING]
    tasks: list[tuple[Any, Operation, list[Input]]] = [
        (HashingVectorizer, transform, [*ONE_A_CALL, *TEXTS, *HASHED]),
        (FeatureHasher, transform, FEATURES),
        (CountVectorizer, fit_transform, learnt),
        (CountVectorizer, transform, [*ONE_A_CALL, *learnt]),
        (CountVectorizer, partial_fit, [PROSE]),
        (TfidfVectorizer, fit_transform, learnt),
        (TfidfVectorizer, transform, [*ONE_A_CALL, *learnt]),
        (TfidfVectorizer, partial_fit, [PROSE]),
        (TfidfTransformer, fit_transform, MATRICES),
    ]
    return [
        Case(estimator, operation, each)
        for estimator, operation, inputs in tasks
        for each in inputs
    ]
