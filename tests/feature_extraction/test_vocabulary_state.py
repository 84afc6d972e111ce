"""What was learned can be looked at, changed, replaced and pickled as usual."""

from __future__ import annotations

import copy
import pickle
import pickletools
from collections import OrderedDict, UserDict, defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from tests.feature_extraction.facts import comparable
from tests.feature_extraction.pairs import (
    STEPS,
    Documents,
    Pair,
    assert_same_steps,
    pair_of,
)
from tests.feature_extraction.vocabulary_parameters import NAMES

CONTENT = ["the quick fox, the dog", "a quick zebra and the ant", "ant", "", "the ox"]
OTHERS = ["the unknown ant", "quick quick ox dog", "zebra fox", ""]
# The second is enough text for threads.
SIZES = [1, 1500]
QUICK = ["transform others", "names", "idf_", "vocabulary_"]
READ = [*QUICK, "inverse_transform", "copy"]


def _fitted(name: str, **parameters: Any) -> Pair:
    pair = pair_of(name, {"n_jobs": 2, **parameters})
    pair.same("fit", lambda v: v.fit(CONTENT))
    return pair


def _same_use(pair: Pair, size: int, steps: list[str] | None = None) -> None:
    steps = steps or (READ if size == 1 else QUICK)
    assert_same_steps(pair, Documents(CONTENT * size, OTHERS * size), steps)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("method", ["fit", "fit_transform"])
def test_vocabulary_is_made_when_it_is_read(name: str, method: str) -> None:
    vectorizer = pair_of(name, {"max_features": 4}).ours
    getattr(vectorizer, method)(CONTENT)
    vectorizer.transform(OTHERS)
    vectorizer.get_feature_names_out()
    getattr(vectorizer, "idf_", None)
    pickle.dumps(vectorizer)
    copy.deepcopy(vectorizer)
    repr(vectorizer)
    check_is_fitted(vectorizer)
    clone(vectorizer)
    vectorizer.partial_fit(OTHERS)
    vectorizer.transform(OTHERS)
    assert "vocabulary_" not in vars(vectorizer)
    vocabulary = vectorizer.vocabulary_
    assert type(vocabulary) is dict
    assert vars(vectorizer)["vocabulary_"] is vocabulary
    assert vectorizer.vocabulary_ is vocabulary
    assert set(map(type, vocabulary)) == {str}
    vectorizer.transform(OTHERS)
    assert vectorizer.vocabulary_ is vocabulary


@pytest.mark.parametrize("name", NAMES)
def test_fit_replaces_what_was_read(name: str) -> None:
    pair = _fitted(name)
    pair.same("vocabulary_", lambda v: v.vocabulary_)
    pair.same("fit", lambda v: v.fit(OTHERS))
    _same_use(pair, 1)
    pair.same("failing fit", lambda v: v.fit([""]))
    _same_use(pair, 1)
    pair.same("failing fit_transform", lambda v: v.fit_transform(["more", None]))
    _same_use(pair, 1)


def _swap_columns(v: Any) -> None:
    vocabulary = v.vocabulary_
    vocabulary["fox"], vocabulary["the"] = vocabulary["the"], vocabulary["fox"]


def _add_a_term(v: Any) -> None:
    v.vocabulary_["unknown"] = len(v.vocabulary_)


def _add_and_remove(v: Any) -> None:
    column = v.vocabulary_.pop("fox")
    v.vocabulary_["unknown"] = column


def _remove_a_term(v: Any) -> None:
    del v.vocabulary_["fox"]


def _remove_the_last_column(v: Any) -> None:
    last = max(v.vocabulary_, key=v.vocabulary_.__getitem__)
    del v.vocabulary_[last]


def _clear(v: Any) -> None:
    v.vocabulary_.clear()


def _share_a_column(v: Any) -> None:
    v.vocabulary_["fox"] = v.vocabulary_["the"]


def _point_outside(v: Any) -> None:
    v.vocabulary_["fox"] = 1000


def _point_below(v: Any) -> None:
    v.vocabulary_["fox"] = -1


def _set_float(v: Any) -> None:
    v.vocabulary_["fox"] = float(v.vocabulary_["fox"])


