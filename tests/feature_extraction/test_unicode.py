"""Every code point, alone and in context, is treated as scikit-learn treats it.

Many code points share a document, because a document costs more than a character;
where two documents differ, the search goes on among the code points in them.
"""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from sklearn.feature_extraction.text import (
    HashingVectorizer as SklearnHashingVectorizer,
)

from shardfit.feature_extraction.text import HashingVectorizer
from tests.feature_extraction.comparison import assert_same_vectorizer
from tests.feature_extraction.kernels import KERNELS, using

# With this many columns two different tokens practically never share one.
COLUMNS = 2**31 - 2
CODE_POINTS_PER_DOCUMENT = 128
SURROGATES = range(0xD800, 0xE000)
EVERY_SCALAR = [n for n in range(sys.maxunicode + 1) if n not in SURROGATES]
# Planes 4 to 13 are unassigned and 15 and 16 private: their edges are enough where a
# character costs many tokens.
BUSY_SCALARS = [
    n
    for n in EVERY_SCALAR
    if n >> 16 in (0, 1, 2, 3, 14) or not 64 <= n % 65536 < 65472
]

Contexts = Callable[[str], str]


def _differing(
    code_points: Sequence[int], contexts: Contexts, parameters: dict[str, Any]
) -> list[str]:
    step = CODE_POINTS_PER_DOCUMENT
    blocks = [code_points[i : i + step] for i in range(0, len(code_points), step)]
    content = [" \n".join(contexts(chr(n)) for n in block) for block in blocks]
    unequal = _unequal_rows(content, parameters)
    suspects = [chr(n) for position in unequal[:8] for n in blocks[position]]
    found = _unequal_rows([contexts(c) for c in suspects], parameters)
    if len(unequal) and not len(found):
        return [f"only together: {content[unequal[0]]!r}"]
    return [f"U+{ord(suspects[position]):04X}" for position in found]


def _unequal_rows(content: list[str], parameters: dict[str, Any]) -> list[int]:
    if not content:
        return []
    options = {"n_features": COLUMNS, "norm": None, **parameters}
    theirs = SklearnHashingVectorizer(**options).transform(content)
    unequal: set[int] = set()
    for kernel in KERNELS:
        with using(kernel):
            ours = HashingVectorizer(**options, n_jobs=2).transform(content)
        assert ours.shape == theirs.shape
        if not all(
            np.array_equal(getattr(ours, name), getattr(theirs, name))
            for name in ("indptr", "indices", "data")
        ):
            rows = range(len(content))
            unequal.update(n for n in rows if _row(ours, n) != _row(theirs, n))
    return sorted(unequal)


def _row(matrix: Any, number: int) -> tuple[bytes, bytes]:
    entries = slice(matrix.indptr[number], matrix.indptr[number + 1])
    return matrix.indices[entries].tobytes(), matrix.data[entries].tobytes()


def _tight(c: str) -> str:
    return f"a{c}b {c}{c} A{c}Σ"


def _spread(c: str) -> str:
    return f"a{c} {c} {c}{c}b 1{c}1"


def _sigma(c: str) -> str:
    return f"A{c}Σ AΣ{c} AΣ{c}B {c}Σ Σ{c} A{c}{c}Σ{c}{c} A\u0301{c}Σ{c}\u00adb"


def _composed(c: str) -> str:
    return f"{c} a{c}\u0300 \u0315{c}\u0323 {c}\u0338\u0345 \u1100{c}\u11a8"


@pytest.mark.parametrize("lowercase", [True, False])
@pytest.mark.parametrize("contexts", [_tight, _spread])
def test_which_characters_are_words(contexts: Contexts, lowercase: bool) -> None:
    parameters = {"lowercase": lowercase}
    assert _differing(EVERY_SCALAR, contexts, parameters) == []


@pytest.mark.parametrize(
    ("contexts", "code_points"), [(_sigma, BUSY_SCALARS), (_tight, EVERY_SCALAR)]
)
def test_lower_case_and_final_sigma(contexts: Contexts, code_points: list[int]) -> None:
    # One token per context, so that nothing of it escapes the comparison.
    assert _differing(code_points, contexts, {"token_pattern": r"\S+"}) == []


