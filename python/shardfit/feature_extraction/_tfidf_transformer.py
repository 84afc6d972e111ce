"""TfidfTransformer: scikit-learn's, with rows weighted by the core."""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from sklearn.base import _fit_context
from sklearn.feature_extraction.text import TfidfTransformer as SklearnTfidfTransformer
from sklearn.preprocessing import normalize
from sklearn.utils.validation import check_is_fitted, validate_data

from shardfit import _rust
from shardfit._threads import effective_threads
from shardfit.feature_extraction import _csr
from shardfit.feature_extraction._derived import Derived
from shardfit.feature_extraction._parameter_names import ParameterNames
from shardfit.feature_extraction._plan import ValueType
from shardfit.feature_extraction._weights import (
    NORMS,
    DocumentFrequencies,
    is_weight,
    largest_magnitude,
    logarithms,
)

__all__ = ["TfidfTransformer", "core_weights"]

# Logarithms of counts up to this one are looked up in a table.
_LARGEST_IN_TABLE = 2**16
# Weights below this one give finite values: counts are below 2**31.
_LARGEST_WEIGHT = 1e25


class TfidfTransformer(  # type: ignore[call-arg]
    ParameterNames, SklearnTfidfTransformer, auto_wrap_output_keys=None
):
    """Weight counts of terms by how rare the terms are.

    The same estimator as :class:`sklearn.feature_extraction.text.TfidfTransformer`: the
    same parameters, the same matrix bit for bit, the same exceptions and warnings. Rows
    are weighted by several threads. Beyond scikit-learn's there is `partial_fit`.

    Parameters
    ----------
    norm : {'l1', 'l2'} or None, default='l2'
        How rows are scaled.
    use_idf : bool, default=True
        Whether counts are multiplied by the inverse document frequency.
    smooth_idf : bool, default=True
        Whether one is added to document frequencies, as if one more document had every
        term. Nothing is divided by zero then.
    sublinear_tf : bool, default=False
        Whether a count becomes one plus its logarithm.
    n_jobs : int or None, default=None
        Number of threads. None means every CPU that this process may use, or what
        ``SHARDFIT_NUM_THREADS`` or ``OMP_NUM_THREADS`` say; see the README. The result
        does not depend on it.

    Attributes
    ----------
    idf_ : ndarray of shape (n_features,)
        The inverse document frequencies, if `use_idf`.
    n_features_in_ : int
        Number of columns seen by `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, if they have names that are strings.

    See Also
    --------
    TfidfVectorizer : From documents to the same matrix in one step.

    Notes
    -----
    Fitting keeps the document frequencies in memory, and `partial_fit` adds to them. A
    pickle holds what scikit-learn's does, so an estimator that comes out of one can
    transform, but not go on learning. If `partial_fit` was used, its pickle holds the
    document frequencies, too.

    Examples
    --------
    >>> from shardfit.feature_extraction.text import TfidfTransformer
    >>> transformer = TfidfTransformer(norm=None).fit([[1, 2], [0, 1]])
    >>> transformer.idf_
    array([1.40546511, 1.        ])
    >>> transformer.transform([[2, 3]]).toarray()
    array([[2.81093022, 3.        ]])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **SklearnTfidfTransformer._parameter_constraints,
        "n_jobs": [Integral, None],
    }

    _frequencies: DocumentFrequencies

    def __init__(
        self,
        *,
        norm: str | None = "l2",
        use_idf: bool = True,
        smooth_idf: bool = True,
        sublinear_tf: bool = False,
        n_jobs: int | None = None,
    ) -> None:
        super().__init__(
            norm=norm,
            use_idf=use_idf,
            smooth_idf=smooth_idf,
            sublinear_tf=sublinear_tf,
        )
        self.n_jobs = n_jobs

    @Derived("_frequencies")
    def idf_(self) -> Any:
        """Return the inverse document frequencies."""
        frequencies = vars(self).get("_frequencies")
        if frequencies is None or not frequencies.is_partial or not self.use_idf:
            return None
        return frequencies.idf(self.smooth_idf)

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def fit(self, X: Any, y: Any = None) -> TfidfTransformer:
        """Learn the inverse document frequencies.

        Parameters
        ----------
        X : sparse matrix, array-like of shape (n_samples, n_features)
            Counts of terms.
        y : any
            Ignored; scikit-learn's convention.

        Returns
        -------
        self : TfidfTransformer
            Fitted.
        """
        self._adopt(self._count_documents(X, reset=True))
        return self

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any = None) -> TfidfTransformer:
        """Learn from more rows, as if `fit` saw them below those seen so far.

        Parameters
        ----------
        X : sparse matrix, array-like of shape (n_samples, n_features)
            Counts of terms.
        y : any
            Ignored; scikit-learn's convention.

        Returns
        -------
        self : TfidfTransformer
            Fitted. If an exception is raised, it has learned nothing from this part.

        Raises
        ------
        ValueError
            If the number of columns is not that of the first part, or the rows seen so
            far are not known by their document frequencies.
        """
        seen = self._seen_frequencies()
        frequencies = self._count_documents(X, reset=seen is None)
        if seen is None:
            self._adopt(frequencies._replace(is_partial=True))
        else:
            self._adopt(seen.grown_by(frequencies))
        return self

    def transform(self, X: Any, copy: bool = True) -> Any:
        """Weight counts of terms.

        Parameters
        ----------
        X : sparse matrix, array-like of shape (n_samples, n_features)
            Counts of terms.
        copy : bool, default=True
            False allows to write over a CSR matrix of float64 or float32.

        Returns
        -------
        X : sparse matrix or array of shape (n_samples, n_features)
            In CSR format.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If it is not fitted.
        ValueError
            If the number of columns is not that of the matrix it was fitted to, or a
            value is not finite.
        """
        n_threads = effective_threads(self.n_jobs)
        check_is_fitted(self)
        X = validate_data(
            self,
            X,
            accept_sparse="csr",
            dtype=[np.float64, np.float32],
            copy=copy,
            reset=False,
        )
        if not sp.issparse(X):
            X = sp.csr_matrix(X, dtype=X.dtype)
        if self.sublinear_tf:
            np.log(X.data, X.data)
            X.data += 1.0
        has_idf = hasattr(self, "idf_")
        idf: Any = self.idf_ if has_idf else None
        if self.norm in NORMS and _is_plain(X) and _fits(idf, X, weighted=has_idf):
            arrays = X.data, X.indices, X.indptr
            # NumPy takes also indices that the core does not.
            if _rust.scale_rows(*arrays, idf, self.norm, n_threads):
                return _csr.align(X)
        if has_idf:
            X.data *= idf[X.indices]
        if self.norm is not None:
            X = normalize(X, norm=self.norm, copy=False)
        return _csr.align(X)

    def _seen_frequencies(self) -> DocumentFrequencies | None:
        """Return the document frequencies to add to, or None if there is no fit yet."""
        is_fitted = not vars(self).keys().isdisjoint({"idf_", "n_features_in_"})
        if is_fitted and "_frequencies" not in vars(self):
            raise ValueError(
                "partial_fit cannot go on: the document frequencies behind idf_ are not"
                " known. It was assigned or unpickled after fit alone. Use partial_fit"
                " from the first rows on, or clone() to start anew."
            )
        return vars(self).get("_frequencies")

    def _adopt(self, frequencies: DocumentFrequencies) -> None:
        """Become fitted to documents that somebody else has counted."""
        self.n_features_in_ = len(frequencies.counts)
        if frequencies.is_partial:
            self.__dict__.pop("idf_", None)  # Made when it is read.
        elif self.use_idf:
            # Past `Derived`, for which it would not follow from the frequencies.
            self.__dict__["idf_"] = frequencies.idf(self.smooth_idf)
        self._frequencies = frequencies

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        frequencies = state.pop("_frequencies", None)
        if frequencies is not None and frequencies.is_partial:
            state["_frequencies"] = frequencies._asdict()
            if self.use_idf and "idf_" not in state:
                state["idf_"] = frequencies.idf(self.smooth_idf)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "_frequencies" in vars(self):
            self._frequencies = DocumentFrequencies(**vars(self)["_frequencies"])

    def _count_documents(self, X: Any, *, reset: bool) -> DocumentFrequencies:
        X = validate_data(self, X, accept_sparse=("csr", "csc"), reset=reset)
        if not sp.issparse(X):
            X = sp.csr_matrix(X)
        return DocumentFrequencies.of(X)


def _is_plain(X: Any) -> bool:
    """Tell whether the core can scale a matrix in its arrays."""
    arrays = X.data, X.indices, X.indptr
    return (
        all(array.flags.c_contiguous and array.flags.aligned for array in arrays)
        and bool(X.data.flags.writeable)
        and X.indices.dtype == X.indptr.dtype
        and X.indices.dtype in (np.int32, np.int64)
        and bool(len(X.data) == len(X.indices) == X.indptr[-1])
    )


def _fits(idf: Any, X: Any, *, weighted: bool) -> bool:
    """Tell whether values are finite, and stay so when weighted by the core."""
    if weighted and not is_weight(idf, X.dtype, X.shape[1]):
        return False
    largest = largest_magnitude(X.data)
    if not weighted:
        return bool(np.isfinite(largest))
    largest_product = largest_magnitude(idf) * largest
    return (
        bool(np.isfinite(largest))
        and largest_product < float(np.finfo(X.dtype).max) / 2
    )


def core_weights(
    tfidf: Any,
    values: ValueType,
    n_features: int,
    *,
    binary: bool,
    largest_count: int | None = None,
) -> dict[str, Any] | None:
    """Return how the core does to counts what a transformer would do to their matrix.

    Parameters
    ----------
    tfidf : TfidfTransformer
        Ours, scikit-learn's or another one.
    values : ValueType
        What counts become.
    n_features : int
        The number of columns.
    binary : bool
        Whether all counts become 1 first.
    largest_count : int or None, default=None
        The largest of them, if it is known.

    Returns
    -------
    dict or None
        Arguments for `weighting`, or None if the transformer has to do it.
    """
    dtype = values.dtype
    if not (values.is_float and _has_usual_transform(tfidf, n_features)):
        return None
    idf = None
    if hasattr(tfidf, "idf_"):
        idf = tfidf.idf_
        is_usable = is_weight(idf, dtype, n_features)
        if not is_usable or not largest_magnitude(idf) < _LARGEST_WEIGHT:
            return None
    tf = None
    if tfidf.sublinear_tf and not binary:
        if largest_count is None or largest_count > _LARGEST_IN_TABLE:
            return None
        tf = logarithms(largest_count, dtype)
    return {"tf": tf, "idf": idf, "norm": tfidf.norm}


def _has_usual_transform(tfidf: Any, n_features: int) -> bool:
    attributes = vars(tfidf)
    return (
        type(tfidf) in (TfidfTransformer, SklearnTfidfTransformer)
        and "transform" not in attributes
        and "feature_names_in_" not in attributes
        and attributes.get("n_features_in_", n_features) == n_features
        and not attributes.keys().isdisjoint({"idf_", "n_features_in_"})
        and tfidf.norm in NORMS
    )
