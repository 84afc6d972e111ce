"""Terms are learned alike from every container of documents."""

from __future__ import annotations

from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from tests.feature_extraction.comparison import assert_same, observe
from tests.feature_extraction.containers import CONTENT, PLAIN_CONTAINERS
from tests.feature_extraction.pairs import Documents, Pair, assert_same_steps, pair_of
from tests.feature_extraction.vocabulary_parameters import NAMES

STEPS = ["fit_transform", "vocabulary_", "transform", "state"]
SETTINGS: list[dict[str, Any]] = [
    {"n_jobs": 2},
    {"analyzer": "char_wb", "ngram_range": (1, 2), "n_jobs": 2},
    {"analyzer": str.split},
    {"vocabulary": ["the", "quick", "straße", "日本語"]},
]


@pytest.mark.parametrize("container", PLAIN_CONTAINERS)
@pytest.mark.parametrize("name", NAMES)
def test_container(name: str, container: str) -> None:
    documents = Documents((), (), lambda _: PLAIN_CONTAINERS[container]())
    for parameters in SETTINGS:
        assert_same_steps(pair_of(name, parameters), documents, STEPS)


ARROW = {
    "string": pa.array(CONTENT),
    "large_string": pa.array(CONTENT, pa.large_string()),
    "string_view": pa.array(CONTENT, pa.string_view()),
    "dictionary": pa.array(CONTENT * 3).dictionary_encode(),
    "binary": pa.array([text.encode() for text in CONTENT]),
    "chunked": pa.chunked_array([CONTENT, [], CONTENT[::-1]]),
    "slice": pa.array(CONTENT * 4)[3:-5],
    "null": pa.array([*CONTENT, None]),
    "empty": pa.array([], pa.string()),
    "polars": pl.Series(CONTENT * 2).to_arrow(),
}


def _same_as_of_a_list(pair: Pair, array: Any) -> None:
    """Compare with scikit-learn, which cannot read Arrow, on a list of the strings."""
    for method in ("fit_transform", "transform", "fit"):
        theirs = observe(lambda: _call(pair.theirs, method, array.to_pylist()))  # noqa: B023
        ours = observe(lambda: _call(pair.ours, method, array))  # noqa: B023
        assert_same(ours, theirs, f"{pair.case} {method}")
        pair.same("vocabulary_", lambda v: v.vocabulary_)


def _call(estimator: Any, method: str, documents: Any) -> Any:
    result = getattr(estimator, method)(documents)
    return "itself" if result is estimator else result


@pytest.mark.parametrize("array", ARROW)
@pytest.mark.parametrize("name", NAMES)
def test_arrow(name: str, array: str) -> None:
    for parameters in SETTINGS:
        _same_as_of_a_list(pair_of(name, parameters), ARROW[array])


@pytest.mark.parametrize("array", ARROW)
@pytest.mark.parametrize("name", NAMES)
def test_arrow_in_parts(name: str, array: str) -> None:
    for parameters in SETTINGS:
        pair = pair_of(name, parameters)
        ours = observe(lambda: bool(pair.ours.partial_fit(ARROW[array])))  # noqa: B023
        listed = ARROW[array].to_pylist()
        theirs = observe(lambda: bool(pair.theirs.fit(listed)))  # noqa: B023
        if not theirs.failed:
            assert not ours.failed
            pair.same("vocabulary_", lambda v: v.vocabulary_)
            pair.same("transform", lambda v: v.transform(CONTENT))
        elif listed:
            assert (ours.kind, ours.facts) == (theirs.kind, theirs.facts)
