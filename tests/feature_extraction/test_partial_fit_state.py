"""What partial_fit goes on from, and what it says where it cannot go on."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from shardfit.feature_extraction.text import CountVectorizer, TfidfVectorizer
from tests.feature_extraction.comparison import observe
from tests.feature_extraction.learning import (
    DOCUMENTS,
    OTHERS,
    READING,
    assert_same_as_whole,
)
from tests.feature_extraction.pairs import pair_of
from tests.feature_extraction.vocabulary_parameters import NAMES

REMEDY = r"partial_fit.*clone|clone.*partial_fit"


def _fitted(name: str, **parameters: Any) -> Any:
    return pair_of(name, parameters).ours.fit(DOCUMENTS)


def _unpickled(name: str) -> Any:
    return pickle.loads(pickle.dumps(_fitted(name)))


def _assigned_vocabulary(name: str) -> Any:
    vectorizer = _fitted(name)
    vectorizer.vocabulary_ = dict(vectorizer.vocabulary_)
    return vectorizer


def _assigned_to_a_new_one(name: str) -> Any:
    vectorizer = pair_of(name, {}).ours
    vectorizer.vocabulary_ = {"the": 0}
    return vectorizer


def _assigned_after_parts(name: str) -> Any:
    vectorizer = pair_of(name, {}).ours.partial_fit(DOCUMENTS)
    vectorizer.vocabulary_ = {"the": 0, "dog": 1}
    return vectorizer


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "make",
    [_unpickled, _assigned_vocabulary, _assigned_to_a_new_one, _assigned_after_parts],
)
def test_there_is_nothing_to_go_on_from(make: Any, name: str) -> None:
    vectorizer = make(name)
    state = observe(lambda: vectorizer.vocabulary_)
    for _ in range(2):
        with pytest.raises(ValueError, match=REMEDY):
            vectorizer.partial_fit(["more words"])
    assert observe(lambda: vectorizer.vocabulary_) == state
    # The remedies are ones.
    again = clone(vectorizer).partial_fit(DOCUMENTS).partial_fit(["more words"])
    assert "more" in again.vocabulary_
    vectorizer.fit(DOCUMENTS)
    assert "more" in vectorizer.partial_fit(["more words"]).vocabulary_


@pytest.mark.parametrize("with_fit", [False, True])
def test_assigned_idf_is_not_grown(with_fit: bool) -> None:
    for learn in ("fit", "partial_fit"):
        vectorizer = pair_of("TfidfVectorizer", {}).ours
        if with_fit:
            getattr(vectorizer, learn)(DOCUMENTS)
            vectorizer.idf_ = vectorizer.idf_ * 2
        else:
            vectorizer.set_params(vocabulary=["the", "dog"])
            vectorizer.idf_ = np.array([1.0, 2.0])
        with pytest.raises(ValueError, match=REMEDY):
            vectorizer.partial_fit(["more words"])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "copied", [copy.deepcopy, copy.copy, lambda v: pickle.loads(pickle.dumps(v))]
)
def test_copies_go_their_own_ways(copied: Any, name: str) -> None:
    first = pair_of(name, {})
    first.ours.partial_fit(DOCUMENTS[:3])
    second = pair_of(name, {})
    second.ours = copied(first.ours)
    first.ours.partial_fit(DOCUMENTS[3:])
    second.ours.partial_fit(OTHERS)
    assert_same_as_whole(first, DOCUMENTS, OTHERS, READING)
    assert_same_as_whole(second, [*DOCUMENTS[:3], *OTHERS], DOCUMENTS, READING)


@pytest.mark.parametrize("name", NAMES)
def test_a_copy_of_a_fitted_one_goes_on_or_says_why_not(name: str) -> None:
    for copied in (copy.deepcopy, copy.copy):
        pair = pair_of(name, {})
        pair.ours = copied(pair.ours.fit(DOCUMENTS[:3]))
        outcome = observe(lambda: pair.ours.partial_fit(DOCUMENTS[3:]))  # noqa: B023
        if outcome.failed:
            assert outcome.kind == "raised builtins.ValueError"
            assert_same_as_whole(pair, DOCUMENTS[:3], OTHERS, READING)
        else:
            assert_same_as_whole(pair, DOCUMENTS, OTHERS, READING)


@pytest.mark.parametrize("name", NAMES)
def test_a_python_analysed_fit_goes_on_or_says_why_not(name: str) -> None:
    pair = pair_of(name, {"analyzer": str.split})
    pair.ours.fit(DOCUMENTS[:3])
    outcome = observe(lambda: pair.ours.partial_fit(DOCUMENTS[3:]))
    if outcome.failed:
        assert outcome.kind == "raised builtins.ValueError"
        assert_same_as_whole(pair, DOCUMENTS[:3], OTHERS, READING)
    else:
        assert_same_as_whole(pair, DOCUMENTS, OTHERS, READING)


@pytest.mark.parametrize("name", NAMES)
def test_clones_forget(name: str) -> None:
    vectorizer = pair_of(name, {"min_df": 2}).ours.partial_fit(DOCUMENTS)
    forgetful = clone(vectorizer)
    assert forgetful.get_params() == vectorizer.get_params()
    assert not hasattr(forgetful, "vocabulary_")
    forgetful.partial_fit(["ant", "ant zebra"])
    assert forgetful.vocabulary_ == {"ant": 0}
    assert "dog" in vectorizer.vocabulary_


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("content", ["text", b"text", 3, None])
def test_what_is_no_collection(name: str, content: Any) -> None:
    pair = pair_of(name, {})
    theirs = observe(lambda: clone(pair.theirs).fit(content))
    ours = observe(lambda: pair.ours.partial_fit(content))
    assert (ours.kind, ours.facts) == (theirs.kind, theirs.facts)
    pair.ours.partial_fit(DOCUMENTS)
    assert_same_as_whole(pair, DOCUMENTS, OTHERS, READING)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "change",
    [{"min_df": -1}, {"max_features": 0}, {"ngram_range": (2, 1)}, {"analyzer": "no"}],
    ids=repr,
)
def test_parameters_are_checked(name: str, change: dict[str, Any]) -> None:
    pair = pair_of(name, {})
    pair.ours.partial_fit(DOCUMENTS[:3])
    pair.ours.set_params(**change)
    theirs = observe(lambda: clone(pair.theirs).set_params(**change).fit(DOCUMENTS))
    ours = observe(lambda: pair.ours.partial_fit(DOCUMENTS))
    assert theirs.failed
    assert (ours.kind, ours.facts) == (theirs.kind, theirs.facts)
    pair.ours.set_params(**{key: getattr(pair.theirs, key) for key in change})
    pair.ours.partial_fit(DOCUMENTS[3:])
    assert_same_as_whole(pair, DOCUMENTS, OTHERS, READING)


@pytest.mark.parametrize("name", NAMES)
def test_is_fitted_from_the_first_part_on(name: str) -> None:
    vectorizer = pair_of(name, {}).ours
    assert vectorizer.partial_fit(DOCUMENTS, None) is vectorizer
    check_is_fitted(vectorizer)
    assert vectorizer.fixed_vocabulary_ is False
    assert vectorizer.partial_fit(raw_documents=["zebra"], y=[1]) is vectorizer
    assert "zebra" in vectorizer.vocabulary_


@pytest.mark.parametrize("name", NAMES)
def test_one_that_keeps_no_term_yet_can_be_shown(name: str) -> None:
    ours = pair_of(name, {"min_df": 3}).ours.partial_fit(DOCUMENTS[:1])
    assert name in ours._repr_html_()
    assert "vocabulary_" not in dir(ours)
    ours.partial_fit(DOCUMENTS)
    assert "vocabulary_" in dir(ours)
    assert "vocabulary_" in ours._repr_html_()


def test_assigned_vocabulary_leaves_the_weights_that_were_learned() -> None:
    learned = TfidfVectorizer().partial_fit(DOCUMENTS)
    expected = learned.transform(OTHERS)
    for assign in (True, False):
        other = TfidfVectorizer().partial_fit(DOCUMENTS)
        vocabulary = dict(other.vocabulary_)
        if not assign:
            del other.vocabulary_
        other.vocabulary_ = vocabulary
        assert (other.idf_ == learned.idf_).all()
        assert (other.transform(OTHERS) != expected).nnz == 0


def test_a_vocabulary_given_first_and_then_not_is_refused() -> None:
    ours = CountVectorizer(vocabulary=["fox"]).fit(DOCUMENTS)
    with pytest.raises(ValueError, match="clone"):
        ours.set_params(vocabulary=None).partial_fit(DOCUMENTS)