def _set_text(v: Any) -> None:
    v.vocabulary_["fox"] = "2"


def _set_true(v: Any) -> None:
    term = next(t for t, column in v.vocabulary_.items() if column == 1)
    v.vocabulary_[term] = True


def _set_numpy(v: Any) -> None:
    for term in v.vocabulary_:
        v.vocabulary_[term] = np.int64(v.vocabulary_[term])


def _equal_values(v: Any) -> None:
    for term in v.vocabulary_:
        v.vocabulary_[term] = int(str(v.vocabulary_[term]))


def _odd_key(v: Any) -> None:
    v.vocabulary_[3] = v.vocabulary_.pop("fox")


def _other_order(v: Any) -> None:
    column = v.vocabulary_.pop("the")
    v.vocabulary_["the"] = column


def _replace(v: Any) -> None:
    v.vocabulary_ = {"ox": 1, "unknown": 0, "the": 2}


def _replace_with_copy(v: Any) -> None:
    v.vocabulary_ = dict(v.vocabulary_)


def _replace_with_sorted(v: Any) -> None:
    v.vocabulary_ = dict(sorted(v.vocabulary_.items()))


def _replace_with_ordered(v: Any) -> None:
    v.vocabulary_ = OrderedDict(v.vocabulary_)


def _replace_with_defaults(v: Any) -> None:
    v.vocabulary_ = defaultdict(int, v.vocabulary_)


def _replace_with_growing(v: Any) -> None:
    vocabulary: Any = defaultdict(None, v.vocabulary_)
    vocabulary.default_factory = vocabulary.__len__
    v.vocabulary_ = vocabulary


class _Shouting(dict[Any, Any]):
    """Finds terms by another spelling than they were stored under."""

    def __getitem__(self, term: Any) -> Any:
        return super().__getitem__("the" if term == "unknown" else term)


class _Missing(dict[Any, Any]):
    def __missing__(self, term: Any) -> int:
        return 0


def _replace_with_shouting(v: Any) -> None:
    v.vocabulary_ = _Shouting(v.vocabulary_)


def _replace_with_missing(v: Any) -> None:
    v.vocabulary_ = _Missing(v.vocabulary_)


def _replace_with_user_dict(v: Any) -> None:
    v.vocabulary_ = UserDict(v.vocabulary_)


def _replace_with_list(v: Any) -> None:
    v.vocabulary_ = ["the", "fox"]


def _replace_with_none(v: Any) -> None:
    v.vocabulary_ = None


def _delete(v: Any) -> None:
    _ = v.vocabulary_
    del v.vocabulary_


def _delete_unread(v: Any) -> None:
    del v.vocabulary_


def _set_in_vars(v: Any) -> None:
    vars(v)["vocabulary_"] = {"unknown": 0, "fox": 1}


def _update_vars(v: Any) -> None:
    v.__dict__.update(vocabulary_={"unknown": 1, "fox": 0}, fixed_vocabulary_=True)


CHANGES = [
    *[_swap_columns, _add_a_term, _add_and_remove, _remove_a_term, _clear],
    *[_remove_the_last_column, _share_a_column, _point_outside, _point_below],
    *[_set_float, _set_text, _set_true, _set_numpy, _equal_values, _odd_key],
    *[_other_order, _replace, _replace_with_copy, _replace_with_sorted],
    *[_replace_with_ordered, _replace_with_defaults, _replace_with_growing],
    *[_replace_with_shouting, _replace_with_missing, _replace_with_user_dict],
    *[_replace_with_list, _replace_with_none, _delete, _delete_unread],
    *[_set_in_vars, _update_vars],
]


@pytest.mark.parametrize("used_before", [False, True])
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
@pytest.mark.parametrize("name", NAMES)
def test_transform_obeys_a_changed_vocabulary(
    name: str, change: Callable[[Any], None], used_before: bool
) -> None:
    for size in SIZES:
        pair = _fitted(name)
        if used_before:
            # What was kept for speed must not be believed afterwards.
            _same_use(pair, size, ["transform others", "vocabulary_", "names"])
            pair.same("transform", lambda v, size=size: v.transform(OTHERS * size))  # type: ignore[misc]
        pair.same(change.__name__, change)
        _same_use(pair, size)
        pair.same("fit", lambda v: v.fit(OTHERS))
        _same_use(pair, size)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
