"""From files to vectorized rows, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer

from shardfit.exceptions import DatasetError
from shardfit.feature_extraction.text import HashingVectorizer as FastVectorizer
from shardfit.feature_extraction.text import TfidfTransformer as FastTransformer
from shardfit.partitioned._files.progress import Progress

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy import sparse

    from shardfit.datasets import LabelSummary, TextBatch, TextFiles

__all__ = ["VectorizedRows"]


class VectorizedRows:
    """The rows of files as a model gets them.

    Parameters
    ----------
    files : TextFiles
    labels : LabelSummary
        Of these files.
    vectorizer : sklearn.feature_extraction.text.HashingVectorizer
    idf : bool
        Whether terms are weighted by how rare they are.
    n_jobs : int or None
        Number of threads that vectorize.
    progress : Progress
        Told of every batch, when it is done with.
    """

    def __init__(
        self,
        files: TextFiles,
        labels: LabelSummary,
        vectorizer: HashingVectorizer,
        *,
        idf: bool,
        n_jobs: int | None,
        progress: Progress,
    ) -> None:
        self.labels = labels
        self._files = files
        self._vectorizer = FastVectorizer(**vectorizer.get_params(), n_jobs=n_jobs)
        self._frequencies = FastTransformer(n_jobs=n_jobs) if idf else None
        self._weights = FastTransformer(n_jobs=n_jobs)
        self._progress = progress

    @property
    def weighs_terms(self) -> bool:
        """Whether terms are weighted."""
        return self._frequencies is not None

    def count(
        self, seed: int | None
    ) -> Iterator[tuple[sparse.csr_matrix, NDArray[np.int32]]]:
        """Read all rows as counts, and learn how rare terms are if they are weighted.

        Parameters
        ----------
        seed : int or None
            Decides the order of files and row groups; None is as they are.

        Yields
        ------
        csr_matrix of shape (n_rows_of_batch, n_features)
        ndarray of shape (n_rows_of_batch,)
            Numbers of their classes.
        """
        for batch in self._files.batches(seed=seed):
            X = self._vectorizer.transform(batch.texts)
            if self._frequencies is not None:
                self._frequencies.partial_fit(X)
            yield X, self._codes_of(batch)
            self._progress.advance(batch.n_rows, batch.n_bytes)
        if self._frequencies is not None:
            # Worked out once, and not whenever it is read.
            self._weights.idf_ = self._frequencies.idf_
            self._weights.n_features_in_ = self._frequencies.n_features_in_

    def read(
        self, seed: int | None
    ) -> Iterator[tuple[sparse.csr_matrix, NDArray[np.int32]]]:
        """Read all rows, weighted if `count` has read them before.

        Parameters
        ----------
        seed : int or None
            Decides the order of files and row groups; None is as they are.

        Yields
        ------
        csr_matrix of shape (n_rows_of_batch, n_features)
        ndarray of shape (n_rows_of_batch,)
            Numbers of their classes.
        """
        for batch in self._files.batches(seed=seed):
            X = self._vectorizer.transform(batch.texts)
            yield self.weigh(X), self._codes_of(batch)
            self._progress.advance(batch.n_rows, batch.n_bytes)

    def weigh(self, X: sparse.csr_matrix) -> sparse.csr_matrix:
        """Weight counted terms, in place; otherwise do nothing."""
        if self._frequencies is None:
            return X
        return self._weights.transform(X, copy=False)

    def transformer(self) -> TfidfTransformer:
        """Return what was learned of terms as scikit-learn's own estimator."""
        plain = TfidfTransformer()
        plain.idf_ = self._weights.idf_
        plain.n_features_in_ = self._weights.n_features_in_
        return plain

    def _codes_of(self, batch: TextBatch) -> NDArray[np.int32]:
        assert batch.labels is not None
        classes = self.labels.classes
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
