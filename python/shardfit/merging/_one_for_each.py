"""One estimator for each label or output: they are merged one by one."""

from __future__ import annotations

from copy import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import is_classifier
from sklearn.multiclass import OneVsRestClassifier, _ConstantPredictor
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor

from shardfit.exceptions import NotMergeableError
from shardfit.merging._carrying import merge_carried
from shardfit.merging._linear import AVERAGED
from shardfit.merging._rules import Mergeability, Rule
from shardfit.merging._spaces import Changes
from shardfit.merging._state import blank_copy
from shardfit.merging._steps import judge_steps, merge_step

__all__ = ["RULES", "merge_labels", "merge_outputs"]

_ALL_LABELS = "give every part rows with and without every label"


def merge_labels(
    models: list[Any],
    weights: NDArray[np.float64] | None,
    seen: list[NDArray[Any]] | None,
    found: Changes = None,
) -> Any:
    """Merge OneVsRestClassifiers, each label by the parts that know it.

    Parameters
    ----------
    models : list of fitted OneVsRestClassifier
    weights : ndarray of shape (n_models,) or (n_models, n_features) or None
    seen : list of ndarray or None
        The labels that each model really saw.
    found : list of Change, optional
        How the columns of each are made of the merged ones.

    Returns
    -------
    OneVsRestClassifier
    """
    merged = _blank(models[0], found)
    binarizers = [model.label_binarizer_ for model in models]
    merged.label_binarizer_ = merge_step("label_binarizer_", binarizers, None)
    merged.classes_ = merged.label_binarizer_.classes_
    is_exact = _judge(models[0]).kind == "exact"
    # For two classes, one estimator tells the second from the first.
    is_single = merged.label_binarizer_.y_type_ == "binary"
    merged.estimators_ = []
    for label in (
        merged.classes_[-1:].tolist() if is_single else merged.classes_.tolist()
    ):
        inner = [_estimator_for(model, label) for model in models]
        knows = np.array([_has_say(one) for one in inner])
        if is_exact and not knows.all():
            raise NotMergeableError(
                f"estimator {int(knows.argmin())} has not seen rows with and without "
                f"label {label!r}, and the others alone do not give what all rows "
                f"would; {_ALL_LABELS}"
            )
        if seen is not None:
            saw = knows & np.array([label in labels for labels in seen])
            knows = saw if saw.any() else knows
        if knows.any():
            numbers = np.flatnonzero(knows)
            joined = _merge_one(
                f"label {label!r}",
                [inner[number] for number in numbers],
                None if weights is None else weights[knows],
                None if found is None else [found[number] for number in numbers],
            )
        else:
            joined = _constant(inner, label, models, is_single)
            if found is not None:
                joined.n_features_in_ = merged.n_features_in_
        merged.estimators_.append(joined)
    return merged


def merge_outputs(
    models: list[Any],
    weights: NDArray[np.float64] | None,
    seen: list[NDArray[Any]] | None,
    found: Changes = None,
) -> Any:
    """Merge MultiOutputClassifiers or MultiOutputRegressors, output by output.

    Parameters
    ----------
    models : list of fitted estimators
    weights : ndarray of shape (n_models,) or (n_models, n_features) or None
    seen : None
    found : list of Change, optional
        How the columns of each are made of the merged ones.

    Returns
    -------
    estimator
    """
    n_outputs = len(models[0].estimators_)
    for number, model in enumerate(models):
        if len(model.estimators_) != n_outputs:
            raise NotMergeableError(
                f"estimator 0 has {n_outputs} outputs and estimator {number} has "
                f"{len(model.estimators_)}; fit all on the same targets"
            )
    merged = _blank(models[0], found)
    merged.estimators_ = [
        _merge_one(
            f"output {column}", [m.estimators_[column] for m in models], weights, found
        )
        for column in range(n_outputs)
    ]
    # After `partial_fit` alone there are none.
    if any("classes_" in vars(model) for model in models):
        merged.classes_ = [inner.classes_ for inner in merged.estimators_]
    return merged


def _blank(model: Any, found: Changes) -> Any:
    blank = blank_copy(model)
    if found is not None:
        vars(blank).pop("feature_names_in_", None)
        blank.n_features_in_ = found[0].n_columns
    return blank


def _merge_one(
    name: str,
    models: list[Any],
    weights: NDArray[np.float64] | None,
    found: Changes,
) -> Any:
    if found is None:
        return merge_step(name, models, weights)
    return merge_carried(name, models, found, weights, None)


def _estimator_for(model: Any, label: Any) -> Any:
    """Return what tells one label from the others, None if nothing does."""
    place = int(np.searchsorted(model.classes_, label))
    if place == len(model.classes_) or model.classes_[place] != label:
        return None
    if len(model.estimators_) == len(model.classes_):
        return model.estimators_[place]
    (only,) = model.estimators_
    return only if place == 1 or isinstance(only, _ConstantPredictor) else _turned(only)


def _turned(estimator: Any) -> Any:
    """Return a binary classifier that takes its two classes for each other."""
    if type(estimator) not in AVERAGED or not is_classifier(estimator):
        raise NotMergeableError(
            "some estimators know two classes and some more, and "
            f"{type(estimator).__name__} cannot be turned around; {_ALL_LABELS}"
        )
    turned = copy(estimator)
    for name in ("coef_", "_standard_coef", "_average_coef"):
        for attribute in (name, name.replace("coef", "intercept")):
            if attribute in vars(estimator):
                setattr(turned, attribute, -getattr(estimator, attribute))
    return turned


def _has_say(estimator: Any) -> bool:
    return estimator is not None and not isinstance(estimator, _ConstantPredictor)


def _constant(inner: list[Any], label: Any, models: list[Any], is_single: bool) -> Any:
    """Return the answer for a label that no part can tell from the others."""
    constants = [one for one in inner if one is not None]
    answers = {int(one.y_[0]) for one in constants}
    is_same = len(answers) == 1 and len(constants) == len(models)
    is_multilabel = models[0].multilabel_
    is_lonely = is_single and len(models[0].classes_) == 1
    if is_same and (is_multilabel or is_lonely):
        return copy(constants[0])
    raise NotMergeableError(
        f"no estimator has seen rows with label {label!r} and rows without it; "
        f"{_ALL_LABELS}"
    )


def _judge(model: Any) -> Mergeability:
    return judge_steps([("estimator", model.estimator)])


RULES: dict[type, Rule] = {
    OneVsRestClassifier: Rule(
        merge_labels, _judge, weights="features", takes_classes=True
    ),
    **dict.fromkeys(
        (MultiOutputClassifier, MultiOutputRegressor),
        Rule(merge_outputs, _judge, weights="features"),
    ),
}
