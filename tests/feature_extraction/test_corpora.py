"""Real text: the sources and documents that are installed beside the package."""

from __future__ import annotations

import os
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from sklearn.feature_extraction.text import (
    HashingVectorizer as SklearnHashingVectorizer,
)

from shardfit.feature_extraction.text import HashingVectorizer
from tests.feature_extraction.comparison import (
    assert_same,
    assert_same_vectorizer,
    observe,
)
from tests.feature_extraction.kernels import KERNELS, using
from tests.feature_extraction.pairs import (
    Documents,
    assert_same_steps_by_all_kernels,
    pair_of,
)
from tests.feature_extraction.vocabulary_parameters import NAMES

FOLDER_VARIABLE = "SHARDFIT_CORPORA"
SUFFIXES = {".py", ".txt", ".rst", ".md", ".json", ".csv", ".pyi", ".c", ".h"}
LARGEST_FILE_BYTES = 200_000
CHARACTERS_WANTED = 1_500_000
NON_ASCII_CHARACTERS_WANTED = 5_000
FILES_LOOKED_AT = 1500
ROWS_PER_CALL = 20_000
SECONDS_PER_CORPUS = 3600

SETTINGS: list[dict[str, Any]] = [
    {},
    {"ngram_range": (1, 2), "n_jobs": 2},
    {"analyzer": "char_wb", "ngram_range": (2, 4), "n_jobs": 2},
    {"analyzer": "char", "ngram_range": (3, 3), "dtype": "float32"},
    {"strip_accents": "unicode", "n_features": 2**16},
    {"strip_accents": "ascii", "norm": "l1"},
    {"stop_words": "english", "ngram_range": (1, 3), "binary": True},
    {"lowercase": False, "alternate_sign": False, "norm": None, "n_features": 1000},
    {"token_pattern": r"\w+", "n_jobs": 3},
    {"token_pattern": r"\S+", "strip_accents": "unicode"},
]
LEARNED: list[dict[str, Any]] = [
    {"n_jobs": 2},
    {"ngram_range": (1, 2), "n_jobs": 2},
    {"analyzer": "char_wb", "ngram_range": (2, 4), "n_jobs": 2},
    {"strip_accents": "unicode", "stop_words": "english", "max_features": 10_000},
    {"min_df": 2, "max_df": 0.5, "binary": True, "n_jobs": 1},
]


def _installed_files() -> Iterator[Path]:
    for place in ("stdlib", "purelib"):
        root = Path(sysconfig.get_path(place))
        for folder, folders, names in os.walk(root):
            folders.sort()
            for name in sorted(names):
                path = Path(folder, name)
                if path.suffix in SUFFIXES or name == "METADATA":
                    yield path


@pytest.fixture(scope="module")
def paragraphs() -> list[str]:
    """Blank-line separated pieces of files, those with other scripts first."""
    foreign: list[str] = []
    plain: list[str] = []
    paths = list(_installed_files())
    for path in paths[:: max(1, len(paths) // FILES_LOOKED_AT)]:
        if path.stat().st_size > LARGEST_FILE_BYTES:
            continue
        content = path.read_bytes()
        text = content.decode("utf-8", "replace")
        few_are_ascii = len(content) > len(text) + len(text) // 50
        (foreign if few_are_ascii else plain).append(text)
    # Every so many of the plain ones: files of one package resemble each other.
    chosen: list[str] = []
    remaining = CHARACTERS_WANTED
    for text in [*foreign, *plain[:: max(1, len(plain) // 100)]]:
        if remaining <= 0:
            break
        piece = text[: CHARACTERS_WANTED // 20]
        remaining -= len(piece)
        chosen.extend(piece.split("\n\n"))
    return chosen


def test_there_is_text_of_many_kinds(paragraphs: list[str]) -> None:
    characters = "".join(paragraphs)
    assert len(characters) > CHARACTERS_WANTED // 2
    assert sum(c > "\x7f" for c in characters) > NON_ASCII_CHARACTERS_WANTED


@pytest.mark.parametrize("parameters", SETTINGS, ids=repr)
def test_installed_text(paragraphs: list[str], parameters: dict[str, Any]) -> None:
    assert_same_vectorizer(lambda: paragraphs, parameters, kernels=KERNELS)


@pytest.mark.parametrize("parameters", LEARNED, ids=repr)
@pytest.mark.parametrize("name", NAMES)
def test_learning_installed_text(
    name: str, paragraphs: list[str], parameters: dict[str, Any]
) -> None:
    # What is transformed is not all known.
    pieces = slice(None, None, 4 if "analyzer" in parameters else 2)
    documents = Documents(paragraphs[pieces], paragraphs[1::7])
    assert_same_steps_by_all_kernels(
        name, parameters, documents, ["fit_transform", "transform others"]
    )


def test_installed_files_as_bytes_with_wrong_encodings(paragraphs: list[str]) -> None:
    content = [text.encode("utf-8", "ignore") for text in paragraphs[:3000]]
    for encoding in ("utf-8", "latin-1", "cp1252", "shift_jis"):
        for errors in ("ignore", "replace"):
            decoding = {"encoding": encoding, "decode_error": errors}
            assert_same_vectorizer(lambda: content, decoding, kernels=KERNELS)


def _parquet_files() -> list[Path]:
    folder = os.environ.get(FOLDER_VARIABLE)
    return sorted(Path(folder).glob("*.parquet")) if folder else []


@pytest.mark.timeout(SECONDS_PER_CORPUS)
@pytest.mark.parametrize("parameters", SETTINGS, ids=repr)
@pytest.mark.parametrize("path", _parquet_files(), ids=lambda path: path.name)
def test_corpus(path: Path, parameters: dict[str, Any]) -> None:
    column = pq.read_table(path, columns=["text"])["text"]
    plain = {name: value for name, value in parameters.items() if name != "n_jobs"}
    theirs, ours = SklearnHashingVectorizer(**plain), HashingVectorizer(**parameters)
    for start in range(0, len(column), ROWS_PER_CALL):
        rows = column.slice(start, ROWS_PER_CALL)
        content = rows.to_pylist()
        expected = observe(lambda: theirs.transform(content))  # noqa: B023
        for kernel in KERNELS:
            case = (path.name, start, parameters, kernel)
            with using(kernel):
                assert_same(observe(lambda: ours.transform(content)), expected, case)  # noqa: B023
                assert_same(observe(lambda: ours.transform(rows)), expected, case)  # noqa: B023


@pytest.mark.timeout(SECONDS_PER_CORPUS)
@pytest.mark.parametrize("parameters", LEARNED[:3], ids=repr)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("path", _parquet_files(), ids=lambda path: path.name)
def test_learning_a_corpus(path: Path, name: str, parameters: dict[str, Any]) -> None:
    column = pq.read_table(path, columns=["text"])["text"]
    content = column.to_pylist()
    steps = ["fit_transform", "transform others", "vocabulary_"]
    documents = Documents(content, content[::5])
    assert_same_steps_by_all_kernels(name, parameters, documents, steps)
    pair = pair_of(name, parameters)
    pair.same("fit", lambda v: v.fit(content))
    theirs = observe(lambda: pair.theirs.transform(content[:1000]))
    for kernel in KERNELS:
        with using(kernel):
            ours = observe(lambda: pair.ours.transform(column.slice(0, 1000)))
        assert_same(ours, theirs, f"{path.name} {pair.case} by {kernel}, Arrow")
