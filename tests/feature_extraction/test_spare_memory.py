"""Memory that one matrix has given back serves the next, and nobody else loses it."""

from __future__ import annotations

import os

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer as SklearnCounts
from sklearn.feature_extraction.text import HashingVectorizer as SklearnHashing

from shardfit.feature_extraction.text import CountVectorizer, HashingVectorizer

# Enough for arrays of several MiB, which the core keeps when they are dropped.
FIRST = [" ".join(f"w{n * k % 9973}" for k in range(300)) for n in range(1, 3001)]
SECOND = [" ".join(f"v{n * k % 9967}" for k in range(280)) for n in range(1, 3001)]

pairs = pytest.mark.parametrize(
    ("ours", "theirs"),
    [(HashingVectorizer, SklearnHashing), (CountVectorizer, SklearnCounts)],
)


@pairs
def test_matrices_in_used_memory_are_right(ours: type, theirs: type) -> None:
    expected = [theirs().fit_transform(texts) for texts in (FIRST, SECOND)]
    for _ in range(2):
        for texts, right in zip((FIRST, SECOND), expected, strict=True):
            X = ours(n_jobs=2).fit_transform(texts)
            assert X.data.nbytes > 2**22
            assert np.array_equal(X.data, right.data)
            assert np.array_equal(X.indices, right.indices)
            assert np.array_equal(X.indptr, right.indptr)
            del X


@pairs
def test_a_view_keeps_the_memory_of_its_matrix(ours: type, theirs: type) -> None:
    X = ours().fit_transform(FIRST)
    data, indices = X.data[1000:], X.indices[1000:].view(np.uint32)
    copies = data.copy(), indices.copy()
    del X
    others = [ours().fit_transform(SECOND) for _ in range(3)]
    assert np.array_equal(data, copies[0])
    assert np.array_equal(indices, copies[1])
    # Nor do matrices that live side by side share any.
    others[0].data[:] = 7
    assert np.array_equal(others[1].data, theirs().fit_transform(SECOND).data)
    assert np.array_equal(others[1].data, others[2].data)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform cannot fork")
def test_a_forked_child_uses_what_it_finds() -> None:
    vectorizer = HashingVectorizer()
    expected = vectorizer.transform(FIRST).data.copy()
    child = os.fork()
    if child == 0:
        is_right = np.array_equal(vectorizer.transform(FIRST).data, expected)
        os._exit(0 if is_right else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert np.array_equal(vectorizer.transform(FIRST).data, expected)
