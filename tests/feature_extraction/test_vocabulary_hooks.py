"""Overridden methods of the vectorizers that learn terms are honoured."""

from __future__ import annotations

import re
import types
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import pytest

from tests.feature_extraction.comparison import assert_same, observe
from tests.feature_extraction.pairs import (
    OURS,
    STEPS,
    THEIRS,
    Documents,
    Pair,
    assert_same_steps,
)
from tests.feature_extraction.vocabulary_parameters import NAMES

CONTENT = Documents(
    [
        "The quick  brown fox\n\nand the café",
        b"bytes of the dog",
        "Straße",
        "",
        "end z",
    ],
    ["the café of a dog", b"quick z"],
)
# Classes that are made here cannot be pickled.
CALLS = [
    *["fit_transform", "transform others", "names", "vocabulary_", "idf_", "state"],
    *["fit", "transform", "inverse_transform", "fit().transform"],
]

Hook = Callable[..., Any]


def _reversed_decode(self: Any, document: Any) -> Any:
    text = document if isinstance(document, str) else document.decode()
    return text[::-1] + " decoded"


def _first_letters(self: Any) -> Any:
    return lambda text: " ".join(word[:3] for word in text.split())


def _tokenizer_on_vowels(self: Any) -> Any:
    return re.compile("[^aeiou]+").findall


def _doubling_analyzer(self: Any) -> Any:
    return lambda document: [str(document)[:4]] * 2


def _more_stop_words(self: Any) -> Any:
    return frozenset({"the", "fox", "quick"})


def _ngrams_backwards(self: Any, tokens: Any, stop_words: Any = None) -> Any:
    return [token[::-1] for token in tokens if token not in (stop_words or ())]


def _letters_twice(self: Any, text: Any) -> Any:
    return [letter * 2 for letter in text]


def _refuse(self: Any, *args: Any, **kwargs: Any) -> Any:
    raise RuntimeError("refused by the hook")


def _all_dogs(self: Any, *args: Any, **kwargs: Any) -> None:
    self.vocabulary_ = {"dog": 0}
    self.fixed_vocabulary_ = True


def _keep_order(self: Any, X: Any, vocabulary: Any) -> Any:
    return X


def _drop_first(self: Any, X: Any, vocabulary: Any, *limits: Any, **named: Any) -> Any:
    first = next(iter(vocabulary))
    del vocabulary[first]
    for place, term in enumerate(vocabulary):
        vocabulary[term] = place
    return X[:, 1:]


HOOKS: list[tuple[str, Hook, dict[str, Any]]] = [
    ("decode", _reversed_decode, {}),
    ("decode", _reversed_decode, {"analyzer": "char"}),
    ("decode", _refuse, {}),
    ("build_preprocessor", _first_letters, {}),
    ("build_preprocessor", _first_letters, {"analyzer": "char_wb"}),
    ("build_tokenizer", _tokenizer_on_vowels, {}),
    ("build_analyzer", _doubling_analyzer, {}),
    ("build_analyzer", _refuse, {}),
    ("get_stop_words", _more_stop_words, {}),
    ("_word_ngrams", _ngrams_backwards, {}),
    ("_char_ngrams", _letters_twice, {"analyzer": "char"}),
    ("_char_wb_ngrams", _letters_twice, {"analyzer": "char_wb"}),
    ("_validate_ngram_range", _refuse, {}),
    ("_check_stop_words_consistency", _refuse, {"stop_words": "english"}),
    ("_warn_for_unused_params", _refuse, {}),
    ("_validate_vocabulary", _refuse, {}),
    ("_validate_vocabulary", _all_dogs, {}),
    ("_check_vocabulary", _refuse, {}),
    ("_sort_features", _keep_order, {}),
    ("_sort_features", _keep_order, {"max_features": 3}),
    ("_sort_features", _refuse, {}),
    ("_limit_features", _drop_first, {}),
    ("_limit_features", _drop_first, {"max_features": 3}),
    ("_limit_features", _refuse, {}),
    ("_count_vocab", _refuse, {}),
]
HOOK_IDS = [f"{name}-{hook.__name__}-{parameters}" for name, hook, parameters in HOOKS]
hooks = pytest.mark.parametrize(
    ("hook_name", "hook", "parameters"), HOOKS, ids=HOOK_IDS
)
names = pytest.mark.parametrize("name", NAMES)


def _bases(name: str) -> tuple[type[Any], type[Any]]:
    ours, theirs = (getattr(import_module(home), name) for home in (OURS, THEIRS))
    return ours, theirs


def _derived(
    name: str, parameters: dict[str, Any], *mixins: type, **members: Any
) -> Pair:
    ours, theirs = (
        type(name, (*mixins, base), members)(**parameters) for base in _bases(name)
    )
    return Pair(ours, theirs, (name, sorted(members), parameters))


def _plain_facts(name: str, parameters: dict[str, Any], steps: list[str]) -> list[Any]:
    vectorizer = _bases(name)[1](**parameters)
    return [observe(lambda: STEPS[step](vectorizer, CONTENT)) for step in steps]  # noqa: B023


@hooks
@names
def test_method_of_a_subclass(
    name: str, hook_name: str, hook: Hook, parameters: dict[str, Any]
) -> None:
    seen = assert_same_steps(
        _derived(name, parameters, **{hook_name: hook}), CONTENT, CALLS
    )
    without_state = [step for step in CALLS if step != "state"]
    plain = _plain_facts(name, parameters, without_state)
    assert plain != [
        one for one, step in zip(seen, CALLS, strict=True) if step != "state"
    ]


