"""Text files read in batches of bounded size.

`TextFiles` reads Parquet, CSV, TSV and JSONL files with pyarrow, which comes with
``pip install "shardfit[cli]"`` and is imported when one of these names is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shardfit.datasets._labels import LabelSummary
    from shardfit.datasets._text_files import TextBatch, TextFiles

__all__ = ["LabelSummary", "TextBatch", "TextFiles"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from shardfit.datasets import _text_files

    return getattr(_text_files, name)


def __dir__() -> list[str]:
    return sorted(__all__)
