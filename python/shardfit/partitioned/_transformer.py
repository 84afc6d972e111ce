"""PartitionedTransformer."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import TransformerMixin, _fit_context, clone
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from shardfit.exceptions import NotMergeableError
from shardfit.merging import mergeability
from shardfit.partitioned import _training
from shardfit.partitioned._base import PartitionedEstimator, delegates
from shardfit.partitioned._parts import Part
from shardfit.partitioned._splitting import split_rows
from shardfit.partitioned._steps import fit_transform_steps, fit_transformer
from shardfit.partitioned._tasks import Tasks

__all__ = ["PartitionedTransformer"]


class PartitionedTransformer(TransformerMixin, PartitionedEstimator):
    """Fit a transformer to partitions of the rows, side by side, and merge it.

    Only transformers that merge exactly are fitted in this way, and forests of random
    trees, which are united. The others in a pipeline are fitted to all rows at once.

    Parameters
    ----------
    estimator : transformer or Pipeline of them
        As scikit-learn or shardfit have it. The vectorizers of shardfit share their
        work among threads, and are fitted to all documents at once.
    n_partitions : int or None, default=None
        Number of partitions. None is one for 2000 rows, and at most 16.
    strategy : {"partition", "replicate"}, default="partition"
        "replicate" is for forests: all have all rows.
    merge : {"auto", "exact", "union", "average", "mix"}, default="auto"
        How the partitions become one; transformers allow "exact" or "union".
    n_rounds : None
        Without meaning for transformers.
    weights : {"auto", "rows", "uniform", "df"}, default="auto"
        Without meaning for transformers.
    shuffle : bool, default=True
        Whether forests grow on rows that were dealt at random.
    random_state : int, RandomState or None, default=None
        Seed of forests.
    n_jobs : int or None, default=None
        Number of workers, as for `PartitionedClassifier`. The result does not depend on
        it.
    verbose : int, default=0
        Without meaning for transformers.

    Attributes
    ----------
    estimator_ : transformer
        Fitted.
    n_partitions_ : int
        Number of partitions.
    merge_ : str
        What "auto" came to.
    n_features_in_ : int
        Number of features, if `estimator_` knows it.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, if it knows them.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.preprocessing import StandardScaler
    >>> from shardfit.partitioned import PartitionedTransformer
    >>> X = np.arange(12.0).reshape(6, 2)
    >>> scaler = PartitionedTransformer(StandardScaler(), n_partitions=3).fit(X)
    >>> scaler.estimator_.mean_
    array([5., 6.])
    """

    @_fit_context(prefer_skip_nested_validation=False)  # type: ignore[untyped-decorator]
    def fit(self, X: Any, y: Any = None, **metadata: Any) -> PartitionedTransformer:
        """Fit the partitions, and merge them.

        Parameters
        ----------
        X : array-like, sparse matrix, DataFrame or list of n_rows rows
            What the transformer takes.
        y : array-like of shape (n_rows,), optional
            What the transformer takes beside it.
        **metadata : dict
            More arguments, if metadata routing is enabled and the estimator requests
            them.

        Returns
        -------
        self : PartitionedTransformer
            Fitted.

        Raises
        ------
        NotMergeableError
            If the transformer cannot be fitted in this way.
        """
        steps, last = self._split_steps()
        kind = mergeability(last).kind
        if kind not in ("exact", "union") or self.merge not in ("auto", kind):
            answer = mergeability(last)
            raise NotMergeableError(
                f"{type(last).__name__} cannot be fitted on partitions with "
                f'merge="{self.merge}": {answer.reason}; {answer.remedy}'
                if kind == "no"
                else f'merge="{self.merge}" is not possible for {type(last).__name__}; '
                f'use merge="{kind}"'
            )
        rows, of_steps = self._rows(X, None if y is None else np.asarray(y), metadata)
        n_partitions = self._number_of_partitions(rows.n_rows)
        fitted_steps, Xt = fit_transform_steps(
            steps,
            Part(rows.X, rows.y, rows.n_rows),
            of_steps,
            n_partitions,
            Tasks(self.n_jobs),
        )
        rows = Part(Xt, rows.y, rows.n_rows, rows.metadata)
        if kind == "union":
            fitted = self._unite(last, rows, n_partitions)
        else:
            fitted = fit_transformer(last, rows, n_partitions, Tasks(self.n_jobs))
        self.estimator_ = self._assembled(fitted_steps, fitted)
        self.n_partitions_ = n_partitions
        self.merge_ = kind
        return self

    def _unite(self, last: Any, rows: Part, n_partitions: int) -> Any:
        source = self.random_state
        if source is None:
            source = getattr(last, "random_state", None)
        rng = check_random_state(source)
        plan = _training.Plan(clone(last), None, "auto", rng, Tasks(self.n_jobs))
        if self.strategy == "replicate":
            return _training.union(plan, [rows] * n_partitions)
        partitions = split_rows(
            rows.n_rows, n_partitions, rng=rng if self.shuffle else None
        )
        return _training.union(plan, [rows.rows(numbers) for numbers in partitions])

    @delegates("get_feature_names_out")
    def get_feature_names_out(self, input_features: Any = None) -> NDArray[Any]:
        """Return the names of the columns that come out.

        Parameters
        ----------
        input_features : array-like of str, optional
            Names of the columns that go in.

        Returns
        -------
        ndarray of shape (n_features_out,)
        """
        check_is_fitted(self)
        names: NDArray[Any] = self.estimator_.get_feature_names_out(input_features)
        return names

    @delegates("inverse_transform")
    def inverse_transform(self, X: Any) -> Any:
        """Undo the transformation by the merged transformer.

        Parameters
        ----------
        X : matrix of shape (n_rows, n_features_out)

        Returns
        -------
        matrix of shape (n_rows, n_features)
        """
        check_is_fitted(self)
        return self.estimator_.inverse_transform(X)
