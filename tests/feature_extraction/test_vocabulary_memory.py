"""The memory of a fit does not exceed by much what it returns."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from functools import cache

import pytest

from tests.feature_extraction.vocabulary_parameters import NAMES
from tests.peak_memory import PEAK

pytest.importorskip("resource", reason="peak memory is not known on this platform")

# Some 36 MB shaped like news: words of a Zipf distribution, some 170,000 different
# ones, and 150 different ones per document.
FIT = """
    import sys
    import numpy as np
    from shardfit.feature_extraction import text

    n_words, n_documents, length = 176_000, 24_500, 220
    rng = np.random.default_rng(0)
    letters = np.frombuffer(b"etaoinshrdlucmfwypvbgkjqxz", dtype=np.uint8)
    rows = rng.choice(letters, (n_words, 10))
    sizes = np.minimum(3 + np.arange(n_words) ** 0.5 // 12, 10).astype(int)
    words = np.array([bytes(row[:n]).decode() for row, n in zip(rows, sizes)], object)
    shares = np.cumsum(1.0 / (np.arange(n_words) + 2) ** 1.0)
    documents = []
    # A few at a time: what this takes must not hide what the fit takes.
    for _ in range(n_documents // 50):
        drawn = rng.random((50, length)) * shares[-1]
        drawn[:, 180:] = drawn[:, :40]  # What a text is about comes again.
        documents += map(" ".join, words[np.searchsorted(shares, drawn)])
    vectorizer = getattr(text, sys.argv[1])(n_jobs=int(sys.argv[2]))
    # What is set up once is no part of it.
    vectorizer.fit_transform(documents[:10])
    before = peak()
    X = vectorizer.fit_transform(documents)
    returned = X.data.nbytes + X.indices.nbytes + X.indptr.nbytes
    distinct = X.nnz / n_documents
    size = sum(map(len, documents))
    print(peak() - before, returned, distinct, X.shape[1], size)
"""


@cache
def _fit(name: str, n_jobs: int) -> tuple[float, ...]:
    done = subprocess.run(
        [sys.executable, "-c", PEAK + textwrap.dedent(FIT), name, str(n_jobs)],
        capture_output=True,
        text=True,
        check=True,
    )
    return tuple(map(float, done.stdout.split()))


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("name", NAMES)
def test_peak_of_fit_transform(name: str, n_jobs: int) -> None:
    raised, returned, distinct, n_terms, size = _fit(name, n_jobs)
    assert 140 < distinct < 160
    assert 165_000 < n_terms < 175_000
    assert 35e6 < size < 38e6
    # While one thread is held up, what the others have written waits for its turn.
    assert raised <= (1.5 if n_jobs == 1 else 1.6) * returned
