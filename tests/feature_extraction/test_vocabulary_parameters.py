"""Single unusual parameters, vocabularies, dtypes, and tokens that are no strings."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.feature_extraction.pairs import Documents, assert_same_steps, pair_of
from tests.feature_extraction.parameters import OTHER_DTYPES
from tests.feature_extraction.strategies import PlainText
from tests.feature_extraction.vocabulary_parameters import (
    COUNT_DTYPES,
    FIXED_VOCABULARIES,
    NAMES,
    ODD_VOCABULARIES,
)

MIXED_CONTENT = [
    "The quick brown fox, the dog and the café don't",
    b"bytes caf\xc3\xa9 the",
    "",
    "word the " * 300,
    "日本語 Straße İ naïve the fox it is",
]
DOCUMENTS = Documents(MIXED_CONTENT, [*MIXED_CONTENT[::-1], "unseen"])
# Enough text to share out among threads.
MANY = Documents(MIXED_CONTENT * 26, MIXED_CONTENT * 26)
WITH_MANY = ["fit_transform", "transform others"]

CHANGES: list[dict[str, Any]] = [
    *[{"min_df": n} for n in (0, 1, 2, 3, -1, 1.0, 0.0, 0.5, 1.5, 2.0, True, "1")],
    *[{"min_df": n} for n in (None, np.int64(2), np.float32(0.4), float("nan"), 6)],
    *[{"max_df": n} for n in (0, 1, 2, 3, -1, 1.0, 0.0, 0.5, 1.5, 2.0, True, "1")],
    *[{"max_df": n} for n in (None, np.int64(2), np.float32(0.4), 10**30)],
    *[{"min_df": 2, "max_df": n} for n in (1, 2, 0.3, 0.4, 0.5)],
    *[{"max_features": n} for n in (0, 1, 2, 5, -1, 2.0, None, True, "all", 2**70)],
    *[{"max_features": n, "min_df": 2} for n in (1, 3, np.int8(2))],
    *[{"max_features": 3, "binary": b} for b in (True, False)],
    *[{"ngram_range": r} for r in ([1, 2], (2, 1), (0, 0), (0, 1), (-1, 2), (1, 1.0))],
    *[{"ngram_range": r} for r in (None, "12", (1,), (1, 2, 3), ("a", "b"), (0, 3))],
    *[{"stop_words": w} for w in ({"the"}, ("the",), frozenset({"the"}), "german", "")],
    *[{"stop_words": w} for w in (["The"], ["don't"], iter(()), 3, {"the": 1})],
    *[{"strip_accents": a} for a in ("nonsense", "", True, 0, str.upper)],
    *[{"analyzer": a} for a in ("nonsense", None, "", str.split, "WORD", list)],
    *[{"token_pattern": p} for p in (None, "(", "(a)(b)", b"\\w+", "", "(a)?b", 3)],
    *[{"lowercase": v} for v in (0, 1, "yes", "", None, np.bool_(False))],
    *[{"binary": v} for v in (0, 1, "yes", None, np.bool_(True))],
    *[{"encoding": v} for v in ("nonsense", "latin-1", None, 3)],
    *[{"decode_error": v} for v in ("nonsense", "ignore", None)],
    *[{"input": v} for v in ("nonsense", "file", "filename", None)],
    {"tokenizer": str.split},
    {"tokenizer": 3},
    {"preprocessor": str.upper},
    {"preprocessor": 3},
    {"analyzer": str.split, "preprocessor": str.upper, "ngram_range": (1, 2)},
    {"analyzer": "char", "stop_words": "english", "tokenizer": str.split},
    {"analyzer": "char_wb", "token_pattern": r"\w+"},
    {"analyzer": str.split, "token_pattern": r"\w+", "stop_words": ["a"]},
    {"tokenizer": str.split, "token_pattern": None},
    {"stop_words": [*MIXED_CONTENT[0].lower().split(), "cafe", "word"]},
]
TFIDF_CHANGES: list[dict[str, Any]] = [
    *[{"norm": n} for n in ("max", "nonsense", "", 1, None, "l1")],
    *[{"use_idf": v} for v in (0, 1, "yes", None, np.bool_(False), False)],
    *[{"smooth_idf": v} for v in (0, 1, "yes", None, np.bool_(False), False)],
    *[{"sublinear_tf": v} for v in (0, 1, "yes", None, np.bool_(True), True)],
    {"sublinear_tf": True, "binary": True},
    {"sublinear_tf": True, "norm": "l1", "use_idf": False, "dtype": np.float32},
    {"smooth_idf": False, "vocabulary": ["the", "absent"]},
    {"smooth_idf": False, "vocabulary": ["absent"], "norm": None, "dtype": "f4"},
]
CASES = [(name, change) for name in NAMES for change in CHANGES]
CASES += [("TfidfVectorizer", change) for change in TFIDF_CHANGES]
VOCABULARIES = [*FIXED_VOCABULARIES, *ODD_VOCABULARIES]


@pytest.mark.parametrize(("name", "change"), CASES, ids=repr)
def test_unusual_parameter(name: str, change: dict[str, Any]) -> None:
    assert_same_steps(pair_of(name, change), DOCUMENTS)
    assert_same_steps(pair_of(name, change), DOCUMENTS, ["transform", "fit", "state"])
    assert_same_steps(pair_of(name, {**change, "n_jobs": 2}), MANY, WITH_MANY)


@pytest.mark.parametrize("vocabulary", VOCABULARIES, ids=repr)
@pytest.mark.parametrize("name", NAMES)
def test_given_vocabulary(name: str, vocabulary: Any) -> None:
    for more in ({}, {"lowercase": False}, {"analyzer": "char", "max_features": 1}):
        parameters = {"vocabulary": vocabulary, "min_df": 2, **more}
        pair = pair_of(name, parameters)
        # Before and after fitting: one of them works without it.
        assert_same_steps(pair, DOCUMENTS, ["transform", "names", "state"])
        assert_same_steps(pair, DOCUMENTS)
        assert_same_steps(pair, DOCUMENTS, ["fit_transform", "idf_"])
    assert_same_steps(pair_of(name, {"vocabulary": vocabulary}), MANY, WITH_MANY)


@pytest.mark.parametrize("dtype", [*COUNT_DTYPES, *OTHER_DTYPES, "f2", ">u2"], ids=repr)
@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_dtype(name: str, binary: bool, dtype: Any) -> None:
    # There are more than 255 of one word, and 127.
    for more in ({}, {"max_features": 4}, {"vocabulary": ["word", "the", "fox"]}):
        parameters = {"dtype": dtype, "binary": binary, **more}
        assert_same_steps(pair_of(name, parameters), DOCUMENTS)
    plain = {"dtype": dtype, "binary": binary}
    assert_same_steps(pair_of(name, plain), MANY, WITH_MANY)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.uint16, np.int16, np.float32])
@pytest.mark.parametrize("count", [127, 128, 255, 256, 300, 65536])
def test_counts_wrap_around_alike(dtype: Any, count: int) -> None:
    content = ["ab " * count + "cd " * (count // 3) + "ef", "ef"]
    for more in ({}, {"max_features": 2}):
        pair = pair_of("CountVectorizer", {"dtype": dtype, **more})
        assert_same_steps(pair, Documents(content, content[::-1]), WITH_MANY)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("norm", ["l1", "l2", None])
@pytest.mark.parametrize("sublinear_tf", [False, True])
def test_many_repeats_round_alike(dtype: Any, norm: str, sublinear_tf: bool) -> None:
    content = [
        " ".join(f"word{n % (k + 2)}" for n in range(count))
        for k, count in enumerate([1, 7, 255, 4097, 10_000])
    ]
    pair = pair_of(
        "TfidfVectorizer", {"dtype": dtype, "norm": norm, "sublinear_tf": sublinear_tf}
    )
    assert_same_steps(pair, Documents(content, content[::-1]), WITH_MANY)


def _numbers(document: str) -> list[Any]:
    return [len(word) for word in document.split()]


def _mixed(document: str) -> list[Any]:
    return [len(word) if len(word) % 2 else word for word in document.split()]


def _bytes(document: str) -> list[Any]:
    return [word.encode() for word in document.split()]


def _equal_numbers(document: str) -> list[Any]:
    return [1, True, 1.0, 2, np.int64(2), 0.0, -0.0, *range(len(document))]


def _not_numbers(document: str) -> list[Any]:
    return [float("nan"), 1.0, np.nan, np.nan]


def _tuples(document: str) -> Any:
    return (tuple(word) for word in document.split())


def _unhashable(document: str) -> list[Any]:
    return ["fine", [], "never"]


def _none(document: str) -> Any:
    return None


def _nones(document: str) -> list[Any]:
    return [None, None]


def _str_subclasses(document: str) -> list[Any]:
    words = document.split()
    return [*map(PlainText, words), *words, *map(np.str_, words)]


def _half_empty(document: str) -> list[Any]:
    return [] if len(document) % 2 else document.split()


def _surrogates(document: str) -> list[Any]:
    return ["\ud800", "a\udfff", *document]


ANALYZERS = [
    *[_numbers, _mixed, _bytes, _equal_numbers, _not_numbers, _tuples, _unhashable],
    *[_none, _nones, _str_subclasses, _half_empty, _surrogates, len, str, repr],
]


@pytest.mark.parametrize("analyzer", ANALYZERS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("name", NAMES)
def test_tokens_of_any_type(name: str, analyzer: Any) -> None:
    content = Documents(
        ["The quick brown fox", "", "the lazy dog", "fox"], ["the dog", "cat"]
    )
    for more in ({}, {"max_features": 2}, {"vocabulary": [2, "fox", b"fox", 1.0]}):
        parameters = {"analyzer": analyzer, "lowercase": False, **more}
        assert_same_steps(pair_of(name, parameters), content)
    if analyzer not in (len, str, repr):
        tokens = {"tokenizer": analyzer, "token_pattern": None, "ngram_range": (1, 2)}
        assert_same_steps(pair_of(name, tokens), content)


@pytest.mark.parametrize("name", NAMES)
def test_files_and_file_names(name: str, tmp_path: Path) -> None:
    contents = [b"plain text", "na\u00efve \u65e5\u672c".encode(), b"", b"\xff bad"]
    names = []
    for number, content in enumerate(contents):
        names.append(tmp_path / f"{number}.txt")
        names[-1].write_bytes(content)

    def opened(contents: Any) -> list[Any]:
        return [io.BytesIO(content) for content in contents]

    def odd(contents: Any) -> list[Any]:
        return [io.StringIO("text file"), io.BytesIO(b"ok"), object()]

    missing = [*names[:2], tmp_path / "absent.txt"]
    for error in ("strict", "ignore", "replace"):
        for analyzer in ("word", "char"):
            shared = {"decode_error": error, "analyzer": analyzer}
            files = pair_of(name, {"input": "file", **shared})
            assert_same_steps(files, Documents(contents, contents[:3], opened))
            assert_same_steps(files, Documents(contents, contents, odd))
            by_name = pair_of(name, {"input": "filename", **shared})
            for container in (list, lambda names: map(str, names)):
                assert_same_steps(by_name, Documents(names, names[:2], container))
            seen = assert_same_steps(by_name, Documents(missing), ["fit_transform"])
            assert seen[0].kind == "raised builtins.FileNotFoundError"


@pytest.mark.parametrize("name", NAMES)
def test_callables_run_once_per_document_in_order_and_lazily(name: str) -> None:
    logs: list[list[str]] = []
    for estimator in ("ours", "theirs"):
        log: list[str] = []
        logs.append(log)

        def give() -> Any:
            for number in range(5):
                log.append(f"give {number}")  # noqa: B023
                yield f"document number{number}"

        def note(stage: str, result: Any) -> Any:
            def stage_of_the_analysis(document: Any) -> Any:
                log.append(f"{stage} {document!r}")  # noqa: B023
                return result(document)

            return stage_of_the_analysis

        for parameters in (
            {
                "preprocessor": note("preprocess", str.lower),
                "tokenizer": note("tokenize", str.split),
                "token_pattern": None,
            },
            {"strip_accents": note("strip", str.upper)},
            {"analyzer": note("analyze", str.split)},
        ):
            vectorizer = getattr(pair_of(name, parameters), estimator)
            vectorizer.fit_transform(give())
            vectorizer.transform(give())
    assert logs[0] == logs[1]
    assert len(logs[0]) == 70
