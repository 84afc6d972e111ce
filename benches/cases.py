"""The inputs that the benchmarks from Python run on, by class.

Texts are made from a fixed seed, so they are the same everywhere. A scale of 1 means
40 MB of text a class, a million short strings, and one document of 100 MB.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from sklearn import feature_extraction as sklearn_features
from sklearn.feature_extraction.text import HashingVectorizer as SklearnVectorizer
from sklearn.utils import murmurhash3_32

from shardfit.feature_extraction import FeatureHasher
from shardfit.feature_extraction.text import HashingVectorizer

__all__ = ["CASES", "Case", "corpora"]

CLASS_BYTES = 40_000_000
LONG_DOCUMENT_BYTES = 100_000_000
SHORT_STRINGS = 1_000_000
VOCABULARY = 30_000

ENGLISH = "etaoinshrdlucmfwypvbgkjqxzTAIS"
ACCENTED = "etaoinsrdlucmpvéèàçêôûïbgfqhxjzTAIÉ"
CYRILLIC = "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъПВ"
CJK = "".join(map(chr, range(0x4E00, 0x5E00)))


@dataclass(frozen=True)
class Case:
    """A class of input and how it is transformed."""

    name: str
    documents: Callable[[float], list[Any]]  # takes the scale
    parameters: dict[str, Any] = field(default_factory=dict)
    hashes_features: bool = False
    calls: int = 1  # of `transform`, where one takes too little time to be measured

    def __str__(self) -> str:
        """Return the name, which becomes that of a test."""
        return self.name

    def sklearn(self) -> Any:
        """Return the estimator of scikit-learn."""
        if self.hashes_features:
            return sklearn_features.FeatureHasher(**self.parameters)
        return SklearnVectorizer(**self.parameters)

    def shardfit(self, n_jobs: int) -> Any:
        """Return the estimator of shardfit."""
        if self.hashes_features:
            return FeatureHasher(**self.parameters, n_jobs=n_jobs)
        return HashingVectorizer(**self.parameters, n_jobs=n_jobs)


def size(documents: list[Any]) -> int:
    """Return the bytes of all texts, or names of features, in UTF-8."""
    return sum(
        len(document.encode()) if isinstance(document, str) else size(list(document))
        for document in documents
    )


def _words(letters: str, longest: int) -> np.ndarray[Any, Any]:
    """Return the words of a language whose letters are in order of frequency."""
    rng = np.random.default_rng(0)
    ranks = np.minimum(
        rng.geometric(3 / len(letters), (VOCABULARY, longest)), len(letters)
    )
    lengths = rng.integers(1, longest + 1, VOCABULARY)
    return np.array(
        [
            "".join(letters[rank - 1] for rank in row[:length])
            for row, length in zip(ranks, lengths, strict=True)
        ]
    )


def _sequence(words: np.ndarray[Any, Any], n_bytes: float, gap: str = " ") -> list[str]:
    """Return so many words, few of them often and many of them rarely."""
    rng = np.random.default_rng(1)
    mean = np.mean([len((word + gap).encode()) for word in words.tolist()])
    ranks = len(words) ** rng.random(int(n_bytes / mean)) - 1
    return words[ranks.astype(np.intp)].tolist()  # type: ignore[no-any-return]


def _prose(
    letters: str, longest: int = 9, gap: str = " "
) -> Callable[[float], list[str]]:
    """Return a maker of documents of 250 words."""

    def documents(scale: float) -> list[str]:
        words = _sequence(_words(letters, longest), CLASS_BYTES * scale, gap)
        return [gap.join(words[i : i + 250]) for i in range(0, len(words), 250)]

    return documents


def _english(n_bytes: float) -> str:
    return " ".join(_sequence(_words(ENGLISH, 9), n_bytes))


def _short_strings(scale: float) -> list[str]:
    text = _english(10 * SHORT_STRINGS * scale)
    return [text[i : i + 10] for i in range(0, len(text), 10)]


def _repeated(text: str) -> Callable[[float], list[str]]:
    return lambda scale: [text * int(CLASS_BYTES * scale / len(text))]


def _unique(scale: float) -> list[str]:
    return [" ".join(f"{i:07x}" for i in range(int(CLASS_BYTES * scale / 8)))]


def _crowded(scale: float) -> list[str]:
    """Return a document whose words all hash to a thousandth of the columns."""
    candidates = (f"{i:x}" for i in range(1 << 19))
    words = [w for w in candidates if abs(murmurhash3_32(w)) % 2**20 < 2**10]
    return [" ".join(_sequence(np.array(words), CLASS_BYTES * scale))]


def _token_lists(scale: float) -> list[list[str]]:
    return [text.split() for text in _prose(ENGLISH)(scale)]


def _counts(scale: float) -> list[dict[str, int]]:
    lists = _token_lists(scale)
    return [{token: tokens.count(token) for token in tokens} for tokens in lists]


CASES = [
    Case("ascii", _prose(ENGLISH)),
    Case("accented", _prose(ACCENTED)),
    Case("cyrillic", _prose(CYRILLIC)),
    Case("cjk", _prose(CJK, 6, "\uff0c")),
    Case("a million strings of 10 characters", _short_strings),
    Case(
        "one document of 100 MB", lambda scale: [_english(LONG_DOCUMENT_BYTES * scale)]
    ),
    Case("one document a call", lambda _: [_english(1500)], calls=100),
    Case("n_features=2**4", _prose(ENGLISH), {"n_features": 2**4}),
    Case("n_features=1000003", _prose(ENGLISH), {"n_features": 1_000_003}),
    Case("ngram_range=(1, 2)", _prose(ENGLISH), {"ngram_range": (1, 2)}),
    Case(
        "char_wb, ngram_range=(2, 4)",
        lambda scale: _prose(ENGLISH)(scale / 10),
        {"analyzer": "char_wb", "ngram_range": (2, 4)},
    ),
    Case("adversarial: all unique", _unique),
    Case("adversarial: one word", _repeated("spam ")),
    Case("adversarial: one letter", _repeated("a "), {"token_pattern": r"(?u)\b\w+\b"}),
    Case("adversarial: one token", _repeated("x")),
    Case("adversarial: crowded columns", _crowded),
    Case("FeatureHasher, dict", _counts, hashes_features=True),
    Case(
        "FeatureHasher, string",
        _token_lists,
        {"input_type": "string"},
        hashes_features=True,
    ),
]


def corpora() -> list[Case]:
    """Return a case for each Parquet file with a column `text` in SHARDFIT_CORPORA."""
    folder = os.environ.get("SHARDFIT_CORPORA")
    if not folder:
        return []
    from pyarrow import parquet  # noqa: PLC0415

    def texts(path: Path) -> Callable[[float], list[str]]:
        return lambda _: parquet.read_table(path, columns=["text"])["text"].to_pylist()

    return [
        Case(path.stem, texts(path))
        for path in sorted(Path(folder).glob("*.parquet"))
        if "text" in parquet.read_schema(path).names
    ]