@pytest.mark.parametrize("accents", ["unicode", "ascii"])
@pytest.mark.parametrize("lowercase", [True, False])
def test_accents(accents: str, lowercase: bool) -> None:
    parameters = {
        "strip_accents": accents,
        "lowercase": lowercase,
        "token_pattern": r"\S+",
    }
    contexts = _composed if not lowercase else _tight
    assert _differing(BUSY_SCALARS, contexts, parameters) == []


@pytest.mark.parametrize("accents", ["unicode", "ascii"])
def test_words_after_accents(accents: str) -> None:
    parameters = {"strip_accents": accents, "token_pattern": r"(?u)\b\w+\b"}
    assert _differing(BUSY_SCALARS, _tight, parameters) == []


@pytest.mark.parametrize("accents", [None, "unicode", "ascii"])
@pytest.mark.parametrize(("analyzer", "n"), [("char", 1), ("char", 3), ("char_wb", 4)])
def test_characters(analyzer: str, n: int, accents: str | None) -> None:
    parameters = {
        "analyzer": analyzer,
        "ngram_range": (n, n),
        "strip_accents": accents,
    }
    assigned = [n for n in BUSY_SCALARS if unicodedata.category(chr(n)) != "Cn"]
    busy = BUSY_SCALARS if analyzer == "char_wb" and accents is None else assigned[::3]
    contexts: Contexts = lambda c: f"a{c}b {c} {c}{c}"  # noqa: E731
    assert _differing(busy, contexts, parameters) == []


@pytest.mark.parametrize(
    "pattern", [r"\w+", r"\w\w+", r"[a-z]+", r"(?i)[a-z]+", r"\d+"]
)
@pytest.mark.parametrize("lowercase", [True, False])
def test_patterns(pattern: str, lowercase: bool) -> None:
    parameters = {"token_pattern": pattern, "lowercase": lowercase}
    assert _differing(BUSY_SCALARS, lambda c: f"a{c}b{c}", parameters) == []


@pytest.mark.parametrize(
    "parameters",
    [
        *[{"token_pattern": p} for p in (r"(?u)\b\w\w+\b", r"\w+", r"\S+", r".")],
        *[{"analyzer": analyzer} for analyzer in ("char", "char_wb")],
    ],
    ids=repr,
)
def test_lone_surrogates(parameters: dict[str, Any]) -> None:
    for n in (*SURROGATES[::37], SURROGATES[-1], 0xDBFF, 0xDC00):
        for text in (f"a{chr(n)}b", f"one {chr(n)} two", f"ab{chr(n)}", f"{chr(n)}é本"):
            for accents in (None, "unicode", "ascii"):
                assert_same_vectorizer(
                    lambda: [text, "fine"],  # noqa: B023
                    {**parameters, "strip_accents": accents},
                    kernels=KERNELS,
                )


def test_all_surrogates_separate_words() -> None:
    content = [f"ab{chr(n)}cd AΣ{chr(n)}" for n in SURROGATES]
    assert_same_vectorizer(lambda: content, {"n_jobs": 2}, kernels=KERNELS)


@pytest.mark.parametrize("analyzer", ["char", "char_wb"])
def test_white_space_is_folded(analyzer: str) -> None:
    spaces = [chr(n) for n in EVERY_SCALAR if chr(n).isspace()]
    spaces += ["\u200b", "\u180e", "\ufeff", "\0", "\u2060", "x"]
    content = [f"a{one}{two}b{two}" for one in spaces for two in spaces]
    content += [f"{one}a{one}{one}{one}b" for one in spaces]
    parameters: dict[str, Any] = {"analyzer": analyzer, "ngram_range": (1, 3)}
    assert_same_vectorizer(lambda: content, parameters, kernels=KERNELS)


@pytest.mark.parametrize("accents", ["unicode", "ascii"])
def test_order_of_marks(accents: str) -> None:
    # Canonical ordering needs a stable sort over runs of any length.
    marks = "\u0301\u0323\u0345\u0315\u05b0\u3099\u0338\u034f\u20dd\u0903"
    rng = np.random.default_rng(0)
    content = [
        "a".join("".join(rng.choice(list(marks), size)) for size in (1, 5, 40, 300))
        for _ in range(200)
    ]
    for analyzer, pattern in (("word", r"\S+"), ("char", r"\S+")):
        parameters = {
            "analyzer": analyzer,
            "strip_accents": accents,
            "token_pattern": pattern,
        }
        assert_same_vectorizer(lambda: content, parameters, kernels=KERNELS)
