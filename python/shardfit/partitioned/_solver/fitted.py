"""The attributes of a fitted linear model, in the shapes that scikit-learn gives."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    RidgeClassifier,
)
from sklearn.preprocessing import LabelBinarizer
from sklearn.svm import LinearSVC, LinearSVR

from shardfit.partitioned._solver.formulation import strength_of
from shardfit.partitioned._solver.shard import Survey

__all__ = ["set_fitted"]

_Float = NDArray[np.float64]


def set_fitted(
    model: Any,
    coef: _Float,
    intercept: _Float,
    *,
    survey: Survey,
    classes: NDArray[Any] | None,
    n_newton: int,
) -> None:
    """Give a model its coefficients and what else a fit sets.

    Parameters
    ----------
    model : estimator
        Is changed.
    coef : ndarray of shape (n_problems, n_features)
    intercept : ndarray of shape (n_problems,)
    survey : Survey
    classes : ndarray or None
        The sorted labels, for a classifier.
    n_newton : int
        Number of Newton steps, 0 if there were none to take.
    """
    model.n_features_in_ = survey.n_features
    if type(model) is RidgeClassifier:
        binarizer = LabelBinarizer(pos_label=1, neg_label=-1)
        model._label_binarizer = binarizer.fit(classes)
    # Older versions of RidgeClassifier ask the binarizer for its classes.
    if classes is not None and not isinstance(_class_attribute(model), property):
        model.classes_ = classes.copy()
    if type(model) is LogisticRegression:
        _set_logistic(model, coef, intercept, survey.dtype)
        model.n_iter_ = np.array([n_newton], dtype=np.int32)
    elif type(model) in (LinearSVC, LinearSVR):
        # liblinear computes in float64 whatever X is.
        model.coef_ = np.array(coef[0] if type(model) is LinearSVR else coef)
        model.intercept_ = intercept.copy() if model.fit_intercept else 0.0
        model.n_iter_ = n_newton
    else:
        _set_least_squares(model, coef, intercept, survey)
        if type(model) is not LinearRegression:
            model.n_iter_ = None
            model.solver_ = "cholesky"


def _class_attribute(model: Any) -> Any:
    return getattr(type(model), "classes_", None)


def _set_logistic(
    model: Any, coef: _Float, intercept: _Float, dtype: np.dtype[Any]
) -> None:
    is_liblinear = model.solver == "liblinear"
    kept = np.dtype(np.float64) if is_liblinear else dtype
    if len(coef) > 1:
        # The softmax leaves a shift open; scikit-learn's steps from zero keep it 0.
        intercept = intercept - intercept.mean()
        if np.isinf(strength_of(model)):
            coef = coef - coef.mean(axis=0)
    model.coef_ = coef.astype(kept)
    model.intercept_ = intercept.astype(kept)
    if is_liblinear and not model.fit_intercept:
        model.intercept_ = 0.0


def _set_least_squares(
    model: Any, coef: _Float, intercept: _Float, survey: Survey
) -> None:
    is_flat = survey.n_targets == 0 and len(coef) == 1
    if type(model) is not LinearRegression:
        is_flat = len(coef) == 1
    model.coef_ = (coef[0] if is_flat else coef).astype(survey.dtype)
    if not model.fit_intercept:
        model.intercept_ = 0.0
    elif survey.n_targets == 0 and type(model) is not RidgeClassifier:
        model.intercept_ = survey.dtype.type(intercept[0])
    else:
        model.intercept_ = intercept.astype(survey.dtype)
