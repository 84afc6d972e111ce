"""TfidfTransformer learns document frequencies part by part."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from shardfit.feature_extraction.text import HashingVectorizer
from tests.feature_extraction.comparison import observe
from tests.feature_extraction.pairs import Pair, pair_of
from tests.feature_extraction.strategies import short_texts

TRANSFORMER = "TfidfTransformer"
parameters_of_transformers = st.fixed_dictionaries(
    {},
    optional={
        "norm": st.sampled_from(["l1", "l2", None]),
        "use_idf": st.sampled_from([True, True, True, False]),
        "smooth_idf": st.booleans(),
        "sublinear_tf": st.booleans(),
        "n_jobs": st.sampled_from([None, 1, 2]),
    },
)


def _rows(seed: int, n_rows: int, dtype: Any = np.float64) -> Any:
    rng = np.random.default_rng(seed)
    X = sp.random(n_rows, 50, 0.2, "csr", dtype=np.float64, rng=rng)
    X.data = np.ceil(X.data * 4).astype(dtype)
    return X


def _same_as_whole(pair: Pair, parts: list[Any], others: Any) -> None:
    """Compare with one fit of scikit-learn's on all rows."""
    # Which call it is that meets a column without an entry is not the same.
    with np.errstate(divide="ignore"):
        pair.theirs.fit(sp.vstack(parts, format="csr"))
        pair.same("idf_", lambda t: t.idf_)
        pair.same("n_features_in_", lambda t: t.n_features_in_)
        pair.same("transform", lambda t: t.transform(others))
        pair.same("names", lambda t: t.get_feature_names_out())
        pair.same("copy", lambda t: pickle.loads(pickle.dumps(t)).transform(others))


@given(
    st.lists(st.lists(short_texts, min_size=1, max_size=4), min_size=1, max_size=4),
    st.lists(
        st.sampled_from([np.float64, np.float32, np.int64]), min_size=4, max_size=4
    ),
    parameters_of_transformers,
    st.sampled_from([2, 64, 2000]),
    st.booleans(),
)
def test_hashed_texts(
    parts: list[list[str]],
    dtypes: list[Any],
    parameters: dict[str, Any],
    n_features: int,
    read_between: bool,
) -> None:
    hashing = HashingVectorizer(
        n_features=n_features, norm=None, alternate_sign=False, dtype=np.float64
    )
    pair = pair_of(TRANSFORMER, parameters)
    matrices = []
    for part, dtype in zip(parts, dtypes, strict=False):
        matrices.append(hashing.transform(part).astype(dtype))
        assert pair.ours.partial_fit(matrices[-1]) is pair.ours
        if read_between:
            _same_as_whole(pair, matrices, matrices[0])
    _same_as_whole(pair, matrices, matrices[0])


@pytest.mark.parametrize("smooth_idf", [True, False])
@pytest.mark.parametrize(
    "dtypes",
    [
        *[["f8", "f8"], ["f4", "f4"], ["f4", "f8"], ["f8", "f4"], ["i8", "i8"]],
        *[["f4", "i8", "f4"], ["i4", "f4"], ["u1", "f4", "f8"], ["f4", "f4", "f4"]],
    ],
    ids=repr,
)
def test_only_float32_gives_float32(dtypes: list[str], smooth_idf: bool) -> None:
    pair = pair_of(TRANSFORMER, {"smooth_idf": smooth_idf})
    parts = [_rows(seed, 30, dtype) for seed, dtype in enumerate(dtypes)]
    for part in parts:
        pair.ours.partial_fit(part)
    _same_as_whole(pair, parts, parts[-1])
    is_single = set(dtypes) == {"f4"}
    assert pair.ours.idf_.dtype == (np.float32 if is_single else np.float64)


@pytest.mark.parametrize("build", [sp.csr_array, sp.csc_matrix, sp.csc_array, np.array])
def test_other_matrices(build: Any) -> None:
    pair = pair_of(TRANSFORMER, {})
    parts = [_rows(0, 9), _rows(1, 1), _rows(2, 20)]
    for part in parts:
        dense = part.toarray()
        pair.ours.partial_fit(dense if build is np.array else build(dense))
    _same_as_whole(pair, parts, parts[0])


def test_entries_that_are_zero_or_repeated_count_as_for_fit() -> None:
    X = sp.csr_matrix(
        (np.array([0.0, 1, 2, 1, 0]), np.array([0, 1, 1, 2, 3]), np.array([0, 3, 5])),
        shape=(2, 5),
    )
    pair = pair_of(TRANSFORMER, {})
    pair.ours.partial_fit(X).partial_fit(X)
    _same_as_whole(pair, [X, X], X)


