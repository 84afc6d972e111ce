"""Naive Bayes: counts and moments of classes add up."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.naive_bayes import (
    BernoulliNB,
    CategoricalNB,
    ComplementNB,
    GaussianNB,
    MultinomialNB,
)

from shardfit.exceptions import NotMergeableError
from shardfit.merging._moments import join_moments
from shardfit.merging._rules import Rule, always
from shardfit.merging._state import blank_copy, union_of_classes

__all__ = ["RULES"]


def _merge_counts(models: list[Any], weights: Any, classes: Any) -> Any:
    """Add up the counts of MultinomialNB, BernoulliNB or ComplementNB."""
    merged = _merge_class_counts(models)
    merged.feature_count_ = _sum_by_class(
        merged.classes_, models, [model.feature_count_ for model in models]
    )
    if isinstance(merged, ComplementNB):
        merged.feature_all_ = merged.feature_count_.sum(axis=0)
    return _take_logarithms(merged)


def _merge_categories(models: list[Any], weights: Any, classes: Any) -> Any:
    """Add up the counts of CategoricalNB, of which a part may know fewer categories."""
    merged = _merge_class_counts(models)
    # After `partial_fit`, `n_categories_` is that of the last rows alone.
    widths = np.max(
        [[counts.shape[1] for counts in model.category_count_] for model in models],
        axis=0,
    )
    merged.n_categories_ = widths.astype(np.int64)
    merged.category_count_ = [
        _sum_by_class(
            merged.classes_,
            models,
            [_widen(model.category_count_[feature], width) for model in models],
        )
        for feature, width in enumerate(widths)
    ]
    return _take_logarithms(merged)


def _widen(counts: NDArray[Any], width: int) -> NDArray[Any]:
    return np.pad(counts, [(0, 0), (0, width - counts.shape[1])])


def _merge_class_counts(models: list[Any]) -> Any:
    merged = blank_copy(models[0])
    merged.classes_ = union_of_classes([model.classes_ for model in models])
    _check_number_of_priors(merged.class_prior, merged.classes_)
    merged.class_count_ = _sum_by_class(
        merged.classes_, models, [model.class_count_ for model in models]
    )
    return merged


def _take_logarithms(merged: Any) -> Any:
    merged._update_feature_log_prob(merged._check_alpha())
    merged._update_class_log_prior(class_prior=merged.class_prior)
    return merged


def _sum_by_class(
    union: NDArray[Any], models: list[Any], tables: list[NDArray[Any]]
) -> NDArray[Any]:
    """Add up tables of one row per class, each with the classes of its model."""
    total = np.zeros((len(union), *tables[0].shape[1:]), np.result_type(*tables))
    for model, table in zip(models, tables, strict=True):
        total[np.searchsorted(union, model.classes_)] += table
    return total


def _check_number_of_priors(priors: Any, union: NDArray[Any]) -> None:
    if priors is not None and len(priors) != len(union):
        raise NotMergeableError(
            f"there are {len(priors)} priors of classes and {len(union)} classes, "
            f"{union.tolist()}, in all estimators together; fit all on the same "
            "classes, with partial_fit(X, y, classes=...)"
        )


def _merge_gaussians(models: list[Any], weights: Any, classes: Any) -> Any:
    """Join the moments of GaussianNB, class by class.

    What `var_smoothing` adds depends on the rows of each part: it is taken off, and
    what all rows would add is put on. scikit-learn does not weigh rows for it, so with
    sample weights, which the classes' moments hold, it is another one, and variances
    are right up to a share of `var_smoothing`. After `partial_fit`, they already were.
    """
    merged = blank_copy(models[0])
    merged.classes_ = union_of_classes([model.classes_ for model in models])
    _check_number_of_priors(merged.priors, merged.classes_)
    shape = (len(models), len(merged.classes_))
    counts = np.zeros((*shape, 1))
    means = np.zeros((*shape, merged.n_features_in_))
    variances = np.zeros((*shape, merged.n_features_in_))
    for number, model in enumerate(models):
        rows = np.searchsorted(merged.classes_, model.classes_)
        counts[number, rows, 0] = model.class_count_
        means[number, rows] = model.theta_
        variances[number, rows] = np.maximum(model.var_ - model.epsilon_, 0.0)
    count, mean, variance = join_moments(counts, means, variances)
    everything = join_moments(count[:, :1], mean, variance)
    dtype = np.result_type(*(model.theta_ for model in models))
    epsilons = [np.asarray(model.epsilon_) for model in models]
    epsilon = np.asarray(merged.var_smoothing * everything.variance.max())
    merged.epsilon_ = epsilon.astype(np.result_type(*epsilons))[()]
    is_seen = count > 0
    merged.theta_ = np.where(is_seen, mean, 0.0).astype(dtype)
    merged.var_ = (np.where(is_seen, variance, 0.0) + merged.epsilon_).astype(dtype)
    merged.class_count_ = count[:, 0].astype(dtype)
    if merged.priors is None:
        merged.class_prior_ = merged.class_count_ / merged.class_count_.sum()
    else:
        merged.class_prior_ = np.array(merged.priors, models[0].class_prior_.dtype)
    return merged


_JUDGE = always("exact", "counts and moments of classes add up")

RULES: dict[type, Rule] = {
    **dict.fromkeys(
        (BernoulliNB, ComplementNB, MultinomialNB),
        Rule(_merge_counts, _JUDGE, weights="own"),
    ),
    CategoricalNB: Rule(_merge_categories, _JUDGE, weights="own"),
    GaussianNB: Rule(_merge_gaussians, _JUDGE, weights="own"),
}
