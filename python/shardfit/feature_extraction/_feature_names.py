"""Names for hashed features: the terms that have been seen in each column."""

from __future__ import annotations

from collections import defaultdict
from typing import TypedDict

import numpy as np
import numpy.typing as npt

from shardfit._rust import TermCounts

__all__ = ["FeatureStore", "name_columns"]


class FeatureStore(TypedDict):
    """Where terms go while they are hashed."""

    counts: TermCounts
    max_bytes: int
    """When they take more, the rarest are forgotten until half of it is free."""


def name_columns(
    counts: TermCounts, n_features: int, *, alternate_sign: bool
) -> npt.NDArray[np.object_]:
    """Name the columns of a matrix of hashed features by what was seen in them.

    Parameters
    ----------
    counts : TermCounts
        The terms that were hashed.
    n_features : int
        Number of columns.
    alternate_sign : bool
        Whether half of the terms count with a negative sign. These get a ``-`` in
        front.

    Returns
    -------
    names : ndarray of shape (n_features,), dtype object
        The terms of each column, the most frequent first and ``" | "`` between them;
        empty where none was seen.
    """
    columns, is_negative = counts.hashed(n_features, alternate_sign)
    # The sort is stable: of equally frequent terms, the one that was seen first leads.
    order = np.lexsort((-counts.term_frequencies(), columns))
    terms: dict[int, list[str]] = defaultdict(list)
    all_terms = counts.terms()
    for place, column, negative in zip(
        order.tolist(),
        columns[order].tolist(),
        is_negative[order].tolist(),
        strict=True,
    ):
        term = all_terms[place]
        if isinstance(term, bytes):
            term = term.decode("utf-8", "backslashreplace")
        terms[column].append(f"-{term}" if negative else term)
    names = np.full(n_features, "", dtype=object)
    for column, its_terms in terms.items():
        names[column] = " | ".join(its_terms)
    return names