@pytest.mark.parametrize("name", NAMES)
def test_unfitted_and_fixed_ones_obey_too(
    name: str, change: Callable[[Any], None]
) -> None:
    for parameters in ({}, {"vocabulary": ["the", "fox", "ant"]}):
        pair = pair_of(name, parameters)
        pair.same(change.__name__, change)
        _same_use(pair, 1)
        pair.same("fit", lambda v: v.fit(CONTENT))
        pair.same(change.__name__, change)
        _same_use(pair, 1)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("learn", ["fit", "fit_transform", "partial_fit", "read"])
@pytest.mark.parametrize("name", NAMES)
def test_pickles_hold_no_object_of_the_extension(
    name: str, learn: str, protocol: int
) -> None:
    pair = pair_of(name, {"min_df": 1})
    if learn == "read":
        assert pair.ours.fit(CONTENT).vocabulary_
    else:
        getattr(pair.ours, learn)(CONTENT)
    pair.ours.transform(CONTENT * 1500)
    pickled = pickle.dumps(pair.ours, protocol)
    names = [str(argument) for _, argument, _ in pickletools.genops(pickled)]
    assert not [n for n in names if "_rust" in n]
    pair.ours = pickle.loads(pickled)
    pair.theirs.fit(CONTENT)
    _same_use(pair, 1)
    if learn != "partial_fit":
        _same_use(pair, 1, ["state", "state of a copy"])
        expected = {*vars(pair.theirs), "n_jobs"}
        assert set(vars(pickle.loads(pickled))) == expected


@pytest.mark.parametrize("name", NAMES)
def test_pickles_are_not_much_larger(name: str) -> None:
    content = [f"word{n} other{n % 50}" for n in range(3000)]
    pair = pair_of(name, {})
    sizes = [len(pickle.dumps(v.fit(content))) for v in (pair.ours, pair.theirs)]
    assert sizes[0] < 1.05 * sizes[1]


@pytest.mark.parametrize("learn", ["fit", "partial_fit"])
@pytest.mark.parametrize("name", NAMES)
def test_threads_share_a_fitted_vectorizer(name: str, learn: str) -> None:
    pair = pair_of(name, {"n_jobs": 2, "ngram_range": (1, 2)})
    getattr(pair.ours, learn)(CONTENT)
    pair.theirs.fit(CONTENT)
    n_threads, n_turns = 8, 8
    barrier = Barrier(n_threads)
    documents = Documents(CONTENT, OTHERS * 400)
    steps = ["transform others", "vocabulary_", "names", "transform"]

    def work(number: int) -> list[tuple[str, Any]]:
        barrier.wait(60)
        turns = [steps[(number + turn) % len(steps)] for turn in range(n_turns)]
        return [(step, STEPS[step](pair.ours, documents)) for step in turns]

    with ThreadPoolExecutor(n_threads) as pool:
        answers = [pair for some in pool.map(work, range(n_threads)) for pair in some]
    expected = {step: comparable(STEPS[step](pair.theirs, documents)) for step in steps}
    for step, answer in answers:
        assert comparable(answer) == expected[step], step
        # All have read one and the same dictionary.
        assert step != "vocabulary_" or answer is pair.ours.vocabulary_


@pytest.mark.parametrize("name", NAMES)
def test_unknown_attributes_are_missing_as_usual(name: str) -> None:
    for pair in (pair_of(name, {}), _fitted(name)):
        for attribute in ("vocabulary", "vocabulary__", "nonsense", "n_features_in_"):
            pair.same(attribute, lambda v, a=attribute: getattr(v, a))  # type: ignore[misc]
            pair.same(attribute, lambda v, a=attribute: hasattr(v, a))  # type: ignore[misc]
        pair.same("check", check_is_fitted)
        pair.same("vocabulary_", lambda v: hasattr(v, "vocabulary_"))
