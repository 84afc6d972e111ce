"""CountVectorizer and TfidfVectorizer do what scikit-learn's do, for any text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st

from tests.feature_extraction.comparison import (
    CountedIterator,
    Observation,
    observe,
)
from tests.feature_extraction.kernels import given_and_kernel
from tests.feature_extraction.pairs import (
    STEPS,
    Documents,
    assert_same_steps,
    pair_of,
)
from tests.feature_extraction.strategies import (
    broken_documents,
    byte_documents,
    short_texts,
    texts,
)
from tests.feature_extraction.vocabulary_parameters import (
    NAMES,
    corpora,
    odd_parameters,
    usual_parameters,
)

CONTAINERS = [list, tuple, iter, lambda items: (item for item in items)]
both = st.sampled_from(NAMES)
steps_in_any_order = st.lists(st.sampled_from(sorted(STEPS)), min_size=1, max_size=6)


def _named(parameters: Any) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    return both.flatmap(lambda name: st.tuples(st.just(name), parameters(name)))


usual = _named(usual_parameters)
odd = _named(odd_parameters)
Choice = tuple[str, dict[str, Any]]


@settings(max_examples=4 * settings.default.max_examples)
@given_and_kernel(corpora(), corpora(3), usual, st.sampled_from([1, 1, 1, 1, 80]))
def test_any_text_with_parameters_without_callables(
    learned: list[str], others: list[str], choice: Choice, repeats: int
) -> None:
    if sum(map(len, learned)) > 2000:
        repeats = 1
    # Repeated, there is enough to share out among threads.
    documents = Documents(learned * repeats, [*others, *learned[:2]] * repeats)
    steps = ["fit_transform", "transform others", "state of a copy", "names"]
    assert_same_steps(pair_of(*choice), documents, steps)


@given_and_kernel(
    corpora(), corpora(3), usual, steps_in_any_order, st.sampled_from(CONTAINERS)
)
def test_any_order_of_calls(
    learned: list[str],
    others: list[str],
    choice: Choice,
    steps: list[str],
    container: Any,
) -> None:
    documents = Documents(learned, others, container)
    assert_same_steps(pair_of(*choice), documents, ["fit_transform", *steps])
    assert_same_steps(pair_of(*choice), documents, steps)


rough = st.lists(st.one_of(short_texts, short_texts, broken_documents), max_size=3)


@settings(max_examples=2 * settings.default.max_examples)
@given_and_kernel(st.one_of(rough, corpora(4)), rough, odd, steps_in_any_order)
def test_any_text_with_any_parameters(
    learned: list[Any], others: list[Any], choice: Choice, steps: list[str]
) -> None:
    assert_same_steps(pair_of(*choice), Documents(learned, others), steps)


@given_and_kernel(byte_documents(), usual)
def test_bytes_are_decoded_alike(
    content_and_decoding: tuple[list[bytes], dict[str, Any]], choice: Choice
) -> None:
    content, decoding = content_and_decoding
    name, parameters = choice
    pair = pair_of(name, {**parameters, **decoding})
    documents = Documents(content, content[::-1])
    assert_same_steps(pair, documents, ["fit_transform", "transform others"])


@given_and_kernel(
    st.lists(texts, max_size=6),
    broken_documents,
    st.lists(st.one_of(texts, broken_documents), max_size=3),
    usual,
    st.sampled_from(CONTAINERS),
)
def test_first_broken_document_decides(
    before: list[str],
    broken: Any,
    after: list[Any],
    choice: Choice,
    container: Any,
) -> None:
    pair = pair_of(*choice)
    fine = Documents([*before, "the fox"], [*before, broken, *after], container)
    steps = ["fit_transform", "transform others", "fit others", "state", "transform"]
    assert_same_steps(pair, fine, steps)
    broken_first = Documents([*before, broken, *after], before, container)
    assert_same_steps(
        pair_of(*choice),
        broken_first,
        ["fit_transform", "state", "transform others", "idf_"],
    )


@given_and_kernel(
    st.lists(st.one_of(texts, texts, broken_documents), max_size=6),
    usual,
)
def test_iterators_are_consumed_equally_far(content: list[Any], choice: Choice) -> None:
    pair = pair_of(*choice)
    for method in ("fit", "fit_transform", "transform"):
        requests = []
        for estimator in (pair.ours, pair.theirs):
            iterator = CountedIterator(content)
            observe(lambda: getattr(estimator, method)(iterator))  # noqa: B023
            requests.append(iterator.requests)
        assert requests[0] == requests[1], (choice, method)


@given_and_kernel(st.lists(texts, min_size=1, max_size=4), st.integers(0, 4), usual)
def test_exceptions_of_iterators_pass_through(
    content: list[str], position: int, choice: Choice
) -> None:
    def documents_then_error(items: Any) -> Iterator[str]:
        yield from content[:position]
        raise ZeroDivisionError("from the iterator")

    failing = Documents(content, content, documents_then_error)
    pair = pair_of(*choice)
    assert_same_steps(pair, failing, ["fit_transform", "state"])
    assert_same_steps(pair, Documents(content), ["fit"])
    assert_same_steps(pair, failing, ["transform", "fit", "state"])


@given_and_kernel(corpora(4), corpora(2), usual)
def test_thread_counts_agree(
    learned: list[str], others: list[str], choice: Choice
) -> None:
    name, parameters = choice
    repeats = 1 if sum(map(len, learned)) > 2000 else 64
    documents = Documents(learned * repeats, [*learned, *others] * repeats)
    steps = ["fit_transform", "vocabulary_", "transform others"]
    known: list[Observation] = []
    for n_jobs in (1, 2, 3):
        pair = pair_of(name, {**parameters, "n_jobs": n_jobs})
        known = assert_same_steps(pair, documents, steps, known)


# Each example is three rounds of up to six steps.
@settings(max_examples=settings.default.max_examples // 2)
@given_and_kernel(st.data(), usual)
def test_parameters_that_change_between_the_calls(
    data: st.DataObject, choice: Choice
) -> None:
    name, parameters = choice
    pair = pair_of(name, parameters)
    for _ in range(3):
        documents = Documents(data.draw(corpora(3)), data.draw(corpora(2)))
        steps = data.draw(steps_in_any_order)
        assert_same_steps(pair, documents, steps)
        changes = data.draw(usual_parameters(name))
        changes.pop("n_jobs", None)
        pair.ours.set_params(**changes)
        pair.theirs.set_params(**changes)
        pair.case = (pair.case, changes)


@given_and_kernel(
    st.lists(texts, min_size=1, max_size=3),
    st.lists(texts, max_size=8),
    usual,
)
def test_stop_words_and_vocabularies_drawn_from_the_text(
    content: list[str], extra: list[str], choice: Choice
) -> None:
    name, parameters = choice
    words = [*content[0].lower().split()[:4], *content[-1].split()[2:5], *extra]
    documents = Documents(content * 2, content)
    with_stop_words = {**parameters, "analyzer": "word", "stop_words": words}
    with_vocabulary = {**parameters, "vocabulary": list(dict.fromkeys(words))}
    for changed in (with_stop_words, with_vocabulary):
        assert_same_steps(pair_of(name, changed), documents)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("content", ["text", b"text", 3, None, object])
@pytest.mark.parametrize("vocabulary", [None, ["the"]])
def test_what_is_no_collection(name: str, content: Any, vocabulary: Any) -> None:
    documents = Documents(content, content, lambda content: content)
    pair = pair_of(name, {"vocabulary": vocabulary})
    assert_same_steps(pair, documents, ["transform", "fit", "fit_transform", "state"])