@hooks
@names
def test_method_from_a_mixin(
    name: str, hook_name: str, hook: Hook, parameters: dict[str, Any]
) -> None:
    mixin = type("Mixin", (), {hook_name: hook})
    assert_same_steps(_derived(name, parameters, mixin), CONTENT, CALLS)


@hooks
@names
def test_method_of_one_instance(
    name: str, hook_name: str, hook: Hook, parameters: dict[str, Any]
) -> None:
    for fit_first in (False, True):
        ours, theirs = (base(**parameters) for base in _bases(name))
        pair = Pair(ours, theirs, (name, hook_name, parameters))
        if fit_first:
            assert_same_steps(pair, CONTENT, ["fit"])
        for vectorizer in (ours, theirs):
            setattr(vectorizer, hook_name, types.MethodType(hook, vectorizer))
        steps = [step for step in CALLS if step != "state"]
        assert_same_steps(pair, CONTENT, ["transform others", *steps])


LOGGED = [
    *["decode", "build_preprocessor", "build_tokenizer", "build_analyzer"],
    *["get_stop_words", "_word_ngrams", "_validate_ngram_range"],
    *["_check_stop_words_consistency", "_warn_for_unused_params"],
    *["_validate_vocabulary", "_check_vocabulary", "_sort_features"],
    *["_limit_features", "_count_vocab", "fit", "fit_transform", "transform"],
    *["get_feature_names_out", "inverse_transform"],
]


def _logging(base: type[Any], method: str, log: list[Any]) -> type[Any]:
    def logged(self: Any, *args: Any, **kwargs: Any) -> Any:
        types_seen = [type(argument).__name__ for argument in args]
        log.append((method, types_seen, sorted(kwargs)))
        return getattr(super(derived, self), method)(*args, **kwargs)

    derived = type(base.__name__, (base,), {method: logged})
    return derived


@pytest.mark.parametrize("method", LOGGED)
@pytest.mark.parametrize("parameters", [{}, {"vocabulary": ["the", "dog"]}], ids=repr)
@names
def test_overridden_methods_are_called_as_often(
    name: str, parameters: dict[str, Any], method: str
) -> None:
    logs: list[list[Any]] = [[], []]
    ours, theirs = (
        _logging(base, method, log)(**parameters)
        for base, log in zip(_bases(name), logs, strict=True)
    )
    for step in CALLS:
        if step in ("vocabulary_", "state"):
            continue
        assert_same_steps(Pair(ours, theirs, (name, method)), CONTENT, [step])
        assert logs[0] == logs[1], step
    # What is given is neither sorted nor limited.
    assert logs[0] or parameters


@names
def test_hook_that_calls_the_original(name: str) -> None:
    def build_analyzer(self: Any) -> Any:
        analyze = super(type(self), self).build_analyzer()
        return lambda document: (token.rstrip("s") for token in analyze(document))

    documents = Documents(["dogs and cats", b"cat", "is"], ["dog cats"])
    assert_same_steps(
        _derived(name, {}, build_analyzer=build_analyzer), documents, CALLS
    )


@pytest.mark.parametrize("analyzer", ["char", "char_wb"])
@names
def test_white_space_of_a_subclass(name: str, analyzer: str) -> None:
    parameters = {"analyzer": analyzer, "ngram_range": (2, 3)}
    pair = _derived(name, parameters, _white_spaces=re.compile("[o\n]+"))
    assert_same_steps(pair, CONTENT, CALLS)


@names
def test_subclass_that_overrides_nothing(name: str) -> None:
    pair = _derived(name, {}, __doc__="A subclass with behaviour of its own elsewhere.")
    assert_same_steps(pair, CONTENT, CALLS)
    more = _derived(name, {}, describe=lambda self: "more")
    assert_same_steps(more, CONTENT, CALLS)


def test_weights_of_a_subclass() -> None:
    def check_params(self: Any) -> None:
        raise RuntimeError("refused by the hook")

    pair = _derived("TfidfVectorizer", {}, _check_params=check_params)
    assert all(seen.failed for seen in assert_same_steps(pair, CONTENT, CALLS[:2]))

    idf = property(lambda self: np.ones(3))
    assert_same_steps(
        _derived("TfidfVectorizer", {}, idf_=idf), CONTENT, ["fit_transform", "idf_"]
    )


def test_transformers_of_a_subclass() -> None:
    X = observe(lambda: _bases("CountVectorizer")[1]().fit_transform(["a b", "bb cc"]))

    def fit(self: Any, X: Any, y: Any = None) -> Any:
        self.idf_ = np.arange(X.shape[1]) + 0.5
        return self

    pair = _derived("TfidfTransformer", {}, fit=fit)
    pair.same("fit_transform", lambda t: t.fit_transform(X.result))
    pair.same("transform", lambda t: t.transform(X.result))


def test_weights_without_the_vocabulary_of_a_sibling() -> None:
    # A class of one's own between the two that both projects have.
    ours, theirs = _bases("TfidfVectorizer")
    for parameters in ({}, {"max_features": 2}):
        outcomes = []
        for base in (ours, theirs):

            class Stemmed(base):  # type: ignore[misc, valid-type]
                def fit_transform(self, raw_documents: Any, y: Any = None) -> Any:
                    return super().fit_transform([t[:5] for t in raw_documents])

            vectorizer = Stemmed(**parameters)
            outcomes.append(
                [
                    observe(lambda v=vectorizer: v.fit_transform(["foxes run", "dog"])),  # type: ignore[misc]
                    observe(lambda v=vectorizer: v.fit(["foxes run"]).vocabulary_),  # type: ignore[misc]
                    observe(lambda v=vectorizer: v.transform(["foxes run"])),  # type: ignore[misc]
                ]
            )
        for mine, other in zip(*outcomes, strict=True):
            assert_same(mine, other, parameters)
