"""Random documents whose terms are common, rare, or in one part alone."""

from __future__ import annotations

import numpy as np

_WORDS = np.array(
    ["the", "a1", "cat", "dog", "Über", "straße", "naïve", "zebra", "don't", "42"]
    + [f"rare{number}" for number in range(12)]
)
_SHARES = 1.0 / np.arange(1, len(_WORDS) + 1) ** 1.2


def documents(rng: np.random.Generator, n_documents: int) -> np.ndarray:
    """Return documents, of which the first has terms for sure."""
    shares = _SHARES / _SHARES.sum()
    texts = [
        " ".join(rng.choice(_WORDS, rng.integers(0, 12), p=shares))
        for _ in range(n_documents)
    ]
    texts[0] += " the cat"
    return np.array(texts, dtype=object)
