"""CountVectorizer: scikit-learn's, with analysis and counting done by the core."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.feature_extraction.text import CountVectorizer as SklearnCountVectorizer
from sklearn.utils import metadata_routing

from shardfit.feature_extraction._plan import is_overridden
from shardfit.feature_extraction._term_learner import TermLearner

__all__ = ["CountVectorizer"]


class CountVectorizer(TermLearner):
    r"""Turn documents into a sparse matrix of counts of their terms.

    The same estimator as :class:`sklearn.feature_extraction.text.CountVectorizer`: the
    same parameters, the same matrix and vocabulary bit for bit, the same exceptions and
    warnings. The documents are analysed and counted by several threads that do not hold
    the interpreter's lock. Beyond scikit-learn's there is `partial_fit`.

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
        Whether terms are n-grams of words, of characters, or of characters within
        words; or a function that lists the terms of a document.
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
        Whether every stored count becomes 1.
    dtype : numpy dtype, default=np.int64
        Type of the stored values.
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

    See Also
    --------
    TfidfVectorizer : The same, weighted by how rare terms are.
    HashingVectorizer : Has no vocabulary, and so no limit to the amount of text.

    Notes
    -----
    Documents may also come as a NumPy array of strings, a pandas or polars Series, or
    anything that speaks the Arrow PyCapsule interface; Arrow strings are read in place.

    Scikit-learn's own code does the work if `preprocessor`, `tokenizer`, `analyzer` or
    `strip_accents` is a callable, if a method that takes part is overridden, if
    `token_pattern` is not, like the default, the runs of ``\w`` or ``\S`` of a minimum
    length, and if `dtype` is neither an integer nor float64 or float32. The result is
    the same.

    Fitting keeps the counts of all terms in memory, and `partial_fit` adds to them. A
    pickle holds what scikit-learn's does, so an estimator that comes out of one can
    transform, but not go on learning. If `partial_fit` was used, its pickle holds the
    counts, too.

    Examples
    --------
    >>> from shardfit.feature_extraction.text import CountVectorizer
    >>> vectorizer = CountVectorizer()
    >>> X = vectorizer.fit_transform(["The cat.", "The dog and the cat"])
    >>> vectorizer.get_feature_names_out()
    array(['and', 'cat', 'dog', 'the'], dtype=object)
    >>> X.toarray()
    array([[0, 1, 0, 1],
           [1, 1, 1, 2]])
    """

    # Like those of `fit` and `transform`, documents are not routed to a step.
    __metadata_request__partial_fit: ClassVar[dict[str, Any]] = {
        "raw_documents": metadata_routing.UNUSED
    }

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **SklearnCountVectorizer._parameter_constraints,
        "n_jobs": [Integral, None],
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
        stop_words: str | list[str] | None = None,
        token_pattern: str | None = r"(?u)\b\w\w+\b",
        ngram_range: tuple[int, int] = (1, 1),
        analyzer: str | Callable[[Any], Iterable[Any]] = "word",
        max_df: float = 1.0,
        min_df: float = 1,
        max_features: int | None = None,
        vocabulary: Mapping[str, int] | Iterable[str] | None = None,
        binary: bool = False,
        dtype: Any = np.int64,
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
        )
        self.n_jobs = n_jobs

    def fit(self, raw_documents: Iterable[Any], y: Any = None) -> CountVectorizer:
        """Learn the vocabulary of documents.

        Parameters
        ----------
        raw_documents : iterable of length n_samples
            Documents: strings or bytes, or what `input` says. Also an array of strings
            in Arrow's format.
        y : any
            Ignored; scikit-learn's convention.

        Returns
        -------
        self : CountVectorizer
            Fitted.

        Raises
        ------
        ValueError
            If `raw_documents` is a single string, a parameter is not valid, or no terms
            are found or kept.
        UnicodeError
            If a document cannot be decoded.
        """
        if is_overridden(self, "fit_transform", CountVectorizer):
            self.fit_transform(raw_documents)
        else:
            self._learn(raw_documents, keep_rows=False)
        return self

    def fit_transform(self, raw_documents: Iterable[Any], y: Any = None) -> Any:
        """Learn the vocabulary of documents and turn them into a matrix.

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
        return self._as_matrix(self._learn(raw_documents, keep_rows=True))

    def partial_fit(
        self, raw_documents: Iterable[Any], y: Any = None
    ) -> CountVectorizer:
        """Learn from more documents, as if `fit` saw them behind those seen so far.

        `min_df`, `max_df` and `max_features` count when the result is asked for, by
        `vocabulary_`, `transform`, `get_feature_names_out` or a pickle, and then stay
        until more documents come; only then is it an error if no terms are found or
        kept. A given vocabulary does not change.

        Parameters
        ----------
        raw_documents : iterable
            Documents, as for `fit`. There may be none.
        y : any
            Ignored; scikit-learn's convention.

        Returns
        -------
        self : CountVectorizer
            Fitted. If an exception is raised, it has learned nothing from this part.

        Raises
        ------
        ValueError
            As by `fit`, or if the documents seen so far are not known by their counts.
        TypeError
            If a callable gives terms that are not strings.
        """
        self._learn_more(raw_documents)
        return self

    def transform(self, raw_documents: Iterable[Any]) -> Any:
        """Turn documents into a matrix of counts of the terms in the vocabulary.

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
            If there is no vocabulary.
        """
        return self._look_up(raw_documents)

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[Any]:
        """Return the terms in the order of their columns.

        Parameters
        ----------
        input_features : any
            Ignored; scikit-learn's convention.

        Returns
        -------
        names : ndarray of shape (n_features,), dtype object
        """
        if self._has_no_dict():
            return self._learned.kept(self).names()
        names: npt.NDArray[Any] = super().get_feature_names_out(input_features)
        return names
