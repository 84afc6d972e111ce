"""Ensembles of any estimators that hold the members of all ensembles."""

from __future__ import annotations

from copy import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.pipeline import Pipeline
from sklearn.utils import Bunch

from shardfit.exceptions import NotMergeableError
from shardfit.merging._members import check_outputs, set_members, warn_of_twins
from shardfit.merging._rules import Rule, always
from shardfit.merging._state import blank_copy, union_of_classes

__all__ = ["RULES"]


def _merge_bagging(
    models: list[Any],
    weights: NDArray[np.float64] | None,
    classes: list[NDArray[Any]] | None,
) -> Any:
    check_outputs(models)
    warn_of_twins(models)
    result = blank_copy(models[0])
    result._max_features = models[0]._max_features
    members = [list(model.estimators_) for model in models]
    if "classes_" in vars(models[0]):
        result.classes_ = union_of_classes([model.classes_ for model in models])
        result.n_classes_ = len(result.classes_)
        for model, own in zip(models, members, strict=True):
            if model.n_classes_ < result.n_classes_:
                places = np.searchsorted(result.classes_, model.classes_)
                own[:] = [_renumbered(member, places) for member in own]
        if any(model.n_classes_ < result.n_classes_ for model in models):
            _check_aligns(result.classes_, members)
    set_members(result, models, members)
    return result


def _check_aligns(union: NDArray[Any], members: list[list[Any]]) -> None:
    """Refuse members that scikit-learn adds up without a look at their classes."""
    member = next(one for own in members for one in own)
    lacks = None
    if not hasattr(member, "predict_proba"):
        lacks = "has no predict_proba"
    elif hasattr(member, "decision_function"):
        lacks = "has a decision_function, whose columns would be mixed up"
    if lacks is not None:
        raise NotMergeableError(
            f"BaggingClassifier estimators of different classes, {union.tolist()} in "
            f"all, cannot be merged: {type(member).__name__} {lacks}; give every part "
            "rows of all classes, or use trees, neighbors or naive Bayes as members"
        )


def _renumbered(member: Any, places: NDArray[np.intp]) -> Any:
    """Return a copy of a member that calls its classes by other numbers."""
    changed = copy(member)
    if isinstance(member, Pipeline):
        name, last = member.steps[-1]
        changed.steps = [*member.steps[:-1], (name, _renumbered(last, places))]
    elif "classes_" in vars(member):
        changed.classes_ = places[np.asarray(member.classes_, dtype=np.intp)]
    else:
        raise NotMergeableError(
            f"BaggingClassifier estimators of different classes cannot be merged: "
            f"those of {type(member).__name__} cannot be set; give every part rows of "
            "all classes, or use trees, neighbors or naive Bayes as members"
        )
    return changed


def _merge_voting(
    models: list[Any],
    weights: NDArray[np.float64] | None,
    classes: list[NDArray[Any]] | None,
) -> Any:
    _check_equal_classes(models)
    result = blank_copy(models[0])
    result.estimators, result.estimators_ = [], []
    result.named_estimators_ = Bunch()
    for number, model in enumerate(models):
        fitted = iter(model.estimators_)
        for name, estimator in model.estimators:
            own_name = f"{name}_{number}" if len(models) > 1 else name
            is_dropped = estimator == "drop"
            member = "drop" if is_dropped else next(fitted)
            unfitted = "drop" if is_dropped else clone(estimator)
            result.estimators.append((own_name, unfitted))
            result.named_estimators_[own_name] = member
            if not is_dropped:
                result.estimators_.append(member)
    result.weights = _votes(models, weights)
    if "classes_" in vars(models[0]):
        result.classes_ = models[0].classes_.copy()
        result.le_ = clone(models[0].le_)
        result.le_.classes_ = result.classes_
    return result


def _votes(
    models: list[Any], weights: NDArray[np.float64] | None
) -> list[float] | None:
    """Return the weights of all members, such that each model has its own say."""
    own: list[list[float]] = []
    totals = []
    for model in models:
        votes = model.weights
        if votes is None:
            votes = [1.0] * len(model.estimators)
        own.append([float(vote) for vote in votes])
        pairs = zip(own[-1], model.estimators, strict=True)
        totals.append(sum(vote for vote, (_, one) in pairs if one != "drop"))
    says = np.ones(len(models)) if weights is None else weights / weights.max()
    scales = says / np.array(totals)
    if (scales == scales[0]).all():
        if all(model.weights is None for model in models):
            return None
        scales = np.ones(len(models))  # ties of hard votes must stay ties
    scaled = zip(own, scales.tolist(), strict=True)
    return [vote * scale for votes, scale in scaled for vote in votes]


def _merge_calibrated(
    models: list[Any],
    weights: NDArray[np.float64] | None,
    classes: list[NDArray[Any]] | None,
) -> Any:
    _check_equal_classes(models)
    result = blank_copy(models[0])
    result.classes_ = models[0].classes_.copy()
    result.calibrated_classifiers_ = [
        member for model in models for member in model.calibrated_classifiers_
    ]
    return result


def _check_equal_classes(models: list[Any]) -> None:
    if "classes_" not in vars(models[0]):
        return
    union = union_of_classes([model.classes_ for model in models])
    for number, model in enumerate(models):
        if len(model.classes_) < len(union):
            raise NotMergeableError(
                f"{type(model).__name__} estimators must know the same classes, and "
                f"estimator {number} knows {model.classes_.tolist()} of "
                f"{union.tolist()}; give every part rows of all classes"
            )


_BAGGING = Rule(
    _merge_bagging,
    always("union", "the merged ensemble holds the members of all"),
    free_parameters=("n_estimators", "oob_score", "max_samples"),
    weights="none",
)
_VOTING = Rule(
    _merge_voting,
    always(
        "union",
        "the merged ensemble holds the members of all, and every part has its say",
        "weights, the number of rows of each part, if the parts differ in size",
    ),
    free_parameters=("weights",),
)

RULES: dict[type, Rule] = {
    BaggingClassifier: _BAGGING,
    BaggingRegressor: _BAGGING,
    VotingClassifier: _VOTING,
    VotingRegressor: _VOTING,
    CalibratedClassifierCV: Rule(
        _merge_calibrated,
        always("union", "the merged classifier holds the calibrated members of all"),
        free_parameters=("cv",),
        weights="none",
    ),
}
