"""Containers that documents come in."""

from __future__ import annotations

from collections import UserList, deque
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa

__all__ = ["CONTENT", "PLAIN_CONTAINERS"]

CONTENT = [
    "The quick brown fox",
    "",
    "naïve café Straße",
    "日本語 한국어 हिन्दी",
    "𝕳𝖊𝖑𝖑𝖔 👍🏽 İ",
    "a string that is much longer than twelve bytes",
    "nul \0 inside",
    "ΟΔΥΣΣΕΥΣ",
]


class BackwardsList(list):  # type: ignore[type-arg]
    """A list that is read in another order than it is stored."""

    def __iter__(self) -> Iterator[Any]:
        return reversed(list(super().__iter__()))


class ByIndex:
    """An old-style sequence: no iterator, only integer positions."""

    def __getitem__(self, position: int) -> str:
        return CONTENT[position]


PLAIN_CONTAINERS: dict[str, Callable[[], Any]] = {
    "list": lambda: CONTENT,
    "tuple": lambda: tuple(CONTENT),
    "set": lambda: set(CONTENT),
    "dict": lambda: dict.fromkeys(CONTENT, 1),
    "values": lambda: dict(enumerate(CONTENT)).values(),
    "deque": lambda: deque(CONTENT),
    "UserList": lambda: UserList(CONTENT),
    "generator": lambda: (text for text in CONTENT),
    "map": lambda: map(str, CONTENT),
    "reversed": lambda: reversed(CONTENT),
    "backwards list": lambda: BackwardsList(CONTENT),
    "by index": ByIndex,
    "ndarray U": lambda: np.array(CONTENT),
    "ndarray big-endian U": lambda: np.array(CONTENT).astype(">U50"),
    "ndarray object": lambda: np.array(CONTENT, dtype=object),
    "ndarray backwards": lambda: np.array(CONTENT)[::-1],
    "ndarray object step": lambda: np.array(CONTENT, dtype=object)[::2],
    "ndarray 2-D column": lambda: np.array(CONTENT).reshape(-1, 1),
    "ndarray 2-D objects": lambda: np.array(CONTENT, dtype=object).reshape(-1, 2),
    "ndarray field": lambda: np.array([(t, 1) for t in CONTENT], "U50,i4")["f0"],
    "ndarray S": lambda: np.array([text.encode() for text in CONTENT]),
    "ndarray numbers": lambda: np.arange(3),
    "ndarray trailing nul": lambda: np.array(["ab\0", "a\0b\0\0"]),
    "ndarray surrogates": lambda: np.array(["a\ud800b word", "x"]),
    "ndarray read-only": lambda: _read_only(np.array(CONTENT)),
    "ndarray broadcast": lambda: np.broadcast_to(np.array("same text"), (9,)),
    "masked array": lambda: np.ma.array(CONTENT[:2], mask=[False, True]),
    "matrix": lambda: np.asmatrix(CONTENT),
    "StringDType": lambda: _string_dtype(CONTENT),
    "StringDType step": lambda: _string_dtype(CONTENT)[::-2],
    "StringDType None": lambda: _string_dtype([*CONTENT, None], na_object=None),
    "StringDType nan": lambda: _string_dtype([*CONTENT, np.nan], na_object=np.nan),
    "Series": lambda: pd.Series(CONTENT),
    "Series index": lambda: pd.Series(CONTENT, index=[5, 5, 1, 0, 9, 8, 7, 6]),
    "Series step": lambda: pd.Series(CONTENT)[::-2],
    "Series object": lambda: pd.Series(CONTENT, dtype=object),
    "Series object None": lambda: pd.Series([*CONTENT, None], dtype=object),
    "Series object nan": lambda: pd.Series([*CONTENT, np.nan], dtype=object),
    "Series mixed": lambda: pd.Series(["a b", b"bytes", 3], dtype=object),
    "Series missing": lambda: pd.Series([*CONTENT, None]),
    "Series string": lambda: pd.Series(CONTENT, dtype="string"),
    "Series string missing": lambda: pd.Series([*CONTENT, None], dtype="string"),
    "Series pyarrow": lambda: pd.Series(CONTENT, dtype="string[pyarrow]"),
    "Series pyarrow missing": lambda: pd.Series(
        [*CONTENT, None], dtype="string[pyarrow]"
    ),
    "Series ArrowDtype": lambda: pd.Series(CONTENT, dtype=pd.ArrowDtype(pa.string())),
    "Series ArrowDtype missing": lambda: pd.Series(
        [*CONTENT, None], dtype=pd.ArrowDtype(pa.large_string())
    ),
    "Series categories": lambda: pd.Series(CONTENT * 2, dtype="category"),
    "Series filtered": lambda: pd.Series(CONTENT)[pd.Series(CONTENT).str.len() > 4],
    "Series concatenated": lambda: pd.concat([pd.Series(CONTENT), pd.Series(["x y"])]),
    "Series numbers": lambda: pd.Series([1, 2]),
    "Series empty": lambda: pd.Series([], dtype=object),
    "Index": lambda: pd.Index(CONTENT),
    "pandas array": lambda: pd.array(CONTENT),
    "DataFrame": lambda: pd.DataFrame({"text": CONTENT, "more": CONTENT}),
    "polars": lambda: pl.Series(CONTENT),
    "polars step": lambda: pl.Series(CONTENT)[1:-1:2],
    "polars null": lambda: pl.Series([*CONTENT, None]),
    "polars chunks": lambda: pl.concat([pl.Series(CONTENT)] * 3, rechunk=False),
    "polars categories": lambda: pl.Series(CONTENT, dtype=pl.Categorical),
    "polars binary": lambda: pl.Series([text.encode() for text in CONTENT]),
    "polars numbers": lambda: pl.Series([1, 2]),
    "polars empty": lambda: pl.Series([], dtype=pl.String),
}


def _read_only(array: Any) -> Any:
    array.flags.writeable = False
    return array


def _string_dtype(content: list[Any], **options: Any) -> Any:
    return np.array(content, dtype=np.dtypes.StringDType(**options))
