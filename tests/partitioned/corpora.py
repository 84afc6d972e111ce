"""Small corpora with known words, as files."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from shardfit.datasets import TextFiles


def documents(n_rows, n_classes=3, seed=0, n_own_words=200, n_words=12):
    """Return texts and labels: a third of the words tells the class."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(n_classes, size=n_rows)
    own = rng.integers(n_own_words, size=(n_rows, n_words // 3))
    other = rng.integers(500, size=(n_rows, n_words - n_words // 3))
    texts = [
        " ".join([f"own{c}x{w}" for w in mine] + [f"any{w}" for w in rest])
        for c, mine, rest in zip(codes, own, other, strict=True)
    ]
    return texts, [f"class{c}" for c in codes]


def write(path: Path, texts, labels) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        writer.writerows(zip(texts, labels, strict=True))
    return path


def files(path, **parameters) -> TextFiles:
    return TextFiles(path, text="text", label="label", **parameters)


def same_model(one, other) -> bool:
    """Whether two pipelines hold the same numbers, to the bit."""
    first, second = one["classifier"], other["classifier"]
    return (
        np.array_equal(first.coef_, second.coef_)
        and np.array_equal(first.intercept_, second.intercept_)
        and first.t_ == second.t_
    )
