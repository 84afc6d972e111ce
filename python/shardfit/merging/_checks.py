"""What must hold before linear models may be averaged: merge, or say why not."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from shardfit.exceptions import NotMergeableError

__all__ = ["check_alike", "check_not_diverged", "union_of_classes"]

# Parameters that steer how one fit runs and not what its coefficients mean.
_FREE_PARAMETERS = frozenset(
    {
        "early_stopping",
        "max_iter",
        "n_iter_no_change",
        "n_jobs",
        "random_state",
        "shuffle",
        "tol",
        "validation_fraction",
        "verbose",
        "warm_start",
    }
)
# Models of one data set differ by small factors; a diverged one by ten powers of ten.
_LARGEST_RATIO = 1e6


def check_alike(models: list[Any]) -> None:
    """Refuse models whose coefficients do not mean the same thing.

    Parameters
    ----------
    models : list of fitted estimators
        All of one class.

    Raises
    ------
    NotMergeableError
        If features, their names, or parameters differ, or if the parameters are
        such that a mean is wrong.
    """
    first = models[0]
    for number, model in enumerate(models):
        if model.n_features_in_ != first.n_features_in_:
            raise NotMergeableError(
                f"estimator 0 has {first.n_features_in_} features and estimator "
                f"{number} has {model.n_features_in_}; fit all on the same features"
            )
        _check_feature_names(first, model, number)
        _check_parameters(first, model, number)
    _check_parameters_allow_a_mean(first)


def _check_feature_names(first: Any, model: Any, number: int) -> None:
    names = getattr(first, "feature_names_in_", None)
    others = getattr(model, "feature_names_in_", None)
    if names is None and others is None:
        return
    if names is None or others is None:
        raise NotMergeableError(
            f"estimator 0 was fitted {'with' if names is not None else 'without'} "
            f"feature names and estimator {number} "
            f"{'with' if others is not None else 'without'} them; fit all alike"
        )
    different = np.flatnonzero(names != others)
    if len(different):
        at = different[0]
        raise NotMergeableError(
            f"feature {at} is {names[at]!r} in estimator 0 and {others[at]!r} in "
            f"estimator {number}; fit all on the same columns in the same order"
        )


def _check_parameters(first: Any, model: Any, number: int) -> None:
    ours, theirs = first.get_params(), model.get_params()
    for name in sorted(ours.keys() - _FREE_PARAMETERS):
        if not (ours[name] is theirs[name] or np.all(ours[name] == theirs[name])):
            raise NotMergeableError(
                f"{name} is {ours[name]!r} in estimator 0 and {theirs[name]!r} in "
                f"estimator {number}; fit all with the same parameters"
            )


def _check_parameters_allow_a_mean(model: Any) -> None:
    if getattr(model, "class_weight", None) == "balanced":
        raise NotMergeableError(
            'class_weight="balanced" weighs the classes of every part of the rows '
            "differently; compute the weights once, on all labels, with "
            "sklearn.utils.class_weight.compute_class_weight, and pass them as a dict"
        )
    if getattr(model, "average", False) > 1:
        raise NotMergeableError(
            f"average={model.average} starts after so many steps of each model, which "
            "a merged model cannot continue; use average=True or average=False"
        )
    if getattr(model, "penalty", None) in ("l1", "elasticnet"):
        warnings.warn(
            f"penalty={model.penalty!r}: the mean of sparse models is less sparse and "
            "often less accurate than one model of all rows; "
            'penalty="l2" does not lose this way',
            UserWarning,
            stacklevel=5,
        )


def check_not_diverged(models: list[Any]) -> None:
    """Refuse a model that would drown all others.

    Parameters
    ----------
    models : list of fitted linear models

    Raises
    ------
    NotMergeableError
        If a coefficient is not finite, or a model's largest is more than a million
        times that of the middle model.
    """
    sizes = []
    for number, model in enumerate(models):
        size = max(_largest(model.coef_), _largest(np.atleast_1d(model.intercept_)))
        if not np.isfinite(size):
            raise NotMergeableError(
                f"estimator {number} holds coefficients that are not finite; fit it "
                "again with a smaller eta0 or a larger alpha, or leave it out"
            )
        sizes.append(size)
    middle = sorted(sizes)[(len(sizes) - 1) // 2]
    worst = int(np.argmax(sizes))
    if middle > 0 and sizes[worst] > _LARGEST_RATIO * middle:
        raise NotMergeableError(
            f"estimator {worst} has diverged: its largest coefficient is "
            f"{sizes[worst]:.3g}, that of the middle estimator {middle:.3g}; fit it "
            "again with a smaller eta0 or a larger alpha, or leave it out"
        )


def _largest(coef: Any) -> float:
    values = coef.data if sparse.issparse(coef) else coef
    if values.size == 0:
        return 0.0
    # Two passes without a temporary copy; NaN passes through both.
    return float(np.maximum(values.max(), -values.min()))


def union_of_classes(models: list[Any]) -> NDArray[Any]:
    """Return all classes of the models, sorted.

    Parameters
    ----------
    models : list of fitted classifiers

    Returns
    -------
    ndarray of shape (n_classes,)

    Raises
    ------
    NotMergeableError
        If the labels of two models are of different kinds, or a model has one class.
    """
    first = models[0].classes_
    for number, model in enumerate(models):
        if model.classes_.dtype.kind != first.dtype.kind:
            raise NotMergeableError(
                f"the labels of estimator 0 are {first.dtype} and those of estimator "
                f"{number} are {model.classes_.dtype}; fit all on labels of one type"
            )
        if len(model.classes_) < 2:
            raise NotMergeableError(
                f"estimator {number} knows the class {model.classes_.tolist()} only; "
                "leave it out, or fit it with partial_fit(X, y, classes=...)"
            )
    return np.unique(np.concatenate([model.classes_ for model in models]))
