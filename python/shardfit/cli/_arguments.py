"""What the commands accept: their options' types and the checks of output paths."""

from __future__ import annotations

import inspect
import math
import os
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from shardfit.cli.model_file import SavedModel
    from shardfit.datasets import TextFiles

__all__ = [
    "FitOption",
    "check_output",
    "distinct_columns",
    "files_argument",
    "force_option",
    "format_bytes",
    "jobs_option",
    "memory_size",
    "model_argument",
    "ngram_range",
    "open_files",
    "positive_number",
    "quiet_option",
    "text_columns",
    "text_option",
]

files_argument = click.argument(
    "files", nargs=-1, required=True, type=click.Path(), metavar="FILES..."
)
model_argument = click.argument(
    "model", type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
text_option = click.option(
    "--text",
    multiple=True,
    metavar="COLUMN",
    show_default="those of the model",
    help="Column of text; may be repeated.",
)
jobs_option = click.option(
    "--jobs",
    "n_jobs",
    type=click.IntRange(min=1),
    show_default="every CPU",
    help="Threads or processes to use.",
)
quiet_option = click.option(
    "-q", "--quiet", is_flag=True, help="No progress and no summary."
)
force_option = click.option(
    "--force", is_flag=True, help="Replace an output that exists."
)

_UNITS = {
    "": 1,
    "B": 1,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KIB": 2**10,
    "MIB": 2**20,
    "GIB": 2**30,
    "TIB": 2**40,
}


def memory_size(value: str) -> int:
    """Return the number of bytes that 500MB, 1.5GB, 2GiB or 1000000000 stands for."""
    match = re.fullmatch(
        r"([0-9]{1,20}(?:\.[0-9]{1,20})?)\s*([A-Za-z]*)", value.strip()
    )
    if match is None or match[2].upper() not in _UNITS:
        raise click.BadParameter(f"{value!r} is no size; write 500MB, 1GB or 2GiB")
    n_bytes = int(float(match[1]) * _UNITS[match[2].upper()])
    if n_bytes == 0:
        raise click.BadParameter(f"{value!r} is less than one byte")
    return n_bytes


def positive_number(value: str | float) -> float:
    """Return a number greater than 0, neither infinite nor NaN."""
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise click.BadParameter(f"{value!r} is no number greater than 0")
    return number


def ngram_range(value: str) -> tuple[int, int]:
    """Return the shortest and the longest n-gram that 1-2 stands for."""
    match = re.fullmatch(r"([0-9]{1,3})-([0-9]{1,3})", value)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise click.BadParameter(
            f"{value!r} is no range; write 1-1 for words, 1-2 for words and pairs"
        )
    return int(match[1]), int(match[2])


class FitOption(click.Option):
    """An option of `fit_files` under its own name there, with its default there.

    The signature is read when a default is needed, so that `shardfit --help` does
    not wait for scikit-learn to be imported.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **(kwargs | {"show_default": True}))

    def get_default(
        self, ctx: click.Context, call: bool = True
    ) -> Any | Callable[[], Any] | None:
        """Return the default of `fit_files`, as one would write it in a shell."""
        from shardfit.partitioned import fit_files

        default = inspect.signature(fit_files).parameters[str(self.name)].default
        if self.name == "ngram_range":
            return "-".join(str(number) for number in default)
        if self.name == "memory":
            return format_bytes(default).replace(" ", "")
        return default


def format_bytes(n_bytes: float) -> str:
    """Write a number of bytes as people read it.

    Examples
    --------
    >>> format_bytes(512), format_bytes(2_097_152), format_bytes(10**9)
    ('512 B', '2.1 MB', '1 GB')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if n_bytes < 1000:
            return f"{n_bytes:.3g} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.3g} TB"


def check_output(
    option: str, path: Path, *, force: bool, inputs: Iterable[Path]
) -> None:
    """Refuse, before any work, an output that could not or should not be written.

    Parameters
    ----------
    option : str
        The option that names the output, for the message.
    path : Path
        The output.
    force : bool
        Whether an existing file may be replaced.
    inputs : iterable of Path
        Files that are read, or other outputs: `path` must be none of them.

    Raises
    ------
    click.BadParameter
        With the reason and the remedy.
    """
    reason = None
    folder = Path(os.path.realpath(path)).parent
    if not folder.is_dir():
        reason = f"the folder {str(folder)!r} does not exist; make it first"
    elif _same_as_any(path, inputs):
        reason = f"{str(path)!r} is also another file of this command; choose one more"
    elif path.exists() and not path.is_file():
        reason = f"{str(path)!r} is not a regular file; choose another name"
    elif path.exists() and not force:
        reason = (
            f"{str(path)!r} exists; choose another name, or replace it with --force"
        )
    elif not os.access(folder, os.W_OK | os.X_OK):
        reason = f"the folder {str(folder)!r} is not writable; choose another one"
    if reason is not None:
        raise click.BadParameter(reason, param_hint=f"'{option}'")


def _same_as_any(path: Path, others: Iterable[Path]) -> bool:
    real = os.path.realpath(path)
    return any(os.path.realpath(other) == real for other in others)


def distinct_columns(option: str, columns: Sequence[str]) -> tuple[str, ...]:
    """Refuse a column that is named twice."""
    if len(set(columns)) < len(columns):
        raise click.BadParameter("names one column twice", param_hint=f"'{option}'")
    return tuple(columns)


def text_columns(
    saved: SavedModel, model: Path, given: Sequence[str]
) -> tuple[str, ...]:
    """Return the columns of text to read: those given, else those of the model."""
    columns = distinct_columns("--text", given) or saved.text
    if not columns:
        raise click.UsageError(
            f"{model} does not say which column holds the text; name it with --text"
        )
    return columns


def open_files(
    paths: Sequence[str],
    *,
    text: tuple[str, ...],
    label: str | None = None,
    label_type: str | None = None,
) -> TextFiles:
    """Return the files that `paths` stand for; to name none is a wrong command."""
    from shardfit.datasets import TextFiles

    if label in text:
        raise click.UsageError(f"column {label!r} is named as text and as label")
    try:
        return TextFiles(paths, text=text, label=label, label_type=label_type)
    except FileNotFoundError as error:
        raise click.BadParameter(str(error), param_hint="'FILES...'") from error
