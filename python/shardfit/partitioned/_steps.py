"""The steps of a pipeline before its last one: fitted on all rows, by blocks if exact.

A scaler or a vocabulary that was fitted on one partition alone would give its features
another meaning than in the others. So each of these steps is fitted as on all rows:
block by block where blocks merge exactly, and in one piece where they do not.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.feature_extraction import DictVectorizer, FeatureHasher
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer
from sklearn.impute import SimpleImputer
from sklearn.utils._mask import _get_mask

from shardfit import feature_extraction
from shardfit.merging import merge, mergeability
from shardfit.partitioned._parts import Part
from shardfit.partitioned._tasks import Tasks

__all__ = ["fit_transform_steps", "fit_transformer"]

# Python's own code does their work, which holds the lock of the interpreter.
_IN_PYTHON = (CountVectorizer, DictVectorizer, FeatureHasher, HashingVectorizer)


def fit_transform_steps(
    steps: Sequence[tuple[str, Any]],
    part: Part,
    metadata: Mapping[str, Any],
    n_blocks: int,
    tasks: Tasks,
) -> tuple[list[tuple[str, Any]], Any]:
    """Fit transformers, one behind the other, and transform the rows.

    Parameters
    ----------
    steps : sequence of (name, transformer)
        Not fitted.
    part : Part
        All rows, without metadata.
    metadata : mapping
        By name of step, the arguments of its methods, as scikit-learn routes them.
    n_blocks : int
        How many blocks of rows are worked on side by side.
    tasks : Tasks

    Returns
    -------
    list of (name, transformer)
        Fitted.
    X : matrix
        The rows as the last of them gives them.
    """
    X, fitted = part.X, []
    for name, step in steps:
        if step is None or step == "passthrough":
            fitted.append((name, step))
            continue
        arguments = metadata.get(name, {})
        if arguments or not _is_better_by_blocks(step, n_blocks):
            transformer, X = _in_one_piece(clone(step), X, part.y, arguments)
        else:
            rows = Part(X, part.y, part.n_rows)
            transformer = fit_transformer(step, rows, n_blocks, tasks)
            X = _transform_blocks(transformer, rows, n_blocks, tasks)
        fitted.append((name, transformer))
    return fitted, X


def fit_transformer(transformer: Any, part: Part, n_blocks: int, tasks: Tasks) -> Any:
    """Fit a transformer to rows as on all at once.

    Parameters
    ----------
    transformer : estimator
        Not fitted, and not changed.
    part : Part
        All rows.
    n_blocks : int
        How many blocks of rows are worked on side by side.
    tasks : Tasks

    Returns
    -------
    estimator
        Fitted.
    """
    if _is_better_by_blocks(transformer, n_blocks):
        blocks = [part.rows(rows) for rows in _blocks(part.n_rows, n_blocks)]
        try:
            with warnings.catch_warnings():
                # A column may lack all values in one block only.
                warnings.simplefilter("ignore", RuntimeWarning)
                models = tasks(
                    Part.fit,
                    [(block, clone(transformer)) for block in blocks],
                    prefer=_preference(transformer),
                )
            return merge(models, weights=_weights(transformer, blocks))
        except ValueError:
            # What was learned decides, too: a block without any word, a vocabulary in
            # another order, a missing value in one block only. All rows at once are
            # always right, or say themselves what is wrong.
            pass
    return part.fit(clone(transformer))


def _in_one_piece(
    step: Any, X: Any, y: Any, arguments: Mapping[str, Any]
) -> tuple[Any, Any]:
    fit, transform = arguments.get("fit", {}), arguments.get("transform", {})
    if hasattr(step, "fit_transform"):
        X = step.fit_transform(X, y, **{**fit, **arguments.get("fit_transform", {})})
        return step, X
    return step, step.fit(X, y, **fit).transform(X, **transform)


def _is_better_by_blocks(step: Any, n_blocks: int) -> bool:
    # Our own vectorizers have threads of their own, which need no merge.
    is_ours = type(step).__module__.startswith(f"{feature_extraction.__name__}.")
    return n_blocks > 1 and not is_ours and mergeability(step).kind == "exact"


def _preference(step: Any) -> Literal["threads", "processes"]:
    return "processes" if isinstance(step, _IN_PYTHON) else "threads"


def _blocks(n_rows: int, n_blocks: int) -> list[NDArray[np.intp]]:
    return np.array_split(np.arange(n_rows), max(1, min(n_blocks, n_rows)))


def _weights(transformer: Any, blocks: Sequence[Part]) -> Any:
    """Return what `merge` has to know of the blocks."""
    if type(transformer) is not SimpleImputer:
        return [block.n_rows for block in blocks]
    return [_n_values(block.X, transformer.missing_values) for block in blocks]


def _n_values(X: Any, missing_value: Any) -> NDArray[np.int64]:
    """Count the values of each column that are not missing."""
    if sp.issparse(X):
        X = X.tocsc()
        n_missing = np.add.reduceat(
            np.append(_get_mask(X.data, missing_value), [False]).astype(np.int64),
            X.indptr[:-1],
        )
        n_missing = np.where(np.diff(X.indptr) > 0, n_missing, 0)
        return np.asarray(X.shape[0] - n_missing)
    is_missing = np.asarray(_get_mask(np.asarray(X), missing_value))
    return np.asarray((~is_missing).sum(axis=0))


def _transform_blocks(transformer: Any, part: Part, n_blocks: int, tasks: Tasks) -> Any:
    blocks = [part.rows(rows).X for rows in _blocks(part.n_rows, n_blocks)]
    matrices = tasks(
        _transform,
        [(transformer, block) for block in blocks],
        prefer=_preference(transformer),
    )
    if all(isinstance(matrix, np.ndarray) for matrix in matrices):
        return np.concatenate(matrices)
    if all(sp.issparse(matrix) for matrix in matrices):
        return sp.vstack(matrices, format="csr")
    return transformer.transform(part.X)  # DataFrames, and what else there is


def _transform(transformer: Any, X: Any) -> Any:
    return transformer.transform(X)
