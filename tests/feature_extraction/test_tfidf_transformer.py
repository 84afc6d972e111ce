"""TfidfTransformer does what scikit-learn's does, to the last bit of any matrix."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import sklearn
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer as SklearnCountVectorizer

from tests.feature_extraction.pairs import Pair, pair_of, state_of

_FORMATS: list[Callable[[Any], Any]] = [
    *[sp.csr_matrix, sp.csr_matrix, sp.csr_array, sp.csc_matrix, sp.csc_array],
    *[sp.coo_matrix, sp.lil_matrix, sp.dok_matrix, sp.bsr_matrix, sp.dia_matrix],
    *[lambda X: X.toarray(), lambda X: X.toarray(order="F"), lambda X: X.todense()],
    *[lambda X: X.toarray().tolist(), lambda X: pd.DataFrame(X.toarray())],
    lambda X: pd.DataFrame(X.toarray(), columns=[f"c{n}" for n in range(X.shape[1])]),
]
_DTYPES = [np.float64, np.float32, np.int64, np.int32, np.uint8, bool, ">f8", ">f4"]
_ODD_DTYPES = [np.float16, np.longdouble, complex, object]

usual = st.fixed_dictionaries(
    {},
    optional={
        "norm": st.sampled_from(["l1", "l2", None]),
        "use_idf": st.booleans(),
        "smooth_idf": st.booleans(),
        "sublinear_tf": st.booleans(),
        "n_jobs": st.sampled_from([None, 1, 2, 3]),
    },
)
odd = st.fixed_dictionaries(
    {},
    optional={
        "norm": st.sampled_from(["max", "", 1, None]),
        **{
            name: st.sampled_from([0, 1, "yes", None, np.bool_(False), True])
            for name in ("use_idf", "smooth_idf", "sublinear_tf")
        },
    },
)
_counts = st.integers(0, 5).map(float)
_any_numbers = st.one_of(
    _counts,
    st.floats(width=32),
    st.sampled_from([-1.0, 0.0, -0.0, 1e-300, 1e200, 1e308, -1e308, 3e38, 1e19]),
)


@st.composite
def matrices(draw: Any, values: st.SearchStrategy[float] = _counts) -> Any:
    """CSR matrices, canonical and not, with explicit zeros and repeated entries."""
    n_rows, n_columns = draw(st.integers(0, 5)), draw(st.integers(1, 6))
    rows = [
        draw(st.lists(st.tuples(st.integers(0, n_columns - 1), values), max_size=7))
        for _ in range(n_rows)
    ]
    dtype = draw(st.sampled_from(_DTYPES))
    data = np.array([value for row in rows for _, value in row])
    if np.dtype(dtype).kind in "iub":
        data = np.abs(np.nan_to_num(data)) % 100
    columns = [column for row in rows for column, _ in row]
    X = sp.csr_matrix((n_rows, n_columns))
    with np.errstate(over="ignore"):
        X.data = data.astype(dtype)
    X.indices = np.array(columns, dtype=np.int32)
    X.indptr = np.cumsum([0, *map(len, rows)]).astype(np.int32)
    if draw(st.booleans()):
        X.sum_duplicates()
    if draw(st.integers(0, 5)) == 0:
        X.indices, X.indptr = X.indices.astype("i8"), X.indptr.astype("i8")
    return X


def _same_on(pair: Pair, make: Callable[[], Any], others: Callable[[], Any]) -> None:
    pair.same("transform unfitted", lambda t: t.transform(make()))
    pair.same("fit_transform", lambda t: t.fit_transform(make()))
    pair.same("state", state_of)
    pair.same("transform others", lambda t: t.transform(others()))
    pair.same("names", lambda t: t.get_feature_names_out())
    pair.same("given", lambda t: _in_place(t, make()))
    pair.same_state()


def _in_place(transformer: Any, X: Any) -> Any:
    """Return what becomes of a matrix that need not be kept."""
    result = transformer.transform(X, copy=False)
    shared = None
    if sp.issparse(X) and X.format == "csr":
        shared = [
            bool(np.shares_memory(getattr(X, name), getattr(result, name)))
            for name in ("data", "indices", "indptr")
        ]
    given = X if sp.issparse(X) and X.format in ("csr", "csc") else None
    return [result, given, shared, result is X]


@given(matrices(), matrices(), st.sampled_from(_FORMATS), usual)
def test_counts(learned: Any, others: Any, build: Any, parameters: Any) -> None:
    pair = pair_of("TfidfTransformer", parameters)
    _same_on(pair, lambda: build(learned.copy()), lambda: build(others.copy()))


@given(
    matrices(_any_numbers),
    matrices(_any_numbers),
    st.sampled_from(_FORMATS[:5]),
    st.one_of(usual, odd),
)
def test_any_numbers(learned: Any, others: Any, build: Any, parameters: Any) -> None:
    pair = pair_of("TfidfTransformer", parameters)
    _same_on(pair, lambda: build(learned.copy()), lambda: build(others.copy()))


@cache
def _integer_counts() -> Any:
    rng = np.random.default_rng(0)
    words = [f"w{n}" for n in rng.zipf(1.3, 40_000) % 5000]
    texts = [" ".join(words[n : n + 80]) for n in range(0, len(words), 80)]
    texts[7] = ""
    # Rows as they come out of fit_transform are not sorted.
    return SklearnCountVectorizer().fit_transform(texts)


def _term_counts(dtype: Any) -> Any:
    X = _integer_counts().copy()
    X.data = X.data.astype(dtype)
    return X


@pytest.mark.parametrize("dtype", [*_DTYPES, *_ODD_DTYPES], ids=repr)
@pytest.mark.parametrize("norm", ["l1", "l2", None])
def test_rows_enough_for_several_threads(norm: Any, dtype: Any) -> None:
    X = _term_counts(dtype)
    for n_jobs in (1, 2, 3):
        pair = pair_of("TfidfTransformer", {"norm": norm, "n_jobs": n_jobs})
        pair.same("fit_transform", lambda t: t.fit_transform(X.copy()))
        pair.same("given", lambda t: _in_place(t, X.copy()))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("norm", ["l1", "l2", None])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e308, 3e38, 1e200, -2.0])
@pytest.mark.parametrize("place", [0, 70, -1])
def test_values_that_overflow(dtype: Any, norm: Any, value: float, place: int) -> None:
    X = _term_counts(dtype)
    fitted = X.copy()
    with np.errstate(over="ignore"):
        X.data[place] = dtype(value)
    for sublinear_tf in (False, True):
        parameters = {"norm": norm, "n_jobs": 2, "sublinear_tf": sublinear_tf}
        pair = pair_of("TfidfTransformer", parameters)
        pair.same("fit", lambda t: t.fit(fitted))
        pair.same("transform", lambda t: t.transform(X.copy()))
        pair.same("given", lambda t: _after_a_failure(t, X.copy()))
        pair.same("fit_transform", lambda t: t.fit_transform(X.copy()))


def _after_a_failure(transformer: Any, X: Any) -> Any:
    """Return the error and whether the matrix that was given has become another."""
    try:
        return _in_place(transformer, X)
    except ValueError as error:
        return [type(error).__name__, str(error)]


@pytest.mark.parametrize("norm", ["l1", "l2", None])
def test_read_only_matrices(norm: Any) -> None:
    def make() -> Any:
        X = _term_counts(np.float64)
        for array in (X.data, X.indices, X.indptr):
            array.flags.writeable = False
        return X

    pair = pair_of("TfidfTransformer", {"norm": norm, "n_jobs": 2})
    _same_on(pair, make, make)


def test_wide_and_foreign_arrays() -> None:
    X = _term_counts(np.float64)
    strided = X.copy()
    strided.data = np.repeat(X.data, 2)[::2]
    mixed = X.copy()
    mixed.indptr = X.indptr.astype(np.int64)
    wide = mixed.copy()
    wide.indices = X.indices.astype(np.int64)
    for matrix in (strided, mixed, wide):
        pair = pair_of("TfidfTransformer", {"n_jobs": 2})
        _same_on(pair, matrix.copy, matrix.copy)


@pytest.mark.skipif(
    "sparse_interface" not in sklearn.get_config(),
    reason="this scikit-learn always returns matrices",
)
@pytest.mark.parametrize("interface", ["spmatrix", "sparray"])
def test_sparse_interface_is_obeyed(interface: str) -> None:
    X = _term_counts(np.float64)
    expected = {"spmatrix": "csr_matrix", "sparray": "csr_array"}[interface]
    with sklearn.config_context(sparse_interface=interface):
        for name in ("CountVectorizer", "TfidfVectorizer"):
            vectorizers = pair_of(name, {})
            for method in ("fit_transform", "transform"):
                seen = vectorizers.same(
                    method,
                    lambda v, method=method: getattr(v, method)(["a text", ""]),  # type: ignore[misc]
                )
                assert seen.kind == expected
        pair = pair_of("TfidfTransformer", {})
        for matrix in (X, sp.csr_array(X), X.tocsc()):
            _same_on(pair, matrix.copy, matrix.copy)


@pytest.mark.parametrize(
    "value",
    [
        *[np.arange(5.0), np.arange(5), np.arange(5, dtype="f4"), [1.0, 2, 3, 4, 5]],
        *[np.arange(4.0), np.arange(6.0), np.full(5, np.nan), np.full(5, np.inf)],
        *[np.arange(10.0)[::2], np.arange(5.0).astype(">f8"), np.ones((5, 1)), 2.0],
        *[None, "idf", np.arange(5.0).tolist(), np.full(5, 1e308), np.zeros(5)],
        *[np.arange(5) + 1j, np.arange(5.0, dtype=object), np.ones((1, 5))],
    ],
    ids=repr,
)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
@pytest.mark.parametrize("norm", ["l2", None])
def test_assigned_idf(value: Any, dtype: Any, norm: Any) -> None:
    X = sp.csr_matrix(np.array([[1, 0, 2, 0, 1], [0, 0, 0, 0, 0], [3, 1, 0, 1, 1]]))
    X = X.astype(dtype)
    pair = pair_of("TfidfTransformer", {"norm": norm})
    for fitted in (False, True):
        if fitted:
            pair.same("fit", lambda t: t.fit(X))
        pair.same("assign", lambda t: setattr(t, "idf_", value))
        pair.same("transform", lambda t: t.transform(X))
        pair.same_state()


def test_parameters_that_change_after_fitting() -> None:
    X = _term_counts(np.int64)
    pair = pair_of("TfidfTransformer", {})
    pair.same("fit", lambda t: t.fit(X))
    for change in (
        *[{"norm": "l1"}, {"norm": None}, {"sublinear_tf": True}, {"use_idf": False}],
        *[{"smooth_idf": False}, {"norm": "max"}, {"norm": "nonsense"}],
    ):
        pair.same("change", lambda t, change=change: t.set_params(**change))  # type: ignore[misc]
        pair.same("transform", lambda t: t.transform(X))
        pair.same_state()
