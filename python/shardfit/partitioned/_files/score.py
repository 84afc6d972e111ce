"""How well a model does on files with labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from shardfit.partitioned._files.predict import TextPredictor, check_files
from shardfit.partitioned._files.progress import Progress, Silence

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardfit.datasets import TextFiles

__all__ = ["ClassificationScores", "score_files"]


@dataclass(frozen=True)
class ClassificationScores:
    """What a confusion matrix says.

    All figures are those of `sklearn.metrics`, with 0 for what is undefined.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        The labels that occur, as truth or as prediction, sorted.
    confusion : ndarray of int64 of shape (n_classes, n_classes)
        Number of rows by true class (first axis) and predicted class.

    Examples
    --------
    >>> import numpy as np
    >>> from shardfit.partitioned import ClassificationScores
    >>> scores = ClassificationScores(np.array(["a", "b"]), np.array([[3, 1], [0, 4]]))
    >>> scores.accuracy, scores.recall.tolist()
    (0.875, [0.75, 1.0])
    """

    classes: NDArray[Any]
    confusion: NDArray[np.int64]

    @property
    def n_rows(self) -> int:
        """Number of rows scored."""
        return int(self.confusion.sum())

    @property
    def accuracy(self) -> float:
        """Share of the rows whose label is predicted."""
        return float(_ratio(np.trace(self.confusion), self.confusion.sum()))

    @property
    def support(self) -> NDArray[np.int64]:
        """Number of rows per true class, shape (n_classes,)."""
        return np.asarray(self.confusion.sum(axis=1))

    @property
    def precision(self) -> NDArray[np.float64]:
        """Share of the rows predicted as a class that are of it, per class."""
        return _ratio(np.diag(self.confusion), self.confusion.sum(axis=0))

    @property
    def recall(self) -> NDArray[np.float64]:
        """Share of the rows of a class that are predicted as it, per class."""
        return _ratio(np.diag(self.confusion), self.support)

    @property
    def f1(self) -> NDArray[np.float64]:
        """Harmonic mean of precision and recall, per class."""
        predicted = self.confusion.sum(axis=0)
        return _ratio(2 * np.diag(self.confusion), predicted + self.support)

    @property
    def macro_f1(self) -> float:
        """Mean of `f1` over the classes."""
        return float(self.f1.mean()) if len(self.classes) else 0.0


def score_files(
    model: Any,
    files: TextFiles,
    *,
    n_jobs: int | None = None,
    progress: Progress | None = None,
) -> ClassificationScores:
    """Compare a model's predictions with the labels of files.

    Parameters
    ----------
    model : fitted classifier
        Takes text, as the pipeline of `fit_files` does.
    files : TextFiles
        With labels.
    n_jobs : int or None, default=None
        Number of threads that vectorize; None is every CPU this process may use.
    progress : Progress, optional
        Told of every batch.

    Returns
    -------
    ClassificationScores

    Raises
    ------
    DatasetError
        If the files hold what cannot be read.
    ValueError
        If the files have no label column, or labels of another type than the model.

    See Also
    --------
    fit_files : Trains such a model.
    """
    check_files(files)
    if files.label is None:
        raise ValueError("there are no labels to compare with: give TextFiles a label")
    report = Silence() if progress is None else progress
    predictor = TextPredictor(model, n_jobs)
    tally = _Tally(np.asarray(getattr(model, "classes_", [])))
    report.start("score", None)
    for batch in files.batches():
        assert batch.labels is not None
        predicted = predictor.labels(batch.texts)
        _check_kinds(batch.labels, predicted)
        tally.add(batch.labels, predicted)
        report.advance(batch.n_rows, batch.n_bytes)
    return tally.scores()


class _Tally:
    """A confusion matrix that grows with the labels it meets."""

    def __init__(self, classes: NDArray[Any]) -> None:
        self._classes = classes
        self._confusion = np.zeros((len(classes), len(classes)), dtype=np.int64)

    def add(self, truth: NDArray[Any], predicted: NDArray[Any]) -> None:
        """Count pairs of a true and a predicted label."""
        new = [*self._unknown(truth), *self._unknown(predicted)]
        if new:
            self._grow(np.unique(np.concatenate([self._classes, new])))
        n_classes = len(self._classes)
        pairs = np.searchsorted(self._classes, truth) * n_classes
        pairs += np.searchsorted(self._classes, predicted)
        counts = np.bincount(pairs, minlength=n_classes**2)
        self._confusion += counts.reshape(n_classes, n_classes)

    def _unknown(self, labels: NDArray[Any]) -> NDArray[Any]:
        if not len(self._classes):
            return np.unique(labels)
        found = np.searchsorted(self._classes, labels)
        nearest = self._classes[np.minimum(found, len(self._classes) - 1)]
        return np.unique(labels[nearest != labels])

    def _grow(self, classes: NDArray[Any]) -> None:
        positions = np.searchsorted(classes, self._classes)
        grown = np.zeros((len(classes), len(classes)), dtype=np.int64)
        grown[np.ix_(positions, positions)] = self._confusion
        self._classes, self._confusion = classes, grown

    def scores(self) -> ClassificationScores:
        """Return the scores, of the classes that occurred."""
        counts = self._confusion.sum(axis=0) + self._confusion.sum(axis=1)
        occur = np.flatnonzero(counts)
        return ClassificationScores(
            self._classes[occur], self._confusion[np.ix_(occur, occur)]
        )


def _check_kinds(labels: NDArray[Any], predicted: NDArray[Any]) -> None:
    read, known = (array.dtype.kind in "OTU" for array in (labels, predicted))
    if read != known:
        raise ValueError(
            f"the files have labels like {labels[:1].tolist()[0]!r}, and the model "
            f"predicts labels like {predicted[:1].tolist()[0]!r}; read the labels "
            "with the label_type that the model was trained with"
        )


def _ratio(part: Any, whole: Any) -> NDArray[np.float64]:
    whole = np.asarray(whole)
    shares = np.zeros(whole.shape)
    np.divide(part, whole, out=shares, where=whole > 0)
    return shares
