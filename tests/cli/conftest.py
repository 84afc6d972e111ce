"""Small data, a small model and the command, for the tests of the command line."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import Pipeline, make_pipeline

from shardfit.cli._app import shardfit
from shardfit.cli.model_file import save_model

ROWS = [
    (f"{word} {word} day {number}", label)
    for number in range(10)
    for word, label in (
        ("sunny", "good"),
        ("storm", "bad"),
        ("cloud", "so, so"),
    )
]


@pytest.fixture
def run() -> Callable[..., Result]:
    """Return a function that runs `shardfit` with its arguments in this process."""

    def invoke(*args: object) -> Result:
        return CliRunner().invoke(shardfit, [str(arg) for arg in args])

    return invoke


@pytest.fixture
def write_csv(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes rows as a CSV file with a header."""

    def write(
        name: str,
        rows: Sequence[Sequence[object]],
        header: Sequence[str] = ("text", "label"),
    ) -> Path:
        path = tmp_path / name
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([header, *rows])
        return path

    return write


@pytest.fixture
def weather(write_csv: Callable[..., Path]) -> Path:
    """Return a CSV file of 30 rows of three classes that words tell apart."""
    return write_csv("weather.csv", ROWS)


@pytest.fixture(scope="session")
def pipeline() -> Pipeline:
    """Return a pipeline of scikit-learn's own, fitted on the weather."""
    texts, labels = zip(*ROWS, strict=True)
    vectorizer = HashingVectorizer(n_features=2**10)
    return make_pipeline(vectorizer, SGDClassifier(random_state=0)).fit(texts, labels)


@pytest.fixture
def model(tmp_path: Path, pipeline: Pipeline) -> Path:
    """Return the model file of that pipeline."""
    path = tmp_path / "model.skops"
    save_model(pipeline, path, text=["text"], label="label", label_type="string")
    return path
