"""What the partitioned estimators have in common: parameters, rows, delegation."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from copy import deepcopy
from numbers import Integral
from typing import Any, ClassVar, Literal, TypeVar, cast

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn import get_config
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone
from sklearn.pipeline import Pipeline
from sklearn.utils import check_consistent_length, get_tags
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    process_routing,
)
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import (
    _check_sample_weight,
    _num_samples,
    check_is_fitted,
    has_fit_parameter,
)

from shardfit.partitioned._parts import Part
from shardfit.partitioned._splitting import default_n_partitions

__all__ = ["PartitionedEstimator", "delegates"]

MethodT = TypeVar("MethodT", bound=Callable[..., Any])


def delegates(name: str) -> Callable[[MethodT], MethodT]:
    """Make a method of a partitioned estimator exist where its estimator has it."""

    def check(self: Any) -> bool:
        getattr(vars(self).get("estimator_", self.estimator), name)
        return True

    return cast("Callable[[MethodT], MethodT]", available_if(check))


class PartitionedEstimator(MetaEstimatorMixin, BaseEstimator):
    """The base of the partitioned estimators."""

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "estimator": [HasMethods(["fit"])],
        "n_partitions": [Interval(Integral, 1, None, closed="left"), None],
        "strategy": [StrOptions({"partition", "replicate"})],
        "merge": [StrOptions({"auto", "average", "mix", "exact", "union"})],
        "n_rounds": [Interval(Integral, 1, None, closed="left"), None],
        "weights": [StrOptions({"auto", "df", "rows", "uniform"})],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        estimator: Any,
        *,
        n_partitions: int | None = None,
        strategy: Literal["partition", "replicate"] = "partition",
        merge: Literal["auto", "average", "mix", "exact", "union"] = "auto",
        n_rounds: int | None = None,
        weights: Literal["auto", "df", "rows", "uniform"] = "auto",
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.n_partitions = n_partitions
        self.strategy = strategy
        self.merge = merge
        self.n_rounds = n_rounds
        self.weights = weights
        self.shuffle = shuffle
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose

    @property
    def n_features_in_(self) -> int:
        """Number of features seen during `fit`."""
        n_features: int = self._of_fitted("n_features_in_")
        return n_features

    @property
    def feature_names_in_(self) -> NDArray[Any]:
        """Names of features seen during `fit`, if all are strings."""
        names: NDArray[Any] = self._of_fitted("feature_names_in_")
        return names

    def _of_fitted(self, name: str) -> Any:
        if "estimator_" not in vars(self):
            raise AttributeError(
                f"{type(self).__name__} has no {name} before it is fitted"
            )
        return getattr(self.estimator_, name)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        own = get_tags(self.estimator)
        tags.input_tags = deepcopy(own.input_tags)
        tags.target_tags = deepcopy(own.target_tags)
        tags.classifier_tags = deepcopy(own.classifier_tags)
        tags.regressor_tags = deepcopy(own.regressor_tags)
        tags.transformer_tags = deepcopy(own.transformer_tags)
        return tags

    def get_metadata_routing(self) -> MetadataRouter:
        """Return how metadata reach the estimator.

        Returns
        -------
        MetadataRouter
        """
        mapping = MethodMapping().add(caller="fit", callee="fit")
        return MetadataRouter(owner=self).add(
            estimator=self.estimator, method_mapping=mapping
        )

    def _rows(
        self, X: Any, y: Any, metadata: dict[str, Any]
    ) -> tuple[Part, dict[str, dict[str, Any]]]:
        """Check what belongs to the rows.

        Returns
        -------
        Part
            All rows, with the metadata of the last step.
        dict
            By name of step, the metadata of the steps before it.
        """
        metadata = {name: v for name, v in metadata.items() if v is not None}
        if sparse.issparse(X):
            X = X.tocsr()
        elif hasattr(X, "__array__") and not hasattr(X, "shape"):
            X = np.asarray(X)
        n_rows = _num_samples(X)
        check_consistent_length(X, y)
        of_steps: dict[str, dict[str, Any]] = {}
        last: dict[str, Any] = metadata
        if metadata:
            last, of_steps = self._route(metadata)
        if "sample_weight" in last:
            last["sample_weight"] = _check_sample_weight(
                last["sample_weight"], np.empty((n_rows, 0))
            )
        return Part(X, y, n_rows, last), of_steps

    def _route(
        self, metadata: dict[str, Any]
    ) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        """Share metadata out to the last step, and the steps before it."""
        steps, last_step = self._split_steps()
        if not get_config()["enable_metadata_routing"]:
            if set(metadata) != {"sample_weight"}:
                names = sorted(set(metadata) - {"sample_weight"})
                raise ValueError(
                    f"{names[0]} is not passed on; set "
                    "sklearn.set_config(enable_metadata_routing=True) and request it"
                )
            if not has_fit_parameter(last_step, "sample_weight"):
                raise ValueError(
                    f"{type(last_step).__name__} takes no sample_weight; leave it out"
                )
            return dict(metadata), {}
        routed = process_routing(self, "fit", **metadata).estimator.fit
        if not isinstance(self.estimator, Pipeline):
            return dict(routed), {}
        by_step = process_routing(self.estimator, "fit", **routed)
        before = {
            name: {method: dict(given) for method, given in by_step[name].items()}
            for name, _ in steps
            if name in by_step
        }
        used = {
            name: {method: given for method, given in methods.items() if given}
            for name, methods in before.items()
        }
        return dict(by_step[self.estimator.steps[-1][0]].fit), {
            name: methods for name, methods in used.items() if methods
        }

    def _split_steps(self) -> tuple[list[tuple[str, Any]], Any]:
        """Return the steps before the last one, and the last one."""
        if isinstance(self.estimator, Pipeline):
            return list(self.estimator.steps[:-1]), self.estimator.steps[-1][1]
        return [], self.estimator

    def _assembled(self, fitted_steps: list[tuple[str, Any]], last: Any) -> Any:
        """Return the fitted estimator, with its steps if it is a pipeline."""
        if not isinstance(self.estimator, Pipeline):
            return last
        pipeline = clone(self.estimator)
        pipeline.steps = [*fitted_steps, (pipeline.steps[-1][0], last)]
        return pipeline

    def _number_of_partitions(self, n_rows: int) -> int:
        if self.n_partitions is None:
            return default_n_partitions(n_rows)
        if self.n_partitions > max(n_rows, 1):
            raise ValueError(
                f"n_partitions={self.n_partitions} is more than n_samples={n_rows}; "
                "each partition needs a row"
            )
        return int(self.n_partitions)

    @abstractmethod
    def fit(self, X: Any, y: Any) -> Any:
        """Fit the partitions, and merge them."""

    @delegates("predict")
    def predict(self, X: Any) -> NDArray[Any]:
        """Predict by the merged estimator.

        Parameters
        ----------
        X : what `fit` takes, of n_rows rows

        Returns
        -------
        ndarray of shape (n_rows,) or (n_rows, n_outputs)
        """
        check_is_fitted(self)
        predicted: NDArray[Any] = self.estimator_.predict(X)
        return predicted

    @delegates("transform")
    def transform(self, X: Any) -> Any:
        """Transform by the merged estimator.

        Parameters
        ----------
        X : what `fit` takes, of n_rows rows

        Returns
        -------
        matrix of shape (n_rows, n_features_out)
        """
        check_is_fitted(self)
        return self.estimator_.transform(X)
