"""Train models that take their rows window by window, epoch by epoch."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from shardfit.partitioned._files.dealing import Dealer
from shardfit.partitioned._files.partitions import Partitions
from shardfit.partitioned._files.progress import Progress
from shardfit.partitioned._files.rows import VectorizedRows
from shardfit.partitioned._files.window import Window

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy import sparse

__all__ = ["Epochs"]

# A window of shuffled rows lacks a class of which it should have 40 with probability
# e**-40.
_SURELY_THERE = 40


class Epochs:
    """What the epochs of one training share.

    Parameters
    ----------
    rows : VectorizedRows
    window : Window
    partitions : Partitions
    n_partitions : int
    seed : int
    progress : Progress
    """

    def __init__(
        self,
        rows: VectorizedRows,
        window: Window,
        partitions: Partitions,
        *,
        n_partitions: int,
        seed: int,
        progress: Progress,
    ) -> None:
        self._rows = rows
        self._window = window
        self._partitions = partitions
        self._n_partitions = n_partitions
        self._seed = seed
        self._progress = progress
        self._warned = False
        self._holds_all_rows = False
        self._has_trained = False

    def count_documents(self) -> None:
        """Learn how rare terms are, and keep the rows if they fit into the window."""
        dealer = self._dealer(0)
        fits = True
        for X, codes in self._rows.count(self._order(0)):
            if fits:
                owners = dealer.deal(len(codes))
                fits = self._window.append(X, codes, owners) == len(codes)
        if fits:
            self._window.weigh(self._rows.weigh)
        self._holds_all_rows = fits

    def run(self, epoch: int) -> None:
        """Train the partitions once on every row."""
        if self._holds_all_rows:
            self._train(epoch, 0, again=self._has_trained)
            self._progress.advance(self._window.n_rows, 0)
            return
        self._window.clear()
        n_full = 0
        dealer = self._dealer(epoch)
        for X, codes in self._rows.read(self._order(epoch)):
            n_full = self._gather(X, codes, dealer.deal(len(codes)), epoch, n_full)
        self._train(epoch, n_full)
        self._holds_all_rows = n_full == 0

    def _order(self, epoch: int) -> int:
        return int(np.random.SeedSequence([self._seed, epoch]).generate_state(1)[0])

    def _dealer(self, epoch: int) -> Dealer:
        return Dealer(self._n_partitions, np.random.default_rng([self._seed, epoch]))

    def _gather(
        self,
        X: sparse.csr_matrix,
        codes: NDArray[np.int32],
        owners: NDArray[np.intp],
        epoch: int,
        n_full: int,
    ) -> int:
        """Add a batch to the window; train whenever it is full."""
        while True:
            taken = self._window.append(X, codes, owners)
            if taken == len(codes):
                return n_full
            X, codes, owners = X[taken:], codes[taken:], owners[taken:]
            self._train(epoch, n_full)
            self._window.clear()
            n_full += 1

    def _train(self, epoch: int, number: int, *, again: bool = False) -> None:
        self._warn_of_sorted_rows()
        seed = np.random.SeedSequence([self._seed, epoch, number])
        self._partitions.train(self._window, seed, again=again)
        self._has_trained = True

    def _warn_of_sorted_rows(self) -> None:
        """Say it, once, if a window lacks a class that it should hold."""
        n_rows, labels = self._window.n_rows, self._rows.labels
        expected = labels.counts * (n_rows / labels.n_rows)
        lacking = (self._window.class_counts(len(expected)) == 0) & (
            expected >= _SURELY_THERE
        )
        if not self._warned and lacking.any():
            self._warned = True
            label = labels.classes[np.argmax(lacking)].item()
            warnings.warn(
                f"none of {n_rows} rows that were read one after the other has the "
                f"label {label!r}: the files seem to be sorted, and the model will be "
                "poor; shuffle the rows, store them as Parquet, whose row groups are "
                "read in random order, or raise memory until all rows fit",
                UserWarning,
                stacklevel=2,
            )
