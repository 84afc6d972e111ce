"""From a scikit-learn estimator to its optimum over partitions, and back.

Which objective an estimator minimises, with which scale and penalty, is in
`_formulation`; the optimum is found from sums that partitions answer with, and is
handed back as a plain fitted estimator.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression, Ridge, RidgeClassifier

from shardfit.partitioned._solver.exchange import Exchange, Rounds
from shardfit.partitioned._solver.fitted import set_fitted
from shardfit.partitioned._solver.formulation import (
    formulate,
    is_classifier,
    supports_exact,
)
from shardfit.partitioned._solver.newton import Penalised, minimise
from shardfit.partitioned._solver.normal_equations import (
    MOST_FEATURES,
    least_squares,
    ridge,
)
from shardfit.partitioned._solver.shard import Shard, Survey, make_shard

__all__ = ["ExactReport", "ExactSolver", "exact_solver", "supports_exact"]

_Float = NDArray[np.float64]


@dataclass(frozen=True)
class ExactReport:
    """How the optimum was found.

    Parameters
    ----------
    method : {"newton-cg", "normal equations"}
    n_rounds : int
        How often every partition sent a sum.
    n_newton : int
        Number of Newton steps; 0 for normal equations.
    objective : float
        The whole objective at the end: factor C times the losses, plus half the
        squared norm. For ridge regression, half the penalised sum of squares.
    objective_per_problem : ndarray of shape (n_problems,)
        The same for each class against the rest, or for each target; one number
        for two classes and for the softmax.
    gradient_norm : float
        Largest absolute entry of the objective's gradient.
    gradient_norm_2 : float
        Its Euclidean norm.
    converged : bool
    """

    method: str
    n_rounds: int
    n_newton: int
    objective: float
    objective_per_problem: _Float
    gradient_norm: float
    gradient_norm_2: float
    converged: bool


class ExactSolver:
    """Fits one kind of estimator on partitions; made by `exact_solver`.

    Parameters
    ----------
    estimator : estimator
        Of a class and with parameters that `supports_exact` accepts.
    classes : ndarray or None
        Sorted labels of all partitions, for a classifier.
    tol : float
    max_rounds : int
    """

    def __init__(
        self, estimator: Any, classes: NDArray[Any] | None, tol: float, max_rounds: int
    ) -> None:
        self._estimator, self._classes = estimator, classes
        self._tol, self._max_rounds = tol, max_rounds

    def shard(self, X: Any, y: Any, sample_weight: Any = None) -> Shard:
        """Prepare one partition.

        Parameters
        ----------
        X : ndarray or sparse matrix of shape (n_rows, n_features)
            Finite numbers; the caller has checked them.
        y : array-like of shape (n_rows,) or (n_rows, n_targets)
            Labels, or values.
        sample_weight : array-like of shape (n_rows,) or None

        Returns
        -------
        Shard

        Raises
        ------
        ValueError
            If a label is not among the classes, or a weight is negative.
        """
        if sample_weight is not None:
            _check_not_negative(np.asarray(sample_weight))
        if self._classes is None:
            values = np.asarray(y, dtype=np.float64)
            return make_shard(X, values, sample_weight)
        labels = np.asarray(y)
        codes = np.searchsorted(self._classes, labels)
        codes = np.minimum(codes, len(self._classes) - 1)
        unknown = np.flatnonzero(self._classes[codes] != labels)
        if len(unknown):
            label = labels[unknown].tolist()[0]
            raise ValueError(
                f"label {label!r} of row {unknown[0]} is not among the "
                f"{len(self._classes)} classes; give the labels of all partitions"
            )
        return make_shard(X, codes, sample_weight, n_classes=len(self._classes))

    def fit(
        self,
        rounds: Rounds,
        n_partitions: int,
        *,
        start: tuple[NDArray[Any], Any] | None = None,
    ) -> tuple[Any, ExactReport]:
        """Find the optimum.

        Parameters
        ----------
        rounds : callable
            Takes an iterator of `n_partitions` requests, and returns the answers that
            `answer(shard, request)` gives, in the same order. One call is one round.
        n_partitions : int
        start : tuple of ndarray, optional
            Coefficients and intercepts, shaped as scikit-learn's, of a model to start
            from where it is better than zero.

        Returns
        -------
        model : estimator
            New, of the class of the solver's, fitted.
        report : ExactReport

        Raises
        ------
        ValueError
            If the partitions hold too few rows or classes, or too many features.

        Warns
        -----
        ConvergenceWarning
            If the optimum was not reached.
        """
        exchange = Exchange(rounds, n_partitions)
        survey = exchange.survey
        if not survey.n_rows:
            raise ValueError("no partition has a row; at least one is needed")
        problem = formulate(self._estimator, survey, self._classes)
        small = survey.n_features <= MOST_FEATURES
        if isinstance(self._estimator, LinearRegression) and not small:
            raise ValueError(
                f"X has {survey.n_features} features; LinearRegression is solved from "
                f"the products of all pairs of up to {MOST_FEATURES}: use "
                "Ridge(alpha=1e-3), which has no limit"
            )
        if small and isinstance(
            self._estimator, LinearRegression | Ridge | RidgeClassifier
        ):
            table, report, extra = self._from_moments(exchange, problem)
        else:
            table, report, extra = self._by_newton(exchange, problem, start)
        model = self._model(table, survey, report.n_newton, extra)
        if not report.converged:
            warnings.warn(
                f"{report.n_rounds} rounds did not reach the optimum: the gradient's "
                f"norm is {report.gradient_norm_2:.3g}; scale the features, or allow "
                f"more than {self._max_rounds} rounds",
                ConvergenceWarning,
                stacklevel=2,
            )
        return model, report

    def _model(
        self, table: _Float, survey: Survey, n_newton: int, extra: dict[str, Any]
    ) -> Any:
        model = clone(self._estimator)
        set_fitted(
            model,
            table[:-1].T,
            table[-1],
            survey=survey,
            classes=self._classes,
            n_newton=n_newton,
        )
        for name, value in extra.items():
            setattr(model, name, value)
        return model

    def _from_moments(
        self, exchange: Exchange, problem: Penalised
    ) -> tuple[_Float, ExactReport, dict[str, Any]]:
        moments = exchange.moments(problem.loss, np.arange(problem.n_problems))
        if not problem.fit_intercept:
            moments = moments.about_zero()
        extra: dict[str, Any] = {}
        if isinstance(self._estimator, LinearRegression):
            tol = getattr(self._estimator, "tol", 0.0)
            coef, rank, singular = least_squares(moments, tol)
            if exchange.survey.columns is None:  # as scikit-learn, for dense X only
                dtype = exchange.survey.dtype
                extra = {"rank_": rank, "singular_": singular.astype(dtype)}
        else:
            coef = ridge(moments, problem.penalty)
        gradient = moments.gram @ coef - moments.cross + problem.penalty * coef
        intercept = moments.mean_y - moments.mean_x @ coef
        values = moments.objective(coef, problem.penalty)
        report = ExactReport(
            "normal equations",
            exchange.n_rounds,
            0,
            float(values.sum()),
            values,
            *_norms(gradient),
            converged=True,
        )
        return np.vstack([coef, intercept]), report, extra

    def _by_newton(
        self,
        exchange: Exchange,
        problem: Penalised,
        start: tuple[NDArray[Any], Any] | None,
    ) -> tuple[_Float, ExactReport, dict[str, Any]]:
        survey = exchange.survey
        table = None if start is None else self._start(start, exchange, problem)
        solution = minimise(
            exchange,
            problem,
            start=table,
            tol=self._tol,
            max_rounds=self._max_rounds,
        )
        point = solution.point
        if survey.columns is not None:
            # A column that no row holds has a coefficient of zero.
            wide = np.zeros((survey.n_features + 1, problem.n_problems))
            wide[survey.columns] = point[:-1]
            wide[-1] = point[-1]
            point = wide
        report = ExactReport(
            "newton-cg",
            exchange.n_rounds,
            solution.n_newton,
            float(solution.values.sum()),
            solution.values,
            *_norms(solution.gradient),
            converged=solution.converged,
        )
        return point, report, {}

    def _start(
        self,
        start: tuple[NDArray[Any], Any],
        exchange: Exchange,
        problem: Penalised,
    ) -> _Float:
        coef = np.atleast_2d(np.asarray(start[0], dtype=np.float64))
        expected = (problem.n_problems, exchange.survey.n_features)
        if coef.shape != expected:
            raise ValueError(
                f"start has coefficients of shape {coef.shape}, this fit has {expected}"
            )
        columns = exchange.survey.columns
        table = np.zeros((exchange.n_columns + 1, problem.n_problems))
        table[:-1] = coef.T if columns is None else coef.T[columns]
        if problem.fit_intercept:
            table[-1] = np.ravel(start[1])
        return table


def exact_solver(
    estimator: Any,
    *,
    classes: Any = None,
    tol: float = 1e-6,
    max_rounds: int = 1000,
) -> ExactSolver:
    """Return what fits an estimator on partitions, to its optimum.

    Parameters
    ----------
    estimator : estimator
        Not fitted; it is not changed.
    classes : array-like, optional
        Sorted labels of all partitions; for classifiers.
    tol : float, default=1e-6
        Largest error of a coefficient.
    max_rounds : int, default=1000
        After so many rounds the solver gives up, with a warning.

    Returns
    -------
    ExactSolver

    Raises
    ------
    ValueError
        If the estimator has no exact form, a parameter is out of its range, or the
        classes do not fit it.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import Ridge
    >>> from shardfit.partitioned._solver.exact import exact_solver
    >>> from shardfit.partitioned._solver.shard import answer
    >>> solver = exact_solver(Ridge(alpha=0.0))
    >>> X, y = np.array([[0.0], [1.0], [2.0], [4.0]]), np.array([1.0, 3.0, 5.0, 9.0])
    >>> shards = [solver.shard(X[rows], y[rows]) for rows in ([0, 1], [2, 3])]
    >>> model, report = solver.fit(lambda requests: map(answer, shards, requests), 2)
    >>> model.coef_.round(6).tolist(), round(float(model.intercept_), 6)
    ([2.0], 1.0)
    >>> report.method, report.n_rounds
    ('normal equations', 2)
    """
    reason = supports_exact(estimator)
    if reason is not None:
        raise ValueError(f"{estimator!r} cannot be fitted exactly: {reason}")
    # Its own fit, which is not called, would refuse a negative C or alpha.
    estimator._validate_params()
    if not is_classifier(estimator):
        return ExactSolver(estimator, None, tol, max_rounds)
    labels = np.asarray(classes)
    if labels.ndim != 1 or len(labels) < 2:
        raise ValueError(
            f"a classifier needs two classes or more, got {labels.tolist()!r}; give "
            "the labels of all partitions as classes"
        )
    if len(labels) > 2 and getattr(estimator, "solver", None) == "liblinear":
        raise ValueError(
            f'solver="liblinear" tells two classes apart, got {len(labels)}; use '
            'solver="lbfgs"'
        )
    return ExactSolver(estimator, labels, tol, max_rounds)


def _check_not_negative(weights: NDArray[Any]) -> None:
    """Refuse weights with which the objective may fall for ever."""
    if (weights < 0).any():
        row = int(np.argmax(weights < 0))
        raise ValueError(
            f"sample_weight is {weights[row]} in row {row} of a partition, and with "
            "negative weights there may be no optimum; use weights of 0 or more"
        )


def _norms(gradient: _Float) -> tuple[float, float]:
    return float(np.abs(gradient).max(initial=0.0)), float(np.linalg.norm(gradient))
