"""The picture of a confusion matrix, from two classes to more than fit."""

from __future__ import annotations

import io

import matplotlib.image
import numpy as np
import pytest

from shardfit.cli._plot import plot_confusion


@pytest.mark.parametrize("n_classes", [1, 2, 30, 31, 100, 150])
def test_any_number_of_classes(n_classes: int) -> None:
    confusion = np.diag(np.arange(n_classes)) * 10**5
    picture = io.BytesIO()
    plot_confusion(
        confusion,
        [f"class {number}" for number in range(n_classes)],
        title="model.skops",
        file=picture,
        file_format="png",
    )
    picture.seek(0)
    pixels = matplotlib.image.imread(picture)
    assert min(pixels.shape[:2]) > 400
    assert max(pixels.shape[:2]) < 5000


def test_names_are_no_formulas_and_need_no_font(
    recwarn: pytest.WarningsRecorder,
) -> None:
    names = ["$x^$", "日本語", "a_b" * 50, "$" * 50]
    picture = io.BytesIO()
    plot_confusion(
        np.eye(4, dtype=np.int64),
        names,
        title="$",
        file=picture,
        file_format="svg",
    )
    assert picture.getvalue().startswith(b"<?xml")
    assert list(recwarn) == []


def test_row_without_any_truth() -> None:
    confusion = np.array([[5, 1], [0, 0]])
    picture = io.BytesIO()
    plot_confusion(confusion, ["a", "b"], title="t", file=picture, file_format="png")
    assert picture.getvalue().startswith(b"\x89PNG")
