"""The inputs that the benchmarks from Python run on, by class.

Texts are made from a fixed seed, so they are the same everywhere. A scale of 1 means
40 MB of text a class, a million short strings, one document of 100 MB and one token of
50 MB. Files of somebody's own stay as large as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.utils import murmurhash3_32

__all__ = [
    "COLLIDING",
    "FEATURES",
    "HASHED",
    "LANGUAGES",
    "MATRICES",
    "ONE_A_CALL",
    "PROSE",
    "TEXTS",
    "Input",
    "corpora",
    "size",
]

CLASS_BYTES = 40_000_000
LONG_DOCUMENT_BYTES = 100_000_000
LONG_TOKEN_BYTES = 50_000_000
SHORT_STRINGS = 1_000_000
VOCABULARY = 30_000

ENGLISH = "etaoinshrdlucmfwypvbgkjqxzTAIS"
ACCENTED = "etaoinsrdlucmpvéèàçêôûïbgfqhxjzTAIÉ"
CYRILLIC = "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъПВ"
CJK = "".join(map(chr, range(0x4E00, 0x5E00)))
# What is neither white space nor changed by lower-casing.
LOWER_ASCII = "".join(c for c in map(chr, range(0x21, 0x7F)) if not c.isupper())

Maker = Callable[[float], Any]  # takes the scale


@dataclass(frozen=True)
class Input:
    """A class of input, and the parameters of the estimators that it is given to."""

    name: str
    documents: Maker
    parameters: dict[str, Any] = field(default_factory=dict)
    past: Maker | None = None  # what was fitted before; None: the same documents
    calls: int = 1  # of the operation, where one takes too little time to be measured


def size(documents: Any) -> int:
    """Return the bytes of all texts, or names of features, in UTF-8; or of a matrix."""
    if issparse(documents):
        arrays = (documents.data, documents.indices, documents.indptr)
        return sum(array.nbytes for array in arrays)
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


def _documents(vocabulary: np.ndarray[Any, Any], scale: float, gap: str) -> list[str]:
    """Return documents of 250 words."""
    words = _sequence(vocabulary, CLASS_BYTES * scale, gap)
    return [gap.join(words[i : i + 250]) for i in range(0, len(words), 250)]


def _prose(letters: str, longest: int = 9, gap: str = " ") -> Maker:
    return lambda scale: _documents(_words(letters, longest), scale, gap)


def _english(n_bytes: float) -> str:
    return " ".join(_sequence(_words(ENGLISH, 9), n_bytes))


def _languages(scale: float) -> list[str]:
    """Return documents of four scripts in turn."""
    scripts = (
        _prose(ENGLISH),
        _prose(ACCENTED),
        _prose(CYRILLIC),
        _prose(CJK, 6, "\uff0c"),
    )
    parts = [documents(scale / len(scripts)) for documents in scripts]
    return [text for texts in zip(*parts, strict=False) for text in texts]


def _one_a_call(n_bytes: int) -> Input:
    """Return a short document, as a web service gets them, one after the other."""
    return Input(
        f"one document of {n_bytes} bytes a call",
        lambda _: [_english(2 * n_bytes)[:n_bytes]],
        past=_prose(ENGLISH),
        calls=100,
    )


def _short_strings(scale: float) -> list[str]:
    text = _english(10 * SHORT_STRINGS * scale)
    return [text[i : i + 10] for i in range(0, len(text), 10)]


def _repeated(text: str) -> Maker:
    return lambda scale: [text * int(CLASS_BYTES * scale / len(text))]


def _unique(scale: float) -> list[str]:
    return [" ".join(f"{i:07x}" for i in range(int(CLASS_BYTES * scale / 8)))]


def _crowded(scale: float) -> list[str]:
    """Return a document whose words all hash to a thousandth of the columns."""
    candidates = (f"{i:x}" for i in range(1 << 19))
    words = [w for w in candidates if abs(murmurhash3_32(w)) % 2**20 < 2**10]
    return [" ".join(_sequence(np.array(words), CLASS_BYTES * scale))]


def _blocks(*shape: int) -> np.ndarray[Any, Any]:
    """Return blocks of 4 random characters, as numbers."""
    characters = np.frombuffer(LOWER_ASCII.encode(), np.uint8)
    rng = np.random.default_rng(2)
    choice = rng.integers(0, len(characters), (*shape, 4), np.uint8)
    blocks: np.ndarray[Any, Any] = characters[choice].view(np.uint32).reshape(shape)
    return blocks


def _as_words(blocks: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the word of each row of two blocks, in any order, each once."""
    words = np.unique(blocks.view("S8")).astype(str)
    return np.random.default_rng(3).permutation(words)


def _random_words(scale: float) -> list[str]:
    """Return documents of as many words of 8 bytes as `_colliding_words` uses."""
    return _documents(_as_words(_blocks(VOCABULARY, 2)), scale, " ")


