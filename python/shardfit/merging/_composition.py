"""Estimators made of others side by side: each of them is merged by its own rule."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.pipeline import FeatureUnion

from shardfit.exceptions import NotMergeableError
from shardfit.merging import _one_for_each, _pipelines
from shardfit.merging._carrying import carry_target
from shardfit.merging._linear import AVERAGED
from shardfit.merging._pipelines import FREE_PARAMETERS
from shardfit.merging._rules import Mergeability, Rule
from shardfit.merging._spaces import ONE_FIT, SPACES, Change, Changes, changes
from shardfit.merging._state import blank_copy
from shardfit.merging._steps import is_step, judge_steps, merge_step

__all__ = ["RULES"]

Weights = NDArray[np.float64] | None


def _merge_column_transformers(models: list[Any], weights: Weights, seen: Any) -> Any:
    first = models[0]
    _check_columns(models)
    merged = blank_copy(first)
    parameters = first.get_params(deep=False)
    for name, value in vars(first).items():
        if name not in parameters and name != "transformers_":
            setattr(merged, name, deepcopy(value))
    merged.transformers_ = []
    for number, (name, step, columns) in enumerate(first.transformers_):
        used = first._transformer_to_input_indices[name]
        if not is_step(step) or not len(used):
            joined = deepcopy(step)
        else:
            by_column = weights is not None and weights.ndim == 2
            own = weights[:, used] if by_column and weights is not None else weights
            steps = [model.transformers_[number][1] for model in models]
            joined = merge_step(name, steps, own)
        merged.transformers_.append((name, joined, deepcopy(columns)))
    _set_output(merged, models)
    return merged


def _check_columns(models: list[Any]) -> None:
    """Refuse transformers that take other columns."""
    ours = models[0]._transformer_to_input_indices
    for number, model in enumerate(models):
        theirs = model._transformer_to_input_indices
        for name in {**ours, **theirs}:
            if list(ours.get(name, [])) != list(theirs.get(name, [])):
                raise NotMergeableError(
                    f"step {name!r} takes the columns {list(ours.get(name, []))} in "
                    f"estimator 0 and {list(theirs.get(name, []))} in estimator "
                    f"{number}; fit all with the same transformers"
                )


def _set_output(merged: Any, models: list[Any]) -> None:
    """Set where the columns of each step are, and whether they are sparse."""
    if not hasattr(models[0], "output_indices_"):
        return  # It has no columns.
    # Whether a matrix is sparse enough depends on its rows. More columns make it more
    # so; it is a matter of storage alone.
    merged.sparse_output_ = any(model.sparse_output_ for model in models)
    at = 0
    for number, (name, step, _) in enumerate(merged.transformers_):
        places = models[0].output_indices_[name]
        width = places.stop - places.start
        if width:
            if is_step(step):
                parts = [model.transformers_[number][1] for model in models]
                width = _merged_width(step, parts, merged, width)
            merged.output_indices_[name] = slice(at, at + width)
        at += width
    names = getattr(models[0], "_transformers_feature_names_out", None)
    if names is not None and len(names) != at:
        del merged._transformers_feature_names_out


def _of_column_transformers(models: list[Any], merged: Any, rows: Weights) -> Changes:
    scales = merged.transformer_weights or {}
    blocks = []
    for number, (name, step, _) in enumerate(merged.transformers_):
        places = merged.output_indices_[name]
        if places.stop > places.start:
            parts = [model.transformers_[number][1] for model in models]
            found = changes(parts, step, rows) if is_step(step) else None
            width = places.stop - places.start
            blocks.append((found, width, float(scales.get(name, 1.0))))
    return _side_by_side(blocks, len(models), rows)


def _of_unions(models: list[Any], merged: Any, rows: Weights) -> Changes:
    scales = merged.transformer_weights or {}
    found = []
    for number, (name, step) in enumerate(merged.transformer_list):
        if isinstance(step, str) and step == "drop":
            continue
        parts = [model.transformer_list[number][1] for model in models]
        own = changes(parts, step, rows) if is_step(step) else None
        found.append((own, step, float(scales.get(name, 1.0))))
    if all(own is None for own, _, _ in found):
        return None
    blocks = [
        (own, _width(step, merged) if own is None else own[0].n_columns, scale)
        for own, step, scale in found
    ]
    return _side_by_side(blocks, len(models), rows)


def _merged_width(step: Any, parts: list[Any], merged: Any, width: int) -> int:
    try:
        found = changes(parts, step)
    except NotMergeableError:
        # A model behind it could not be carried over, and maybe there is none.
        return _width(step, merged)
    return width if found is None else found[0].n_columns


def _width(step: Any, union: Any) -> int:
    """Return how many columns a transformer makes that are the same in all parts."""
    if not is_step(step):  # "passthrough"
        return int(union.n_features_in_)
    if hasattr(step, "n_features"):  # of those that hash
        return int(step.n_features)
    try:
        return len(step.get_feature_names_out())
    except (AttributeError, ValueError) as error:
        raise NotMergeableError(
            f"{type(step).__name__} does not tell how many columns it makes: {error}; "
            f"give it get_feature_names_out, or {ONE_FIT}"
        ) from error


def _side_by_side(
    blocks: Sequence[tuple[Changes, int, float]], n_models: int, rows: Weights
) -> Changes:
    """Return the changes of blocks of columns, one behind the other.

    Parameters
    ----------
    blocks : sequence of (changes, int, float)
        For each its changes, its merged number of columns, and what the composition
        multiplies it by.
    n_models : int
    rows : ndarray of shape (n_models,) or None
        How many rows each part was fitted on.
    """
    if all(found is None for found, _, _ in blocks):
        return None
    n_columns = sum(width for _, width, _ in blocks)
    weights = np.ones(n_models) if rows is None else rows
    joined = []
    for number in range(n_models):
        at, parts = 0, []
        for found, width, factor in blocks:
            same = Change(width)
            own = same if found is None else found[number]
            is_counted = found is not None and all(c.counts is not None for c in found)
            parts.append(_block(own, at, factor, weights[number], is_counted))
            at += width
        joined.append(_concatenated(parts, n_columns))
    return joined


def _block(
    change: Change, start: int, factor: float, weight: float, is_counted: bool
) -> Change:
    """Return a change with all its arrays, of columns from `start` on."""
    positions = change.positions
    if positions is None:
        positions = np.arange(change.n_columns)
    n_own = len(positions)
    return Change(
        change.n_columns,
        positions=np.where(positions >= 0, positions + start, -1),
        scale=change.scale,
        shift=None if change.shift is None else change.shift * factor,
        counts=change.counts if is_counted else np.full(n_own, weight),
        is_complete=change.is_complete,
    )


def _concatenated(parts: list[Change], n_columns: int) -> Change:
    def joined(name: str, neutral: float) -> Any:
        own = [getattr(part, name) for part in parts]
        if all(values is None for values in own):
            return None
        return np.concatenate(
            [
                np.full(len(part.positions), neutral) if values is None else values
                for part, values in zip(parts, own, strict=True)
                if part.positions is not None
            ]
        )

    positions = joined("positions", 0)
    is_whole = np.array_equal(positions, np.arange(n_columns))
    return Change(
        n_columns,
        positions=None if is_whole else positions,
        scale=joined("scale", 1.0),
        shift=joined("shift", 0.0),
        counts=joined("counts", 0.0),
        is_complete=all(part.is_complete for part in parts),
    )


def _merge_unions(models: list[Any], weights: Weights, seen: Any) -> Any:
    merged = blank_copy(models[0])
    merged.transformer_list = [
        (
            name,
            merge_step(name, [m.transformer_list[number][1] for m in models], weights)
            if is_step(step)
            else step,
        )
        for number, (name, step) in enumerate(models[0].transformer_list)
    ]
    return merged


def _merge_transformed_targets(models: list[Any], weights: Weights, seen: Any) -> Any:
    if len({model._training_dim for model in models}) > 1:
        raise NotMergeableError(
            "some estimators were fitted on a vector y and some on a table; fit all "
            "on targets of one shape"
        )
    merged = blank_copy(models[0])
    merged._training_dim = models[0]._training_dim
    transformers = [model.transformer_ for model in models]
    rows = weights if weights is not None and weights.ndim == 1 else None
    merged.transformer_ = merge_step("transformer", transformers, rows)
    regressors = [model.regressor_ for model in models]
    found = changes(transformers, merged.transformer_, rows)
    if found is not None:
        if type(regressors[0]) not in AVERAGED:
            raise NotMergeableError(
                f"{type(regressors[0]).__name__} was trained on targets that every "
                "part has scaled in its own way; fit the transformer once, on all rows"
            )
        regressors = [
            carry_target(regressor, change)
            for regressor, change in zip(regressors, found, strict=True)
        ]
    merged.regressor_ = merge_step("regressor", regressors, weights)
    return merged


def _judge_columns(model: Any) -> Mergeability:
    steps = [(name, step) for name, step, _ in model.transformers]
    return judge_steps([*steps, ("remainder", model.remainder)])


def _judge_union(model: Any) -> Mergeability:
    return judge_steps(model.transformer_list)


def _judge_target(model: Any) -> Mergeability:
    regressor = model._get_regressor()
    return judge_steps([("transformer", model.transformer), ("regressor", regressor)])


SPACES |= {
    ColumnTransformer: _of_column_transformers,
    FeatureUnion: _of_unions,
}

RULES: dict[type, Rule] = {
    **_pipelines.RULES,
    **_one_for_each.RULES,
    ColumnTransformer: Rule(
        _merge_column_transformers,
        _judge_columns,
        free_parameters=FREE_PARAMETERS,
        weights="features",
    ),
    FeatureUnion: Rule(
        _merge_unions,
        _judge_union,
        free_parameters=FREE_PARAMETERS,
        weights="features",
        needs_fit=False,  # What its steps need, they are asked for.
    ),
    TransformedTargetRegressor: Rule(
        _merge_transformed_targets,
        _judge_target,
        free_parameters=FREE_PARAMETERS,
        weights="features",
    ),
}
