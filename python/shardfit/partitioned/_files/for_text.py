"""What a classifier must be, and what it needs, to be trained on hashed text."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.naive_bayes import BernoulliNB
from sklearn.utils import get_tags
from sklearn.utils.class_weight import compute_class_weight

from shardfit.datasets import LabelSummary
from shardfit.partitioned._choice import Method, choose_method, mixes

__all__ = [
    "check_classifier",
    "hashing_vectorizer",
    "n_coefficients_per_feature",
    "streams",
    "with_weights_of_numbers",
]

_MERGES = ("auto", "average", "mix", "exact", "union")

# A prime that nothing else is likely to be: what has so many columns has one for each
# feature.
_FEATURES_OF_A_TRIAL = 97
# Rows of each class: enough for estimators that hold some of them back.
_ROWS_OF_A_TRIAL = 10


def check_classifier(estimator: Any, merge: str) -> Method:
    """Refuse what cannot be trained on sparse rows in partitions.

    Parameters
    ----------
    estimator : classifier
        Not fitted.
    merge : {"auto", "average", "mix", "exact", "union"}

    Returns
    -------
    Method
        What `merge` comes to.

    Raises
    ------
    TypeError
        If it is no classifier.
    ValueError
        If it cannot be trained so, with the reason, or if its parameters are wrong.
    """
    name = type(estimator).__name__
    if not isinstance(estimator, BaseEstimator) or not is_classifier(estimator):
        raise TypeError(
            f"estimator must be a classifier that is not fitted, got {estimator!r}"
        )
    if merge not in _MERGES:
        raise ValueError(
            f"merge must be one of {', '.join(map(repr, _MERGES))}, got {merge!r}"
        )
    method = choose_method(estimator, merge)
    if not get_tags(estimator).input_tags.sparse:
        raise ValueError(
            f"{name} takes dense matrices only, and those of text are sparse; use "
            "another classifier, such as SGDClassifier or MultinomialNB"
        )
    estimator._validate_params()
    if streams(estimator, method) and getattr(estimator, "early_stopping", False):
        raise ValueError(
            "early_stopping=True has no meaning for epochs of partitions; use "
            "early_stopping=False, and n_epochs for the number of epochs"
        )
    return method


def streams(estimator: Any, method: Method) -> bool:
    """Tell whether the rows may come window by window."""
    return method in ("mix", "average") and mixes(estimator)


def hashing_vectorizer(
    estimator: Any, *, n_features: int, ngram_range: tuple[int, int], idf: bool
) -> HashingVectorizer:
    """Return the vectorizer whose matrices an estimator can make sense of.

    Models of counts, such as naive Bayes, get counts: no signs, no scale. Document
    frequencies weigh counts as well.
    """
    counts = (
        isinstance(estimator, BernoulliNB)
        or get_tags(estimator).input_tags.positive_only
    )
    return HashingVectorizer(
        n_features=n_features,
        ngram_range=ngram_range,
        norm=None if counts or idf else "l2",
        alternate_sign=not counts,
    )


def n_coefficients_per_feature(
    estimator: Any, method: Method, classes: NDArray[Any]
) -> int:
    """Return how many numbers a model keeps for each feature.

    It is found out by a trial on a few rows, in which scikit-learn refuses parameters
    that do not go together or do not go with the labels, too.
    """
    trial = clone(estimator)
    small = {"n_estimators": 1, "random_state": 0}
    trial.set_params(
        **{n: v for n, v in small.items() if n in trial.get_params(deep=False)}
    )
    y = np.tile(classes, _ROWS_OF_A_TRIAL)
    cells = np.arange(len(y))
    X = sparse.csr_matrix(
        (np.ones(len(y)), (cells, cells % _FEATURES_OF_A_TRIAL)),
        shape=(len(y), _FEATURES_OF_A_TRIAL),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if streams(estimator, method):
            trial.set_params(class_weight=None).partial_fit(X, y, classes=classes)
        else:
            trial.fit(X, y)
    tables = {
        id(value): value.size // _FEATURES_OF_A_TRIAL
        for value in vars(trial).values()
        if isinstance(value, np.ndarray) and value.shape[-1:] == (_FEATURES_OF_A_TRIAL,)
    }
    return sum(tables.values())


def _weighs_classes(estimator: Any) -> bool:
    return getattr(estimator, "class_weight", None) is not None


def with_weights_of_numbers(estimator: Any, labels: LabelSummary) -> Any:
    """Return a new estimator whose weights of classes are for the classes' numbers.

    Parameters
    ----------
    estimator : classifier
        Its `class_weight` names labels, or is "balanced": that means all rows.
    labels : LabelSummary

    Returns
    -------
    classifier
    """
    template = clone(estimator)
    if not _weighs_classes(template):
        return template
    weights: NDArray[np.float64]
    if template.class_weight == "balanced":
        weights = labels.n_rows / (len(labels.classes) * labels.counts)
    else:
        weights = compute_class_weight(
            template.class_weight, classes=labels.classes, y=labels.classes
        )
    return template.set_params(class_weight=dict(enumerate(weights.tolist())))
