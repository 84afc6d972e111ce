"""What the options accept, and their defaults, which are those of the library."""

from __future__ import annotations

import inspect

import click
import pytest

from shardfit.cli._arguments import (
    FitOption,
    format_bytes,
    memory_size,
    ngram_range,
    positive_number,
)
from shardfit.cli._train import train
from shardfit.partitioned import fit_files


@pytest.mark.parametrize(
    ("text", "n_bytes"),
    [
        ("1", 1),
        ("1000000000", 10**9),
        ("500MB", 500 * 10**6),
        ("1GB", 10**9),
        ("2GiB", 2 * 2**30),
        ("1.5 gb", 1_500_000_000),
        ("4kib", 4096),
        ("1TB", 10**12),
    ],
)
def test_memory_size(text: str, n_bytes: int) -> None:
    assert memory_size(text) == n_bytes


@pytest.mark.parametrize(
    "text", ["", "GB", "1 X", "-1GB", "1e9", "0", "0.1B", "1G B", "nan", "1,5GB"]
)
def test_no_memory_size(text: str) -> None:
    with pytest.raises(click.BadParameter):
        memory_size(text)


@pytest.mark.parametrize(("text", "pair"), [("1-1", (1, 1)), ("2-10", (2, 10))])
def test_ngram_range(text: str, pair: tuple[int, int]) -> None:
    assert ngram_range(text) == pair


@pytest.mark.parametrize("text", ["", "1", "0-1", "2-1", "1,2", "1-2-3", "-1-2", "a-b"])
def test_no_ngram_range(text: str) -> None:
    with pytest.raises(click.BadParameter):
        ngram_range(text)


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "x", ""])
def test_no_positive_number(text: str) -> None:
    with pytest.raises(click.BadParameter):
        positive_number(text)


def test_every_option_of_training_has_the_default_of_the_library() -> None:
    parameters = inspect.signature(fit_files).parameters
    options = [option for option in train.params if isinstance(option, FitOption)]
    context = click.Context(train)
    for option in options:
        shown = option.get_default(context)
        default = parameters[str(option.name)].default
        assert option.type_cast_value(context, shown) == default
    names = {option.name for option in options}
    others = {"estimator", "files", "idf", "n_jobs", "progress"}
    assert names | others == set(parameters)


@pytest.mark.parametrize(
    ("n_bytes", "text"),
    [(0, "0 B"), (999, "999 B"), (41_981_267, "42 MB"), (5 * 10**12, "5 TB")],
)
def test_format_bytes(n_bytes: int, text: str) -> None:
    assert format_bytes(n_bytes) == text
