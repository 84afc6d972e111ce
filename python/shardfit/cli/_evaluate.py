"""`shardfit evaluate`: how well a model predicts the labels of files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click
from rich.cells import cell_len, set_cell_size

from shardfit.cli._arguments import (
    check_output,
    files_argument,
    force_option,
    jobs_option,
    model_argument,
    open_files,
    quiet_option,
    text_columns,
    text_option,
)
from shardfit.cli._progress import reporting
from shardfit.cli._whole_file import whole_file

if TYPE_CHECKING:
    from shardfit.cli.model_file import SavedModel
    from shardfit.partitioned import ClassificationScores

__all__ = ["evaluate"]

_PICTURES = (".png", ".pdf", ".svg")


@click.command(short_help="Score a model on labelled files.")
@model_argument
@files_argument
@text_option
@click.option(
    "--label",
    metavar="COLUMN",
    show_default="that of the model",
    help="Column of labels.",
)
@click.option(
    "--plot",
    type=click.Path(path_type=Path),
    metavar="PICTURE",
    help="Draw the confusion matrix: .png, .pdf or .svg.",
)
@click.option(
    "--json",
    "json_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write all scores and the confusion matrix as JSON.",
)
@jobs_option
@force_option
@quiet_option
def evaluate(
    model: Path,
    files: tuple[str, ...],
    text: tuple[str, ...],
    label: str | None,
    plot: Path | None,
    json_file: Path | None,
    n_jobs: int | None,
    force: bool,
    quiet: bool,
) -> None:
    """Compare the predictions of MODEL with the labels of FILES.

    Accuracy, macro F1 and a table of classes go to standard output.
    """
    _check_picture(plot)
    from shardfit.cli.model_file import load_model
    from shardfit.partitioned import score_files

    saved = load_model(model)
    data = open_files(
        files,
        text=text_columns(saved, model, text),
        label=_label_column(saved, model, label),
        label_type=saved.label_type,
    )
    inputs = [model, *data.files]
    if plot is not None:
        check_output("--plot", plot, force=force, inputs=inputs)
        inputs.append(plot)
    if json_file is not None:
        check_output("--json", json_file, force=force, inputs=inputs)
    with ExitStack() as outputs:
        # Opened first: better no evaluation than one without its outputs.
        picture = outputs.enter_context(whole_file(plot)) if plot else None
        document = outputs.enter_context(whole_file(json_file)) if json_file else None
        with reporting(quiet=quiet) as progress:
            scores = score_files(saved.pipeline, data, n_jobs=n_jobs, progress=progress)
        if document is not None:
            document.write(_as_json(scores, model, data.files))
        if plot is not None and picture is not None:
            _draw(scores, model, picture, plot.suffix.lower()[1:])
    click.echo(_as_text(scores))


def _check_picture(plot: Path | None) -> None:
    if plot is not None and plot.suffix.lower() not in _PICTURES:
        raise click.BadParameter(
            f"{str(plot)!r} does not end in {', '.join(_PICTURES)}",
            param_hint="'--plot'",
        )


def _label_column(saved: SavedModel, model: Path, given: str | None) -> str:
    label = saved.label if given is None else given
    if label is None:
        raise click.UsageError(
            f"{model} does not say which column holds the labels; name it with --label"
        )
    return label


def _draw(
    scores: ClassificationScores, model: Path, picture: BinaryIO, file_format: str
) -> None:
    from shardfit.cli._plot import plot_confusion

    plot_confusion(
        scores.confusion,
        _names(scores),
        title=f"{model.name}: accuracy {scores.accuracy:.4f}, {scores.n_rows:,} rows",
        file=picture,
        file_format=file_format,
    )


def _as_json(scores: ClassificationScores, model: Path, files: Sequence[Path]) -> bytes:
    classes = scores.classes.tolist()
    columns = ("precision", "recall", "f1", "support")
    report = {
        "model": str(model),
        "files": [str(file) for file in files],
        "n_rows": scores.n_rows,
        "accuracy": scores.accuracy,
        "macro_f1": scores.macro_f1,
        "classes": [
            {"class": name} | {c: getattr(scores, c)[i].item() for c in columns}
            for i, name in enumerate(classes)
        ],
        "confusion": scores.confusion.tolist(),
    }
    return (json.dumps(report, indent=2, ensure_ascii=False) + "\n").encode()


def _as_text(scores: ClassificationScores) -> str:
    """Write the scores as a table that reads the same on a terminal and in a file."""
    names = _names(scores)
    width = max(cell_len(name) for name in ["class", *names])
    head = f"{'precision':>10} {'recall':>7} {'f1':>7} {'rows':>9}"
    lines = [
        f"rows      {scores.n_rows:,}",
        f"accuracy  {scores.accuracy:.4f}",
        f"macro F1  {scores.macro_f1:.4f}",
        "",
        f"{set_cell_size('class', width)} {head}",
    ]
    rows = zip(
        names, scores.precision, scores.recall, scores.f1, scores.support, strict=True
    )
    lines += [
        f"{set_cell_size(name, width)} {precision:10.4f} {recall:7.4f} {f1:7.4f} "
        f"{support:9,}"
        for name, precision, recall, f1, support in rows
    ]
    return "\n".join(lines)


def _names(scores: ClassificationScores) -> list[str]:
    """Return the classes as text that can neither break a line nor steer a terminal."""
    return [
        "".join(c if c.isprintable() else repr(c)[1:-1] for c in str(name))
        for name in scores.classes.tolist()
    ]
