"""Draw a confusion matrix that stays readable from 2 to 100 classes."""

from __future__ import annotations

import warnings
from typing import BinaryIO

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from numpy.typing import NDArray

__all__ = ["plot_confusion"]

# Above this many classes the counts in the cells would be too small to read, and
# above that many so would the names of all classes.
_MAX_CLASSES_WITH_COUNTS = 30
_MAX_NAMES = 100
_MAX_NAME_LENGTH = 28


def plot_confusion(
    confusion: NDArray[np.integer],
    classes: list[str],
    *,
    title: str,
    file: BinaryIO,
    file_format: str,
) -> None:
    """Draw a confusion matrix, each row coloured by its shares.

    Parameters
    ----------
    confusion : ndarray of shape (n_classes, n_classes)
        Number of rows of true class i that were predicted as class j.
    classes : list of str
        Names of the classes.
    title : str
        Line above the matrix.
    file : binary file
        Where to write the picture.
    file_format : {"png", "pdf", "svg"}
        Its format.
    """
    n_classes = len(classes)
    side = float(np.clip(0.36 * n_classes, 3.0, 22.0))
    figure = Figure(figsize=(side + 3.2, side + 2.4), dpi=130, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    n_true = confusion.sum(axis=1, keepdims=True)
    shares = confusion / np.maximum(n_true, 1)
    # The square root of a share: rare confusions are what one looks for.
    image = axes.imshow(shares, cmap="Blues", norm=PowerNorm(0.5, vmin=0.0, vmax=1.0))
    title_size = 8.0 + 0.4 * side
    _name_axes(axes, [_shorten(name) for name in classes], title_size)
    axes.set_title(_plain(title), fontsize=title_size)
    if n_classes <= _MAX_CLASSES_WITH_COUNTS:
        _write_counts(axes, confusion, shares)
    bar = figure.colorbar(image, ax=axes, shrink=0.6, aspect=30, pad=0.02)
    bar.set_label("share of the true class", fontsize=title_size - 1)
    bar.ax.tick_params(labelsize=title_size - 1)
    with warnings.catch_warnings():
        # A script without a font shows as boxes; one line per glyph says no more.
        warnings.filterwarnings("ignore", "Glyph .* missing")
        figure.savefig(file, format=file_format)


def _name_axes(axes: Axes, names: list[str], title_size: float) -> None:
    step = -(-len(names) // _MAX_NAMES)
    ticks = range(0, len(names), step)
    axes.set_xticks(ticks, names[::step], rotation=90, fontsize=9)
    axes.set_yticks(ticks, names[::step], fontsize=9)
    axes.set_xlabel("predicted class", fontsize=title_size)
    axes.set_ylabel("true class", fontsize=title_size)
    axes.tick_params(length=2)


def _write_counts(
    axes: Axes, confusion: NDArray[np.integer], shares: NDArray[np.floating]
) -> None:
    """Write the counts into the cells that have any, light on dark."""
    longest = len(_short_count(int(confusion.max(initial=0))))
    font_size = 27.0 / max(longest, 3) if len(confusion) > 10 else 10.0
    for row, column in np.argwhere(confusion):
        axes.text(
            column,
            row,
            _short_count(int(confusion[row, column])),
            ha="center",
            va="center",
            fontsize=font_size,
            color="white" if shares[row, column] > 0.3 else "black",
        )


def _short_count(count: int) -> str:
    """Write a count in at most four characters.

    Examples
    --------
    >>> [_short_count(n) for n in (7, 9_999, 12_345, 1_234_567, 450_000_000)]
    ['7', '9999', '12k', '1.2M', '450M']
    """
    if count < 10_000:
        return str(count)
    value, unit = count / 1e3, "k"
    for larger in ("M", "G"):
        if value >= 999.5:
            value, unit = value / 1e3, larger
    return f"{value:.1f}{unit}" if value < 9.95 else f"{value:.0f}{unit}"


def _shorten(name: str) -> str:
    if len(name) > _MAX_NAME_LENGTH:
        name = name[: _MAX_NAME_LENGTH - 1] + "…"
    return _plain(name)


def _plain(text: str) -> str:
    """Keep a dollar sign what it is: matplotlib would begin a formula with it."""
    return text.replace("$", r"\$")
