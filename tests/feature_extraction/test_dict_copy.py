"""When the core copies a dict `vocabulary_`, and when it leaves it to Python."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer as SklearnCountVectorizer

from shardfit.feature_extraction._term_learner import (
    _MOST_ENTRIES_COMPARED,
    _MOST_ENTRIES_COPIED,
    _DictCopy,
)
from shardfit.feature_extraction.text import CountVectorizer

MAPPING = {f"term{number}": number for number in range(3000)}
ENOUGH = len(MAPPING) // _MOST_ENTRIES_COPIED


def test_few_documents_are_not_worth_a_copy_until_many_have_come() -> None:
    copy = _DictCopy()
    for _ in range(ENOUGH - 1):
        assert copy.find(MAPPING, 1) is None
    known = copy.find(MAPPING, 1)
    assert known is not None
    assert known.terms() == list(MAPPING)
    assert copy.find(MAPPING, 1) is known
    assert copy.find(dict(MAPPING), 1) is known  # The very same entries.
    assert _DictCopy().find(MAPPING, ENOUGH) is not None


def test_a_dict_too_large_for_so_few_documents_is_not_even_compared() -> None:
    mapping = {str(number): number for number in range(_MOST_ENTRIES_COMPARED + 1)}
    copy = _DictCopy()
    assert copy.find(mapping, 100) is not None
    assert copy.find(mapping, 1) is None


def test_a_changed_dict_is_copied_again_when_that_pays() -> None:
    mapping = dict(MAPPING)
    copy = _DictCopy()
    before = copy.find(mapping, ENOUGH)
    assert before is not None
    mapping["term0"], mapping["term1"] = mapping["term1"], mapping["term0"]
    assert copy.find(mapping, 1) is None
    after = copy.find(mapping, ENOUGH)
    assert after is not None
    assert after.columns()[:2].tolist() == [1, 0]


@pytest.mark.parametrize(
    "odd", [{3: 3000}, {"x": "y"}, {"x": -1}, {"x": 9999}, {"x": 1.0}, {b"x": 3000}]
)
def test_an_odd_entry_is_found_once(odd: dict[object, object]) -> None:
    copy = _DictCopy()
    for _ in range(3):
        assert copy.find({**MAPPING, **odd}, 10 * ENOUGH) is None
    assert copy._is_odd


def test_an_unpickled_vectorizer_gets_fast_and_stays_right() -> None:
    rng = np.random.default_rng(0)
    documents = [
        " ".join(f"term{number}" for number in rng.integers(0, 3000, 30))
        for _ in range(300)
    ]
    theirs = SklearnCountVectorizer().fit(documents)
    ours = pickle.loads(pickle.dumps(CountVectorizer().fit(documents)))
    for _ in range(12):
        X, Y = ours.transform(documents[:1]), theirs.transform(documents[:1])
        assert (X != Y).nnz == 0
        assert X.indices.tolist() == Y.indices.tolist()
    assert ours._dict_copy._copy is not None
    assert b"_dict_copy" not in pickle.dumps(ours)


def test_stop_words_with_surrogates() -> None:
    documents = ["a \ud800 b", "\ud800\udc00 a"]
    for stop_words in (["\ud800"], ["\ud800\udc00", "a"], ["\U00010000"]):
        parameters = {"token_pattern": r"\S+", "stop_words": stop_words}
        theirs = SklearnCountVectorizer(**parameters).fit(documents)
        ours = CountVectorizer(**parameters).fit(documents)
        assert list(ours.vocabulary_.items()) == list(theirs.vocabulary_.items())
