"""Which objective a scikit-learn estimator minimises, and which ones have none here."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    Ridge,
    RidgeClassifier,
)
from sklearn.svm import LinearSVC, LinearSVR
from sklearn.utils.class_weight import compute_class_weight

from shardfit.partitioned._solver.newton import Penalised
from shardfit.partitioned._solver.objectives import (
    Logistic,
    Multinomial,
    SquaredEpsilon,
    SquaredHinge,
    SquaredLoss,
)
from shardfit.partitioned._solver.shard import Survey

__all__ = ["formulate", "is_classifier", "strength_of", "supports_exact"]

_Float = NDArray[np.float64]


def is_classifier(estimator: Any) -> bool:
    """Return whether a supported estimator takes labels."""
    return type(estimator) in (LogisticRegression, LinearSVC, RidgeClassifier)


def supports_exact(estimator: Any) -> str | None:
    """Tell why an estimator has no exact fit over partitions.

    Parameters
    ----------
    estimator : estimator

    Returns
    -------
    str or None
        The reason and the remedy, or None if it has one.
    """
    reason = _REASONS.get(type(estimator))
    if reason is None:
        return (
            "partitions can sum the objective of LogisticRegression, LinearSVC, "
            "LinearSVR, Ridge, RidgeClassifier and LinearRegression only; use one of "
            'these, or merge="mix"'
        )
    return reason(estimator)


def _why_not_logistic(estimator: Any) -> str | None:
    penalty = getattr(estimator, "penalty", "deprecated")
    l1_ratio = estimator.l1_ratio
    is_smooth = penalty in ("l2", None) or (penalty == "deprecated" and not l1_ratio)
    if not is_smooth:
        return (
            f"with penalty={penalty!r} and l1_ratio={l1_ratio!r} it has an l1 penalty, "
            "which is not smooth; use the l2 penalty (l1_ratio=0)"
        )
    if getattr(estimator, "multi_class", "deprecated") not in ("auto", "deprecated"):
        return f"multi_class={estimator.multi_class!r} is deprecated; leave it out"
    if estimator.solver == "liblinear" and strength_of(estimator) == np.inf:
        return 'solver="liblinear" needs a penalty; use solver="lbfgs"'
    return None


def _why_not_svc(estimator: Any) -> str | None:
    if estimator.loss != "squared_hinge":
        return f'loss={estimator.loss!r} is not smooth; use loss="squared_hinge"'
    if estimator.penalty != "l2":
        return f'penalty={estimator.penalty!r} is not smooth; use penalty="l2"'
    if estimator.multi_class != "ovr":
        return f'multi_class={estimator.multi_class!r} is not smooth; use "ovr"'
    return None


def _why_not_svr(estimator: Any) -> str | None:
    if estimator.loss != "squared_epsilon_insensitive":
        return (
            f"loss={estimator.loss!r} is not smooth; use "
            'loss="squared_epsilon_insensitive"'
        )
    if estimator.epsilon < 0:
        return f"epsilon={estimator.epsilon} is negative; use 0 or more"
    return None


def _why_not_least_squares(estimator: Any) -> str | None:
    if estimator.positive:
        return "positive=True bounds the coefficients; use positive=False"
    return None


_REASONS = {
    LogisticRegression: _why_not_logistic,
    LinearSVC: _why_not_svc,
    LinearSVR: _why_not_svr,
    Ridge: _why_not_least_squares,
    RidgeClassifier: _why_not_least_squares,
    LinearRegression: _why_not_least_squares,
}


def formulate(
    estimator: Any, survey: Survey, classes: NDArray[Any] | None
) -> Penalised:
    """Return the objective that an estimator minimises on some rows.

    Parameters
    ----------
    estimator : estimator
        One that `supports_exact` accepts.
    survey : Survey
        Of all rows.
    classes : ndarray or None
        The sorted labels, for a classifier.

    Returns
    -------
    Penalised

    Raises
    ------
    ValueError
        If `alpha` has another number of entries than there are targets.
    """
    kind = type(estimator)
    if kind is LogisticRegression:
        return _logistic(estimator, survey, classes)
    if kind is LinearSVC:
        return _support_vectors(estimator, survey, classes)
    if kind is LinearSVR:
        return Penalised(
            SquaredEpsilon(estimator.epsilon),
            1,
            scale=estimator.C,
            penalty=np.ones(1),
            intercept_penalty=estimator.intercept_scaling**-2.0,
            fit_intercept=estimator.fit_intercept,
        )
    return _least_squares(estimator, survey, classes)


def strength_of(estimator: Any) -> float:
    """Return the factor of a logistic regression's losses.

    Parameters
    ----------
    estimator : LogisticRegression

    Returns
    -------
    float
        Infinite if there is no penalty beside the losses.
    """
    penalty = getattr(estimator, "penalty", "deprecated")
    return float(np.inf if penalty is None else estimator.C)


def _logistic(estimator: Any, survey: Survey, classes: Any) -> Penalised:
    weights = _class_weights(estimator, classes, _balanced_by(survey))
    is_binary = len(weights) == 2
    loss = Logistic(weights[np.newaxis]) if is_binary else Multinomial(weights)
    n_problems = 1 if is_binary else len(weights)
    strength = strength_of(estimator)
    is_free = strength == np.inf
    is_liblinear = estimator.solver == "liblinear"
    return Penalised(
        loss,
        n_problems,
        scale=1.0 if is_free else strength,
        penalty=np.full(n_problems, 0.0 if is_free else 1.0),
        intercept_penalty=estimator.intercept_scaling**-2.0 if is_liblinear else 0.0,
        fit_intercept=estimator.fit_intercept,
    )


def _support_vectors(estimator: Any, survey: Survey, classes: Any) -> Penalised:
    weights = _class_weights(estimator, classes, _balanced_by(survey))
    if len(weights) == 2:
        table = weights[np.newaxis]
    else:
        # Against the rest, liblinear weighs a class by its own weight and the rest
        # by one.
        table = np.ones((len(weights), len(weights)))
        np.fill_diagonal(table, weights)
    return Penalised(
        SquaredHinge(table),
        len(table),
        scale=estimator.C,
        penalty=np.ones(len(table)),
        intercept_penalty=estimator.intercept_scaling**-2.0,
        fit_intercept=estimator.fit_intercept,
    )


def _least_squares(estimator: Any, survey: Survey, classes: Any) -> Penalised:
    if isinstance(estimator, RidgeClassifier):
        weights = _class_weights(estimator, classes, survey.class_rows)
        n_problems = 1 if len(weights) == 2 else len(weights)
        loss = SquaredLoss(np.tile(weights, (n_problems, 1)))
    else:
        n_problems = max(survey.n_targets, 1)
        loss = SquaredLoss()
    alpha = np.ravel(np.asarray(getattr(estimator, "alpha", 0.0), dtype=np.float64))
    if len(alpha) not in (1, n_problems):
        raise ValueError(
            f"alpha has {len(alpha)} entries and y has {n_problems} targets; give one "
            "alpha, or one per target"
        )
    return Penalised(
        loss,
        n_problems,
        scale=1.0,
        penalty=np.broadcast_to(alpha, (n_problems,)).copy(),
        intercept_penalty=0.0,
        fit_intercept=estimator.fit_intercept,
    )


def _balanced_by(survey: Survey) -> _Float:
    """Return what this scikit-learn balances the weights of classes by."""
    known = inspect.signature(compute_class_weight).parameters
    return survey.class_weights if "sample_weight" in known else survey.class_rows


def _class_weights(estimator: Any, classes: Any, totals: _Float) -> _Float:
    """Return the weight of each class, balanced by the `totals` of all rows."""
    weighting = estimator.class_weight
    if isinstance(weighting, str):  # "balanced"
        with np.errstate(divide="ignore"):
            balanced = totals.sum() / (len(totals) * totals)
        # A class without weight has no rows to weigh.
        return np.asarray(np.where(totals > 0, balanced, 0.0))
    return np.asarray(
        compute_class_weight(weighting, classes=classes, y=classes), dtype=np.float64
    )
