"""The comparison of vectorizers that learn terms sees what it is there to see."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.feature_extraction import text as sklearn_text

from tests.feature_extraction.pairs import (
    STEPS,
    Documents,
    Pair,
    assert_same_steps,
    pair_of,
)

# Classes made here cannot be pickled.
NO_COPIES = [step for step in STEPS if "copy" not in step]
CONTENT = Documents(
    ["the quick fox, the dog", "a quick zebra and the ant", "ant", "", "the ox"],
    ["the unknown ant", "quick quick ox"],
)


def _of_count(**methods: Callable[..., Any]) -> Pair:
    theirs = sklearn_text.CountVectorizer
    wrong = type("CountVectorizer", (theirs,), methods)
    return Pair(wrong(min_df=1), theirs(min_df=1), sorted(methods))


def _of_tfidf(**methods: Callable[..., Any]) -> Pair:
    theirs = sklearn_text.TfidfVectorizer
    wrong = type("TfidfVectorizer", (theirs,), methods)
    return Pair(wrong(), theirs(), sorted(methods))


def _sorted_rows(self: Any, documents: Any, y: Any = None) -> Any:
    X = sklearn_text.CountVectorizer.fit_transform(self, documents)
    X.sort_indices()
    return X


def _alphabetical(self: Any, documents: Any, y: Any = None) -> Any:
    X = sklearn_text.CountVectorizer.fit_transform(self, documents)
    self.vocabulary_ = dict(sorted(self.vocabulary_.items()))
    return X


def _numpy_columns(self: Any, documents: Any, y: Any = None) -> Any:
    X = sklearn_text.CountVectorizer.fit_transform(self, documents)
    self.vocabulary_ = {t: np.int64(c) for t, c in self.vocabulary_.items()}
    return X


def _int32_values(self: Any, documents: Any) -> Any:
    return sklearn_text.CountVectorizer.transform(self, documents).astype(np.int32)


def _nothing_found(self: Any, documents: Any) -> Any:
    return sklearn_text.CountVectorizer.transform(self, documents) * 0


def _read_only(self: Any, documents: Any) -> Any:
    X = sklearn_text.CountVectorizer.transform(self, documents)
    X.data.flags.writeable = False
    return X


def _chatty(self: Any, documents: Any) -> Any:
    warnings.warn("look", UserWarning, stacklevel=1)
    return sklearn_text.CountVectorizer.transform(self, documents)


def _more_state(self: Any) -> Any:
    return {**sklearn_text.CountVectorizer.__getstate__(self), "more": 1}


def _text_names(self: Any, input_features: Any = None) -> Any:
    return sklearn_text.CountVectorizer.get_feature_names_out(self).astype(str)


def _nudged_idf(self: Any, documents: Any, y: Any = None) -> Any:
    X = sklearn_text.TfidfVectorizer.fit_transform(self, documents)
    self._tfidf.idf_[2] = np.nextafter(self._tfidf.idf_[2], 9)
    return X


def _nudged_value(self: Any, documents: Any) -> Any:
    X = sklearn_text.TfidfVectorizer.transform(self, documents)
    X.data[-1] = np.nextafter(X.data[-1], 9)
    return X


WRONG = [
    _of_count(fit_transform=_sorted_rows),
    _of_count(fit_transform=_alphabetical),
    _of_count(fit_transform=_numpy_columns),
    _of_count(transform=_int32_values),
    _of_count(transform=_nothing_found),
    _of_count(transform=_read_only),
    _of_count(transform=_chatty),
    _of_count(__getstate__=_more_state),
    _of_count(get_feature_names_out=_text_names),
    _of_tfidf(fit_transform=_nudged_idf),
    _of_tfidf(transform=_nudged_value),
]


@pytest.mark.parametrize("pair", WRONG, ids=lambda pair: str(pair.case))
def test_wrong_estimators_differ(pair: Pair) -> None:
    with pytest.raises(AssertionError, match="differs from scikit-learn"):
        assert_same_steps(pair, CONTENT, NO_COPIES)


@pytest.mark.parametrize("make", [_of_count, _of_tfidf])
def test_equal_estimators_agree(make: Callable[[], Pair]) -> None:
    seen = assert_same_steps(make(), CONTENT, NO_COPIES)
    failed = [s for s, one in zip(NO_COPIES, seen, strict=True) if one.failed]
    assert failed == (["idf_"] if make is _of_count else [])


def test_a_failed_step_is_compared_by_its_error() -> None:
    pair = _of_count()
    pair.ours.set_params(min_df=1000)
    with pytest.raises(AssertionError, match=r"After pruning|than min_df"):
        assert_same_steps(pair, CONTENT, ["fit"])


def test_added_parameters_are_given_to_ours_alone() -> None:
    pair = pair_of("HashingVectorizer", {"n_jobs": 2, "n_features": 8})
    assert pair.ours.n_jobs == 2
    assert type(pair.theirs) is sklearn_text.HashingVectorizer
    assert pair.same("transform", lambda v: v.transform(["text"])).kind == "csr_matrix"
