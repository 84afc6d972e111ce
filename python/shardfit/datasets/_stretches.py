"""Whether the rows of files are mixed, judged from their labels alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Stretches"]

_MOST_STRETCHES = 1024
_MOST_GROUPS = 64
# Below about five rows per cell the chi-square statistic says little.
_ROWS_PER_CELL = 5
# The statistic per degree of freedom is 1 for shuffled rows, and about the length of
# the runs of equal labels for others. Chance alone takes it beyond 3 less than once in
# a thousand files, from ten degrees of freedom on.
_MOST_UNLIKE = 3.0


class Stretches:
    """Counts of labels in stretches of consecutive rows, all of one length.

    The length doubles, and neighbours are joined, whenever there are more than 1,024
    stretches. In the same way labels are joined to 64 groups, in the order in which
    they first appear: so the counts stay small whatever the labels are.

    Examples
    --------
    >>> import numpy as np
    >>> from shardfit.datasets._stretches import Stretches
    >>> alternating, sorted_ = Stretches(), Stretches()
    >>> alternating.add(["a", "b"], np.tile([0, 1], 500))
    >>> sorted_.add(["a", "b"], np.repeat([0, 1], 500))
    >>> alternating.are_alike(), sorted_.are_alike()
    (True, False)
    """

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._counts = np.zeros((_MOST_STRETCHES, _MOST_GROUPS), dtype=np.int64)
        self._length = 1
        self._group_size = 1
        self._n_rows = 0

    def add(self, labels: list[Any], codes: NDArray[Any]) -> None:
        """Count the next rows, of which there is at least one.

        Parameters
        ----------
        labels : list
            Distinct labels.
        codes : ndarray of shape (n_rows,)
            Places of the rows' labels in that list.
        """
        numbers = np.array(
            [self._numbers.setdefault(str(x), len(self._numbers)) for x in labels],
            dtype=np.int64,
        )
        while self._n_rows + len(codes) > self._length * _MOST_STRETCHES:
            self._counts[: _MOST_STRETCHES // 2] = _joined(self._counts)
            self._counts[_MOST_STRETCHES // 2 :] = 0
            self._length *= 2
        while len(self._numbers) > self._group_size * _MOST_GROUPS:
            self._counts[:, : _MOST_GROUPS // 2] = _joined(self._counts.T).T
            self._counts[:, _MOST_GROUPS // 2 :] = 0
            self._group_size *= 2
        first = self._n_rows // self._length
        stretches = np.arange(self._n_rows, self._n_rows + len(codes)) // self._length
        groups = numbers[codes] // self._group_size
        cells = (stretches - first) * _MOST_GROUPS + groups
        n_touched = int(stretches[-1]) - first + 1
        counts = np.bincount(cells, minlength=n_touched * _MOST_GROUPS)
        self._counts[first : first + n_touched] += counts.reshape(n_touched, -1)
        self._n_rows += len(codes)

    def are_alike(self) -> bool:
        """Return whether the stretches differ no more than chance lets them."""
        n_groups = -(-len(self._numbers) // self._group_size)
        n_stretches = -(-self._n_rows // self._length)
        counts, length = self._counts[:n_stretches, :n_groups], self._length
        while length < _ROWS_PER_CELL * n_groups:
            counts, length = _joined(counts), 2 * length
        freedom = (len(counts) - 1) * (n_groups - 1)
        if freedom < 1:
            return False
        expected = np.outer(counts.sum(axis=1), counts.sum(axis=0) / self._n_rows)
        chi_square = float(((counts - expected) ** 2 / expected).sum())
        return chi_square / freedom <= _MOST_UNLIKE


def _joined(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the sums of neighbours; without one, the last stays as it is."""
    return np.add.reduceat(counts, np.arange(0, len(counts), 2))
