"""TfidfVectorizer: scikit-learn's, with counting and weighting done by the core."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, ClassVar

import numpy as np
from sklearn.base import _fit_context
from sklearn.feature_extraction.text import TfidfVectorizer as SklearnTfidfVectorizer
from sklearn.utils.validation import check_is_fitted

from shardfit.feature_extraction._count_vectorizer import CountVectorizer
from shardfit.feature_extraction._derived import Derived
from shardfit.feature_extraction._plan import ValueType
from shardfit.feature_extraction._tfidf_transformer import (
    TfidfTransformer,
    core_weights,
)
from shardfit.feature_extraction._vocabulary import CountedRows
from shardfit.feature_extraction._weights import DocumentFrequencies

__all__ = ["TfidfVectorizer"]


class TfidfVectorizer(CountVectorizer, SklearnTfidfVectorizer):
    r"""Turn documents into a sparse matrix of counts, weighted by how rare terms are.

    The same estimator as :class:`sklearn.feature_extraction.text.TfidfVectorizer`: the
    same parameters, the same matrix, vocabulary and weights bit for bit, the same
    exceptions and warnings. The documents are analysed, counted and weighted by several
    threads that do not hold the interpreter's lock. Beyond scikit-learn's there is
    `partial_fit`.

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
    analyzer : {'word', 'char', 'char_wb'} or callable, default='word'
        Whether terms are n-grams of words, of characters, or of characters within
        words; or a function that lists the terms of a document.
    stop_words : {'english'}, list or None, default=None
        Tokens to leave out.
    token_pattern : str or None, default=r"(?u)\\b\\w\\w+\\b"
        Regular expression for tokens, with at most one group.
    ngram_range : tuple of int, default=(1, 1)
        The shortest and the longest n-grams to extract.
    max_df : float or int, default=1.0
        Leave out terms in more documents than this: a share of them from 0.0 to 1.0, or
        an int, their number. Like the next two, without effect on a given vocabulary.
    min_df : float or int, default=1
        Leave out terms in fewer documents than this.
    max_features : int or None, default=None
        Keep at most this many terms, the most frequent ones.
    vocabulary : mapping, iterable or None, default=None
        The terms to count, in the order of their columns, or mapped to their columns.
        None is to learn them from the documents.
    binary : bool, default=False
        Whether every count becomes 1 before it is weighted.
    dtype : numpy dtype, default=np.float64
        Type of the stored values, float64 or float32.
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
    vocabulary_ : dict
        The column of each term. It is made when it is first read.
    fixed_vocabulary_ : bool
        Whether the vocabulary was given.
    idf_ : ndarray of shape (n_features,)
        The inverse document frequencies, if `use_idf`.

    See Also
    --------
    CountVectorizer : The counts alone; its notes hold here, too.
    TfidfTransformer : The weights alone.

    Notes
    -----
    The matrix of `fit_transform` and that of `transform` of the same documents differ
    in the last bits of some values, as scikit-learn's do: a row's squares are added up
    in the order in which the row is stored.

    Examples
    --------
    >>> from shardfit.feature_extraction.text import TfidfVectorizer
    >>> vectorizer = TfidfVectorizer()
    >>> X = vectorizer.fit_transform(["The cat.", "The dog and the cat"])
    >>> vectorizer.get_feature_names_out()
    array(['and', 'cat', 'dog', 'the'], dtype=object)
    >>> X.toarray().round(2)
    array([[0.  , 0.71, 0.  , 0.71],
           [0.47, 0.33, 0.47, 0.67]])

    More documents change the weights, and add columns:

    >>> vectorizer.partial_fit(["A bird"]).get_feature_names_out()
    array(['and', 'bird', 'cat', 'dog', 'the'], dtype=object)
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **SklearnTfidfVectorizer._parameter_constraints,
        **CountVectorizer._parameter_constraints,
    }

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
        analyzer: str | Callable[[Any], Iterable[Any]] = "word",
        stop_words: str | list[str] | None = None,
        token_pattern: str | None = r"(?u)\b\w\w+\b",
        ngram_range: tuple[int, int] = (1, 1),
        max_df: float = 1.0,
        min_df: float = 1,
        max_features: int | None = None,
        vocabulary: Mapping[str, int] | Iterable[str] | None = None,
        binary: bool = False,
        dtype: Any = np.float64,
        norm: str | None = "l2",
        use_idf: bool = True,
        smooth_idf: bool = True,
        sublinear_tf: bool = False,
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
            max_df=max_df,
            min_df=min_df,
            max_features=max_features,
            vocabulary=vocabulary,
            binary=binary,
            dtype=dtype,
            n_jobs=n_jobs,
        )
        self.norm = norm
        self.use_idf = use_idf
        self.smooth_idf = smooth_idf
        self.sublinear_tf = sublinear_tf

    @Derived()
    def _tfidf(self) -> Any:
        """Return the weights, an estimator of their own; `fit` stores one."""
        is_made = self._learns_in_parts()
        return self._make_tfidf(self._kept_frequencies()) if is_made else None

    @SklearnTfidfVectorizer.idf_.getter  # type: ignore[untyped-decorator]
    def idf_(self) -> Any:
        """Return the inverse document frequencies."""
        if self._learns_in_parts():
            return self._tfidf.idf_
        return SklearnTfidfVectorizer.idf_.fget(self)

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def fit(self, raw_documents: Iterable[Any], y: Any = None) -> TfidfVectorizer:
        """Learn the vocabulary of documents and how rare its terms are.

        Parameters
        ----------
        raw_documents : iterable of length n_samples
            Documents: strings or bytes, or what `input` says. Also an array of strings
            in Arrow's format.
        y : any
            Ignored; scikit-learn's convention.

        Returns
        -------
        self : TfidfVectorizer
            Fitted.

        Raises
        ------
        ValueError
            If `raw_documents` is a single string, a parameter is not valid, or no terms
            are found or kept.
        UnicodeError
            If a document cannot be decoded.
        """
        self._check_params()
        self._warn_for_unused_params()
        self._tfidf = self._make_tfidf()
        self._fit_tfidf(self._learn(raw_documents, keep_rows=False))
        return self

    def fit_transform(self, raw_documents: Iterable[Any], y: Any = None) -> Any:
        """Learn from documents and turn them into a matrix.

        Parameters
        ----------
        raw_documents : iterable of length n_samples
            Documents, as for `fit`.
        y : any
            Ignored; scikit-learn's convention.

        Returns
        -------
        X : sparse matrix or array of shape (n_samples, n_features)
            In CSR format. Within a row, terms are in the order in which the documents
            mention them first, as scikit-learn has it; those of a given vocabulary are
            in ascending order.
        """
        self._check_params()
        self._tfidf = self._make_tfidf()
        found = self._learn(raw_documents, keep_rows=True)
        return self._weigh(self._fit_tfidf(found))

    def partial_fit(
        self, raw_documents: Iterable[Any], y: Any = None
    ) -> TfidfVectorizer:
        """Learn from more documents, as if `fit` saw them behind those seen so far.

        `min_df`, `max_df` and `max_features` count when the result is asked for, by
        `vocabulary_`, `idf_`, `transform` or `get_feature_names_out`; only then is it
        an error if no terms are found or kept. A given vocabulary keeps its terms.

        Parameters
        ----------
        raw_documents : iterable
            Documents, as for `fit`. There may be none.
        y : any
            Ignored; scikit-learn's convention.

        Returns
        -------
        self : TfidfVectorizer
            Fitted. If an exception is raised, it has learned nothing from this part.

        Raises
        ------
        ValueError
            As by `fit`, or if the documents seen so far are not known by their counts.
        TypeError
            If a callable gives terms that are not strings.
        """
        self._check_params()
        tfidf = vars(self).get("_tfidf")
        seen = None if tfidf is None else TfidfTransformer._seen_frequencies(tfidf)
        part = self._as_matrix(self._learn_more(raw_documents))
        if part is None:
            self.__dict__.pop("_tfidf", None)
        else:
            frequencies = DocumentFrequencies.of(part)._replace(is_partial=True)
            if seen is not None:
                frequencies = seen.grown_by(frequencies)
            self._tfidf = self._make_tfidf(frequencies)
        return self

    def transform(self, raw_documents: Iterable[Any]) -> Any:
        """Turn documents into a matrix of weighted counts.

        Parameters
        ----------
        raw_documents : iterable of length n_samples
            Documents, as for `fit`.

        Returns
        -------
        X : sparse matrix or array of shape (n_samples, n_features)
            In CSR format, columns ascending.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If it is not fitted.
        """
        check_is_fitted(self, msg="The TF-IDF vectorizer is not fitted")
        is_weighted = False

        def weigh(values: ValueType, n_features: int) -> dict[str, Any]:
            nonlocal is_weighted
            binary = bool(self.binary)
            try:
                weights = core_weights(self._tfidf, values, n_features, binary=binary)
            except (AttributeError, TypeError, ValueError):
                # The transformer raises it again, after all that documents can raise.
                return {}
            is_weighted = weights is not None
            return weights or {}

        X = self._look_up(raw_documents, weigh)
        # The transformer does not take a matrix without rows.
        if is_weighted and X.shape[0]:
            return X
        return self._tfidf.transform(X, copy=False)

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        if "_learned" in state and "_tfidf" not in state:
            with suppress(ValueError):
                state["_tfidf"] = self._tfidf
        return state

    def _learns_in_parts(self) -> bool:
        return "_learned" in vars(self) and self._learned.is_partial

    def _make_tfidf(
        self, frequencies: DocumentFrequencies | None = None
    ) -> TfidfTransformer:
        tfidf = TfidfTransformer(
            norm=self.norm,
            use_idf=self.use_idf,
            smooth_idf=self.smooth_idf,
            sublinear_tf=self.sublinear_tf,
            n_jobs=self.n_jobs,
        )
        if frequencies is not None:
            tfidf._adopt(frequencies)
        return tfidf

    def _kept_frequencies(self) -> DocumentFrequencies:
        """Return the document frequencies of the terms that were learned and kept."""
        terms = self._learned.kept(self).terms
        counts = self._learned.counts
        return DocumentFrequencies(
            counts.document_frequencies()[terms],
            counts.n_documents,
            np.dtype(self.dtype) == np.float32,
            self._learned.is_partial,
        )

    def _fit_tfidf(self, found: CountedRows | Any) -> CountedRows | Any:
        """Learn the weights for what `_learn` has found, and return that."""
        if "_learned" in vars(self):
            self._tfidf._adopt(self._kept_frequencies())
            return found
        X = self._as_matrix(found)
        self._tfidf.fit(X)
        return X

    def _weigh(self, found: CountedRows | Any) -> Any:
        """Return the matrix for what was found in documents."""
        if isinstance(found, CountedRows) and found.rows.n_documents:
            binary = bool(self.binary)
            weights = core_weights(
                self._tfidf,
                found.values,
                found.n_features,
                binary=binary,
                largest_count=found.rows.largest_count,
            )
            if weights is not None:
                return found.matrix(binary=binary, **weights)
        return self._tfidf.transform(self._as_matrix(found), copy=False)
