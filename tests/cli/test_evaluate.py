"""`shardfit evaluate` tells what scikit-learn's metrics tell."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import skops.io
from click.testing import Result
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score
from sklearn.pipeline import Pipeline

Run = Callable[..., Result]

ROWS = [["sunny", "good"], ["sunny", "bad"], ["storm", "bad"], ["cloud", "new\x1b[2J"]]


@pytest.fixture
def mixed(write_csv: Callable[..., Path]) -> Path:
    """Return rows of which the model gets half, one with a class it never saw."""
    return write_csv("mixed.csv", ROWS)


def test_scores_are_those_of_scikit_learn(
    run: Run, model: Path, mixed: Path, pipeline: Pipeline, tmp_path: Path
) -> None:
    scores = tmp_path / "scores.json"
    done = run("evaluate", model, mixed, "--json", scores)
    assert done.exit_code == 0, done.output
    truth = [label for _, label in ROWS]
    predicted = pipeline.predict([text for text, _ in ROWS])
    report = json.loads(scores.read_text())
    assert report["n_rows"] == 4
    assert report["accuracy"] == accuracy_score(truth, predicted)
    expected = f1_score(truth, predicted, average="macro", zero_division=0)
    assert report["macro_f1"] == pytest.approx(expected)
    names = [entry["class"] for entry in report["classes"]]
    assert (
        report["confusion"] == confusion_matrix(truth, predicted, labels=names).tolist()
    )
    assert f"accuracy  {report['accuracy']:.4f}" in done.stdout
    assert "score: 4 rows" in done.stderr


def test_a_class_cannot_steer_the_terminal(run: Run, model: Path, mixed: Path) -> None:
    done = run("evaluate", model, mixed, "--quiet")
    assert "\x1b" not in done.stdout
    assert "new\\x1b[2J" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("suffix", "magic"), [(".png", b"\x89PNG"), (".pdf", b"%PDF"), (".svg", b"<?xml")]
)
def test_plot(
    run: Run, model: Path, mixed: Path, tmp_path: Path, suffix: str, magic: bytes
) -> None:
    picture = tmp_path / f"confusion{suffix}"
    done = run("evaluate", model, mixed, "--plot", picture)
    assert done.exit_code == 0, done.output
    assert picture.read_bytes().startswith(magic)


@pytest.mark.parametrize(
    "arguments",
    [["--plot", "c.bmp"], ["--plot", "model.skops"], ["--json", "missing/s.json"]],
)
def test_wrong_outputs(
    run: Run,
    model: Path,
    mixed: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run("evaluate", model, mixed, *arguments, "--force")
    assert done.exit_code == 2
    assert done.stdout == ""


def test_two_outputs_of_one_name(
    run: Run, model: Path, mixed: Path, tmp_path: Path
) -> None:
    both = tmp_path / "both.png"
    done = run("evaluate", model, mixed, "--plot", both, "--json", both)
    assert done.exit_code == 2
    assert not both.exists()


def test_a_model_without_a_card_needs_the_columns(
    run: Run, mixed: Path, tmp_path: Path, pipeline: Pipeline
) -> None:
    plain = tmp_path / "plain.skops"
    skops.io.dump(pipeline, plain)
    done = run("evaluate", plain, mixed)
    assert (done.exit_code, "--text" in done.stderr) == (2, True)
    done = run("evaluate", plain, mixed, "--text", "text")
    assert (done.exit_code, "--label" in done.stderr) == (2, True)
    done = run("evaluate", plain, mixed, "--text", "text", "--label", "label")
    assert done.exit_code == 0, done.output


def test_labels_of_another_type(
    run: Run, model: Path, write_csv: Callable[..., Path]
) -> None:
    data = write_csv("numbers.csv", [["sunny", 1], ["storm", 2]])
    done = run("evaluate", model, data)
    assert done.exit_code == 0, done.output
    assert "accuracy  0.0000" in done.stdout
