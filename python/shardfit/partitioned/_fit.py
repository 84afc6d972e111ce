"""Train a text classifier on files, by partitions that are averaged."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import Pipeline
from sklearn.utils import check_random_state
from threadpoolctl import threadpool_limits

from shardfit._threads import effective_threads
from shardfit.exceptions import DatasetError
from shardfit.feature_extraction.text import HashingVectorizer as FastVectorizer
from shardfit.partitioned._memory import window_bytes
from shardfit.partitioned._partitions import Partitions
from shardfit.partitioned._predict import check_files
from shardfit.partitioned._progress import Progress, Silence
from shardfit.partitioned._window import Window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardfit.datasets import LabelSummary, TextBatch, TextFiles

__all__ = ["fit_files"]

# A window of shuffled rows lacks a class of which it should have 40 with probability
# e**-40.
_SURELY_THERE = 40


def fit_files(
    files: TextFiles,
    *,
    n_partitions: int = 1,
    n_epochs: int = 10,
    merge: Literal["auto", "mix", "average"] = "auto",
    loss: str = "hinge",
    alpha: float = 5e-5,
    n_features: int = 2**18,
    ngram_range: tuple[int, int] = (1, 1),
    memory: int = 10**9,
    n_jobs: int | None = None,
    random_state: int | np.random.RandomState | None = 0,
    progress: Progress | None = None,
) -> Pipeline:
    r"""Train a linear text classifier on files, in one process and bounded memory.

    The files are read once to learn the classes and once per epoch, batch by batch;
    the order of files and of Parquet row groups is new each time. Vectorized rows are
    dealt at random to the partitions and gather in a window. When it is full, the
    partitions train in parallel, each on its rows in random order. Rows that all fit
    into one window stay there: the files are then read only twice.

    Parameters
    ----------
    files : TextFiles
        Text with labels of at least two classes.
    n_partitions : int, default=1
        Number of models that train side by side and are averaged. One model is the
        most accurate; more of them use more cores.
    n_epochs : int, default=10
        How often every row is used.
    merge : {"auto", "mix", "average"}, default="auto"
        "mix" averages the partitions after every epoch, weighted by their rows, and
        lets each go on from the average; "average" averages once, at the end. "auto"
        is "mix".
    loss : str, default="hinge"
        Loss of `sklearn.linear_model.SGDClassifier`.
    alpha : float, default=5e-5
        Strength of its L2 penalty.
    n_features : int, default=2**18
        Number of columns that the tokens are hashed into.
    ngram_range : tuple of (int, int), default=(1, 1)
        Smallest and largest number of words in a token.
    memory : int, default=10**9
        Bytes that this process may use: all that are left by the models for rows in
        an order of their own, and no more than a small share for mixed ones. Budgets
        that hold all rows give the same model.
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
        Of scikit-learn's own `HashingVectorizer` and `SGDClassifier`, as the steps
        "vectorizer" and "classifier". It takes lists of str and predicts without
        this package.

    Raises
    ------
    DatasetError
        If the files hold fewer than two classes, or what cannot be read.
    ValueError
        If a parameter is out of range, or `memory` is too small for this training.

    See Also
    --------
    score_files : Accuracy of a model on files.
    predict_files : Labels for files.

    Notes
    -----
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
    if merge not in ("auto", "mix", "average"):
        raise ValueError(f'merge must be "auto", "mix" or "average", got {merge!r}')
    seed = _seed(random_state)
    effective_threads(n_jobs)  # refuses what it cannot take
    vectorizer = HashingVectorizer(n_features=n_features, ngram_range=ngram_range)
    template = SGDClassifier(loss=loss, alpha=alpha)
    _check_parameters(vectorizer, template)
    check_files(files)
    report = Silence() if progress is None else progress
    labels = _read_labels(files, report)
    window = Window(
        window_bytes(
            memory,
            n_partitions=n_partitions,
            n_classes=len(labels.classes),
            n_features=n_features,
            is_mixed=labels.is_mixed,
        ),
        n_features,
        n_partitions,
    )
    partitions = Partitions(template, n_partitions, len(labels.classes), n_jobs)
    training = _Training(
        files,
        labels,
        FastVectorizer(**vectorizer.get_params(), n_jobs=n_jobs),
        window,
        partitions,
        n_partitions=n_partitions,
        seed=seed,
        progress=report,
    )
    # SGD asks BLAS for one product per class and call; its threads then spin, which
    # takes the processors from the partitions: three quarters of the time, measured.
    with threadpool_limits(1, user_api="blas"):
        for epoch in range(n_epochs):
            report.start(f"epoch {epoch + 1}/{n_epochs}", labels.n_rows)
            training.run_epoch(epoch)
            if merge != "average" and epoch + 1 < n_epochs:
                partitions.mix()
    classifier = partitions.result()
    classifier.classes_ = labels.classes
    classifier.set_params(random_state=None, n_jobs=None)
    return Pipeline([("vectorizer", vectorizer), ("classifier", classifier)])