def test_going_on_after_a_fit_and_starting_anew() -> None:
    first, second, third = _rows(0, 5), _rows(1, 6), _rows(2, 7)
    pair = pair_of(TRANSFORMER, {})
    pair.ours.fit(third).fit(first)
    outcome = observe(lambda: pair.ours.partial_fit(second))
    assert not outcome.failed
    _same_as_whole(pair, [first, second], third)
    pair.ours.fit_transform(third)
    _same_as_whole(pair, [third], first)


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t))]
)
def test_copies_go_their_own_ways(copied: Any) -> None:
    first, second, third = _rows(0, 5), _rows(1, 6), _rows(2, 7)
    one, other = pair_of(TRANSFORMER, {}), pair_of(TRANSFORMER, {})
    one.ours.partial_fit(first)
    other.ours = copied(one.ours)
    one.ours.partial_fit(second)
    other.ours.partial_fit(third)
    _same_as_whole(one, [first, second], third)
    _same_as_whole(other, [first, third], second)


def test_a_part_that_fails_leaves_what_was_learned() -> None:
    first, second = _rows(0, 5), _rows(1, 6)
    broken = _rows(2, 7)
    broken.data[3] = np.nan
    pair = pair_of(TRANSFORMER, {})
    pair.ours.partial_fit(first)
    for wrong in (broken, second[:, :40], "text", sp.csr_matrix((0, 50)), None):
        theirs = observe(lambda: clone(pair.theirs).fit(wrong))  # noqa: B023
        ours = observe(lambda: pair.ours.partial_fit(wrong))  # noqa: B023
        assert ours.failed
        if theirs.failed:
            assert (ours.kind, ours.facts) == (theirs.kind, theirs.facts)
    _same_as_whole(pair, [first], second)
    pair.ours.partial_fit(second)
    _same_as_whole(pair, [first, second], second)


def test_rows_of_another_width_are_refused_as_by_transform() -> None:
    ours = pair_of(TRANSFORMER, {}).ours.partial_fit(_rows(0, 5))
    with pytest.raises(ValueError, match="X has 40 features, but TfidfTransformer is"):
        ours.partial_fit(_rows(0, 5)[:, :40])


def test_names_of_columns_are_kept_and_compared() -> None:
    frame = pd.DataFrame(_rows(0, 8).toarray()).add_prefix("c")
    pair = pair_of(TRANSFORMER, {})
    pair.ours.partial_fit(frame[:3]).partial_fit(frame[3:])
    pair.theirs.fit(frame)
    pair.same("names in", lambda t: t.feature_names_in_)
    pair.same("names out", lambda t: t.get_feature_names_out())
    pair.same("transform", lambda t: t.transform(frame))
    with pytest.raises(ValueError, match="feature names should match"):
        pair.ours.partial_fit(frame.add_prefix("d"))


REMEDY = r"partial_fit.*clone|clone.*partial_fit"


def test_there_is_nothing_to_go_on_from() -> None:
    X = _rows(0, 5)
    unpickled = pickle.loads(pickle.dumps(pair_of(TRANSFORMER, {}).ours.fit(X)))
    assigned = pair_of(TRANSFORMER, {}).ours.fit(X)
    assigned.idf_ = assigned.idf_ * 2
    grown = pair_of(TRANSFORMER, {}).ours.partial_fit(X)
    grown.idf_ = np.ones(50)
    for transformer in (unpickled, assigned, grown):
        idf = transformer.idf_
        with pytest.raises(ValueError, match=REMEDY):
            transformer.partial_fit(X)
        assert transformer.idf_ is idf
        clone(transformer).partial_fit(X).transform(X)
        transformer.fit(X).partial_fit(X)


def test_clones_forget() -> None:
    transformer = pair_of(TRANSFORMER, {}).ours.partial_fit(_rows(0, 5))
    forgetful = clone(transformer)
    assert not hasattr(forgetful, "idf_")
    with pytest.raises(NotFittedError):
        forgetful.transform(_rows(0, 5))
    pair = pair_of(TRANSFORMER, {})
    pair.ours = forgetful.partial_fit(_rows(1, 5))
    _same_as_whole(pair, [_rows(1, 5)], _rows(0, 5))


def test_without_idf_there_is_none() -> None:
    X = _rows(0, 5)
    pair = pair_of(TRANSFORMER, {"use_idf": False})
    pair.ours.partial_fit(X).partial_fit(X)
    pair.theirs.fit(X)
    pair.same("idf_", lambda t: t.idf_)
    pair.same("transform", lambda t: t.transform(X))
