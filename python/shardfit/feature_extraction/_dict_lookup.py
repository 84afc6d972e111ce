"""Looking up the terms of few documents in a dict `vocabulary_`, which stays Python's.

The core counts the documents and lists their terms, each once. So nothing is asked of
the entries that these documents do not have, however many they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["columns_in_dict"]

_MISSING = object()


def columns_in_dict(
    mapping: dict[Any, Any], terms: list[str]
) -> npt.NDArray[np.int32] | None:
    """Return the column of each term, or -1 for those that a dict does not have.

    None if a column is not an integer from 0 up to the length of the dict, or two terms
    share one: such entries have no meaning but what scikit-learn's code makes of them.
    """
    columns = [mapping.get(term, _MISSING) for term in terms]
    known = [column for column in columns if column is not _MISSING]
    if not {*map(type, known)} <= {int, np.int_} or len(set(known)) != len(known):
        return None
    if known and not 0 <= min(known) <= max(known) < len(mapping):
        return None
    numbers = (-1 if column is _MISSING else column for column in columns)
    return np.fromiter(numbers, np.int32, len(columns))
