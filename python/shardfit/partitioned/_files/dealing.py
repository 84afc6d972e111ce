"""Who gets which row, where rows come one after the other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Dealer"]


class Dealer:
    """Deals rows out in rounds in which every partition gets one, in random order.

    Who gets a row does not depend on the batches that the rows come in.

    Parameters
    ----------
    n_partitions : int
    rng : Generator
        Decides the order in each round.
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
