"""What a call with one short document leaves out makes no difference."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn
from sklearn.base import BaseEstimator, clone
from sklearn.feature_extraction.text import CountVectorizer as SklearnCountVectorizer
from sklearn.feature_extraction.text import TfidfVectorizer as SklearnTfidfVectorizer

from shardfit._threads import threads_for
from shardfit.feature_extraction import FeatureHasher, _csr, _term_learner
from shardfit.feature_extraction._dict_lookup import columns_in_dict
from shardfit.feature_extraction.text import (
    CountVectorizer,
    HashingVectorizer,
    TfidfTransformer,
    TfidfVectorizer,
)
from tests.feature_extraction.comparison import assert_same, observe

CORPUS = [f"common term{number} word{number} naïve" for number in range(3000)]
SHORT = ["common word7 unknown term7 word7", "naïve NAÏVE term2999", "", "?!"]
PAIRS = [
    (CountVectorizer, SklearnCountVectorizer),
    (TfidfVectorizer, SklearnTfidfVectorizer),
]


@pytest.mark.parametrize(("kind", "original"), PAIRS)
@pytest.mark.parametrize("number", range(1, 5))
@pytest.mark.parametrize("parameters", [{}, {"binary": True}, {"max_features": 4000}])
def test_few_documents_in_a_large_dict(
    kind: Any,
    original: Any,
    number: int,
    parameters: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_term_learner, "_MOST_ENTRIES_COPIED", 0)
    ours, theirs = kind(**parameters).fit(CORPUS), original(**parameters).fit(CORPUS)
    assert len(ours.vocabulary_) == len(theirs.vocabulary_)
    for documents in (SHORT[:number], tuple(SHORT[:number]), SHORT[number - 1 :]):
        expected = observe(lambda d=documents: theirs.transform(d))
        assert_same(observe(lambda d=documents: ours.transform(d)), expected)
        assert_same(observe(lambda d=documents: ours.transform(iter(d))), expected)
    assert ours._dict_copy._copy is None  # It was the dict that was asked.


@pytest.mark.parametrize(
    "change",
    [
        {"word7": 0},  # shared by two terms, none of them or one in the document
        {"word7": 8},
        {"term7": 5, "word7": 5},
        {"word7": np.int64(11)},
        {"word7": 1.0},
        {"word7": True},
        {"word7": -1},
        {"word7": 10**6},
        {"word7": None},
        {"word7": [1]},
        {"word7": "x"},
        {7: 7},
    ],
)
def test_a_large_dict_with_odd_entries(
    change: dict[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_term_learner, "_MOST_ENTRIES_COPIED", 0)
    vectorizers = [CountVectorizer().fit(CORPUS), SklearnCountVectorizer().fit(CORPUS)]
    for vectorizer in vectorizers:
        vectorizer.vocabulary_.update(change)
    for documents in (SHORT, SHORT[:1], SHORT[1:2]):
        got, expected = (
            observe(lambda v=v, d=documents: v.transform(d)) for v in vectorizers
        )
        assert_same(got, expected)


def test_columns_in_dict() -> None:
    mapping: dict[Any, Any] = {"a": 0, "b": np.int_(1), "c": 1, "d": 4, "e": 3.0}
    columns = columns_in_dict(mapping, ["b", "x", "a"])
    assert columns is not None
    assert columns.tolist() == [1, -1, 0]
    assert columns.dtype == np.int32
    assert columns_in_dict(mapping, []) is not None
    for terms in (["b", "c"], ["e"]):
        assert columns_in_dict(mapping, terms) is None
    assert columns_in_dict({**mapping, "d": 5}, ["d"]) is None


@pytest.mark.parametrize("interface", ["spmatrix", "sparray"])
def test_matrices_are_as_their_constructor_makes_them(interface: str) -> None:
    container = sp.csr_array if interface == "sparray" else sp.csr_matrix
    if "sparse_interface" not in sklearn.get_config() and interface == "sparray":
        pytest.skip("scikit-learn before 1.9 returns matrices")
    documents = ["one two two", "", "three one"]
    theirs = SklearnCountVectorizer().fit(documents)
    ours = CountVectorizer().fit(documents)
    settings = {}
    if "sparse_interface" in sklearn.get_config():
        settings = {"sparse_interface": interface}
    with sklearn.config_context(**settings):
        X, Y = ours.transform(documents), theirs.transform(documents)
    assert type(X) is type(Y) is container
    made = container((X.data, X.indices, X.indptr), shape=X.shape)
    assert {*vars(made)} <= {*vars(X)}
    assert vars(made)["_shape"] == vars(X)["_shape"]
    X.check_format()
    for result in (X.copy(), pickle.loads(pickle.dumps(X)), X[:], X * 1, X.tocsc()):
        assert (result != Y).nnz == 0
    assert (X[1:] @ Y.T != Y[1:] @ Y.T).nnz == 0
    X[0, X.indices[0]] = 5
    assert X[0, X.indices[0]] == 5


def test_a_scipy_whose_matrices_have_other_attributes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def hashed() -> Any:
        return HashingVectorizer().transform(["some words"])

    usual = observe(hashed)
    monkeypatch.setattr(_csr, "_other_attributes", lambda container: None)
    assert_same(observe(hashed), usual)


def test_one_document_is_work_for_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHARDFIT_NUM_THREADS", "7")
    assert threads_for(["a"], None) == 1
    assert threads_for(["a", "b"], None) == 7
    assert threads_for(iter(["a"]), None) == 7
    assert threads_for(["a"], 3) == 3
    with pytest.raises(ValueError, match="n_jobs must not be 0"):
        threads_for(["a"], 0)


ESTIMATORS = [
    CountVectorizer,
    FeatureHasher,
    HashingVectorizer,
    TfidfTransformer,
    TfidfVectorizer,
]


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_names_of_parameters(kind: Any) -> None:
    names = BaseEstimator._get_param_names.__func__(kind)
    assert kind._get_param_names() == names
    kind._get_param_names().clear()  # It is the caller's own.
    assert kind._get_param_names() == names


def test_a_class_with_another_constructor() -> None:
    class Special(HashingVectorizer):
        def __init__(self, special: int = 3) -> None:
            super().__init__()
            self.special = special

    assert clone(Special(special=4)).get_params() == {"special": 4}

    def init(self: Any, other: int = 1) -> None:
        self.other = other

    Special.__init__ = init  # type: ignore[assignment, method-assign]
    assert Special().get_params() == {"other": 1}


@pytest.mark.parametrize("kind", [CountVectorizer, HashingVectorizer])
def test_methods_that_are_replaced_between_calls(
    kind: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Special(kind):  # type: ignore[misc]
        pass

    vectorizer = Special().fit(["one two"])
    before = vectorizer.transform(["one two two"])
    with monkeypatch.context() as patch:
        patch.setattr(
            Special, "build_tokenizer", lambda self: lambda text: ["one"], raising=False
        )
        assert vectorizer.transform(["one two two"]).nnz == 1
    assert (vectorizer.transform(["one two two"]) != before).nnz == 0
    vectorizer.decode = lambda document: "two"
    assert vectorizer.transform(["one two two"]).nnz == 1
    del vectorizer.decode
    assert (vectorizer.transform(["one two two"]) != before).nnz == 0
