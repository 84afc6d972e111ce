"""What is learned from parts, beside one fit of scikit-learn to the whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from sklearn.base import clone

from tests.feature_extraction.comparison import Observation, assert_same, observe
from tests.feature_extraction.pairs import STEPS, Documents, Pair

__all__ = [
    "DOCUMENTS",
    "OTHERS",
    "READING",
    "assert_same_as_whole",
    "in_parts",
    "learn",
]

# Ways to ask for what was learned.
READING = [
    "names",
    "vocabulary_",
    "idf_",
    "transform others",
    "transform",
    "copy",
    "fixed_vocabulary_",
    "inverse_transform",
]
DOCUMENTS = ["the fox and the dog", "a dog", "", "the ox", "fox fox ox", "ant dog"]
OTHERS = ["the dog ox", "unknown zebra", "fox ant ant", ""]


def in_parts(documents: Sequence[Any], cuts: list[int]) -> Iterator[list[Any]]:
    """Yield the documents between the cuts, which may be equal."""
    edges = [0, *sorted(min(cut, len(documents)) for cut in cuts), len(documents)]
    for start, stop in pairwise(edges):
        yield list(documents[start:stop])


def learn(estimator: Any, part: Any) -> None:
    """Let an estimator go on with a part that no error can come from."""
    seen = observe(lambda: estimator.partial_fit(part) is estimator)
    assert seen.facts == (("value", ("bool", "True")),), seen


def assert_same_as_whole(
    pair: Pair, learned: Sequence[Any], others: Sequence[Any], steps: Sequence[str]
) -> None:
    """Compare what our estimator has learned with one fit of scikit-learn's.

    What makes a fit fail or warn shows, here, when what was learned is asked for.
    """
    theirs = clone(pair.theirs)
    whole = observe(lambda: bool(theirs.fit(list(learned))))
    if whole.failed and pair.theirs.vocabulary is not None:
        return  # There is no document, and no weight for what was given.
    documents = Documents(learned, others)
    asked = {"vocabulary_": None, **dict.fromkeys(steps)} if whole.failed else steps
    for step in asked:
        if whole.failed and step in ("fixed_vocabulary_", "idf_"):
            continue
        expected = whole
        if not whole.failed:
            expected = observe(lambda: STEPS[step](theirs, documents))  # noqa: B023
        seen = observe(lambda: STEPS[step](pair.ours, documents))  # noqa: B023
        late = _without(seen, whole.warnings), _without(expected, whole.warnings)
        assert_same(*late, f"{pair.case} learned {learned!r}, {step}")


def _without(seen: Observation, warnings: Sequence[tuple[str, str]]) -> Observation:
    return replace(seen, warnings=tuple(w for w in seen.warnings if w not in warnings))
