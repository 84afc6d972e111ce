"""HashingVectorizer(store_features=...): names for columns."""

from __future__ import annotations

import copy
import pickle
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.utils import murmurhash3_32

from shardfit.feature_extraction.text import HashingVectorizer, TfidfTransformer
from tests.feature_extraction.comparison import assert_same, observe
from tests.feature_extraction.kernels import given_and_kernel
from tests.feature_extraction.parameters import native_parameters
from tests.feature_extraction.strategies import texts

DOCUMENTS = ["the cat and the dog", "the dog ran", "a bird"]
DISTINCT_WORDS = 20_000


def _names(
    vectorizer: HashingVectorizer, documents: list[str]
) -> list[list[tuple[str, bool]]]:
    """Return the terms of each column and whether they count as -1, naively."""
    analyze = vectorizer.build_analyzer()
    counts: Counter[str] = Counter()
    for document in documents:
        counts.update(analyze(document))
    columns: list[list[tuple[str, bool]]] = [[] for _ in range(vectorizer.n_features)]
    # A sort by count that leaves the order of first sight where counts are equal.
    for term, _ in sorted(counts.items(), key=lambda item: -item[1]):
        hashed = murmurhash3_32(term)
        negative = bool(hashed < 0 and vectorizer.alternate_sign)
        columns[abs(hashed) % vectorizer.n_features].append((term, negative))
    return columns


def _shown(columns: list[list[tuple[str, bool]]]) -> list[str]:
    return [" | ".join("-" * negative + term for term, negative in c) for c in columns]


@given_and_kernel(
    st.lists(texts, min_size=1, max_size=6),
    native_parameters(),
    st.sampled_from([1, 3, 16, 1000]),
)
def test_names_are_the_terms_most_frequent_first(
    documents: list[str], parameters: dict[str, Any], n_features: int
) -> None:
    # Which dtypes are refused, another test says.
    parameters = {**parameters, "n_features": n_features, "dtype": np.float64}
    plain = observe(lambda: HashingVectorizer(**parameters).transform(documents))
    vectorizer = HashingVectorizer(**parameters, store_features=True)
    assert_same(observe(lambda: vectorizer.transform(documents)), plain)
    if plain.failed:
        return
    expected = _shown(_names(vectorizer, documents))
    assert vectorizer.get_feature_names_out().tolist() == expected


def test_inverse_transform_names_what_is_not_zero() -> None:
    vectorizer = HashingVectorizer(n_features=2**10, store_features=True)
    X = vectorizer.transform(DOCUMENTS)
    terms = [
        {name.lstrip("-") for name in row} for row in vectorizer.inverse_transform(X)
    ]
    analyze = vectorizer.build_analyzer()
    assert terms == [set(analyze(document)) for document in DOCUMENTS]
    dense = vectorizer.inverse_transform(X.toarray())
    sparse = vectorizer.inverse_transform(X)
    assert [row.tolist() for row in dense] == [row.tolist() for row in sparse]
    X.data[:] = 0
    assert all(len(row) == 0 for row in vectorizer.inverse_transform(X))


def test_all_terms_that_collide_are_named() -> None:
    vectorizer = HashingVectorizer(n_features=1, store_features=True)
    vectorizer.transform(DOCUMENTS)
    names = vectorizer.get_feature_names_out()
    assert [name.lstrip("-") for name in names[0].split(" | ")] == [
        *["the", "dog", "cat", "and", "ran", "bird"]
    ]


def _split(document: str) -> list[str]:
    return document.split()


def _encoded(document: str) -> list[bytes]:
    return [word.encode() for word in document.split()] + [b"\xff"]


@pytest.mark.parametrize("analyzer", [_split, _encoded])
def test_terms_of_a_callable_are_kept_too(analyzer: Callable[[str], list[Any]]) -> None:
    vectorizer = HashingVectorizer(
        analyzer=analyzer, n_features=2**12, alternate_sign=False, store_features=True
    )
    vectorizer.transform(DOCUMENTS)
    names = set(vectorizer.get_feature_names_out()) - {""}
    expected = {"the", "cat", "and", "dog", "ran", "a", "bird"}
    assert names == (expected | {"\\xff"} if analyzer is _encoded else expected)
    again = pickle.loads(pickle.dumps(vectorizer))
    assert (again.get_feature_names_out() == vectorizer.get_feature_names_out()).all()


