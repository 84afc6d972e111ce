"""Training of classifiers and regressors on partitions, from rows to an estimator."""

from __future__ import annotations

import warnings
from dataclasses import replace
from inspect import signature
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import clone
from sklearn.ensemble._base import _set_random_states
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.svm import LinearSVC
from sklearn.utils import check_random_state, get_tags
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.validation import _check_y, _num_samples, validate_data

from shardfit.merging._linear import AVERAGED, warn_of_loss
from shardfit.parallel import Rounds, progress_bar
from shardfit.partitioned import _training
from shardfit.partitioned._base import PartitionedEstimator
from shardfit.partitioned._choice import Method, choose_method, mixes
from shardfit.partitioned._parts import Part
from shardfit.partitioned._solver import answer, exact_solver
from shardfit.partitioned._splitting import (
    split_rows,
    warn_of_skew,
    without_weightless,
)
from shardfit.partitioned._steps import fit_transform_steps
from shardfit.partitioned._tasks import Tasks

__all__ = ["SupervisedEstimator"]

# SGD has settled on most data after so many epochs.
_EPOCHS = 10
# Rounds of the exact solver are cheap, and a hundred are enough for most data.
_MOST_ROUNDS = 1000
# Ways of training that do not mind if there is one class only.
_COUNTING = ("exact", "union")
# Whose balanced weights of classes go by the weights of rows, and not by their number.
_BALANCED_BY_WEIGHT = (LinearSVC, LogisticRegression)
_TAKES_WEIGHT = "sample_weight" in signature(compute_class_weight).parameters
_WAYS = {
    "exact": _training.exact,
    "average": _training.average,
    "union": _training.union,
}
# What a partition has of its own, or for its partition only.
_OF_ONE_FIT = frozenset({"class_weight", "n_jobs", "oob_score", "random_state"})
# Whose exact solution may have several targets.
_OF_SEVERAL_TARGETS = (LinearRegression, Ridge)


