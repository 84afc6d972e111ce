"""Known answers and rules of HashingVectorizer that random text would seldom meet."""

from __future__ import annotations

import io
import math
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn
from sklearn.base import clone
from sklearn.feature_extraction.text import (
    HashingVectorizer as SklearnHashingVectorizer,
)
from sklearn.pipeline import make_pipeline
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from shardfit.feature_extraction import FeatureHasher
from shardfit.feature_extraction.text import HashingVectorizer
from tests.feature_extraction.comparison import (
    CountedIterator,
    assert_same,
    assert_same_vectorizer,
    observe,
)

LARGEST = 2**31 - 1
MURMUR3 = {
    "a": 1009084850,
    "ab": -1681926305,
    "the": -1132748958,
    "İ": -651154587,
    "日本": -992347838,
    "naïve": 992511445,
    b"foo": -156908512,
    b"U\x07o\x83": -(2**31),
}


@pytest.mark.parametrize(("token", "hashed"), MURMUR3.items(), ids=repr)
@pytest.mark.parametrize("n_features", [1, 2, 7, 1000, 2**20, 2**31 - 2, LARGEST])
def test_known_hashes(token: str | bytes, hashed: int, n_features: int) -> None:
    row = FeatureHasher(n_features, input_type="string").transform([[token]])
    assert row.indices.tolist() == [abs(hashed) % n_features]
    assert row.data.tolist() == [-1.0 if hashed < 0 else 1.0]
    if n_features < LARGEST:
        vectorizer = HashingVectorizer(
            analyzer=lambda _: [token], n_features=n_features
        )
        same = vectorizer.transform(["ignored"])
        assert same.indices.tolist() == row.indices.tolist()
        assert same.data.tolist() == row.data.tolist()


@pytest.mark.parametrize("word", ["a", "ab", "the", "İ", "日本", "naïve"])
def test_known_hashes_of_tokens_of_text(word: str) -> None:
    vectorizer = HashingVectorizer(
        token_pattern=r"\S+", lowercase=False, n_features=LARGEST - 1
    )
    row = vectorizer.transform([word])
    assert row.indices.tolist() == [abs(MURMUR3[word]) % (LARGEST - 1)]
    assert row.data.tolist() == [math.copysign(1.0, MURMUR3[word])]


def test_colliding_signs_leave_an_explicit_zero() -> None:
    # 'a' counts +1 and 'ab' -1, and there is one bucket.
    options: dict[str, Any] = {"n_features": 1, "token_pattern": r"\w+"}
    for norm in (None, "l1", "l2"):
        row = HashingVectorizer(norm=norm, **options).transform(["a ab"])
        assert row.nnz == 1
        assert row.data.tobytes() == np.array([0.0]).tobytes()
    binary = HashingVectorizer(binary=True, norm=None, **options).transform(["a ab"])
    assert binary.data.tolist() == [1.0]
    normalized = HashingVectorizer(binary=True, **options).transform(["a ab", "a"])
    assert normalized.data.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int32])
