"""Random partitions of rows, and what it means that a merge of them is exact."""

from __future__ import annotations

import pickle
from copy import copy
from itertools import pairwise
from typing import Any

import numpy as np
import scipy.sparse as sp
from hypothesis import settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, clone

from shardfit.merging import merge

EXAMPLES = settings(max_examples=settings.default.max_examples // 4)

seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)
numbers_of_parts = st.integers(1, 6)


def cut(rng: np.random.Generator, n_rows: int, n_parts: int) -> list[slice]:
    """Return partitions of rows in order, some of which may be empty."""
    ends = np.sort(rng.integers(0, n_rows + 1, n_parts - 1))
    edges = [0, *ends.tolist(), n_rows]
    return [slice(*pair) for pair in pairwise(edges)]


def fitted_parts(
    model: Any, parts: list[slice], *rows: Any, **by_row: Any
) -> tuple[list[Any], np.ndarray]:
    """Fit a model per part; where there are no rows it stays as it is, of weight 0."""
    models, weights = [], []
    for part in parts:
        part_model = clone(model)
        if part.stop > part.start:
            named = {
                name: values[part]
                for name, values in by_row.items()
                if values is not None
            }
            part_model.fit(*(values[part] for values in rows), **named)
        models.append(part_model)
        weights.append(part.stop - part.start)
    return models, np.array(weights)


def check_exact(
    models: list[Any],
    full: Any,
    *,
    weights: Any = None,
    rtol: float = 1e-9,
    atol: float = 1e-12,
) -> Any:
    """Merge, compare all state with that of a full fit, and return the merged one."""
    before = pickle.dumps(models)
    merged = merge(models, weights=weights)
    assert pickle.dumps(models) == before
    assert type(merged) is type(full)
    assert_same(merged, full, rtol=rtol, atol=atol)
    for model in models:
        assert model is not merged
        assert not shared_arrays(model, merged)
    assert_same(pickle.loads(pickle.dumps(merged)), merged, rtol=0, atol=0)
    assert_same(clone(merged), clone(full), rtol=0, atol=0)
    return merged


def assert_same(
    ours: Any, theirs: Any, *, rtol: float, atol: float, at: str = ""
) -> None:
    if isinstance(theirs, BaseEstimator):
        assert type(ours) is type(theirs), at
        assert_same(vars(ours), vars(theirs), rtol=rtol, atol=atol, at=at)
    elif isinstance(theirs, dict):
        assert ours.keys() == theirs.keys(), at
        for name, value in theirs.items():
            assert_same(ours[name], value, rtol=rtol, atol=atol, at=f"{at}.{name}")
    elif isinstance(theirs, list | tuple):
        assert type(ours) is type(theirs), at
        assert len(ours) == len(theirs), at
        for number, pair in enumerate(zip(ours, theirs, strict=True)):
            assert_same(*pair, rtol=rtol, atol=atol, at=f"{at}[{number}]")
    elif sp.issparse(theirs):
        assert type(ours) is type(theirs), at
        assert_same(ours.toarray(), theirs.toarray(), rtol=rtol, atol=atol, at=at)
    elif isinstance(theirs, np.ndarray | np.generic):
        assert_same_arrays(ours, theirs, rtol=rtol, atol=atol, at=at)
    elif hasattr(theirs, "idx_array"):  # a tree of neighbors
        for name in ("data", "idx_array"):
            np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))
    else:
        is_nan = theirs != theirs and ours != ours
        assert type(ours) is type(theirs), at
        assert is_nan or ours == theirs, at


def assert_same_arrays(
    ours: Any, theirs: Any, *, rtol: float, atol: float, at: str
) -> None:
    assert isinstance(ours, type(theirs)), at
    assert ours.dtype == theirs.dtype, at
    if theirs.dtype.kind == "f":
        np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=atol, err_msg=at)
    elif theirs.dtype.kind == "O":
        assert ours.shape == theirs.shape, at
        assert_same(ours.tolist(), theirs.tolist(), rtol=0, atol=0, at=at)
    else:
        np.testing.assert_array_equal(ours, theirs, err_msg=at)


def shared_arrays(one: Any, other: Any) -> list[str]:
    """Name the fitted arrays that two estimators have in common."""
    return [
        name
        for name, value in vars(one).items()
        if isinstance(value, np.ndarray)
        and name not in one.get_params()
        and isinstance(vars(other).get(name), np.ndarray)
        and np.shares_memory(value, vars(other)[name])
    ]


def naive_average(models: list[Any]) -> Any:
    """Copy the first model, and set the plain means of its arrays."""
    merged = copy(models[0])
    for name, value in vars(models[0]).items():
        if isinstance(value, np.ndarray) and value.dtype.kind == "f":
            parts = [vars(model)[name] for model in models]
            if len({part.shape for part in parts}) == 1:
                setattr(merged, name, np.mean(parts, axis=0))
    return merged
