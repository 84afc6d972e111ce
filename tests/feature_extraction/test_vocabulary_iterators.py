"""Documents from an iterator, where few of them do not pay for a copy of the dict."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from shardfit.feature_extraction.text import CountVectorizer

pytestmark = pytest.mark.filterwarnings("error")

DOCUMENTS = [f"first{i} second{i} third{i} common" for i in range(7000)]


@pytest.fixture(scope="module")
def vectorizer() -> CountVectorizer:
    """One whose dict has been read, with more than 20,000 terms."""
    vectorizer = CountVectorizer(n_jobs=2).fit(DOCUMENTS)
    assert len(vectorizer.vocabulary_) > 20_000
    return vectorizer


@pytest.mark.parametrize("number", [1, 5, 6, 7, 8, 9, 200, 7000])
def test_any_number_of_documents(vectorizer: Any, number: int) -> None:
    expected = CountVectorizer().fit(DOCUMENTS).transform(DOCUMENTS[:number])
    got = vectorizer.transform(iter(DOCUMENTS[:number]))
    assert got.shape == expected.shape
    assert (got != expected).nnz == 0


class _Broken(Exception):
    pass


def _breaking(documents: list[Any]) -> Iterator[Any]:
    yield from documents
    raise _Broken


@pytest.mark.parametrize("number", [0, 1, 6, 7, 8, 50])
def test_an_iterator_that_fails(vectorizer: Any, number: int) -> None:
    with pytest.raises(_Broken):
        vectorizer.transform(_breaking(DOCUMENTS[:number]))


@pytest.mark.parametrize(
    ("bad", "error"), [(b"\xff", UnicodeDecodeError), (5, AttributeError)]
)
def test_a_bad_document_comes_before_a_failure(
    vectorizer: Any, bad: Any, error: type[Exception]
) -> None:
    with pytest.raises(error):
        vectorizer.transform(_breaking(["common", bad]))
