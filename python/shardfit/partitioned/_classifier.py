"""PartitionedClassifier."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin, _fit_context, is_classifier
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from shardfit.partitioned._base import delegates
from shardfit.partitioned._supervised import SupervisedEstimator

__all__ = ["PartitionedClassifier"]


class PartitionedClassifier(ClassifierMixin, SupervisedEstimator):
    """Train a classifier on partitions of the rows, side by side, and merge it.

    What comes out, `estimator_`, is a plain fitted estimator of scikit-learn. How near
    it is to one that was trained on all rows at once is a matter of `merge`.

    Parameters
    ----------
    estimator : classifier or Pipeline that ends in one
        Any that `shardfit.merging.mergeability` does not say "no" to, and
        `LogisticRegression`, `LinearSVC` and `RidgeClassifier`. The steps of a pipeline
        before the last are fitted as on all rows.
    n_partitions : int or None, default=None
        Number of partitions. None is one for 2000 rows, and at most 16.
    strategy : {"partition", "replicate"}, default="partition"
        Whether each partition has rows of its own, or all of them and only another
        seed.
    merge : {"auto", "average", "mix", "exact", "union"}, default="auto"
        "exact" is the optimum of all rows, from sums over partitions: gradients for
        `LogisticRegression` and `LinearSVC`, counts for naive Bayes. "mix" averages SGD
        models after each epoch and goes on from there. "average" averages linear models
        once. "union" puts the members of ensembles together. "auto" is the first of
        these that the estimator allows.
    n_rounds : int or None, default=None
        For "mix", and "average" of SGD models: the number of epochs; None is `max_iter`
        where `tol` is None, and 10 elsewhere. For "exact": the solver begins no step
        after so many rounds; None is 1000.
    weights : {"auto", "df", "rows", "uniform"}, default="auto"
        How much the partitions count in an average. "df" weighs every feature by the
        number of rows that hold it. "rows" counts rows, "uniform" partitions. "auto" is
        "df" for sparse matrices, and "rows" otherwise. In a union, where "auto" lets
        all members count the same, "rows" and "uniform" are for the partitions.
    shuffle : bool, default=True
        Whether rows are dealt to partitions at random, class by class; otherwise these
        are stretches of rows. Without effect where merging is exact.
    random_state : int, RandomState or None, default=None
        Seed of that, and of the models. None is the `random_state` of the estimator.
    n_jobs : int or None, default=None
        Number of workers: threads, or those of the backend that
        `joblib.parallel_config` has set. None is what it has set, or every CPU that
        this process may use. The result does not depend on it.
    verbose : int, default=0
        Whether to show progress, which needs rich.

    Attributes
    ----------
    estimator_ : estimator
        Fitted.
    classes_ : ndarray of shape (n_classes,) or list of ndarray
        The labels.
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
    shardfit.merging.merge : Merge estimators that were fitted elsewhere.
    fit_files : Train on files that are larger than memory.

    Notes
    -----
    With `n_partitions=1` and no `n_rounds`, the estimator is fitted as it is, except
    where merging is exact. A partition whose worker process dies is tried again, at
    most three times. Workers that are threads share the rows; processes get them as
    memory-mapped files.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.naive_bayes import MultinomialNB
    >>> from shardfit.partitioned import PartitionedClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> model = PartitionedClassifier(MultinomialNB(), n_partitions=4).fit(X, y)
    >>> model.merge_, type(model.estimator_).__name__
    ('exact', 'MultinomialNB')
    >>> model.score(X, y) == MultinomialNB().fit(X, y).score(X, y)
    True
    """

    @_fit_context(prefer_skip_nested_validation=False)  # type: ignore[untyped-decorator]
    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, **metadata: Any
    ) -> PartitionedClassifier:
        """Train the partitions, and merge them.

        Parameters
        ----------
        X : array-like, sparse matrix, DataFrame or list of n_rows rows
            What the estimator takes.
        y : array-like of shape (n_rows,) or (n_rows, n_outputs)
            Labels.
        sample_weight : array-like of shape (n_rows,), optional
            Weights of the rows, for estimators that take them.
        **metadata : dict
            More arguments, if metadata routing is enabled and the estimator requests
            them.

        Returns
        -------
        self : PartitionedClassifier
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
        self._check_kind(is_classifier(self.estimator), "classifier")
        y = self._checked_targets(X, y, numeric=False)
        check_classification_targets(y)
        classes = codes = None
        if y.ndim == 1:
            classes, codes = np.unique(y, return_inverse=True)
        self._train(
            X,
            y,
            {"sample_weight": sample_weight, **metadata},
            targets=codes,
            classes=classes,
        )
        return self

    @property
    def classes_(self) -> Any:
        """Labels seen during `fit`."""
        return self._of_fitted("classes_")

    @delegates("predict_proba")
    def predict_proba(self, X: Any) -> Any:
        """Return probabilities of the classes by the merged estimator.

        Parameters
        ----------
        X : what `fit` takes, of n_rows rows

        Returns
        -------
        ndarray of shape (n_rows, n_classes) or list of ndarray
        """
        check_is_fitted(self)
        return self.estimator_.predict_proba(X)

    @delegates("predict_log_proba")
    def predict_log_proba(self, X: Any) -> Any:
        """Return logarithms of the probabilities of the classes.

        Parameters
        ----------
        X : what `fit` takes, of n_rows rows

        Returns
        -------
        ndarray of shape (n_rows, n_classes) or list of ndarray
        """
        check_is_fitted(self)
        return self.estimator_.predict_log_proba(X)

    @delegates("decision_function")
    def decision_function(self, X: Any) -> NDArray[Any]:
        """Return scores of the classes by the merged estimator.

        Parameters
        ----------
        X : what `fit` takes, of n_rows rows

        Returns
        -------
        ndarray of shape (n_rows,) or (n_rows, n_classes)
        """
        check_is_fitted(self)
        scores: NDArray[Any] = self.estimator_.decision_function(X)
        return scores
