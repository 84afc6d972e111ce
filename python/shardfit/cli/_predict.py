"""`shardfit predict`: from a model file and files of text to predictions."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from shardfit.cli._arguments import (
    check_output,
    distinct_columns,
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
from shardfit.exceptions import DatasetError

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from shardfit.datasets import TextBatch
    from shardfit.partitioned import FilePredictions

__all__ = ["predict"]

_STDOUT = Path("-")
_PREDICTION = "prediction"


@click.command(short_help="Predict the labels of files.")
@model_argument
@files_argument
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default="-",
    metavar="FILE",
    help="Predictions to write: .parquet, .csv or .jsonl; JSON lines to standard "
    "output without it.",
)
@click.option(
    "--keep",
    multiple=True,
    metavar="COLUMN",
    help="Column of FILES to write beside each prediction instead of its file and "
    "row; may be repeated.",
)
@click.option(
    "--scores",
    is_flag=True,
    help="Write a column score:LABEL for each label as well: its probability, or what "
    "a model without probabilities decides by.",
)
@text_option
@jobs_option
@force_option
@quiet_option
def predict(
    model: Path,
    files: tuple[str, ...],
    output: Path,
    keep: tuple[str, ...],
    scores: bool,
    text: tuple[str, ...],
    n_jobs: int | None,
    force: bool,
    quiet: bool,
) -> None:
    """Predict the label of every row of FILES with MODEL, in their order.

    Rows are streamed: neither FILES nor the predictions need to fit in memory.
    """
    suffix = _check_suffix(output)
    kept = distinct_columns("--keep", keep)
    if _PREDICTION in kept:
        raise click.BadParameter(
            f"{_PREDICTION!r} is the name of the column of predictions",
            param_hint="'--keep'",
        )
    from shardfit.cli._prediction_writers import writing_predictions
    from shardfit.cli.model_file import load_model
    from shardfit.partitioned import predict_files

    saved = load_model(model)
    scored = _scored_columns(saved.pipeline.classes_, kept) if scores else []
    data = open_files(files, text=text_columns(saved, model, text))
    if output != _STDOUT:
        check_output("--output", output, force=force, inputs=[model, *data.files])
    # A bar and predictions on one terminal would overwrite each other.
    quiet = quiet or (output == _STDOUT and sys.stdout.isatty())
    with (
        _opened(output) as sink,
        writing_predictions(sink, suffix) as write,
        reporting(quiet=quiet) as progress,
    ):
        for predicted in predict_files(
            saved.pipeline,
            data,
            keep_columns=bool(kept),
            scores=scores,
            n_jobs=n_jobs,
            progress=progress,
        ):
            try:
                write(_table_of(predicted, kept, scored))
            except DatasetError:
                raise
            except ValueError as error:
                raise DatasetError(str(error), file=predicted.batch.file) from error


@contextmanager
def _opened(output: Path) -> Iterator[BinaryIO]:
    if output == _STDOUT:
        yield sys.stdout.buffer
    else:
        with whole_file(output) as sink:
            yield sink


def _check_suffix(output: Path) -> str:
    """Return the suffix that says how to write, .jsonl for standard output."""
    suffix = ".jsonl" if output == _STDOUT else output.suffix.lower()
    if suffix not in (".parquet", ".csv", ".jsonl"):
        raise click.BadParameter(
            f"{str(output)!r} does not end in .parquet, .csv or .jsonl",
            param_hint="'--output'",
        )
    return suffix


def _scored_columns(labels: NDArray[Any], kept: tuple[str, ...]) -> list[str]:
    """Return the names of the columns of scores, which nothing else may have."""
    names = [f"score:{label}" for label in labels.tolist()]
    both = [name for name in names if name in kept]
    if both:
        raise click.BadParameter(
            f"{both[0]!r} is the name of a column of scores", param_hint="'--keep'"
        )
    return names


def _table_of(
    predicted: FilePredictions, kept: tuple[str, ...], scored: list[str]
) -> pa.Table:
    """Return the predictions of a batch beside what identifies its rows."""
    import pyarrow as pa

    batch = predicted.batch
    columns: dict[str, pa.Array]
    if kept:
        columns = {name: _column(batch, name) for name in kept}
    else:
        rows = range(batch.first_row, batch.first_row + batch.n_rows)
        columns = {
            "file": pa.array([str(batch.file)] * batch.n_rows),
            "row": pa.array(rows, pa.int64()),
        }
    columns |= {_PREDICTION: pa.array(predicted.labels)}
    if predicted.scores is not None:
        numbers = map(pa.array, predicted.scores.T)
        columns |= dict(zip(scored, numbers, strict=True))
    return pa.table(columns)


def _column(batch: TextBatch, name: str) -> pa.Array:
    assert batch.columns is not None
    names = batch.columns.schema.names
    if names.count(name) != 1:
        raise DatasetError(
            f"cannot be kept: of this name there are {names.count(name)} columns among "
            f"{names}",
            file=batch.file,
            column=name,
        )
    return batch.columns.column(name)
