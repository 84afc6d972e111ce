"""The door of the room: which estimators merge, and what is checked before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from shardfit.exceptions import NotMergeableError
from shardfit.merging import (
    _composition,
    _dummies,
    _encoding,
    _ensembles,
    _forests,
    _imputing,
    _linear,
    _naive_bayes,
    _neighbors,
    _refusals,
    _scaling,
    _stateless,
    _vocabularies,
)
from shardfit.merging._checks import check_alike
from shardfit.merging._rules import Kind, Mergeability, Merger, Rule, always

__all__ = ["merge", "mergeability", "register"]

EstimatorT = TypeVar("EstimatorT")

# Sums of numbers of rows, or of sample weights, that are not lost in rounding.
_FEWEST_ROWS, _MOST_ROWS = 1e-100, 1e100

_RULES: dict[type, Rule] = {}
for _room in (
    _composition,
    _dummies,
    _encoding,
    _ensembles,
    _forests,
    _imputing,
    _linear,
    _naive_bayes,
    _neighbors,
    _scaling,
    _stateless,
    _vocabularies,
):
    _RULES |= _room.RULES


def merge(
    estimators: Iterable[EstimatorT],
    *,
    weights: ArrayLike | None = None,
    classes: Sequence[ArrayLike] | None = None,
) -> EstimatorT:
    r"""Join estimators, fitted on parts of the rows, into one new estimator.

    How they join depends on their class; `mergeability` tells. Estimators that keep
    sums and counts (naive Bayes, scalers, vocabularies, neighbors) become what one
    fit of all rows would give. Linear models are averaged, class by class. Ensembles
    are united. All else is refused.

    Parameters
    ----------
    estimators : iterable of fitted estimators
        At least one. All of one class, one set of features and the same parameters
        as far as these shape the model. They are left as they are.
    weights : array-like of shape (n_estimators,) or (n_estimators, n_features), \
            optional
        The say of every estimator: finite, not negative, not all 0. The number of
        rows it was fitted on is the right choice, and `TfidfTransformer`,
        `DummyClassifier` and others need it to be exact. Estimators that keep their
        number of rows go by that instead. With one number per feature, a linear
        model's coefficient of a feature weighs as much as the number of rows that hold
        it (document frequencies serve text best), and `SimpleImputer` learns how many
        values were there. An estimator of weight 0 is left out, and need not be fitted:
        so can a part without rows be given.
    classes : sequence of array-like, one per estimator, optional
        For averaged classifiers: the labels that the rows of each really held, where
        they are fewer than its ``classes_``. After ``partial_fit(X, y, classes=...)``
        an estimator knows classes of which it saw no row: named here, it has no say in
        the others, unless nobody saw them. For two classes an estimator must have seen
        both to have a say.

    Returns
    -------
    estimator
        A new estimator of the same class with the parameters of the first one. Its
        classes are the union of those of the estimators. Trees and other members of
        ensembles are shared with the estimators they come from, all else is copied.

    Raises
    ------
    NotMergeableError
        If the merge would be wrong; the message says what to do instead.
    TypeError
        If `estimators` are one estimator, a dict, or no estimators, or if what is
        registered for their class does not return a new one.
    ValueError
        If there are no estimators, or `weights` or `classes` do not fit them.
    sklearn.exceptions.NotFittedError
        If an estimator is not fitted.

    Warns
    -----
    UserWarning
        If the merged model is known to be worse than one model of all rows in a way
        that the mean does not show, such as a penalty of ``"l1"``.

    See Also
    --------
    mergeability : Whether and how well an estimator merges.
    register : Teach `merge` a class of your own.
    shardfit.partitioned.PartitionedClassifier : Fit the parts and merge them.

    Notes
    -----
    The mean of models with ``loss="modified_huber"`` decides well, but its
    probabilities are poor; the mean of the models' probabilities serves better.

    Examples
    --------
    >>> from sklearn.linear_model import SGDClassifier
    >>> from shardfit.merging import merge
    >>> first = SGDClassifier(random_state=0).fit([[0.0], [1.0]], ["a", "b"])
    >>> second = SGDClassifier(random_state=1).fit([[1.0], [2.0]], ["b", "c"])
    >>> merge([first, second], weights=[2, 2]).classes_.tolist()
    ['a', 'b', 'c']
    """
    models = _listed(estimators)
    rule = _rule_of(models)
    seen = None if classes is None else _listed_classes(classes, models)
    checked = _check_weights(weights, models, rule)
    if checked is not None:
        kept = np.flatnonzero(_has_say(checked, models, rule))
        models = [models[number] for number in kept]
        checked = None if rule.weights in ("own", "none") else checked[kept]
        seen = None if seen is None else [seen[number] for number in kept]
    for model in models if rule.needs_fit else ():
        check_is_fitted(model)
    check_alike(models, free=rule.free_parameters)
    if seen is not None:
        _check_classes(seen, models, rule)
    merged: EstimatorT = rule.merge(models, checked, seen)
    kind = type(models[0])
    if type(merged) is not kind or any(merged is model for model in models):
        raise TypeError(
            f"the function that is registered for {kind.__name__} must return a new "
            f"one, and has returned {merged!r:.100}"
        )
    return merged


def mergeability(estimator: Any) -> Mergeability:
    """Tell whether estimators like this one merge, and how well.

    Parameters
    ----------
    estimator : estimator
        Fitted or not. What counts is its class, and for some its parameters.

    Returns
    -------
    Mergeability
        A named tuple. `kind` is "exact", "average", "union" or "no"; `reason` says
        why; `remedy` says what to do where it is "no", and what `merge` has to be
        given where it needs more than the estimators.

    Raises
    ------
    TypeError
        If `estimator` is a class.

    Examples
    --------
    >>> from sklearn.ensemble import GradientBoostingClassifier
    >>> from sklearn.linear_model import SGDClassifier
    >>> from shardfit.merging import mergeability
    >>> mergeability(SGDClassifier()).kind
    'average'
    >>> mergeability(GradientBoostingClassifier()).kind
    'no'
    """
    if isinstance(estimator, type):
        raise TypeError(
            f"estimator must be an estimator, and {estimator.__name__} is a class; "
            f"give {estimator.__name__}()"
        )
    rule = _RULES.get(type(estimator))
    if rule is None:
        return _refusals.refusal_of(estimator)
    return rule.judge(estimator)


def register(
    estimator_class: type,
    merge_function: Merger,
    *,
    kind: Kind = "exact",
    reason: str = "its author has registered how it merges",
) -> None:
    """Teach `merge` how estimators of a class join.

    Parameters
    ----------
    estimator_class : type
        The class itself; its subclasses are not meant.
    merge_function : callable
        Takes ``(estimators, weights, classes)`` and returns a new estimator that
        shares no memory with them. `estimators` is a list of fitted estimators of this
        class, with the same features and parameters. `weights` is an ndarray of shape
        (n_estimators,), or None if the caller gave none; `classes` is a list of
        ndarrays, or None.
    kind : {"exact", "average", "union"}, default="exact"
        What `mergeability` says.
    reason : str, optional
        What it says why.

    Raises
    ------
    TypeError
        If `estimator_class` is not a class, or `merge_function` cannot be called.
    ValueError
        If `kind` is another one, or `merge` knows the class already.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.base import BaseEstimator
    >>> from shardfit.merging import merge, register
    >>> class Maximum(BaseEstimator):
    ...     def fit(self, X, y=None):
    ...         self.maximum_ = np.max(X)
    ...         return self
    >>> def join(estimators, weights, classes):
    ...     merged = Maximum()
    ...     merged.maximum_ = max(one.maximum_ for one in estimators)
    ...     return merged
    >>> register(Maximum, join)
    >>> merge([Maximum().fit([[1], [2]]), Maximum().fit([[3]])]).maximum_
    np.int64(3)
    """
    if not isinstance(estimator_class, type):
        raise TypeError(f"estimator_class must be a class, got {estimator_class!r}")
    if not callable(merge_function):
        raise TypeError(f"merge_function must be callable, got {merge_function!r}")
    if kind not in ("exact", "average", "union"):
        raise ValueError(f'kind must be "exact", "average" or "union", got {kind!r}')
    if estimator_class in _RULES:
        raise ValueError(
            f"merge knows {estimator_class.__name__} already; register a subclass"
        )
    _RULES[estimator_class] = Rule(
        merge_function, always(kind, reason), takes_classes=True
    )


def _listed(estimators: Any) -> list[Any]:
    """Return the estimators in a list, if they are what can be merged at all."""
    # Ensembles and pipelines are sequences of their own members.
    if isinstance(estimators, Mapping) or hasattr(estimators, "get_params"):
        raise TypeError(
            f"estimators must be a sequence of them, got one "
            f"{type(estimators).__name__}; give a list, even for one"
        )
    models = list(estimators)
    if not models:
        raise ValueError("there are no estimators to merge; give at least one")
    for number, model in enumerate(models):
        if isinstance(model, type) or not hasattr(model, "get_params"):
            raise TypeError(
                f"estimator {number} must be a fitted estimator, got {model!r:.100}; "
                "give a list of estimators"
            )
    return models


def _rule_of(models: list[Any]) -> Rule:
    """Return the rule for estimators of one class, or refuse them."""
    kind = type(models[0])
    for number, model in enumerate(models):
        if type(model) is not kind:
            raise NotMergeableError(
                f"estimator 0 is a {kind.__name__} and estimator {number} a "
                f"{type(model).__name__}; merge estimators of one class only"
            )
    answer = mergeability(models[0])
    if answer.kind == "no":
        raise NotMergeableError(
            f"{kind.__name__} cannot be merged: {answer.reason}; {answer.remedy}"
        )
    return _RULES[kind]


def _has_say(
    weights: NDArray[np.float64], models: list[Any], rule: Rule
) -> NDArray[np.bool_]:
    """Tell which estimators are not left out, shape (n_estimators,)."""
    has_say = np.asarray(weights.reshape(len(models), -1).any(axis=1))
    if rule.weights == "values":
        # Rows without a single value still tell which features lack values.
        for number in np.flatnonzero(~has_say):
            with suppress(NotFittedError):
                check_is_fitted(models[number])
                has_say[number] = True
    return has_say


def _check_weights(
    weights: Any, models: list[Any], rule: Rule
) -> NDArray[np.float64] | None:
    name, needs = type(models[0]).__name__, rule.weights
    remedy = rule.judge(models[0]).remedy
    is_needed = needs in ("rows", "values") and bool(remedy)
    if weights is None:
        if is_needed:
            raise NotMergeableError(
                f"{name} cannot be merged without weights: {remedy}"
            )
        return None
    if issparse(weights):
        weights = weights.toarray()
    checked = np.array(weights, dtype=np.float64)
    is_by_feature = checked.ndim == 2 and needs in ("features", "values")
    if checked.shape[:1] != (len(models),) or not (checked.ndim == 1 or is_by_feature):
        raise ValueError(
            f"weights has the shape {checked.shape}, and there are {len(models)} "
            "estimators; give one weight per estimator"
        )
    wrong = np.argwhere(~np.isfinite(checked) | (checked < 0))
    if len(wrong):
        at = tuple(wrong[0].tolist())
        raise ValueError(
            f"weights must be finite and not negative, and that of estimator {at[0]} "
            f"is {checked[at]}{f' for feature {at[1]}' if len(at) > 1 else ''}"
        )
    if not checked.any():
        raise ValueError("weights are all 0; give at least one estimator a say")
    if is_needed and not _FEWEST_ROWS <= checked.max() <= _MOST_ROWS:
        raise ValueError(
            f"weights must be numbers of rows for {name}, and the largest is "
            f"{checked.max():g}; {remedy}"
        )
    if needs == "values" and is_needed and checked.ndim != 2:
        raise ValueError(
            f"weights must have one row per estimator and one column per feature for "
            f"{name}: {remedy}"
        )
    if needs == "none" and len(set(checked[checked > 0].tolist())) > 1:
        raise ValueError(
            f"weights that differ are not possible for {name}, whose members all count "
            "the same; leave weights out, or give each part as many members as it "
            "deserves"
        )
    return checked


def _listed_classes(classes: Any, models: list[Any]) -> list[NDArray[Any]]:
    """Return the labels that each estimator saw, in arrays."""
    seen = [
        np.asarray(labels)
        for labels in (classes if isinstance(classes, Iterable) else [classes])
    ]
    if len(seen) != len(models):
        raise ValueError(
            f"classes has {len(seen)} entries, and there are {len(models)} "
            "estimators; give one array of labels per estimator"
        )
    for number, labels in enumerate(seen):
        if labels.ndim != 1:
            raise ValueError(
                f"classes has {labels.ndim} dimensions for estimator {number}, got "
                f"{labels.tolist()!r:.100}; give a list of labels"
            )
    return seen


def _check_classes(classes: list[NDArray[Any]], models: list[Any], rule: Rule) -> None:
    if not rule.takes_classes or not hasattr(models[0], "classes_"):
        raise ValueError(
            "classes is for averaged classifiers, and "
            f"{type(models[0]).__name__} is none; leave it out"
        )
    for number, (labels, model) in enumerate(zip(classes, models, strict=True)):
        unknown = sorted(set(labels.tolist()) - set(model.classes_.tolist()), key=str)
        if unknown:
            raise ValueError(
                f"classes names {unknown[0]!r} for estimator {number}, which knows "
                f"{model.classes_.tolist()} only; name labels of its classes_"
            )
