"""Draw a run: how many times as fast as scikit-learn, by operation and kernel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benches.record import Record, Row
from benches.tables import TIMES, described, times_sign

__all__ = ["draw"]

# For one thread and for two, from the plainest set of instructions to the widest.
COLORS = {
    "scalar": ("#8c96a3", "#d4d8dd"),
    "avx2": ("#2a7fba", "#b3d2e7"),
    "avx512": ("#d1495b", "#efc0c6"),
}
OTHER = ("#4f8a5b", "#bfd8c4")
INK = "#24292f"
GREY = "#6e7781"
# Inches: of a bar, of what an operation needs for its name, and around the bars.
BAR, LEAST, GAP = 0.24, 0.56, 0.16
WIDTH, LEFT, RIGHT, ABOVE, BELOW = 9, 2.8, 0.2, 1.0, 0.75


def draw(record: Record, path: Path) -> None:
    """Write a plot of the main table; the name of the file says in which format."""
    import matplotlib as mpl  # noqa: PLC0415 - an extra
    from matplotlib.figure import Figure  # noqa: PLC0415

    rows = record.table("main")
    heights = [max(BAR * len(row.shardfit), LEAST) + GAP for row in rows]
    height = sum(heights) + ABOVE + BELOW
    # Text stays text, in a font that is there; the same run gives the same file.
    style: Any = {"svg.fonttype": "none", "svg.hashsalt": "shardfit", "font.size": 8.5}
    with mpl.rc_context(style):
        figure = Figure(figsize=(WIDTH, height))
        axes = figure.add_axes(
            (
                LEFT / WIDTH,
                BELOW / height,
                (WIDTH - LEFT - RIGHT) / WIDTH,
                sum(heights) / height,
            )
        )
        _frame(axes, rows, heights)
        _bars(axes, rows, heights)
        _words(figure, record, height)
        path.parent.mkdir(parents=True, exist_ok=True)
        metadata = {"Date": None} if path.suffix == ".svg" else None
        figure.savefig(path, dpi=150, metadata=metadata, facecolor="white")


def _bars(axes: Any, rows: list[Row], heights: list[float]) -> None:
    """Draw one bar for a kernel, thin for one thread within wide for two."""
    for i, row in enumerate(rows):
        middle = sum(heights[:i]) + heights[i] / 2
        y = middle - BAR * (len(row.shardfit) - 1) / 2
        for kernel in reversed(row.shardfit):
            strong, pale = COLORS.get(kernel, OTHER)
            one, two = (row.ratio(kernel, count) for count in ("1", "2"))
            axes.barh(y, two, height=0.8 * BAR, color=pale, linewidth=0)
            axes.barh(y, one, height=0.42 * BAR, color=strong, linewidth=0)
            axes.annotate(
                f"{times_sign(one)}  /  {times_sign(two)}",
                (max(one, two), y),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                fontsize=8,
                color=INK,
            )
            y += BAR
        axes.annotate(
            f"{_wrapped(row.operation)}\n{row.input}",
            (0, middle),
            xytext=(-8, 0),
            textcoords="offset points",
            ha="right",
            va="center",
            color=INK,
        )


def _wrapped(operation: str) -> str:
    """Return an operation on two lines if it has parameters."""
    estimator, _, rest = operation.partition("(")
    arguments, _, method = rest.rpartition(").")
    return f"{estimator}.{method}" + (f"\n{arguments}" if arguments else "")


def _frame(axes: Any, rows: list[Row], heights: list[float]) -> None:
    best = max(
        row.ratio(kernel, count)
        for row in rows
        for kernel in row.shardfit
        for count in ("1", "2")
    )
    axes.set_xlim(0, best * 1.17)
    axes.set_ylim(sum(heights), 0)
    axes.set_yticks([])
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0f}{TIMES}")
    axes.tick_params(axis="x", colors=GREY, length=0)
    axes.grid(axis="x", color="#e4e8ec", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.axvline(1, color=INK, linewidth=0.8)
    axes.annotate(
        f"scikit-learn = 1{TIMES}",
        (1, 0),
        xytext=(0, 3),
        textcoords="offset points",
        fontsize=7.5,
        color=GREY,
    )
    for side in axes.spines.values():
        side.set_visible(False)


def _words(figure: Any, record: Record, height: float) -> None:
    """Write what is shown, and on what machine, texts and command."""
    from matplotlib.patches import Patch  # noqa: PLC0415

    rows = record.table("main")
    kernels = list(dict.fromkeys(kernel for row in rows for kernel in row.shardfit))
    handles = [Patch(color=COLORS.get(k, OTHER)[0], label=k) for k in reversed(kernels)]
    handles += [
        Patch(color=GREY, label="thin: 1 thread"),
        Patch(color="#c9ced3", label="wide: 2 threads"),
    ]
    figure.text(
        0.15 / WIDTH,
        1 - 0.32 / height,
        "How many times as fast as scikit-learn, to the same bits",
        fontsize=12,
        fontweight="bold",
        color=INK,
    )
    figure.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(0.05 / WIDTH, 1 - 0.4 / height),
        ncols=len(handles),
        frameon=False,
        fontsize=8,
        handlelength=1.2,
        columnspacing=1.4,
    )
    corpora = ", ".join(
        f"{name} ({facts['bytes'] / 1e6:.0f} MB)"
        for name, facts in record.settings["corpora"].items()
    )
    versions = record.versions
    figure.text(
        0.15 / WIDTH,
        0.12 / height,
        f"{described(record)}; Python {versions['python']}, scikit-learn "
        f"{versions['sklearn']}; medians of turns in one process\n"
        f"{corpora}; {record.command}",
        fontsize=7.5,
        color=GREY,
    )
