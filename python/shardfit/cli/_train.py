"""`shardfit train`: from files of text and labels to a model file."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from shardfit.cli._arguments import (
    FitOption,
    check_output,
    distinct_columns,
    files_argument,
    force_option,
    format_bytes,
    jobs_option,
    memory_size,
    ngram_range,
    open_files,
    positive_number,
    quiet_option,
)
from shardfit.cli._classifiers import (
    DEFAULT_CLASSIFIER,
    check_training,
    classifier_of,
    parameters_of,
)
from shardfit.cli._progress import Reporter, reporting, say
from shardfit.cli._whole_file import whole_file

__all__ = ["train"]

_LOSSES = ("hinge", "log_loss", "modified_huber", "squared_hinge", "perceptron")
_LABEL_TYPES = {"U": "string", "i": "integer", "b": "boolean"}
_MAX_FEATURES = 2**31 - 2


@click.command(short_help="Train a classifier from files.")
@files_argument
@click.option(
    "--text",
    required=True,
    multiple=True,
    metavar="COLUMN",
    help="Column of text; may be repeated, the texts are then joined.",
)
@click.option("--label", required=True, metavar="COLUMN", help="Column of labels.")
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    metavar="MODEL",
    help="Model file to write, by convention with the suffix .skops.",
)
@click.option(
    "--partitions",
    "n_partitions",
    cls=FitOption,
    type=click.IntRange(min=1),
    help="Parts of the data that are trained apart and merged.",
)
@click.option(
    "--epochs",
    "n_epochs",
    cls=FitOption,
    type=click.IntRange(min=1),
    help="Times that SGD models go over the data.",
)
@click.option(
    "--merge",
    cls=FitOption,
    type=click.Choice(["auto", "average", "mix", "exact", "union"]),
    help="How the parts become one: average at the end, mix after every epoch, exact "
    "as from all rows, union of trees; auto is the best for the classifier.",
)
@click.option(
    "--estimator",
    "name",
    metavar="NAME",
    default=DEFAULT_CLASSIFIER,
    show_default=True,
    help="Classifier of scikit-learn, such as LogisticRegression or MultinomialNB. All "
    "but linear SGD models need the vectorized rows in memory.",
)
@click.option(
    "--set",
    "given",
    multiple=True,
    metavar="NAME=VALUE",
    help="Parameter of the classifier; may be repeated.",
)
@click.option("--idf", is_flag=True, help="Weight words by how rare they are.")
@click.option(
    "--loss",
    cls=FitOption,
    type=click.Choice(_LOSSES),
    help="Loss of SGDClassifier.",
)
@click.option(
    "--alpha",
    cls=FitOption,
    type=positive_number,
    metavar="NUMBER",
    help="Strength of the regularization of SGDClassifier.",
)
@click.option(
    "--n-features",
    cls=FitOption,
    type=click.IntRange(1, _MAX_FEATURES),
    help="Buckets that words are hashed into.",
)
@click.option(
    "--ngrams",
    "ngram_range",
    cls=FitOption,
    type=ngram_range,
    metavar="MIN-MAX",
    help="Lengths of the sequences of words that count: 1-2 is words and pairs.",
)
@click.option(
    "--memory",
    cls=FitOption,
    type=memory_size,
    metavar="SIZE",
    help="Memory for the data, as in 500MB or 2GiB; more data is read again.",
)
@click.option(
    "--seed",
    "random_state",
    cls=FitOption,
    type=click.IntRange(0, 2**32 - 1),
    help="Same seed, same data, same model.",
)
@jobs_option
@force_option
@quiet_option
@click.pass_context
def train(
    context: click.Context,
    /,
    files: tuple[str, ...],
    text: tuple[str, ...],
    label: str,
    output: Path,
    force: bool,
    quiet: bool,
    name: str,
    given: tuple[str, ...],
    **settings: Any,
) -> None:
    """Train a classifier on the text and labels of FILES.

    FILES are Parquet, CSV or JSON lines. The model is a plain scikit-learn pipeline
    in a file that holds no code.
    """
    columns = distinct_columns("--text", text)
    parameters = _parameters(context, name, parameters_of(given))
    del settings["loss"], settings["alpha"]
    estimator = classifier_of(name, parameters)
    check_training(
        estimator,
        settings["merge"],
        names=list(parameters),
        counts_epochs=_is_given(context, "n_epochs"),
    )
    data = open_files(files, text=columns, label=label)
    check_output("--output", output, force=force, inputs=data.files)
    from shardfit.cli.model_file import save_model
    from shardfit.partitioned import fit_files

    began = time.monotonic()
    # The output is opened first: better no training than one without its model.
    with whole_file(output) as sink:
        with reporting(quiet=quiet, total_bytes=data.n_bytes) as progress:
            counter = _Counter(progress)
            pipeline = fit_files(
                data, estimator=estimator, progress=counter, **settings
            )
        seconds = time.monotonic() - began
        classes = pipeline[-1].classes_
        save_model(
            pipeline,
            sink,
            text=columns,
            label=label,
            label_type=_LABEL_TYPES[classes.dtype.kind],
            training={"rows": counter.n_rows, "text_bytes": counter.n_bytes}
            | {"seconds": round(seconds, 3), "estimator": name}
            | {"parameters": {key: repr(value) for key, value in parameters.items()}}
            | settings,
        )
    if not quiet:
        say(
            f"trained on {counter.n_rows:,} rows of {len(classes):,} classes, "
            f"{format_bytes(counter.n_bytes)} of text, in {seconds:.1f} s "
            f"({counter.n_bytes / 1e6 / seconds:.1f} MB/s)"
        )
        say(f"wrote {output} ({format_bytes(os.path.getsize(output))})")


def _parameters(
    context: click.Context, name: str, parameters: dict[str, Any]
) -> dict[str, Any]:
    """Return all parameters of the classifier that options of the command name."""
    short = {option: context.params[option] for option in ("loss", "alpha")}
    given = [option for option in short if _is_given(context, option)]
    if name != DEFAULT_CLASSIFIER:
        if given:
            raise click.BadParameter(
                f"it is for {DEFAULT_CLASSIFIER}; {name} has its parameters by --set",
                param_hint=f"'--{given[0]}'",
            )
        return parameters
    for option in given:
        if option in parameters:
            raise click.UsageError(
                f"--{option} is short for --set {option}=VALUE; use one of them"
            )
    return short | parameters


def _is_given(context: click.Context, option: str) -> bool:
    return context.get_parameter_source(option) is not ParameterSource.DEFAULT


class _Counter:
    """Pass progress on, and count the rows and the bytes of text of one epoch."""

    def __init__(self, reporter: Reporter | None) -> None:
        self._reporter = reporter
        self._counts = False
        self.n_rows = self.n_bytes = 0

    def start(self, phase: str, total_rows: int | None) -> None:
        # The first phase, which finds the labels, reads no text; every phase that
        # knows the number of rows reads all text, or has it in memory already.
        self._counts = total_rows is not None and self.n_rows == 0
        if self._reporter is not None:
            self._reporter.start(phase, total_rows)

    def advance(self, n_rows: int, n_bytes: int) -> None:
        if self._counts:
            self.n_rows += n_rows
            self.n_bytes += n_bytes
        if self._reporter is not None:
            self._reporter.advance(n_rows, n_bytes)
