"""The door of the room: which estimators merge, and what is refused before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from shardfit.exceptions import NotMergeableError
from shardfit.merging._linear import AVERAGED, merge_linear

__all__ = ["merge"]

EstimatorT = TypeVar("EstimatorT")

_REMEDIES = {
    "Pipeline": "merge the last steps and keep the steps before them, which must "
    "be the same in every pipeline",
    "SGDOneClassSVM": "train one model on all rows",
    "Ridge": "train one model on all rows: ridge solutions do not average",
    "LinearRegression": "train one model on all rows: least squares solutions do "
    "not average",
}
_REMEDY = (
    "train one model on all rows, or let the fitted models vote with "
    "sklearn.ensemble.VotingClassifier or VotingRegressor"
)


def merge(
    estimators: Iterable[EstimatorT],
    *,
    weights: ArrayLike | None = None,
    classes: Sequence[ArrayLike] | None = None,
) -> EstimatorT:
    """Join estimators, fitted on parts of the rows, into one new estimator.

    Linear models are averaged: the merged ``coef_`` and ``intercept_`` are weighted
    means, class by class. The classes are the union of those of the estimators; one
    that does not know a class has no say in it.

    Parameters
    ----------
    estimators : iterable of fitted estimators
        At least one. All of one class, one set of features and the same parameters
        as far as these shape the model. They are left as they are, and share no
        memory with the result. The classes that merge are `SGDClassifier`,
        `SGDRegressor`, `Perceptron`, `PassiveAggressiveClassifier`,
        `PassiveAggressiveRegressor`, `LinearSVC` and `LogisticRegression` of
        scikit-learn.
    weights : array-like of shape (n_estimators,), optional
        The say of every estimator: finite, not negative, not all 0. The number of
        rows it was fitted on is a good choice. By default all are equal.
    classes : sequence of array-like, one per estimator, optional
        The labels that the rows of each estimator really held, where they are fewer
        than its ``classes_``. After ``partial_fit(X, y, classes=...)`` an estimator
        knows classes of which it saw no row: named here, it has no say in the
        others, unless nobody saw them. For two classes an estimator must have seen
        both to have a say.

    Returns
    -------
    estimator
        A new estimator of the same class with the parameters of the first one. It
        can be trained on with ``partial_fit``: its ``t_`` counts the steps of all.

    Raises
    ------
    NotMergeableError
        If the merge would be wrong; the message says what to do instead.
    ValueError
        If there are no estimators, or `weights` or `classes` do not fit them.
    sklearn.exceptions.NotFittedError
        If an estimator is not fitted.

    Warns
    -----
    UserWarning
        If the penalty is ``"l1"`` or ``"elasticnet"``: the mean of sparse models
        is neither as sparse nor as accurate as one model of all rows.

    Examples
    --------
    >>> from sklearn.linear_model import SGDClassifier
    >>> from shardfit.merging import merge
    >>> first = SGDClassifier(random_state=0).fit([[0.0], [1.0]], ["a", "b"])
    >>> second = SGDClassifier(random_state=1).fit([[1.0], [2.0]], ["b", "c"])
    >>> merge([first, second], weights=[2, 2]).classes_.tolist()
    ['a', 'b', 'c']
    """
    models: list[Any] = list(estimators)
    if not models:
        raise ValueError("there are no estimators to merge; give at least one")
    _check_mergeable(models)
    for model in models:
        check_is_fitted(model, "coef_")
    merged: EstimatorT = merge_linear(
        models, _check_weights(weights, len(models)), _check_classes(classes, models)
    )
    return merged


def _check_mergeable(models: list[Any]) -> None:
    kind = type(models[0])
    for number, model in enumerate(models):
        if type(model) is not kind:
            raise NotMergeableError(
                f"estimator 0 is a {kind.__name__} and estimator {number} a "
                f"{type(model).__name__}; merge estimators of one class only"
            )
    if kind not in AVERAGED:
        remedy = _REMEDIES.get(kind.__name__, _REMEDY)
        raise NotMergeableError(f"{kind.__name__} cannot be merged; {remedy}")


def _check_weights(weights: ArrayLike | None, n_models: int) -> NDArray[np.float64]:
    if weights is None:
        return np.ones(n_models)
    checked = np.array(weights, dtype=np.float64)
    if checked.shape != (n_models,):
        raise ValueError(
            f"weights has the shape {checked.shape}, and there are {n_models} "
            "estimators; give one weight per estimator"
        )
    if not np.isfinite(checked).all() or (checked < 0).any():
        raise ValueError(
            f"weights must be finite and not negative, got {checked.tolist()}"
        )
    if not checked.any():
        raise ValueError("weights are all 0; give at least one estimator a say")
    # Scaled first, so that the largest floats add up to something finite.
    return np.asarray(checked / checked.max())


def _check_classes(
    classes: Sequence[ArrayLike] | None, models: list[Any]
) -> list[NDArray[Any]] | None:
    if classes is None:
        return None
    if not hasattr(models[0], "classes_"):
        raise ValueError(
            f"classes is for classifiers, and {type(models[0]).__name__} is none; "
            "leave it out"
        )
    if len(classes) != len(models):
        raise ValueError(
            f"classes has {len(classes)} entries, and there are {len(models)} "
            "estimators; give one array of labels per estimator"
        )
    checked = [np.asarray(labels) for labels in classes]
    for number, (labels, model) in enumerate(zip(checked, models, strict=True)):
        unknown = sorted(set(labels.tolist()) - set(model.classes_.tolist()), key=str)
        if unknown:
            raise ValueError(
                f"classes names {unknown[0]!r} for estimator {number}, which knows "
                f"{model.classes_.tolist()} only; name labels of its classes_"
            )
    return checked
