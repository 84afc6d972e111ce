"""Many documents, many scripts, colliding hashes and wide indices change nothing."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from sklearn.utils import murmurhash3_32

from shardfit.feature_extraction import _csr
from tests.feature_extraction.comparison import assert_same
from tests.feature_extraction.pairs import Documents, assert_same_steps, pair_of
from tests.feature_extraction.vocabulary_parameters import NAMES

ALPHABETS = [
    "abcdefghijklmnopqrstuvwxyz",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789",
    "àâäçéèêëîïôöùûüÿœæßñ",
    "αβγδεζηθικλμνξοπρστυφχψωΣ",
    "абвгдежзийклмнопрстуфхцч",
    "אבגדהוזחטיכלמנסעפצקרשת",
    "ابتثجحخدذرزسشصضطظعغفقكلمنهوي",
    "あいうえおかきくけこさしすせそ",
    "日本語中文字符漢学校先生東京大阪",
    "가나다라마바사아자차카타파하",
    "कखगघचछजझटठडढणतथ",
    "𐐀𐐁𐐂𐐃𐐨𐐩𐐪𐐫𝕳𝖊𝖑𝟘𝟙𝟚",
    "İıŞşĞğ",
]
# With the first, there is nothing to merge; three do not share out evenly.
THREADS = [1, 3, 7]
STEPS = ["fit_transform", "transform others", "vocabulary_", "names"]


def _words(rng: np.random.Generator, count: int) -> list[str]:
    """Return different words of one script each."""
    words: dict[str, None] = {}
    while len(words) < count:
        alphabet = ALPHABETS[int(rng.integers(len(ALPHABETS)))]
        length = int(rng.integers(2, 13))
        words["".join(rng.choice(list(alphabet), length))] = None
    return list(words)


def _corpus(seed: int, n_documents: int, n_words: int, longest: int) -> list[str]:
    """Return documents in which new words keep coming, and old ones come again."""
    rng = np.random.default_rng(seed)
    words = np.array(_words(rng, n_words), dtype=object)
    texts = []
    for number in range(n_documents):
        known = max(20, n_words * (number + 1) // n_documents)
        length = int(rng.integers(0, longest))
        often = rng.zipf(1.3, length) % known
        anywhere = rng.integers(0, known, length)
        chosen = np.where(rng.random(length) < 0.7, often, known - 1 - anywhere)
        texts.append(" ".join(words[chosen]))
    # One document alone is more than a thread's share.
    texts[n_documents // 2] = " ".join(words[rng.integers(0, n_words, 40_000)])
    return texts


@pytest.fixture(scope="module")
def many_scripts() -> Documents:
    texts = _corpus(0, 1200, 20_000, 110)
    assert sum(len(text.encode()) for text in texts) > 1_000_000
    return Documents(texts, texts[::-3] + _corpus(1, 300, 2000, 100))


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"ngram_range": (1, 2), "min_df": 2, "max_df": 0.2},
        {"max_features": 500, "token_pattern": r"\S+", "binary": True},
        {"strip_accents": "unicode", "lowercase": False, "stop_words": "english"},
    ],
    ids=repr,
)
@pytest.mark.parametrize("name", NAMES)
def test_many_scripts(
    name: str, parameters: dict[str, Any], many_scripts: Documents
) -> None:
    _same_with_threads(name, parameters, many_scripts)


@pytest.mark.parametrize("name", NAMES)
def test_many_characters(name: str, many_scripts: Documents) -> None:
    parameters = {"analyzer": "char_wb", "ngram_range": (2, 3)}
    some = Documents(many_scripts.learned[::4], many_scripts.others[::9])
    _same_with_threads(name, parameters, some)


def _same_with_threads(
    name: str, parameters: dict[str, Any], documents: Documents
) -> None:
    """Compare for several numbers of threads, with scikit-learn once."""
    pair = pair_of(name, {**parameters, "n_jobs": THREADS[0]})
    expected = assert_same_steps(pair, documents, STEPS)
    for n_jobs in THREADS[1:]:
        again = pair_of(name, {**parameters, "n_jobs": n_jobs})
        again.theirs = again.ours
        for step, seen in zip(
            STEPS, assert_same_steps(again, documents, STEPS), strict=True
        ):
            assert_same(seen, expected[STEPS.index(step)], (parameters, n_jobs, step))


@pytest.mark.parametrize("name", NAMES)
def test_more_text_than_is_read_at_once(name: str) -> None:
    # 64 MB are: here of long words, which take scikit-learn little time.
    words = [f"{letter}{n}" * 400 for n in range(60) for letter in "zyx"]
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(words, 33)) for _ in range(2000)]
    texts += [f"late{n} {text}" for n, text in enumerate(texts[::100])]
    assert sum(map(len, texts)) > 70 * 2**20
    documents = Documents(texts, texts[1999:], iter)
    pair = pair_of(name, {"n_jobs": 2, "lowercase": False})
    assert_same_steps(pair, documents, STEPS)


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("count", [1, 1023, 1025, 20_000])
@pytest.mark.parametrize("name", NAMES)
def test_many_small_documents(name: str, count: int, n_jobs: int) -> None:
    content = [f"document number {n} é{n % 97}" for n in range(count)]
    pair = pair_of(name, {"n_jobs": n_jobs})
    assert_same_steps(pair, Documents(content, content[::-2], iter), STEPS)


# Each has more entries than 3000, also those whose terms are given.
WIDE_CASES: list[tuple[str, dict[str, Any]]] = [
    *[("CountVectorizer", parameters) for parameters in ({}, {"min_df": 2})],
    *[("CountVectorizer", {"max_features": 3}), ("CountVectorizer", {"dtype": "f4"})],
    ("CountVectorizer", {"vocabulary": ["fox", "dog", "w1"]}),
    *[("TfidfVectorizer", parameters) for parameters in ({}, {"max_features": 3})],
    *[("TfidfVectorizer", {"norm": None}), ("TfidfVectorizer", {"dtype": np.float32})],
    ("TfidfVectorizer", {"vocabulary": ["fox", "dog", "w1"], "norm": "l1"}),
]


@pytest.mark.parametrize(("name", "parameters"), WIDE_CASES, ids=repr)
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_indices_become_wide_with_many_entries(
    name: str,
    parameters: dict[str, Any],
    n_jobs: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = [f"the fox{n % 7} fox dog w{n}" for n in range(4000)]
    pair = pair_of(name, {**parameters, "n_jobs": n_jobs})
    wrap, widths = _csr.wrap_csr, []

    def note_and_wrap(
        data: Any, indices: Any, indptr: Any, *rest: Any, **more: Any
    ) -> Any:
        widths.append((indices.dtype, indptr.dtype))
        return wrap(data, indices, indptr, *rest, **more)

    # SciPy makes them narrow again where they are so few.
    monkeypatch.setattr(_csr, "wrap_csr", note_and_wrap)
    for limit, width in ((3000, np.int64), (10**6, np.int32)):
        monkeypatch.setattr(_csr, "max_int32_entries", limit)
        for step in ("fit_transform", "transform", "transform others"):
            widths.clear()
            assert_same_steps(pair, Documents(content, content[::-1]), [step])
            assert widths == [(np.dtype(width), np.dtype(width))]


def _rotated(x: Any, bits: int) -> Any:
    return (x << np.uint32(bits)) | (x >> np.uint32(32 - bits))


def _colliding_words(wanted: int, target: int) -> list[str]:
    """Return words of twelve bytes that share one MurmurHash3 of 32 bits.

    The hash of a word is a bijection of its last block of four bytes, whatever comes
    before: `h = rotl(h ^ mix(block), 13) * 5 + n`, and then a finalizer, all of which
    can be undone. So any eight bytes can be completed to reach a given state, and the
    words are those for which the completion happens to be letters and digits.
    """
    c1, c2, n = np.uint32(0xCC9E2D51), np.uint32(0x1B873593), np.uint32(0xE6546B64)
    inverse = {c: np.uint32(pow(int(c), -1, 2**32)) for c in (c1, c2, np.uint32(5))}
    letters = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz0123456789", dtype=np.uint8)
    allowed = np.zeros(256, dtype=bool)
    allowed[letters] = True
    reached = (target - int(n)) * int(inverse[np.uint32(5)]) % 2**32
    before_last = _rotated(np.uint32(reached), 19)
    rng = np.random.default_rng(0)
    words: dict[str, None] = {}
    with np.errstate(over="ignore"):
        while len(words) < wanted:
            start = rng.choice(letters, (1_000_000, 8))
            state = np.zeros(len(start), dtype=np.uint32)
            for block in start.view("<u4").T:
                state = state ^ (_rotated(block * c1, 15) * c2)
                state = _rotated(state, 13) * np.uint32(5) + n
            mixed = _rotated((state ^ before_last) * inverse[c2], 17) * inverse[c1]
            end = mixed.astype("<u4").view(np.uint8).reshape(-1, 4)
            found = allowed[end].all(axis=1)
            rows = np.concatenate([start[found], end[found]], axis=1)
            words.update(dict.fromkeys(bytes(row).decode() for row in rows))
    return list(itertools.islice(words, wanted))


@pytest.mark.parametrize("name", NAMES)
def test_words_of_the_same_hash(name: str) -> None:
    words = _colliding_words(1500, 0x12345678)
    assert len({murmurhash3_32(word) for word in words}) == 1
    rng = np.random.default_rng(1)
    texts = [
        " ".join(rng.choice(words, 100)) + f" common word{n % 9}" for n in range(400)
    ]
    for parameters in ({}, {"ngram_range": (1, 2), "min_df": 2}):
        _same_with_threads(name, parameters, Documents(texts, texts[::-3]))