def test_terms_add_up_until_fit_forgets_them() -> None:
    vectorizer = HashingVectorizer(n_features=2**12, store_features=True)
    for document in DOCUMENTS:
        vectorizer.transform([document])
    at_once = HashingVectorizer(n_features=2**12, store_features=True)
    at_once.transform(DOCUMENTS)
    names = at_once.get_feature_names_out()
    assert (vectorizer.get_feature_names_out() == names).all()
    vectorizer.fit_transform(DOCUMENTS[2:])
    assert set(vectorizer.get_feature_names_out()) - {""} == {"-bird"}
    vectorizer.fit(DOCUMENTS)
    with pytest.raises(NotFittedError, match="transform"):
        vectorizer.get_feature_names_out()


def test_pickles_and_copies_keep_the_terms_and_clones_do_not() -> None:
    vectorizer = HashingVectorizer(n_features=2**12, store_features=True)
    vectorizer.transform(DOCUMENTS[:2])
    for other in (pickle.loads(pickle.dumps(vectorizer)), copy.deepcopy(vectorizer)):
        other.transform(DOCUMENTS[2:])
        names = set(other.get_feature_names_out())
        assert {name.lstrip("-") for name in names} >= {"cat", "bird"}
    assert b"_rust" not in pickle.dumps(vectorizer)
    assert "bird" not in str(vectorizer.get_feature_names_out().tolist())
    with pytest.raises(NotFittedError):
        clone(vectorizer).get_feature_names_out()


def _zipf_like_words() -> list[str]:
    rare = [f"rare{number:05}" for number in range(DISTINCT_WORDS)]
    return [
        " ".join([*rare[i : i + 10], "often", "again"]) for i in range(0, 20_000, 10)
    ]


@pytest.mark.parametrize("n_jobs", [1, 2, 3])
def test_the_rarest_go_when_memory_ends(n_jobs: int) -> None:
    bound = 100_000
    vectorizer = HashingVectorizer(store_features=bound, n_jobs=n_jobs)
    X = vectorizer.transform(_zipf_like_words())
    names = {name.lstrip("-") for name in vectorizer.get_feature_names_out()} - {""}
    assert {"often", "again"} < names
    # A name takes some hundred bytes in the core; without a bound there are more.
    assert 100 < len(names) < bound // 48
    everything = HashingVectorizer(store_features=True)
    assert (everything.transform(_zipf_like_words()) != X).nnz == 0
    named = everything.get_feature_names_out() != ""
    assert named.sum() > DISTINCT_WORDS * 0.9


def test_what_is_kept_does_not_depend_on_the_number_of_threads() -> None:
    documents = _zipf_like_words() * 12
    names = []
    for n_jobs in (1, 2, 3):
        vectorizer = HashingVectorizer(store_features=200_000, n_jobs=n_jobs)
        vectorizer.transform(documents)
        names.append(vectorizer.get_feature_names_out())
    assert (names[0] == names[1]).all()
    assert (names[0] == names[2]).all()


def test_a_failed_transform_stores_nothing() -> None:
    vectorizer = HashingVectorizer(n_features=2**12, store_features=True)
    broken: list[Any] = [*DOCUMENTS * 3000, None]
    with pytest.raises(AttributeError):
        vectorizer.transform(broken)
    with pytest.raises(NotFittedError):
        vectorizer.get_feature_names_out()
    vectorizer.transform(DOCUMENTS)
    assert vectorizer._features.n_documents == len(DOCUMENTS)


def test_without_the_option_there_are_no_names() -> None:
    vectorizer = HashingVectorizer()
    assert not hasattr(vectorizer, "get_feature_names_out")
    assert not hasattr(vectorizer, "inverse_transform")
    vectorizer.transform(DOCUMENTS)
    assert "_features" not in vars(vectorizer)


@pytest.mark.parametrize("value", [0, -1, 2, 2**16 - 1, "1GB", 1.5, None])
def test_nonsensical_bounds_are_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="store_features"):
        HashingVectorizer(store_features=value).fit_transform(DOCUMENTS)


def test_a_dtype_without_core_is_refused() -> None:
    vectorizer = HashingVectorizer(store_features=True, dtype=np.longdouble)
    with pytest.raises(ValueError, match="longdouble"):
        vectorizer.transform(DOCUMENTS)


def test_another_number_of_columns_is_refused() -> None:
    vectorizer = HashingVectorizer(n_features=8, store_features=True)
    X = vectorizer.transform(DOCUMENTS)
    with pytest.raises(ValueError, match="7 columns"):
        vectorizer.inverse_transform(X[:, :7])


def test_names_go_through_a_pipeline() -> None:
    hashing = HashingVectorizer(n_features=64, norm=None, store_features=True)
    pipeline = make_pipeline(hashing, TfidfTransformer()).fit(DOCUMENTS)
    names = pipeline.get_feature_names_out()
    assert (names == hashing.get_feature_names_out()).all()
