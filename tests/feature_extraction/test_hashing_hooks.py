"""Overridden methods are honoured, wherever and however they are overridden."""

from __future__ import annotations

import re
import types
from collections.abc import Callable
from typing import Any

import pytest
from sklearn.feature_extraction import FeatureHasher as SklearnFeatureHasher
from sklearn.feature_extraction.text import (
    HashingVectorizer as SklearnHashingVectorizer,
)

from shardfit.feature_extraction.text import HashingVectorizer
from tests.feature_extraction.comparison import assert_same, observe

CONTENT = [
    "The quick  brown fox\n\nand the café",
    b"bytes of the dog",
    "Straße",
    "",
    "end z",
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


def _small_hasher(self: Any) -> Any:
    return SklearnFeatureHasher(n_features=5, input_type="string")


def _refuse(self: Any, *args: Any) -> Any:
    raise RuntimeError("refused by the hook")


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
    ("_get_hasher", _small_hasher, {}),
    ("_validate_ngram_range", _refuse, {}),
    ("_check_stop_words_consistency", _refuse, {"stop_words": "english"}),
]
HOOK_IDS = [f"{name}-{hook.__name__}-{parameters}" for name, hook, parameters in HOOKS]


@pytest.mark.parametrize("method", ["transform", "fit_transform"])
@pytest.mark.parametrize(("name", "hook", "parameters"), HOOKS, ids=HOOK_IDS)
def test_method_of_a_subclass(
    name: str, hook: Hook, parameters: dict[str, Any], method: str
) -> None:
    plain = observe(lambda: HashingVectorizer(**parameters).transform(CONTENT))
    subclasses = [
        type("HashingVectorizer", (base,), {name: hook})
        for base in (HashingVectorizer, SklearnHashingVectorizer)
    ]
    results = [
        observe(lambda: getattr(cls(**parameters), method)(CONTENT))  # noqa: B023
        for cls in subclasses
    ]
    assert_same(*results, name)
    assert results[0] != plain


@pytest.mark.parametrize(("name", "hook", "parameters"), HOOKS, ids=HOOK_IDS)
def test_method_of_one_instance(
    name: str, hook: Hook, parameters: dict[str, Any]
) -> None:
    results = []
    for cls in (HashingVectorizer, SklearnHashingVectorizer):
        vectorizer = cls(**parameters)
        plain = observe(lambda: vectorizer.transform(CONTENT))  # noqa: B023
        setattr(vectorizer, name, types.MethodType(hook, vectorizer))
        results.append(observe(lambda: vectorizer.transform(CONTENT)))  # noqa: B023
        assert results[-1] != plain
    assert_same(*results, name)


@pytest.mark.parametrize(("name", "hook", "parameters"), HOOKS, ids=HOOK_IDS)
def test_method_from_a_mixin(name: str, hook: Hook, parameters: dict[str, Any]) -> None:
    mixin = type("Mixin", (), {name: hook})
    results = [
        observe(
            lambda: type("HashingVectorizer", (mixin, base), {})(  # noqa: B023
                **parameters
            ).transform(CONTENT)
        )
        for base in (HashingVectorizer, SklearnHashingVectorizer)
    ]
    assert_same(*results, name)


@pytest.mark.parametrize("analyzer", ["char", "char_wb"])
def test_white_space_of_a_subclass(analyzer: str) -> None:
    results = [
        observe(
            lambda: type("V", (base,), {"_white_spaces": re.compile("[o\n]+")})(  # noqa: B023
                analyzer=analyzer, ngram_range=(2, 3)
            ).transform(CONTENT)
        )
        for base in (HashingVectorizer, SklearnHashingVectorizer)
    ]
    assert_same(*results, analyzer)


def test_hook_that_calls_the_original() -> None:
    results = []
    for base in (HashingVectorizer, SklearnHashingVectorizer):

        class Stemming(base):  # type: ignore[misc, valid-type]
            def build_analyzer(self) -> Any:
                analyze = super().build_analyzer()
                return lambda document: (
                    token.rstrip("s") for token in analyze(document)
                )

        results.append(observe(lambda: Stemming().transform(["dogs and cats", b"cat"])))
    assert_same(*results)


def test_subclass_that_overrides_nothing_fast() -> None:
    class Mine(HashingVectorizer):
        """A subclass with behaviour of its own elsewhere."""

    assert_same(
        observe(lambda: Mine(n_features=100).fit_transform(CONTENT)),
        observe(
            lambda: SklearnHashingVectorizer(n_features=100).fit_transform(CONTENT)
        ),
    )


def test_overridden_transform_is_used_by_fit_transform() -> None:
    class Counting(HashingVectorizer):
        calls = 0

        def transform(self, X: Any) -> Any:
            type(self).calls += 1
            return super().transform(X)

    Counting().fit_transform(CONTENT)
    assert Counting.calls == 1


def test_overridden_fit_is_used_by_fit_transform() -> None:
    class Counting(HashingVectorizer):
        calls = 0

        def fit(self, X: Any, y: Any = None) -> Any:
            type(self).calls += 1
            return super().fit(X, y)

    Counting().fit_transform(CONTENT)
    assert Counting.calls == 1