class SupervisedEstimator(PartitionedEstimator):
    """The base of PartitionedClassifier and PartitionedRegressor."""

    def _train(
        self,
        X: Any,
        y: NDArray[Any],
        metadata: dict[str, Any],
        *,
        targets: NDArray[Any] | None,
        classes: NDArray[Any] | None,
    ) -> None:
        """Fit the steps and the last one, and set what was learned.

        Parameters
        ----------
        X : rows
        y : ndarray of shape (n_rows,) or (n_rows, n_outputs)
        metadata : dict
            What was given to `fit` beside X and y.
        targets : ndarray of shape (n_rows,) or None
            What must be spread evenly over the partitions: numbers of classes, or
            numbers to predict. None if there are several outputs.
        classes : ndarray of shape (n_classes,) or None
            All labels of a classifier of one output.
        """
        steps, last = self._split_steps()
        method = choose_method(last, self.merge)
        if self.strategy == "replicate" and method in ("solve", "exact"):
            raise ValueError(
                f'strategy="replicate" trains {type(last).__name__} on the same rows '
                'again and again, for the same result; use strategy="partition"'
            )
        if classes is not None and len(classes) == 1 and method not in _COUNTING:
            raise ValueError(
                f"{type(last).__name__} needs rows of at least 2 classes, and y holds "
                f"one class: {classes[0]!r}"
            )
        rows, of_steps = self._rows(X, y, metadata)
        n_partitions = self._number_of_partitions(rows.n_rows)
        tasks = Tasks(self.n_jobs)
        fitted_steps, Xt = fit_transform_steps(
            steps, Part(rows.X, y, rows.n_rows), of_steps, n_partitions, tasks
        )
        rows = replace(rows, X=Xt.tocsr() if sparse.issparse(Xt) else Xt)
        self._forget_rounds()
        if method == "solve":
            fitted = self._solve(last, rows, classes, n_partitions)
        elif n_partitions == 1 and self.n_rounds is None:
            fitted = clone(last)
            if self.random_state is not None:
                _set_random_states(fitted, check_random_state(self.random_state))
            fitted = rows.fit(fitted)
        else:
            fitted = self._merge_partitions(
                last, method, rows, n_partitions, targets, classes
            )
        self.estimator_ = self._assembled(fitted_steps, fitted)
        self.n_partitions_ = n_partitions
        self.merge_ = "exact" if method == "solve" else method

    def _checked_targets(self, X: Any, y: Any, *, numeric: bool) -> NDArray[Any]:
        """Return the targets of so many rows as an array."""
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is "
                "None"
            )
        if not hasattr(y, "ndim"):  # lists, and what polars has
            y = np.asarray(y)
        takes_outputs = numeric and get_tags(self.estimator).target_tags.multi_output
        has_outputs = y.ndim == 2 and (takes_outputs or y.shape[1] > 1)
        y = _check_y(y, multi_output=has_outputs, y_numeric=numeric)
        if len(y) != _num_samples(X):
            raise ValueError(
                f"Found input variables with inconsistent numbers of samples: "
                f"{[_num_samples(X), len(y)]}"
            )
        return np.asarray(y)

    def _check_kind(self, is_right: bool, kind: str) -> None:
        if not is_right:
            raise ValueError(
                f"{type(self).__name__} trains a {kind}, and "
                f"{type(self.estimator).__name__} is none"
            )

    def _forget_rounds(self) -> None:
        for name in ("n_rounds_", "objective_", "gradient_norm_"):
            if name in vars(self):
                delattr(self, name)

    def _merge_partitions(
        self,
        last: Any,
        method: Method,
        rows: Part,
        n_partitions: int,
        targets: NDArray[Any] | None,
        classes: NDArray[Any] | None,
    ) -> Any:
        source = self.random_state
        if source is None:
            source = getattr(last, "random_state", None)
        rng = check_random_state(source)
        rows, names = _numeric(last, rows) if type(last) in AVERAGED else (rows, None)
        parts = self._parts(rows, n_partitions, method, targets, rng)
        has_epochs = method == "mix" or (method == "average" and mixes(last))
        if has_epochs:
            _check_metadata(rows)
        n_epochs = self._n_epochs(last) if has_epochs else 1
        n_tasks = len(parts) * n_epochs
        with progress_bar(self.verbose, n_tasks, "partitions") as progress:
            plan = _training.Plan(
                _template(last, rows, classes),
                classes,
                self.weights,
                rng,
                Tasks(self.n_jobs, progress),
            )
            if has_epochs:
                self.n_rounds_ = n_epochs
                only_once = method == "average"
                merged = _training.mix(plan, parts, n_epochs, only_once=only_once)
            else:
                merged = _WAYS[method](plan, parts)
        return _finished(last, merged, names)

    def _parts(
        self,
        rows: Part,
        n_partitions: int,
        method: Method,
        targets: NDArray[Any] | None,
        rng: np.random.RandomState,
    ) -> list[Part]:
        if self.strategy == "replicate":
            return [rows] * n_partitions
        # What merges exactly gains nothing by another order of the rows, and what
        # depends on it, such as equal distances, stays as it is.
        shuffles = self.shuffle and method != "exact"
        is_class = targets is not None and targets.dtype.kind == "i"
        partitions = split_rows(
            rows.n_rows,
            n_partitions,
            groups=targets if is_class else None,
            rng=rng if shuffles else None,
        )
        if method != "exact" and not shuffles and targets is not None:
            warn_of_skew(targets, partitions)
        if rows.sample_weight is not None:
            partitions = without_weightless(partitions, rows.sample_weight)
        return [rows.rows(numbers) for numbers in partitions]

    def _n_epochs(self, last: Any) -> int:
        if getattr(last, "early_stopping", False):
            raise ValueError(
                "early_stopping=True holds rows of each partition back and stops each "
                "at another epoch; use early_stopping=False, and n_rounds for the "
                "number of epochs"
            )
        if getattr(last, "learning_rate", None) == "adaptive":
            warnings.warn(
                'learning_rate="adaptive" is constant where models train one epoch at '
                'a time; use learning_rate="optimal" or "invscaling"',
                UserWarning,
                stacklevel=2,
            )
        warn_of_loss(last)
        if self.n_rounds is not None:
            return int(self.n_rounds)
        return int(last.max_iter) if last.tol is None else _EPOCHS

    def _solve(
        self,
        last: Any,
        rows: Part,
        classes: NDArray[Any] | None,
        n_partitions: int,
    ) -> Any:
        """Find the optimum of all rows by sums over partitions."""
        rows, names = _numeric(last, rows)
        _check_metadata(rows)
        if rows.y.ndim == 2 and type(last) not in _OF_SEVERAL_TARGETS:
            raise ValueError(
                f"y has {rows.y.shape[1]} columns, and {type(last).__name__} is solved "
                "for one; fit one model to each, as sklearn.multioutput does"
            )
        solver = exact_solver(
            last,
            classes=classes,
            max_rounds=self.n_rounds or _MOST_ROUNDS,
        )
        shards = []
        for numbers in split_rows(rows.n_rows, n_partitions):
            part = rows.rows(numbers)
            shards.append(solver.shard(part.X, part.y, part.sample_weight))

        n_rounds = count(1)
        with (
            progress_bar(self.verbose, None, "rounds") as progress,
            Rounds(len(shards), n_jobs=self.n_jobs) as workers,
        ):

            def exchange(requests: Any) -> Any:
                if progress is not None:
                    progress(next(n_rounds))
                return workers.run(answer, list(zip(shards, requests, strict=True)))

            fitted, report = solver.fit(exchange, len(shards))
        self.n_rounds_ = report.n_rounds
        self.objective_ = report.objective
        self.gradient_norm_ = report.gradient_norm
        return _finished(last, fitted, names)


