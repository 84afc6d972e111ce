"""Parameters and weights that are changed after fitting are obeyed as usual."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.feature_extraction.pairs import Documents, Pair, assert_same_steps, pair_of
from tests.feature_extraction.vocabulary_parameters import NAMES

CONTENT = ["the quick fox, the dog", "a quick zebra and the ant", "ant", "", "the ox"]
OTHERS = ["the unknown ant", "quick quick ox dog", "zebra fox", ""]
# The second is enough text for threads.
SIZES = [1, 1500]
QUICK = ["transform others", "names", "idf_", "vocabulary_"]
READ = [*QUICK, "inverse_transform", "copy"]


def _same_use(pair: Pair, size: int, steps: list[str] | None = None) -> None:
    steps = steps or (READ if size == 1 else QUICK)
    assert_same_steps(pair, Documents(CONTENT * size, OTHERS * size), steps)


def _fitted(name: str) -> Pair:
    pair = pair_of(name, {"n_jobs": 2})
    pair.same("fit", lambda v: v.fit(CONTENT))
    return pair


PARAMETER_CHANGES: list[dict[str, Any]] = [
    *[{"lowercase": False}, {"analyzer": "char"}, {"ngram_range": (1, 2)}],
    *[{"stop_words": ["the", "ox"]}, {"token_pattern": r"\w"}, {"binary": True}],
    *[{"dtype": np.float32}, {"vocabulary": ["ox", "the"]}, {"min_df": 2}],
    *[{"strip_accents": "ascii"}, {"max_features": 1}, {"analyzer": str.split}],
    *[{"tokenizer": str.split}, {"ngram_range": (2, 1)}, {"min_df": -1}],
    *[{"input": "file"}, {"dtype": "nonsense"}, {"analyzer": "nonsense"}],
]
TFIDF_CHANGES: list[dict[str, Any]] = [
    *[{"norm": None}, {"norm": "l1"}, {"use_idf": False}, {"smooth_idf": False}],
    *[{"sublinear_tf": True}, {"norm": "nonsense"}],
]


@pytest.mark.parametrize(
    ("name", "change"),
    [(name, change) for name in NAMES for change in PARAMETER_CHANGES]
    + [("TfidfVectorizer", change) for change in TFIDF_CHANGES],
    ids=repr,
)
def test_parameters_changed_after_fitting(name: str, change: dict[str, Any]) -> None:
    for size in SIZES:
        pair = _fitted(name)
        pair.same("set_params", lambda v: v.set_params(**change))
        _same_use(pair, size)
        for key, value in change.items():
            pair.same("setattr", lambda v, k=key, x=value: setattr(v, k, x))  # type: ignore[misc]
        _same_use(pair, size, ["transform others", "fit", "state of a copy"])


def _columns(v: Any) -> int:
    return len(v.get_feature_names_out())


def _nothing(v: Any) -> None:
    pass


def _delete_inner(v: Any) -> None:
    del v._tfidf


def _delete_inner_idf(v: Any) -> None:
    del v._tfidf.idf_


def _change_inner_norm(v: Any) -> None:
    v._tfidf.norm = None


def _change_inner_parameters(v: Any) -> None:
    v._tfidf.set_params(norm="l1", sublinear_tf=True)


def _double_inner_idf(v: Any) -> None:
    v._tfidf.idf_ = v._tfidf.idf_ * 2


def _double_idf_in_place(v: Any) -> None:
    v.idf_ *= 2


def _change_one_idf(v: Any) -> None:
    v.idf_[1] = 7.5


IDF_CHANGES: list[Callable[[Any], None]] = [
    lambda v: setattr(v, "idf_", np.arange(_columns(v)) + 0.5),
    lambda v: setattr(v, "idf_", np.arange(_columns(v), dtype=np.float32)),
    lambda v: setattr(v, "idf_", np.arange(_columns(v))),
    lambda v: setattr(v, "idf_", list(range(_columns(v)))),
    lambda v: setattr(v, "idf_", np.ones(2)),
    lambda v: setattr(v, "idf_", 3),
    lambda v: setattr(v, "idf_", np.full(_columns(v), np.nan)),
    lambda v: setattr(v, "idf_", np.full(_columns(v), 1e308)),
    lambda v: delattr(v, "idf_"),
    *[_change_one_idf, _double_idf_in_place, _double_inner_idf, _nothing],
    *[_change_inner_norm, _change_inner_parameters, _delete_inner, _delete_inner_idf],
]


@pytest.mark.parametrize("change", range(len(IDF_CHANGES)))
@pytest.mark.parametrize(
    "parameters",
    [{}, {"use_idf": False}, {"norm": None}, {"dtype": "f4"}, {"vocabulary": ["fox"]}],
    ids=repr,
)
def test_transform_obeys_a_changed_idf(parameters: dict[str, Any], change: int) -> None:
    for size in SIZES:
        for fit_first in (True, False):
            pair = pair_of("TfidfVectorizer", {"n_jobs": 2, **parameters})
            if fit_first:
                pair.same("fit", lambda v: v.fit(CONTENT))
            pair.same("change", IDF_CHANGES[change])
            _same_use(pair, size)
            pair.same("fit", lambda v: v.fit(OTHERS))
            _same_use(pair, size)


def test_assigned_vocabulary_and_idf_make_a_fitted_vectorizer() -> None:
    for size in SIZES:
        fitted = _fitted("TfidfVectorizer").theirs
        for by_parameter in (True, False):
            known = {"vocabulary": fitted.vocabulary_} if by_parameter else {}
            pair = pair_of("TfidfVectorizer", {"n_jobs": 2, **known})
            if not by_parameter:
                pair.same(
                    "assign",
                    lambda v: setattr(v, "vocabulary_", dict(fitted.vocabulary_)),  # noqa: B023
                )
            pair.same("assign", lambda v: setattr(v, "idf_", fitted.idf_.copy()))  # noqa: B023
            _same_use(pair, size)
