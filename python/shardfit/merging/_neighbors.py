"""Neighbors and kernel densities: they keep their rows, so all rows are fitted anew."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.neighbors import (
    KernelDensity,
    KNeighborsClassifier,
    KNeighborsRegressor,
    KNeighborsTransformer,
    NearestNeighbors,
    RadiusNeighborsClassifier,
    RadiusNeighborsRegressor,
    RadiusNeighborsTransformer,
)

from shardfit.exceptions import NotMergeableError
from shardfit.merging._rules import Mergeability, Rule
from shardfit.merging._state import blank_copy, union_of_classes

__all__ = ["RULES"]


def _merge_searchers(models: list[Any], weights: Any, classes: Any) -> Any:
    """Fit on the rows of all, one estimator's after the other's."""
    return _fitted_anew(models[0], _rows([model._fit_X for model in models]))


def _merge_regressors(models: list[Any], weights: Any, classes: Any) -> Any:
    rows = _rows([model._fit_X for model in models])
    targets = [np.asarray(model._y) for model in models]
    _check_outputs([y.shape[1:] for y in targets])
    return _fitted_anew(models[0], rows, np.concatenate(targets))


def _merge_classifiers(models: list[Any], weights: Any, classes: Any) -> Any:
    rows = _rows([model._fit_X for model in models])
    _check_outputs([model._y.shape[1:] for model in models])
    if models[0].outputs_2d_:
        for labels in zip(*(model.classes_ for model in models), strict=True):
            union_of_classes(list(labels))
    else:
        union_of_classes([model.classes_ for model in models])
    return _fitted_anew(models[0], rows, np.concatenate(list(map(_labels, models))))


def _labels(model: Any) -> NDArray[Any]:
    """Return what a classifier was fitted on as `y`."""
    if not model.outputs_2d_:
        labels: NDArray[Any] = model.classes_[model._y]
        return labels
    return np.stack(
        [
            classes[codes]
            for classes, codes in zip(model.classes_, model._y.T, strict=True)
        ],
        axis=1,
    )


def _merge_densities(models: list[Any], weights: Any, classes: Any) -> Any:
    rows = _rows([model.tree_.data for model in models])
    if all(model.tree_.sample_weight is None for model in models):
        return _fitted_anew(models[0], rows)
    sample_weight = [
        np.ones(len(model.tree_.data))
        if model.tree_.sample_weight is None
        else np.asarray(model.tree_.sample_weight)
        for model in models
    ]
    return _fitted_anew(models[0], rows, sample_weight=np.concatenate(sample_weight))


def _rows(parts: list[Any]) -> Any:
    """Return all rows in a new matrix."""
    is_sparse = [sparse.issparse(part) for part in parts]
    if all(is_sparse):
        return sparse.vstack(parts, format="csr")
    if any(is_sparse):
        other = is_sparse.index(not is_sparse[0])
        kinds = ("sparse", "dense") if is_sparse[0] else ("dense", "sparse")
        raise NotMergeableError(
            f"estimator 0 was fitted on {kinds[0]} rows and estimator {other} on "
            f"{kinds[1]} ones; fit all on rows of one kind"
        )
    return np.concatenate([np.asarray(part) for part in parts])


def _check_outputs(shapes: list[tuple[int, ...]]) -> None:
    for number, shape in enumerate(shapes):
        if shape != shapes[0]:
            raise NotMergeableError(
                f"y has the shape (n_rows, {_shown(shapes[0])}) in estimator 0 and "
                f"(n_rows, {_shown(shape)}) in estimator {number}; fit all on the "
                "same outputs"
            )


def _shown(shape: tuple[int, ...]) -> str:
    return ", ".join(map(str, shape))


def _fitted_anew(model: Any, *rows: Any, **parameters: Any) -> Any:
    merged = blank_copy(model)
    names = getattr(merged, "feature_names_in_", None)
    merged.fit(*rows, **parameters)
    if names is not None:
        # A fit of arrays forgets them.
        merged.feature_names_in_ = names
    return merged


_EXACT = Mergeability("exact", "it keeps its rows, and those of all are fitted anew")
_DISTANCES = Mergeability(
    "no",
    'with metric="precomputed" it knows distances between the rows of a part only',
    "use a metric of features",
)


def _judge(model: Any) -> Mergeability:
    return _DISTANCES if model.metric == "precomputed" else _EXACT


RULES: dict[type, Rule] = {
    **dict.fromkeys(
        (KNeighborsClassifier, RadiusNeighborsClassifier),
        Rule(_merge_classifiers, _judge, weights="own"),
    ),
    **dict.fromkeys(
        (KNeighborsRegressor, RadiusNeighborsRegressor),
        Rule(_merge_regressors, _judge, weights="own"),
    ),
    **dict.fromkeys(
        (KNeighborsTransformer, NearestNeighbors, RadiusNeighborsTransformer),
        Rule(_merge_searchers, _judge, weights="own"),
    ),
    KernelDensity: Rule(_merge_densities, _judge, weights="own"),
}