@pytest.mark.parametrize("norm", ["l1", "l2", None])
@pytest.mark.parametrize("count", [255, 256, 4095, 4096, 4097, 5793, 70001])
def test_many_repeats_round_alike(dtype: Any, norm: str | None, count: int) -> None:
    # Above 4096 a square is no longer exact in float32.
    content = ["word " * count + "other " * (count // 3) + "third", "x1 " * count]
    assert_same_vectorizer(
        lambda: content, {"dtype": dtype, "norm": norm, "alternate_sign": False}
    )
    assert_same_vectorizer(
        lambda: content, {"dtype": dtype, "norm": norm, "n_features": 3}
    )


def test_float32_counts_stop_at_the_last_exact_integer() -> None:
    # scikit-learn adds ones in float32, and 2**24 + 1 rounds back to 2**24.
    row = HashingVectorizer(
        dtype=np.float32, norm=None, token_pattern=r"\w", alternate_sign=False
    ).transform(["a" * (2**24 + 3)])
    assert row.data.tolist() == [2.0**24]


def test_no_buckets_is_an_error_not_a_crash() -> None:
    # Without fit nothing is validated, and scikit-learn divides by zero in C.
    script = """
from shardfit.feature_extraction.text import HashingVectorizer
try:
    HashingVectorizer(n_features=0).transform(["some words"])
except (ValueError, ZeroDivisionError):
    print("refused")
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout.strip()) == (0, "refused")


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("count", [1, 1023, 1024, 1025, 20_000])
def test_many_small_documents(count: int, n_jobs: int) -> None:
    content = [f"document number {n} é{n % 97}" for n in range(count)]
    assert_same_vectorizer(lambda: content, {"n_jobs": n_jobs})
    assert_same_vectorizer(lambda: iter(content), {"n_jobs": n_jobs})


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_one_large_document_among_small_ones(n_jobs: int) -> None:
    large = " ".join(f"w{n % 50_000} Straße{n % 11}" for n in range(300_000))
    content = ["small", large, "", "small again"]
    for ngram_range in ((1, 1), (1, 2)):
        assert_same_vectorizer(
            lambda: content, {"n_jobs": n_jobs, "ngram_range": ngram_range}
        )


@pytest.mark.parametrize("length", [2**16 - 1, 2**16, 2**20 + 1])
@pytest.mark.parametrize("character", ["a", "é", "語", "𝕳", "\0", " "])
def test_very_long_token(length: int, character: str) -> None:
    assert_same_vectorizer(lambda: ["x " + character * length], {})


@pytest.mark.parametrize("method", ["transform", "fit_transform"])
@pytest.mark.parametrize("empty", [list, tuple, dict, lambda: iter(())])
def test_nothing_to_transform_is_stop_iteration(empty: Any, method: str) -> None:
    seen = assert_same_vectorizer(empty, {}, method=method)
    assert seen.kind == "raised builtins.StopIteration"


@pytest.mark.parametrize(
    "content", ["text", b"text", 3, None, np.array("text"), object]
)
@pytest.mark.parametrize("method", ["transform", "fit_transform", "fit"])
def test_what_is_no_collection(content: Any, method: str) -> None:
    assert_same_vectorizer(lambda: content, {}, method=method)


def test_a_generator_that_fails_after_a_broken_document_is_not_asked() -> None:
    for content in (["fine", None, "never"], ["\ud800", "never"]):
        iterator = CountedIterator(content)
        with pytest.raises((AttributeError, UnicodeEncodeError)):
            HashingVectorizer(token_pattern=r"\S+").transform(iterator)
        assert iterator.requests == len(content) - 1


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("position", [0, 1, 700, 1999])
def test_the_lowest_broken_document_decides(position: int, n_jobs: int) -> None:
    content: list[Any] = ["some words here"] * 2000
    content[position] = "\ud800 surrogate"
    content.append(None)
    parameters = {"token_pattern": r"\S+", "n_jobs": n_jobs}
    seen = assert_same_vectorizer(lambda: content, parameters)
    assert seen.kind == "raised builtins.UnicodeEncodeError"


def test_the_next_call_after_a_failure_is_right() -> None:
    vectorizer = HashingVectorizer(analyzer="char", n_jobs=2)
    expected = observe(
        lambda: SklearnHashingVectorizer(analyzer="char").transform(["x"])
    )
    for _ in range(50):
        with pytest.raises(UnicodeEncodeError):
            vectorizer.transform(["ab"] * 500 + ["\udcff"])
        assert_same(observe(lambda: vectorizer.transform(["x"])), expected)


def test_callables_run_once_per_document_in_order_and_lazily() -> None:
    logs: list[list[str]] = []
    for cls in (HashingVectorizer, SklearnHashingVectorizer):
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

        cls(
            preprocessor=note("preprocess", str.lower),
            tokenizer=note("tokenize", str.split),
            token_pattern=None,
        ).transform(give())
        cls(strip_accents=note("strip", str.upper)).transform(give())
        cls(analyzer=note("analyze", str.split)).transform(give())
    assert logs[0] == logs[1]
    assert len(logs[0]) == 35


def test_a_list_that_changes_while_it_is_read() -> None:
    changes = [list.clear, lambda c: c.append("more") if len(c) < 9 else None]
    changes += [lambda c: c.pop(), lambda c: c.insert(0, "first") if len(c) < 9 else 0]
    for change in changes:

        class Trigger(str):
            content: list[str]

            def lower(self) -> str:
                change(self.content)  # noqa: B023
                return str(self)

        def make() -> list[str]:
            content = [Trigger("one two"), Trigger("three"), "four", "five"]
            for document in content[:2]:
                document.content = content
            return content

        assert_same_vectorizer(make, {"n_jobs": 2})


def test_files_and_file_names(tmp_path: Path) -> None:
    contents = [
        b"plain text",
        "na\u00efve \u65e5\u672c\u8a9e".encode(),
        b"",
        b"\xff bad",
    ]
    names = []
    for number, content in enumerate(contents):
        names.append(tmp_path / f"{number}.txt")
        names[-1].write_bytes(content)

    def files() -> list[Any]:
        return [io.BytesIO(content) for content in contents]

    def broken() -> list[Any]:
        return [io.StringIO("text file"), io.BytesIO(b"ok"), object()]

    for error in ("strict", "ignore", "replace"):
        for analyzer in ("word", "char"):
            shared = {"decode_error": error, "analyzer": analyzer}
            assert_same_vectorizer(files, {"input": "file", **shared})
            assert_same_vectorizer(broken, {"input": "file", **shared})
            assert_same_vectorizer(lambda: names, {"input": "filename", **shared})
            assert_same_vectorizer(
                lambda: map(str, names), {"input": "filename", **shared}
            )
    missing = [*names[:2], tmp_path / "absent.txt"]
    seen = assert_same_vectorizer(lambda: missing, {"input": "filename"})
    assert seen.kind == "raised builtins.FileNotFoundError"


def test_pickle_clone_parameters_and_repr() -> None:
    vectorizer = HashingVectorizer(n_features=64, ngram_range=(1, 2), n_jobs=2)
    content = ["some text", "naïve Straße"]
    before = observe(lambda: vectorizer.fit_transform(content))
    for copy in (pickle.loads(pickle.dumps(vectorizer)), clone(vectorizer)):
        assert copy.get_params() == vectorizer.get_params()
        assert_same(observe(lambda: copy.transform(content)), before)  # noqa: B023
    text = "HashingVectorizer(n_features=64, n_jobs=2, ngram_range=(1, 2))"
    assert repr(vectorizer) == text
    assert len(pickle.dumps(vectorizer)) < 2000
    built = HashingVectorizer(n_features=64)
    built.transform(content)
    assert set(vars(built)) - set(vars(HashingVectorizer())) <= {"_stop_words_id"}
    new = set(vars(HashingVectorizer())) - set(vars(SklearnHashingVectorizer()))
    assert new == {"n_jobs", "store_features"}


@pytest.mark.parametrize("analyzer", ["word", "char", "char_wb"])
def test_built_analyzers_pickle_and_agree(analyzer: str) -> None:
    parameters: dict[str, Any] = {"analyzer": analyzer, "ngram_range": (1, 3)}
    ours, theirs = (
        HashingVectorizer(**parameters),
        SklearnHashingVectorizer(**parameters),
    )
    document = "Straße ΟΔΥΣΣΕΥΣ  the\n\nİ x²"
    expected = list(theirs.build_analyzer()(document))
    assert list(ours.build_analyzer()(document)) == expected
    assert list(pickle.loads(pickle.dumps(ours.build_analyzer()))(document)) == expected
    assert ours.build_preprocessor()(document) == theirs.build_preprocessor()(document)
    assert ours.build_tokenizer()(document) == theirs.build_tokenizer()(document)


def test_is_stateless() -> None:
    vectorizer = HashingVectorizer()
    if not get_tags(SklearnHashingVectorizer()).requires_fit:  # scikit-learn 1.7
        check_is_fitted(vectorizer)
    assert vectorizer.fit(["a"]) is vectorizer
    assert vectorizer.partial_fit(["a"]) is vectorizer
    assert not hasattr(vectorizer, "n_features_in_")
    assert not hasattr(vectorizer, "get_feature_names_out")
    assert not hasattr(vectorizer, "set_output")
    make_pipeline(vectorizer).transform(["some words"])


@pytest.mark.skipif(
    "sparse_interface" not in sklearn.get_config(),
    reason="this scikit-learn always returns matrices",
)
@pytest.mark.parametrize("interface", ["spmatrix", "sparray"])
@pytest.mark.parametrize("parameters", [{}, {"norm": None}, {"binary": True}])
def test_sparse_interface_is_obeyed(interface: str, parameters: dict[str, Any]) -> None:
    expected = {"spmatrix": sp.csr_matrix, "sparray": sp.csr_array}[interface]
    with sklearn.config_context(sparse_interface=interface):
        seen = assert_same_vectorizer(lambda: ["a text", ""], parameters)
        assert seen.kind == expected.__name__
        hashed = FeatureHasher(8).transform([{"a": 1}])
        assert type(hashed) is expected


def test_result_owns_its_memory() -> None:
    vectorizer = HashingVectorizer(n_jobs=2)
    first = vectorizer.transform(["some words here"] * 100)
    copy = first.copy()
    second = vectorizer.transform(["quite other words"] * 100)
    second.data[:] = 7
    assert (first != copy).nnz == 0
    first.data *= 2
    first.indices[0] = 0
