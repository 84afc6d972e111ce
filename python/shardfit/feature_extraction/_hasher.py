"""FeatureHasher: scikit-learn's, with the hashing done by the core."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from itertools import chain
from numbers import Integral
from typing import Any, ClassVar, TypedDict

import numpy as np
from sklearn.feature_extraction import FeatureHasher as SklearnFeatureHasher

from shardfit import _rust
from shardfit._threads import threads_for
from shardfit.feature_extraction import _csr
from shardfit.feature_extraction._feature_names import FeatureStore
from shardfit.feature_extraction._parameter_names import ParameterNames
from shardfit.feature_extraction._plan import ValueType, value_type

__all__ = ["FeatureHasher", "hash_target"]

_logger = logging.getLogger(__name__)


class HashTarget(TypedDict):
    """How the core hashes, and what it makes of the counts."""

    n_features: int
    """Number of columns, 1 to 2**31 - 1."""
    alternate_sign: bool
    binary: bool
    """Whether every stored count becomes 1."""
    norm: str | None
    """'l1', 'l2' or None."""
    dtype: str
    """'float64' or 'float32'."""
    n_threads: int
    max_int32: int
    """With more entries than this, indices and indptr are int64."""


def hash_target(
    hasher: Any,
    values: ValueType,
    n_threads: int,
    *,
    binary: bool = False,
    norm: str | None = None,
) -> HashTarget:
    """Return what the core needs to know to hash, count and scale."""
    return {
        "n_features": int(hasher.n_features),
        "alternate_sign": bool(hasher.alternate_sign),
        "binary": binary,
        "norm": norm,
        "dtype": values.computed,
        "n_threads": n_threads,
        "max_int32": _csr.max_int32_entries,
    }


class FeatureHasher(ParameterNames, SklearnFeatureHasher):
    """Hash features by name into the columns of a sparse matrix.

    The same estimator as :class:`sklearn.feature_extraction.FeatureHasher`: the same
    parameters, the same matrix bit for bit, the same exceptions. The features are
    read under the interpreter's lock, as any Python object must be, and hashed and
    counted by several threads without it.

    Parameters
    ----------
    n_features : int, default=2**20
        Number of columns, between 1 and 2**31 - 1.
    input_type : {'dict', 'pair', 'string'}, default='dict'
        What a sample is: a mapping from feature names to values, an iterable of pairs
        of both, or an iterable of names that count 1 each. A value that is a string
        makes ``"name=value"`` the feature, with the value 1.
    dtype : numpy dtype, default=np.float64
        Type of the stored values.
    alternate_sign : bool, default=True
        Whether half of the features count with a negative sign, so that collisions
        cancel on average.
    n_jobs : int or None, default=None
        Number of threads. None means every CPU that this process may use, or what
        ``SHARDFIT_NUM_THREADS`` or ``OMP_NUM_THREADS`` say; see the README. The result
        does not depend on it.

    See Also
    --------
    shardfit.feature_extraction.text.HashingVectorizer : The same for texts.

    Notes
    -----
    Values of types other than float64 and, for names that count 1, float32 and integers
    are converted by scikit-learn's own code.

    Examples
    --------
    >>> from shardfit.feature_extraction import FeatureHasher
    >>> hasher = FeatureHasher(n_features=10)
    >>> hasher.transform([{"dog": 1, "cat": 2}, {"dog": 2, "run": 5}]).toarray()
    array([[ 0.,  0.,  0., -1.,  0.,  0.,  0.,  0.,  0.,  2.],
           [ 0.,  0.,  0., -2., -5.,  0.,  0.,  0.,  0.,  0.]])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **SklearnFeatureHasher._parameter_constraints,
        "n_jobs": [Integral, None],
    }

    # Where the names of features go besides, on behalf of a vectorizer.
    _store: FeatureStore | None = None

    def __init__(
        self,
        n_features: int = 2**20,
        *,
        input_type: str = "dict",
        dtype: Any = np.float64,
        alternate_sign: bool = True,
        n_jobs: int | None = None,
    ) -> None:
        super().__init__(
            n_features,
            input_type=input_type,
            dtype=dtype,
            alternate_sign=alternate_sign,
        )
        self.n_jobs = n_jobs

    def transform(self, raw_X: Iterable[Any]) -> Any:
        """Hash samples.

        Parameters
        ----------
        raw_X : iterable of length n_samples
            Samples, each of the kind that `input_type` says.

        Returns
        -------
        X : sparse matrix or array of shape (n_samples, n_features)
            In CSR format, columns ascending.

        Raises
        ------
        ValueError
            If there is no sample, or the first one is a single string.
        TypeError
            If a name is neither a string nor bytes, or a value is not a number.
        """
        # Refuses what it cannot take, on every path.
        n_threads = threads_for(raw_X, self.n_jobs)
        values = value_type(self.dtype, self.n_features, self.alternate_sign)
        if not isinstance(values, str) and self.input_type == "string":
            return self._transform_names(iter(raw_X), values, n_threads)
        if not isinstance(values, str) and values.dtype == np.float64:
            return self._transform_pairs(iter(raw_X), n_threads)
        _logger.debug("scikit-learn hashes: %s", values)
        return super().transform(raw_X)

    def _transform_names(
        self, samples: Iterator[Any], values: ValueType, n_threads: int
    ) -> Any:
        first = next(samples)  # Scikit-learn lets this StopIteration out as well.
        if isinstance(first, str):
            raise ValueError(
                "Samples can not be a single string. The input must be an iterable"
                " over iterables of strings."
            )
        data, indices, indptr = _rust.hash_tokens(
            chain([first], samples), hash_target(self, values, n_threads), self._store
        )
        return _csr.wrap_csr(values.cast(data), indices, indptr, int(self.n_features))

    def _transform_pairs(self, samples: Iterator[Any], n_threads: int) -> Any:
        if self.input_type == "dict":
            samples = (_items(sample) for sample in samples)
        data, columns, indptr = _rust.hash_pairs(
            samples, int(self.n_features), bool(self.alternate_sign), n_threads
        )
        if len(indptr) == 1:
            raise ValueError("Cannot vectorize empty sequence.")
        if len(columns) <= _csr.max_int32_entries:
            indptr = indptr.astype(np.int32)
        else:
            columns = columns.astype(np.int64)
        X = _csr.wrap_csr(
            data, columns, indptr, int(self.n_features), is_canonical=False
        )
        # SciPy adds up values in an order of its own, which shows in the last bits.
        X.sum_duplicates()
        return X


def _items(sample: Any) -> Any:
    """Return the pairs of a mapping; scikit-learn prefers an `iteritems` method."""
    return sample.iteritems() if hasattr(sample, "iteritems") else sample.items()
