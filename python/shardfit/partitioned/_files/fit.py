"""Train a text classifier on files, by partitions that are merged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import Pipeline
from sklearn.utils import check_random_state
from threadpoolctl import threadpool_limits

from shardfit._threads import effective_threads
from shardfit.exceptions import DatasetError
from shardfit.merging._linear import warn_of_loss
from shardfit.partitioned._choice import Method
from shardfit.partitioned._files.epochs import Epochs
from shardfit.partitioned._files.for_text import (
    check_classifier,
    hashing_vectorizer,
    n_coefficients_per_feature,
    streams,
    with_weights_of_numbers,
)
from shardfit.partitioned._files.gathered import fit_to_all, gather
from shardfit.partitioned._files.memory import Demand, gathering_bytes, window_bytes
from shardfit.partitioned._files.partitions import Partitions
from shardfit.partitioned._files.predict import check_files
from shardfit.partitioned._files.progress import Progress, Silence
from shardfit.partitioned._files.rows import VectorizedRows
from shardfit.partitioned._files.window import Window

if TYPE_CHECKING:
    from shardfit.datasets import LabelSummary, TextFiles

__all__ = ["fit_files"]

# Directions, gradients and products that the exact solver works with, each as large
# as a model.
_MODELS_OF_THE_SOLVER = 12


def fit_files(
    files: TextFiles,
    *,
    n_partitions: int = 1,
    n_epochs: int = 10,
    merge: Literal["auto", "average", "mix", "exact", "union"] = "auto",
    estimator: Any = None,
    loss: str = "hinge",
    alpha: float = 5e-5,
    idf: bool = False,
    n_features: int = 2**18,
    ngram_range: tuple[int, int] = (1, 1),
    memory: int = 10**9,
    n_jobs: int | None = None,
    random_state: int | np.random.RandomState | None = 0,
    progress: Progress | None = None,
) -> Pipeline:
    r"""Train a text classifier on files, in one process and bounded memory.

    The files are read once to learn the classes. An SGD model, which is the default,
    then reads them once per epoch, batch by batch; the order of files and of Parquet
    row groups is new each time. Vectorized rows are dealt at random to the partitions
    and gather in a window. When it is full, the partitions train in parallel, each on
    its rows in random order. Rows that all fit into one window stay there: the files
    are then read only twice.

    Any other classifier needs all vectorized rows at once, and is trained by
    `PartitionedClassifier` if memory holds them.

    Parameters
    ----------
    files : TextFiles
        Text with labels of at least two classes.
    n_partitions : int, default=1
        Number of models that train side by side and are merged. One SGD model is the
        most accurate; more of them use more cores.
    n_epochs : int, default=10
        How often SGD models use every row, whatever their `max_iter`. Others are
        trained to their end.
    merge : {"auto", "average", "mix", "exact", "union"}, default="auto"
        "mix" averages SGD models after every epoch and lets each go on from there;
        "average" averages once, at the end. Either weighs every feature by the number
        of rows that hold it. "exact" and "union" are for other classifiers, as
        `PartitionedClassifier` has them. "auto" is the best that `estimator` allows.
    estimator : classifier, optional
        Not fitted; any that takes sparse matrices and that `PartitionedClassifier` can
        train. None is ``SGDClassifier(loss=loss, alpha=alpha)``.
    loss : str, default="hinge"
        Loss of `sklearn.linear_model.SGDClassifier`, if `estimator` is None.
    alpha : float, default=5e-5
        Strength of its L2 penalty, if `estimator` is None.
    idf : bool, default=False
        Whether words are weighted by how rare they are. Their number of documents
        takes another pass over files that do not fit into memory.
    n_features : int, default=2**18
        Number of columns that the tokens are hashed into.
    ngram_range : tuple of (int, int), default=(1, 1)
        Smallest and largest number of words in a token.
    memory : int, default=10**9
        Bytes that this process may use: for SGD models, all that are left by the models
        for rows in an order of their own, and no more than a small share for mixed
        ones. Budgets that hold all rows give the same model.
    n_jobs : int or None, default=None
        Number of threads, or of the workers of the backend that
        `joblib.parallel_config` has set. None is every CPU this process may use.
        The model is the same, to the bit, for any number.
    random_state : int, RandomState or None, default=0
        Seed of all shuffling.
    progress : Progress, optional
        Told of every batch.

    Returns
    -------
    sklearn.pipeline.Pipeline
        Of scikit-learn's own `HashingVectorizer`, `TfidfTransformer` (if `idf`) and
        classifier, as the steps "vectorizer", "tfidf" and "classifier". It takes lists
        of str and predicts without this package.

    Raises
    ------
    DatasetError
        If the files hold fewer than two classes, or what cannot be read.
    TypeError
        If `files` are no TextFiles, or `estimator` is no classifier.
    ValueError
        If a parameter is out of range, `estimator` cannot be trained so, or `memory`
        is too small for this training.

    See Also
    --------
    score_files : Accuracy of a model on files.
    predict_files : Labels for files.

    Notes
    -----
    Classifiers of counts, as naive Bayes, get them: the vectorizer then neither scales
    rows nor gives features a sign.

    The window bounds how far rows are shuffled. Where the labels are spread evenly
    over the files (`LabelSummary.is_mixed`), shuffling further gains nothing: the
    window then is 1/40 of `memory` (or 16 MB, or one row of all columns if that is
    more), and memory does not grow with the files beyond it. Rows that are sorted, or
    lie in blocks of one label, need a window as large as memory allows, and a warning
    says so where even that one lacks a label.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from shardfit.datasets import TextFiles
    >>> from shardfit.partitioned import fit_files
    >>> path = pathlib.Path(tempfile.mkdtemp(), "weather.csv")
    >>> rows = ["sunny warm,good", "rain storm,bad", "warm sun,good", "cold rain,bad"]
    >>> _ = path.write_text("\n".join(["text,label", *rows]))
    >>> model = fit_files(TextFiles([path], text="text", label="label"))
    >>> model.predict(["warm", "storm"]).tolist()
    ['good', 'bad']
    """
    _check_counts(
        n_partitions=n_partitions,
        n_epochs=n_epochs,
        n_features=n_features,
        memory=memory,
    )
    seed = _seed(random_state)
    effective_threads(n_jobs)  # refuses what it cannot take
    if estimator is None:
        estimator = SGDClassifier(loss=loss, alpha=alpha)
    method = check_classifier(estimator, merge)
    vectorizer = hashing_vectorizer(
        estimator, n_features=n_features, ngram_range=ngram_range, idf=idf
    )
    vectorizer.transform([""])  # refuses bad parameters before anything is read
    check_files(files)
    report = Silence() if progress is None else progress
    labels = _read_labels(files, report)
    demand = Demand(
        n_partitions,
        n_features,
        n_coefficients_per_feature(estimator, method, labels.classes),
        n_more_models=_MODELS_OF_THE_SOLVER if method == "solve" else 0,
        weighs_terms=idf,
        counts_features=method in ("mix", "average"),
    )
    rows = VectorizedRows(
        files, labels, vectorizer, idf=idf, n_jobs=n_jobs, progress=report
    )
    work = _Work(estimator, method, rows, demand, memory, n_jobs, seed, report)
    if streams(estimator, method):
        warn_of_loss(estimator)
        classifier = work.in_epochs(n_epochs)
    else:
        classifier = work.at_once(merge)
    steps = [("vectorizer", vectorizer), ("classifier", classifier)]
    if idf:
        steps.insert(1, ("tfidf", rows.transformer()))
    return Pipeline(steps)


@dataclass(frozen=True)
class _Work:
    """A training whose parameters are checked."""

    estimator: Any
    method: Method
    rows: VectorizedRows
    demand: Demand
    memory: int
    n_jobs: int | None
    seed: int
    progress: Progress

    def in_epochs(self, n_epochs: int) -> Any:
        """Train a model that takes its rows window by window."""
        labels, n_partitions = self.rows.labels, self.demand.n_partitions
        n_bytes = window_bytes(self.memory, self.demand, is_mixed=labels.is_mixed)
        template = with_weights_of_numbers(self.estimator, labels)
        partitions = Partitions(
            template, n_partitions, len(labels.classes), self.n_jobs
        )
        epochs = Epochs(
            self.rows,
            Window(n_bytes, self.demand.n_features, n_partitions),
            partitions,
            n_partitions=n_partitions,
            seed=self.seed,
            progress=self.progress,
        )
        if self.rows.weighs_terms:
            self.progress.start("document frequencies", labels.n_rows)
            epochs.count_documents()
        # SGD asks BLAS for one product per class and call; its threads then spin, and
        # take the processors from the partitions: three quarters of the time, measured.
        with threadpool_limits(1, user_api="blas"):
            for epoch in range(n_epochs):
                self.progress.start(f"epoch {epoch + 1}/{n_epochs}", labels.n_rows)
                epochs.run(epoch)
                if self.method != "average" and epoch + 1 < n_epochs:
                    partitions.mix()
        classifier = partitions.result()
        classifier.classes_ = labels.classes
        return _with_own_parameters(self.estimator, classifier)

    def at_once(self, merge: str) -> Any:
        """Train a classifier on all rows in memory."""
        self.progress.start("rows", self.rows.labels.n_rows)
        X, y = gather(
            self.rows,
            self.demand.n_features,
            memory=self.memory,
            n_bytes=gathering_bytes(self.memory, self.demand),
        )
        return fit_to_all(
            self.estimator,
            X,
            y,
            merge=merge,
            n_partitions=self.demand.n_partitions,
            n_jobs=self.n_jobs,
            seed=self.seed,
            progress=self.progress,
        )


def _with_own_parameters(estimator: Any, classifier: Any) -> Any:
    """Let a classifier say how it was asked for, and not how it was trained."""
    own = estimator.get_params(deep=False)
    names = ("class_weight", "n_jobs", "random_state")
    return classifier.set_params(**{name: own[name] for name in names if name in own})


def _check_counts(**counts: int) -> None:
    for name, value in counts.items():
        if value < 1:
            raise ValueError(f"{name} must be at least 1, got {value!r}")


def _read_labels(files: TextFiles, progress: Progress) -> LabelSummary:
    progress.start("labels", None)
    labels = files.summarize_labels(progress.advance)
    if len(labels.classes) < 2:
        raise DatasetError(
            f"all {labels.n_rows} rows have the label {labels.classes[0].item()!r}; "
            "training needs rows of at least two classes: check the label column, "
            "or add files that hold others"
        )
    return labels


def _seed(random_state: int | np.random.RandomState | None) -> int:
    if isinstance(random_state, int | np.integer):
        if random_state < 0:
            raise ValueError(f"random_state must not be negative, got {random_state}")
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31 - 1))
