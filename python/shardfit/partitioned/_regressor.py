"""PartitionedRegressor."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import RegressorMixin, _fit_context, is_regressor

from shardfit.partitioned._supervised import SupervisedEstimator

__all__ = ["PartitionedRegressor"]


class PartitionedRegressor(RegressorMixin, SupervisedEstimator):
    """Train a regressor on partitions of the rows, side by side, and merge it.

    Parameters
    ----------
    estimator : regressor or Pipeline that ends in one
        Any that `shardfit.merging.mergeability` does not say "no" to, and
        `Ridge`, `LinearRegression` and `LinearSVR`. The steps of a pipeline before the
        last are fitted as on all rows.
    n_partitions : int or None, default=None
        Number of partitions. None is one for 2000 rows, and at most 16.
    strategy : {"partition", "replicate"}, default="partition"
        Whether each partition has rows of its own, or all of them and only another
        seed.
    merge : {"auto", "average", "mix", "exact", "union"}, default="auto"
        "exact" is the optimum of all rows, from sums over partitions: normal equations
        for `Ridge` and `LinearRegression`, gradients for `LinearSVR`. The others are
        those of `PartitionedClassifier`.
    n_rounds : int or None, default=None
        For "mix", and "average" of SGD models: the number of epochs; None is `max_iter`
        where `tol` is None, and 10 elsewhere. For "exact": the most rounds of the
        solver; None is 1000.
    weights : {"auto", "df", "rows", "uniform"}, default="auto"
        How much the partitions count in an average, as for `PartitionedClassifier`.
    shuffle : bool, default=True
        Whether rows are dealt to partitions at random; otherwise these are stretches of
        rows. Without effect where merging is exact.
    random_state : int, RandomState or None, default=None
        Seed of that, and of the models. None is the `random_state` of the estimator.
    n_jobs : int or None, default=None
        Number of workers, as for `PartitionedClassifier`. The result does not depend on
        it.
    verbose : int, default=0
        Whether to show progress, which needs rich.

    Attributes
    ----------
    estimator_ : estimator
        Fitted.
    n_partitions_ : int
        Number of partitions.
    merge_ : str
        What "auto" came to.
    n_rounds_ : int
        Number of epochs, or of exchanges of the exact solver.
    objective_, gradient_norm_ : float
        For the exact solver: the value at the end of what the estimator minimizes, as
        scikit-learn defines it, and the largest entry of its gradient. For least
        squares, half of that.
    n_features_in_ : int
        Number of features, if `estimator_` knows it.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, if it knows them.

    See Also
    --------
    PartitionedClassifier : The same for classes, with more to read.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import Ridge
    >>> from shardfit.partitioned import PartitionedRegressor
    >>> X = np.arange(20.0).reshape(10, 2)
    >>> y = X @ [1.0, 2.0]
    >>> model = PartitionedRegressor(Ridge(), n_partitions=3).fit(X, y)
    >>> bool(np.allclose(model.estimator_.coef_, Ridge().fit(X, y).coef_))
    True
    """

    @_fit_context(prefer_skip_nested_validation=False)  # type: ignore[untyped-decorator]
    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, **metadata: Any
    ) -> PartitionedRegressor:
        """Train the partitions, and merge them.

        Parameters
        ----------
        X : array-like, sparse matrix, DataFrame or list of n_rows rows
            What the estimator takes.
        y : array-like of shape (n_rows,) or (n_rows, n_outputs)
            Numbers to predict.
        sample_weight : array-like of shape (n_rows,), optional
            Weights of the rows, for estimators that take them.
        **metadata : dict
            More arguments, if metadata routing is enabled and the estimator requests
            them.

        Returns
        -------
        self : PartitionedRegressor
            Fitted.

        Raises
        ------
        NotMergeableError
            If the estimator cannot be trained in this way.
        ValueError
            If a parameter does not suit.
        WorkerLostError
            If a partition has lost three worker processes.
        """
        self._check_kind(is_regressor(self.estimator), "regressor")
        y = self._checked_targets(X, y, numeric=True)
        self._train(
            X,
            y,
            {"sample_weight": sample_weight, **metadata},
            targets=y.astype(np.float64) if y.ndim == 1 else None,
            classes=None,
        )
        return self
