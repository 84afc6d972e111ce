"""HashingVectorizer: scikit-learn's, with analysis and hashing done by the core."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from itertools import pairwise
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import (
    HashingVectorizer as SklearnHashingVectorizer,
)
from sklearn.preprocessing import normalize
from sklearn.utils import check_array
from sklearn.utils._param_validation import Interval
from sklearn.utils.metaestimators import available_if

from shardfit import _rust
from shardfit._rust import TermCounts
from shardfit._threads import threads_for
from shardfit.feature_extraction import _csr
from shardfit.feature_extraction._feature_names import FeatureStore, name_columns
from shardfit.feature_extraction._hasher import FeatureHasher, hash_target
from shardfit.feature_extraction._parameter_names import ParameterNames
from shardfit.feature_extraction._plan import (
    CoreAnalysis,
    ValueType,
    core_analysis,
    iterable_documents,
    plan_reading,
    value_type,
)
from shardfit.feature_extraction._vocabulary import LearnedTerms

__all__ = ["HashingVectorizer"]

_logger = logging.getLogger(__name__)

# What the terms that are hashed may take if the user has not said.
_STORE_BYTES = 2**28


def _stores_features(vectorizer: Any) -> bool:
    """Tell whether a vectorizer keeps the terms that it hashes."""
    return bool(vectorizer.store_features)


class HashingVectorizer(  # type: ignore[call-arg]
    ParameterNames, SklearnHashingVectorizer, auto_wrap_output_keys=None
):
    r"""Turn documents into a sparse matrix of hashed token counts.

    The same estimator as :class:`sklearn.feature_extraction.text.HashingVectorizer`:
    the same parameters, the same matrix bit for bit, the same exceptions and warnings.
    The documents are analysed and hashed by several threads that do not hold the
    interpreter's lock.

    Parameters
    ----------
    input : {'content', 'filename', 'file'}, default='content'
        What a document is: its text, the name of the file that holds it, or an object
        with a `read` method.
    encoding : str, default='utf-8'
        How documents that are bytes are decoded.
    decode_error : {'strict', 'ignore', 'replace'}, default='strict'
        What to do with bytes that are not valid in `encoding`.
    strip_accents : {'ascii', 'unicode'}, callable or None, default=None
        Whether to take accents off: 'unicode' drops combining characters after NFKD
        decomposition, 'ascii' everything that is not ASCII then.
    lowercase : bool, default=True
        Whether to lower-case the text first.
    preprocessor : callable or None, default=None
        Takes the place of lower-casing and accent stripping.
    tokenizer : callable or None, default=None
        Takes the place of `token_pattern`.
    stop_words : {'english'}, list or None, default=None
        Tokens to leave out.
    token_pattern : str or None, default=r"(?u)\\b\\w\\w+\\b"
        Regular expression for tokens, with at most one group.
    ngram_range : tuple of int, default=(1, 1)
        The shortest and the longest n-grams to extract.
    analyzer : {'word', 'char', 'char_wb'} or callable, default='word'
        Whether features are n-grams of words, of characters, or of characters within
        words; or a function that lists the features of a document.
    n_features : int, default=2**20
        Number of columns, between 1 and 2**31 - 2.
    binary : bool, default=False
        Whether every stored count becomes 1.
    norm : {'l1', 'l2'} or None, default='l2'
        How rows are scaled.
    alternate_sign : bool, default=True
        Whether half of the features count with a negative sign, so that collisions
        cancel on average.
    dtype : numpy dtype, default=np.float64
        Type of the stored values.
    store_features : bool or int, default=False
        Whether to keep the terms that are hashed, so that `get_feature_names_out` and
        `inverse_transform` can name them. An int from 65536 on is the number of bytes
        they may take, True stands for 256 MiB. When they take more, the rarest are
        forgotten until half of it is free. `transform` takes two to three times as
        long.
    n_jobs : int or None, default=None
        Number of threads. None means every CPU that this process may use, or what
        ``SHARDFIT_NUM_THREADS`` or ``OMP_NUM_THREADS`` say; see the README. The result
        does not depend on it.

    See Also
    --------
    shardfit.feature_extraction.FeatureHasher : The same for features that are at hand.

    Notes
    -----
    Documents may also come as a NumPy array of strings, a pandas or polars Series, or
    anything that speaks the Arrow PyCapsule interface; Arrow strings are read in place.

    Scikit-learn's own code analyses the documents, one at a time, if `preprocessor`,
    `tokenizer`, `analyzer` or `strip_accents` is a callable, if a method that takes
    part in the analysis is overridden, and if `token_pattern` is not, like the default,
    the runs of ``\w`` or ``\S`` of a minimum length. The result is the same.

    Examples
    --------
    >>> from shardfit.feature_extraction.text import HashingVectorizer
    >>> documents = ["The cat.", "The dog and the cat"]
    >>> X = HashingVectorizer(n_features=2**4).transform(documents)
    >>> X.shape, X.nnz
    ((2, 16), 6)

    With the terms kept, columns have names. A minus stands before terms that count
    as -1.

    >>> vectorizer = HashingVectorizer(n_features=2**4, norm=None, store_features=True)
    >>> X = vectorizer.transform(documents)
    >>> vectorizer.inverse_transform(X)[0]
    array(['cat', '-the'], dtype=object)
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **SklearnHashingVectorizer._parameter_constraints,
        "store_features": ["boolean", Interval(Integral, 2**16, None, closed="left")],
        "n_jobs": [Integral, None],
    }

    _features: TermCounts

    def __init__(
        self,
        *,
        input: str = "content",
        encoding: str = "utf-8",
        decode_error: str = "strict",
        strip_accents: str | Callable[[str], str] | None = None,
        lowercase: bool = True,
        preprocessor: Callable[[Any], Any] | None = None,
        tokenizer: Callable[[Any], Iterable[Any]] | None = None,
        stop_words: str | list[str] | None = None,
        token_pattern: str | None = r"(?u)\b\w\w+\b",
        ngram_range: tuple[int, int] = (1, 1),
        analyzer: str | Callable[[Any], Iterable[Any]] = "word",
        n_features: int = 2**20,
        binary: bool = False,
        norm: str | None = "l2",
        alternate_sign: bool = True,
        dtype: Any = np.float64,
        store_features: bool | int = False,
        n_jobs: int | None = None,
    ) -> None:
        super().__init__(
            input=input,
            encoding=encoding,
            decode_error=decode_error,
            strip_accents=strip_accents,
            lowercase=lowercase,
            preprocessor=preprocessor,
            tokenizer=tokenizer,
            stop_words=stop_words,
            token_pattern=token_pattern,
            ngram_range=ngram_range,
            analyzer=analyzer,
            n_features=n_features,
            binary=binary,
            norm=norm,
            alternate_sign=alternate_sign,
            dtype=dtype,
        )
        self.store_features = store_features
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any = None) -> HashingVectorizer:
        """Check the parameters, and forget stored features.

        Parameters
        ----------
        X : any
            Ignored.
        y : any
            Ignored; scikit-learn's convention.

        Returns
        -------
        self : HashingVectorizer
        """
        super().fit(X, y)
        self.__dict__.pop("_features", None)
        return self

    def transform(self, X: Iterable[Any]) -> Any:
        """Turn documents into a matrix.

        Parameters
        ----------
        X : iterable of length n_samples
            Documents: strings or bytes, or what `input` says. Also an array of strings
            in Arrow's format.

        Returns
        -------
        X : sparse matrix or array of shape (n_samples, n_features)
            In CSR format, columns ascending.

        Raises
        ------
        ValueError
            If X is a single string, `ngram_range` is not ascending, or features are to
            be stored and `dtype` is none that the core computes.
        UnicodeError
            If a document cannot be decoded.
        StopIteration
            If there is no document.
        """
        if isinstance(X, str):
            raise ValueError(
                "Iterable over raw text documents expected, string object received."
            )
        self._validate_ngram_range()
        analysis = core_analysis(self, HashingVectorizer)
        values = value_type(self.dtype, self.n_features, self.alternate_sign)
        scaling = _unusual_scaling(self)
        if self.store_features and isinstance(values, str):
            raise ValueError(
                f"store_features does not go together with this: {values}. Use float64,"
                " or store_features=False."
            )
        if isinstance(analysis, str) or isinstance(values, str) or scaling:
            reasons = (analysis, values, scaling)
            _logger.debug("scikit-learn's own code runs: %s, %s, %s", *reasons)
            return super().transform(iterable_documents(X))
        return self._transform_in_core(X, analysis, values)

    def fit_transform(self, X: Iterable[Any], y: Any = None) -> Any:
        """Check the parameters and turn documents into a matrix.

        Parameters
        ----------
        X : iterable of length n_samples
            Documents, as for `transform`.
        y : any
            Ignored; scikit-learn's convention.

        Returns
        -------
        X : sparse matrix or array of shape (n_samples, n_features)
            In CSR format, columns ascending.
        """
        return self.fit(X, y).transform(X)

    def _transform_in_core(
        self, X: Iterable[Any], analysis: CoreAnalysis, values: ValueType
    ) -> Any:
        documents, analyzer, reading = plan_reading(self, analysis, X)
        target = hash_target(
            self,
            values,
            threads_for(X, self.n_jobs),
            binary=bool(self.binary) and values.is_float,
            norm=self.norm if values.is_float else None,
        )
        data, indices, indptr = _rust.hash_documents(
            documents, analyzer, reading, target, self._feature_store()
        )
        if len(indptr) == 1:
            # Scikit-learn lets the end of the iteration out.
            raise StopIteration
        matrix = _csr.wrap_csr(values.cast(data), indices, indptr, int(self.n_features))
        if not values.is_float:
            if self.binary:
                matrix.data.fill(1)
            if self.norm is not None:
                matrix = normalize(matrix, norm=self.norm, copy=False)
        return matrix

    def _get_hasher(self) -> FeatureHasher:
        hasher = FeatureHasher(
            n_features=self.n_features,
            input_type="string",
            dtype=self.dtype,
            alternate_sign=self.alternate_sign,
            n_jobs=self.n_jobs,
        )
        hasher._store = self._feature_store()
        return hasher

    @available_if(_stores_features)  # type: ignore[untyped-decorator]
    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[Any]:
        """Return the terms that `transform` has seen in each column.

        Parameters
        ----------
        input_features : any
            Ignored; scikit-learn's convention.

        Returns
        -------
        names : ndarray of shape (n_features,), dtype object
            All terms of a column, the most frequent first and ``" | "`` between them.
            Terms that count as -1 have a ``-`` in front. A column in which nothing was
            seen has the name ``""``.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If nothing has been transformed yet.
        """
        if "_features" not in vars(self) or not self._features.n_documents:
            raise NotFittedError(
                "This HashingVectorizer has not stored features yet; call 'transform'"
            )
        return name_columns(
            self._features,
            int(self.n_features),
            alternate_sign=bool(self.alternate_sign),
        )

    @available_if(_stores_features)  # type: ignore[untyped-decorator]
    def inverse_transform(self, X: Any) -> list[npt.NDArray[Any]]:
        """Return the names of the columns that are not 0 in each row.

        Parameters
        ----------
        X : sparse matrix, array-like of shape (n_samples, n_features)
            What `transform` has returned.

        Returns
        -------
        names : list of n_samples ndarrays of dtype object
            As from `get_feature_names_out`.

        Raises
        ------
        ValueError
            If X has another number of columns.
        sklearn.exceptions.NotFittedError
            If nothing has been transformed yet.
        """
        names = self.get_feature_names_out()
        X = sp.csr_matrix(check_array(X, accept_sparse="csr"))
        if X.shape[1] != len(names):
            message = f"X has {X.shape[1]} columns, but n_features is {len(names)}."
            raise ValueError(f"{message} Pass what transform returns.")
        return [
            names[X.indices[start:end][X.data[start:end] != 0]]
            for start, end in pairwise(X.indptr)
        ]

    def _feature_store(self) -> FeatureStore | None:
        if not self.store_features:
            return None
        empty = np.empty(0, dtype=np.int64)
        none = TermCounts.restore([], empty, empty, 0)
        counts = self.__dict__.setdefault("_features", none)
        is_switch = isinstance(self.store_features, bool | np.bool_)
        max_bytes = _STORE_BYTES if is_switch else int(self.store_features)
        return {"counts": counts, "max_bytes": max_bytes}

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        if "_features" in state:
            learned = LearnedTerms(state["_features"], is_partial=True)
            state["_features"] = learned.as_plain_data()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "_features" in vars(self):
            self._features = LearnedTerms.restore(vars(self)["_features"]).counts


def _unusual_scaling(vectorizer: HashingVectorizer) -> str | None:
    """Return why scikit-learn has to scale the rows, if it has to."""
    if not isinstance(vectorizer.binary, bool | np.bool_):
        return f"binary={vectorizer.binary!r} is not a bool"
    if vectorizer.norm not in (None, "l1", "l2"):
        return f"norm={vectorizer.norm!r} is not a built-in"
    return None