def _colliding_words(scale: float) -> list[str]:
    """Return documents of words that all have one and the same murmur3 hash.

    For each block of 4 bytes MurmurHash3 does ``state ^= mix(block)``, then
    ``state = rotl(state, 13) * 5 + 0xe6546b64``. A mix is two multiplications by odd
    numbers around a rotation, all of which can be undone. So for each first block
    there is one second block whose mix equals the state that the first has led to; it
    makes the state 0, and all that follows is the same for all these words. One second
    block in 200 consists of characters that can stand in a word.
    """

    def rotl(x: np.ndarray[Any, Any], bits: int) -> np.ndarray[Any, Any]:
        return (x << bits) | (x >> (32 - bits))

    c1, c2 = 0xCC9E2D51, 0x1B873593
    first = _blocks(300 * VOCABULARY)
    state = rotl(rotl(first * c1, 15) * c2, 13) * 5 + 0xE6546B64
    second = rotl(state * pow(c2, -1, 1 << 32), 32 - 15) * pow(c1, -1, 1 << 32)
    is_text = np.isin(second.view(np.uint8).reshape(-1, 4), list(LOWER_ASCII.encode()))
    words = _as_words(np.column_stack([first, second])[is_text.all(axis=1)])
    words = words[:VOCABULARY]  # about a fifth more were found
    assert len({murmurhash3_32(word) for word in words.tolist()}) == 1
    return _documents(words, scale, " ")


def _token_lists(scale: float) -> list[list[str]]:
    return [text.split() for text in _prose(ENGLISH)(scale)]


def _token_counts(scale: float) -> list[dict[str, int]]:
    lists = _token_lists(scale)
    return [{token: tokens.count(token) for token in tokens} for tokens in lists]


def _matrix(dtype: type) -> Maker:
    """Return a maker of the matrix of counts of English documents."""
    return lambda scale: CountVectorizer(dtype=dtype).fit_transform(
        _prose(ENGLISH)(scale)
    )


# What the first table is about, where no files are given.
PROSE = Input("english", _prose(ENGLISH))
LANGUAGES = Input("languages", _languages)

ONE_A_CALL = [_one_a_call(60), _one_a_call(1500)]

# For all vectorizers.
TEXTS = [
    Input("accented", _prose(ACCENTED)),
    Input("cjk", _prose(CJK, 6, "\uff0c")),
    Input("many strings of 10 characters", _short_strings),
    Input("one long document", lambda scale: [_english(LONG_DOCUMENT_BYTES * scale)]),
    Input("one long token", lambda scale: ["x" * int(LONG_TOKEN_BYTES * scale)]),
    Input("adversarial: all unique", _unique),
]

# For those that hash.
HASHED = [
    Input("cyrillic", _prose(CYRILLIC)),
    Input("dense, n_features=2**4", _prose(ENGLISH), {"n_features": 2**4}),
    Input("n_features=1000003", _prose(ENGLISH), {"n_features": 1_000_003}),
    Input("adversarial: one word", _repeated("spam ")),
    Input(
        "adversarial: one letter", _repeated("a "), {"token_pattern": r"(?u)\b\w+\b"}
    ),
    Input("adversarial: crowded columns", _crowded),
]

# For those that look terms up: the second must not be much slower than the first.
COLLIDING = [
    Input("random words of 8 bytes", _random_words, {"token_pattern": r"\S+"}),
    Input(
        "adversarial: the same, of one hash",
        _colliding_words,
        {"token_pattern": r"\S+"},
    ),
]

FEATURES = [
    Input("dict", _token_counts),
    Input("string", _token_lists, {"input_type": "string"}),
]

MATRICES = [
    Input("counts of ascii, int64", _matrix(np.int64)),
    Input("counts of ascii, float64", _matrix(np.float64)),
]


def corpora(folder: Path | None) -> list[Input]:
    """Return the texts of a folder's Parquet files with a column ``text``.

    ``NAME-train.parquet`` and ``NAME-test.parquet`` are one corpus.
    """
    if folder is None:
        return []
    from pyarrow import parquet  # noqa: PLC0415 - an extra

    def maker(paths: list[Path]) -> Maker:
        def texts(_: float) -> list[str]:
            tables = (parquet.read_table(path, columns=["text"]) for path in paths)
            return [text for table in tables for text in table["text"].to_pylist()]

        return texts

    found: dict[str, list[Path]] = {}
    for path in sorted(folder.glob("*.parquet"), reverse=True):  # train before test
        if "text" in parquet.read_schema(path).names:
            name = path.stem.removesuffix("-train").removesuffix("-test")
            found.setdefault(name, []).append(path)
    return [Input(name, maker(paths)) for name, paths in sorted(found.items())]
