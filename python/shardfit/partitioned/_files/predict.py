"""Labels for files, batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import copy
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model._base import LinearClassifierMixin
from sklearn.pipeline import Pipeline

from shardfit.feature_extraction.text import HashingVectorizer as FastVectorizer
from shardfit.partitioned._files.progress import Progress, Silence

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardfit.datasets import TextBatch, TextFiles

__all__ = ["FilePredictions", "TextPredictor", "check_files", "predict_files"]


class FilePredictions(NamedTuple):
    """A batch of rows and what a model says about them.

    Parameters
    ----------
    batch : TextBatch
        The rows, and where they come from.
    labels : ndarray of shape (n_rows,)
        The predicted labels.
    scores : ndarray of shape (n_rows, n_classes) or None
        Probabilities of the classes where the model has them, else what it decides by:
        the more the likelier. None if nobody asked for them.
    """

    batch: TextBatch
    labels: NDArray[Any]
    scores: NDArray[np.float64] | None = None


def predict_files(
    model: Any,
    files: TextFiles,
    *,
    keep_columns: bool = False,
    scores: bool = False,
    n_jobs: int | None = None,
    progress: Progress | None = None,
) -> Iterator[FilePredictions]:
    """Predict the labels of files, batch by batch in the order of the files.

    Parameters
    ----------
    model : fitted classifier
        Takes text, as the pipeline of `fit_files` does.
    files : TextFiles
    keep_columns : bool, default=False
        Whether the batches carry all columns of the files.
    scores : bool, default=False
        Whether there is a number for each class as well.
    n_jobs : int or None, default=None
        Number of threads that vectorize; None is every CPU this process may use.
    progress : Progress, optional
        Told of every batch.

    Yields
    ------
    FilePredictions
        The next batch.

    Raises
    ------
    DatasetError
        If the files hold what cannot be read.
    ValueError
        If there are to be scores, and the model has none.

    See Also
    --------
    score_files : Compares with the labels of files.
    """
    check_files(files)
    report = Silence() if progress is None else progress
    if scores and not _has_scores(model):
        raise ValueError(
            f"{type(model).__name__} has neither predict_proba nor decision_function; "
            "predict labels only"
        )
    predictor = TextPredictor(model, n_jobs)
    report.start("predict", None)
    for batch in files.batches(keep_columns=keep_columns):
        if scores:
            yield FilePredictions(batch, *predictor.labels_and_scores(batch.texts))
        else:
            yield FilePredictions(batch, predictor.labels(batch.texts))
        report.advance(batch.n_rows, batch.n_bytes)


def check_files(files: object) -> None:
    """Refuse paths where files with the names of their columns are asked for."""
    if not hasattr(files, "batches"):
        raise TypeError(
            f"files must be TextFiles, got {files!r}; write "
            'TextFiles(paths, text="COLUMN", label="COLUMN")'
        )


def _has_scores(model: Any) -> bool:
    return hasattr(model, "predict_proba") or hasattr(model, "decision_function")


class TextPredictor:
    """Predicts as a model does, faster where that is possible.

    Parameters
    ----------
    model : fitted classifier
        Takes text.
    n_jobs : int or None
        Number of threads that vectorize.
    """

    def __init__(self, model: Any, n_jobs: int | None) -> None:
        self._rest = model
        self._rows_of: Callable[[Any], Any] = _as_list
        if (
            type(model) is Pipeline
            and len(model.steps) > 1
            and type(model.steps[0][1]) is HashingVectorizer
        ):
            # The same matrix from the multithreaded vectorizer.
            vectorizer = FastVectorizer(**model.steps[0][1].get_params(), n_jobs=n_jobs)
            self._rest = _with_columns_in_memory(model[1:])
            self._rows_of = vectorizer.transform

    def labels(self, texts: Any) -> NDArray[Any]:
        """Return the labels of a pyarrow Array of strings."""
        return np.asarray(self._rest.predict(self._rows_of(texts)))

    def labels_and_scores(self, texts: Any) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """Return the labels, and one number per class; see `FilePredictions`."""
        rows = self._rows_of(texts)
        labels = np.asarray(self._rest.predict(rows))
        if hasattr(self._rest, "predict_proba"):
            return labels, np.asarray(self._rest.predict_proba(rows))
        values = np.asarray(self._rest.decision_function(rows))
        if values.ndim == 1:
            values = np.column_stack([-values, values])
        return labels, values


def _as_list(texts: Any) -> Any:
    return texts.to_pylist()


def _with_columns_in_memory(rest: Pipeline) -> Pipeline:
    """Return a pipeline whose linear model has its coefficients column by column.

    The product with a sparse matrix wants them this way, and would copy all of them
    for every batch.
    """
    last = rest.steps[-1][1]
    coef = getattr(last, "coef_", None)
    if not isinstance(last, LinearClassifierMixin) or not isinstance(coef, np.ndarray):
        return rest
    turned = copy(last)
    turned.coef_ = np.asfortranarray(coef)
    return Pipeline([*rest.steps[:-1], (rest.steps[-1][0], turned)])