class _Training:
    """What the epochs of one training share."""

    def __init__(
        self,
        files: TextFiles,
        labels: LabelSummary,
        vectorizer: Any,
        window: Window,
        partitions: Partitions,
        *,
        n_partitions: int,
        seed: int,
        progress: Progress,
    ) -> None:
        self._files = files
        self._labels = labels
        self._warned = False
        self._vectorizer = vectorizer
        self._window = window
        self._partitions = partitions
        self._n_partitions = n_partitions
        self._seed = seed
        self._progress = progress
        self._holds_all_rows = False

    def run_epoch(self, epoch: int) -> None:
        """Train the partitions once on every row."""
        if self._holds_all_rows:
            self._train(epoch, 0)
            self._progress.advance(self._window.n_rows, 0)
            return
        self._window.clear()
        n_full = 0
        dealer = _Dealer(self._n_partitions, np.random.default_rng([self._seed, epoch]))
        order = np.random.SeedSequence([self._seed, epoch]).generate_state(1)
        for batch in self._files.batches(seed=int(order[0])):
            n_full = self._gather(batch, dealer, epoch, n_full)
            self._progress.advance(batch.n_rows, batch.n_bytes)
        self._train(epoch, n_full)
        self._holds_all_rows = n_full == 0

    def _gather(
        self, batch: TextBatch, dealer: _Dealer, epoch: int, n_full: int
    ) -> int:
        """Add a batch to the window; train whenever it is full."""
        X = self._vectorizer.transform(batch.texts)
        codes, owners = self._codes_of(batch), dealer.deal(batch.n_rows)
        while True:
            taken = self._window.append(X, codes, owners)
            if taken == len(codes):
                return n_full
            X, codes, owners = X[taken:], codes[taken:], owners[taken:]
            self._train(epoch, n_full)
            self._window.clear()
            n_full += 1

    def _train(self, epoch: int, number: int) -> None:
        self._warn_of_sorted_rows()
        self._partitions.train(
            self._window, np.random.SeedSequence([self._seed, epoch, number])
        )

    def _warn_of_sorted_rows(self) -> None:
        """Say it, once, if a window lacks a class that it should hold."""
        n_rows = self._window.n_rows
        expected = self._labels.counts * (n_rows / self._labels.n_rows)
        lacking = (self._window.class_counts(len(expected)) == 0) & (
            expected >= _SURELY_THERE
        )
        if not self._warned and lacking.any():
            self._warned = True
            label = self._labels.classes[np.argmax(lacking)].item()
            warnings.warn(
                f"none of {n_rows} rows that were read one after the other has the "
                f"label {label!r}: the files seem to be sorted, and the model will be "
                "poor; shuffle the rows, store them as Parquet, whose row groups are "
                "read in random order, or raise memory until all rows fit",
                UserWarning,
                stacklevel=2,
            )

    def _codes_of(self, batch: TextBatch) -> NDArray[np.int32]:
        """Return the numbers of the classes of a batch."""
        assert batch.labels is not None
        classes = self._labels.classes
        found = np.searchsorted(classes, batch.labels)
        codes = np.minimum(found, len(classes) - 1)
        unknown = np.flatnonzero(classes[codes] != batch.labels)
        if len(unknown):
            raise DatasetError(
                f"the label {batch.labels[unknown[0]].item()!r} was not there when the "
                "labels were read; leave the files unchanged during training",
                file=batch.file,
            )
        return codes.astype(np.int32)


class _Dealer:
    """Deals rows out in rounds in which every partition gets one, in random order.

    Who gets a row does not depend on the batches that the rows come in.
    """

    def __init__(self, n_partitions: int, rng: np.random.Generator) -> None:
        self._n_partitions = n_partitions
        self._rng = rng
        self._begun = np.empty(0, dtype=np.intp)

    def deal(self, n_rows: int) -> NDArray[np.intp]:
        """Return the numbers of the partitions that get the next rows."""
        n_rounds = max(0, -(-(n_rows - len(self._begun)) // self._n_partitions))
        rounds = np.tile(np.arange(self._n_partitions), (n_rounds, 1))
        owners = np.append(self._begun, self._rng.permuted(rounds, axis=1))
        self._begun = owners[n_rows:]
        return owners[:n_rows]


def _check_counts(**counts: int) -> None:
    for name, value in counts.items():
        if value < 1:
            raise ValueError(f"{name} must be at least 1, got {value!r}")


def _check_parameters(vectorizer: HashingVectorizer, template: SGDClassifier) -> None:
    """Let scikit-learn refuse bad parameters before anything is read."""
    vectorizer.transform([""])
    SGDClassifier(**template.get_params()).partial_fit([[0.0]], [0], classes=[0, 1])


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
