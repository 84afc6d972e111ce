"""Learning part by part comes to what learning from the whole comes to."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from sklearn.base import clone

from tests.feature_extraction.comparison import observe
from tests.feature_extraction.kernels import given_and_kernel
from tests.feature_extraction.learning import (
    DOCUMENTS,
    OTHERS,
    READING,
    assert_same_as_whole,
    in_parts,
    learn,
)
from tests.feature_extraction.pairs import pair_of
from tests.feature_extraction.parameters import (
    encode_words,
    number_words,
    split_on_spaces,
)
from tests.feature_extraction.strategies import broken_documents
from tests.feature_extraction.vocabulary_parameters import (
    NAMES,
    plain_corpora,
    usual_parameters,
)

COPIES: dict[str, Callable[[Any], Any]] = {
    "pickle": lambda v: pickle.loads(pickle.dumps(v)),
    "deepcopy": copy.deepcopy,
    "shallow copy": copy.copy,
}
both = st.sampled_from(NAMES)
reading = st.lists(st.sampled_from(READING), min_size=1, max_size=6)
named = both.flatmap(lambda name: st.tuples(st.just(name), usual_parameters(name)))


@settings(max_examples=2 * settings.default.max_examples)
@given_and_kernel(
    plain_corpora(8),
    st.lists(st.integers(0, 8), max_size=4),
    plain_corpora(2),
    named,
    reading,
    st.sampled_from([list, iter, tuple]),
)
def test_parts_come_to_the_whole(
    learned: list[Any],
    cuts: list[int],
    others: list[Any],
    choice: tuple[str, dict[str, Any]],
    steps: list[str],
    container: Any,
) -> None:
    pair = pair_of(*choice)
    for part in in_parts(learned, cuts):
        learn(pair.ours, container(part))
    assert_same_as_whole(pair, learned, others, steps)


@given_and_kernel(
    st.lists(plain_corpora(4), min_size=2, max_size=4),
    plain_corpora(2),
    named,
    st.lists(st.sampled_from([*READING, *COPIES, "fit"]), max_size=9),
)
def test_looking_at_what_was_learned_between_the_parts(
    parts: list[list[Any]],
    others: list[Any],
    choice: tuple[str, dict[str, Any]],
    actions: list[str],
) -> None:
    pair = pair_of(*choice)
    learned: list[Any] = []
    for number, part in enumerate(parts):
        learn(pair.ours, part)
        learned.extend(part)
        was_fitted = False
        for action in actions[number::3]:
            if action == "fit":
                if observe(lambda: pair.ours.fit(others)).failed:
                    return  # What a failed fit leaves is tested elsewhere.
                if "_learned" not in vars(pair.ours) and pair.ours.vocabulary is None:
                    return  # Scikit-learn's own code keeps nothing to go on from.
                learned, was_fitted = list(others), True
            elif action in COPIES:
                # Copies of what was fitted at once hold nothing to go on from.
                pair.ours = pair.ours if was_fitted else COPIES[action](pair.ours)
            else:
                assert_same_as_whole(pair, learned, others, [action])
    assert_same_as_whole(pair, learned, others, READING)


@given_and_kernel(
    plain_corpora(6),
    st.lists(st.integers(0, 6), max_size=2),
    st.data(),
    both,
)
def test_pruning_that_changes(
    learned: list[Any], cuts: list[int], data: st.DataObject, name: str
) -> None:
    pair = pair_of(name, data.draw(usual_parameters(name)))
    seen: list[Any] = []
    for part in [*in_parts(learned, cuts), []]:
        learn(pair.ours, part)
        seen.extend(part)
        pruning = {
            "min_df": data.draw(st.sampled_from([1, 2, 0.3, 1.0])),
            "max_df": data.draw(st.sampled_from([1.0, 0.6, 3, 1])),
            "max_features": data.draw(st.sampled_from([None, 1, 4])),
        }
        pair.ours.set_params(**pruning)
        pair.theirs.set_params(**pruning)
        pair.case = (pair.case, pruning)
        if data.draw(st.booleans()):
            assert_same_as_whole(pair, seen, learned, data.draw(reading))
    assert_same_as_whole(pair, seen, learned, READING)


@given_and_kernel(
    plain_corpora(4),
    st.lists(st.one_of(plain_corpora(2), st.just(["fine"])), max_size=2),
    broken_documents,
    plain_corpora(4),
    named,
)
def test_a_part_that_fails_leaves_what_was_learned(
    before: list[Any],
    around: list[list[Any]],
    broken: Any,
    after: list[Any],
    choice: tuple[str, dict[str, Any]],
) -> None:
    pair = pair_of(*choice)
    failing = [*chain.from_iterable(around), broken, "more words of it"]
    learn(pair.ours, before)
    outcome = observe(lambda: pair.ours.partial_fit(failing))
    alone = observe(lambda: clone(pair.theirs).fit(failing))
    # A document that cannot be read is the same error; the rest may come together yet.
    if outcome.failed:
        assert (outcome.kind, outcome.facts) == (alone.kind, alone.facts)
    elif alone.failed:
        assert alone.kind == "raised builtins.ValueError"
    learn(pair.ours, after)
    learned = [*before, *([] if outcome.failed else failing), *after]
    assert_same_as_whole(pair, learned, OTHERS, READING)


def _some_words(document: str) -> Iterator[str]:
    yield from sorted(document.split(), key=len)[:3]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("analyzer", [split_on_spaces, str.split, list, _some_words])
@pytest.mark.parametrize("more", [{}, {"min_df": 2}, {"max_features": 2}], ids=repr)
def test_callable_analyzers(name: str, analyzer: Any, more: dict[str, Any]) -> None:
    for parameters in (
        {"analyzer": analyzer},
        {"tokenizer": analyzer, "token_pattern": None, "stop_words": ["the"]},
    ):
        pair = pair_of(name, {**parameters, **more})
        for part in in_parts(DOCUMENTS, [0, 2, 3]):
            learn(pair.ours, part)
        assert_same_as_whole(pair, DOCUMENTS, OTHERS, READING)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("analyzer", [encode_words, number_words])
def test_terms_that_are_no_strings_are_refused(name: str, analyzer: Any) -> None:
    pair = pair_of(name, {"analyzer": analyzer})
    for _ in range(2):
        with pytest.raises(TypeError, match="fit takes any term"):
            pair.ours.partial_fit(DOCUMENTS)
    pair.ours.set_params(analyzer=str.split)
    pair.theirs.set_params(analyzer=str.split)
    learn(pair.ours, DOCUMENTS)
    assert_same_as_whole(pair, DOCUMENTS, OTHERS, READING)


@pytest.mark.parametrize("name", NAMES)
def test_many_parts_with_threads(name: str) -> None:
    rng = np.random.default_rng(0)
    words = [f"w{n} é{n % 89}" for n in rng.zipf(1.2, 60_000) % 20_000]
    texts = [" ".join(words[n : n + 100]) for n in range(0, len(words), 100)]
    parameters = {"ngram_range": (1, 2), "n_jobs": 2, "min_df": 2, "max_df": 0.9}
    pair = pair_of(name, parameters)
    for part in in_parts(texts, [1, 2, 200, 250, 599]):
        pair.ours.partial_fit(part)
    assert_same_as_whole(pair, texts, texts[::-7], READING)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("vocabulary", [["dog", "the", "absent"], {"ox": 1, "fox": 0}])
def test_fixed_vocabularies(name: str, vocabulary: Any) -> None:
    weights = {"smooth_idf": False} if name == "TfidfVectorizer" else {}
    pair = pair_of(name, {"vocabulary": vocabulary, **weights})
    for part in in_parts(DOCUMENTS, [2, 2, 5]):
        assert pair.ours.partial_fit(part) is pair.ours
    assert_same_as_whole(pair, DOCUMENTS, OTHERS, READING)
    with pytest.raises(AttributeError, match="lower"):
        pair.ours.partial_fit([*DOCUMENTS, None])
    assert_same_as_whole(pair, DOCUMENTS, OTHERS, READING)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_learned_yet(name: str) -> None:
    pair = pair_of(name, {"stop_words": "english"})
    for part in ([], [""], ["the and", "it is"], iter(())):
        assert pair.ours.partial_fit(part) is pair.ours
        for read in (
            lambda v: v.vocabulary_,
            lambda v: v.transform(["words"]),
            lambda v: v.get_feature_names_out(),
        ):
            with pytest.raises(ValueError, match="empty vocabulary; perhaps the doc"):
                read(pair.ours)
    pair.ours.partial_fit(["the words"])
    assert pair.ours.vocabulary_ == {"words": 0}
    if name == "TfidfVectorizer":
        # Documents without a word count as documents: three, and this one.
        expected = np.log(np.array([5.0]) / 2.0) + 1
        assert pair.ours.idf_.tobytes() == expected.tobytes()


@pytest.mark.parametrize("name", NAMES)
def test_going_on_after_a_fit(name: str) -> None:
    pair = pair_of(name, {"min_df": 2})
    pair.ours.fit(["forgotten words", "words of a forgotten dog"])
    pair.ours.fit_transform(DOCUMENTS[:4])
    pair.ours.partial_fit(DOCUMENTS[4:])
    assert_same_as_whole(pair, DOCUMENTS, OTHERS, READING)
    pair.ours.fit(DOCUMENTS[:3])
    assert_same_as_whole(pair, DOCUMENTS[:3], OTHERS, READING)


@pytest.mark.parametrize("name", NAMES)
def test_matrices_that_were_given_out_stay(name: str) -> None:
    vectorizer = pair_of(name, {}).ours
    X = vectorizer.partial_fit(DOCUMENTS).transform(OTHERS)
    kept, vocabulary = X.copy(), vectorizer.vocabulary_
    before = dict(vocabulary)
    vectorizer.partial_fit(["zebra aardvark"]).transform(OTHERS)
    assert (kept != X).nnz == 0
    assert vocabulary == before
    assert len(vectorizer.vocabulary_) == len(before) + 2