def _template(last: Any, rows: Part, classes: NDArray[Any] | None) -> Any:
    """Return an estimator to train partitions with.

    Balanced weights of classes are those of all rows, and not of each partition.
    """
    template = clone(last)
    parameters = template.get_params(deep=False)
    if parameters.get("class_weight") == "balanced" and classes is not None:
        arguments = {"classes": classes, "y": rows.y}
        if type(last) in _BALANCED_BY_WEIGHT and _TAKES_WEIGHT:
            arguments["sample_weight"] = rows.sample_weight
        with np.errstate(divide="ignore"):
            weights = compute_class_weight("balanced", **arguments)
        # A class without weight has no rows to weigh.
        weights = np.where(np.isfinite(weights), weights, 0.0)
        template.set_params(class_weight=dict(zip(classes, weights, strict=True)))
    if "n_jobs" in parameters:
        # The partitions are what runs side by side.
        template.set_params(n_jobs=None)
    if "oob_score" in parameters:
        # Scores of a partition alone are lost when it merges.
        template.set_params(oob_score=False)
    return template


def _check_metadata(rows: Part) -> None:
    unknown = set(rows.metadata) - {"sample_weight"}
    if unknown:
        raise ValueError(
            f"{min(unknown)} cannot be passed on where partitions train in rounds; "
            "leave it out"
        )


def _numeric(estimator: Any, rows: Part) -> tuple[Part, NDArray[Any] | None]:
    """Return rows as a matrix of floating-point numbers, and the names of features."""
    named = clone(estimator)
    X = validate_data(
        named, rows.X, accept_sparse="csr", dtype=[np.float64, np.float32]
    )
    return replace(rows, X=X), getattr(named, "feature_names_in_", None)


def _finished(estimator: Any, merged: Any, names: NDArray[Any] | None) -> Any:
    """Let a merged estimator say how it was asked for, and not how its parts were."""
    if names is not None:
        merged.feature_names_in_ = names
    parameters = clone(estimator).get_params()
    return merged.set_params(
        **{
            name: parameters[name]
            for name in merged.get_params()
            if name in parameters and name.rpartition("__")[2] in _OF_ONE_FIT
        }
    )
