"""`shardfit train` writes a model file that predicts, or nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import skops.io
from click.testing import Result

from shardfit.cli.model_file import load_model

Run = Callable[..., Result]


def test_model_predicts_without_shardfit(
    run: Run, weather: Path, tmp_path: Path
) -> None:
    output = tmp_path / "m.skops"
    done = run("train", weather, "--text", "text", "--label", "label", "-o", output)
    assert done.exit_code == 0, done.output
    assert done.stdout == ""
    plain = skops.io.load(output)
    assert plain.predict(["sunny", "storm"]).tolist() == ["good", "bad"]


def test_file_remembers_how_it_was_trained(
    run: Run, weather: Path, tmp_path: Path
) -> None:
    output = tmp_path / "m.skops"
    options = "--epochs 2 --partitions 2 --ngrams 1-2 --n-features 1024 --memory 2GiB"
    done = run(
        *["train", weather, "--text", "text", "--label", "label", "-o", output],
        *options.split(),
        *["--loss", "log_loss", "--alpha", "1e-4", "--seed", 7, "--jobs", 1],
        *["--merge", "average"],
    )
    assert done.exit_code == 0, done.output
    saved = load_model(output)
    assert (saved.text, saved.label, saved.label_type) == (("text",), "label", "string")
    facts = {name: saved.training[name] for name in ("rows", "n_epochs", "ngram_range")}
    assert facts == {"rows": 30, "n_epochs": 2, "ngram_range": [1, 2]}
    assert saved.training["memory"] == 2 * 2**30
    assert saved.training["text_bytes"] > 0
    assert saved.pipeline[0].ngram_range == (1, 2)
    assert saved.pipeline[-1].get_params()["loss"] == "log_loss"


def test_summary_and_its_silence(run: Run, weather: Path, tmp_path: Path) -> None:
    command = ["train", weather, "--text", "text", "--label", "label", "-o"]
    done = run(*command, tmp_path / "a.skops")
    assert "trained on 30 rows of 3 classes" in done.stderr
    assert f"wrote {tmp_path / 'a.skops'} (" in done.stderr
    assert "epoch 1/" in done.stderr
    assert run(*command, tmp_path / "b.skops", "--quiet").output == ""


def test_integer_labels_stay_integers(
    run: Run, write_csv: Callable[..., Path], tmp_path: Path
) -> None:
    data = write_csv("stars.csv", [["good", 5], ["bad", 1]] * 5)
    output = tmp_path / "m.skops"
    done = run("train", data, "--text", "text", "--label", "label", "-o", output)
    assert done.exit_code == 0, done.output
    assert load_model(output).label_type == "integer"
    done = run("predict", output, data, "--keep", "label")
    assert json.loads(done.stdout.splitlines()[0]) == {"label": "5", "prediction": 5}
    assert run("evaluate", output, data).exit_code == 0


def test_several_columns_of_text(
    run: Run, write_csv: Callable[..., Path], tmp_path: Path
) -> None:
    rows = [["sunny", "day", "good"], ["storm", "day", "bad"]] * 5
    data = write_csv("two.csv", rows, header=["a", "b", "c"])
    output = tmp_path / "m.skops"
    options = ["--text", "a", "--text", "b", "--label", "c"]
    done = run("train", data, *options, "-o", output)
    assert done.exit_code == 0, done.output
    assert load_model(output).text == ("a", "b")
    assert "accuracy  1.0000" in run("evaluate", output, data).stdout


def test_existing_output_needs_force(run: Run, weather: Path, tmp_path: Path) -> None:
    output = tmp_path / "m.skops"
    output.write_bytes(b"precious")
    command = ["train", weather, "--text", "text", "--label", "label", "-o", output]
    done = run(*command)
    assert done.exit_code == 2
    assert f"'{output}' exists" in done.stderr
    assert "--force" in done.stderr
    assert output.read_bytes() == b"precious"
    assert run(*command, "--force").exit_code == 0
    assert load_model(output).label == "label"


def test_output_is_never_an_input(run: Run, weather: Path) -> None:
    before = weather.read_bytes()
    columns = ["--text", "text", "--label", "label"]
    done = run("train", weather, *columns, "-o", weather, "--force")
    assert done.exit_code == 2
    assert weather.read_bytes() == before


@pytest.mark.parametrize(
    ("output", "message"),
    [("missing/m.skops", "does not exist"), (".", "not a regular file")],
)
def test_impossible_output(
    run: Run, weather: Path, tmp_path: Path, output: str, message: str
) -> None:
    columns = ["--text", "text", "--label", "label"]
    done = run("train", weather, *columns, "-o", tmp_path / output, "--force")
    assert done.exit_code == 2
    assert message in done.stderr


@pytest.mark.parametrize(
    "option",
    [
        "--n-features 0",
        "--n-features 2147483647",
        "--partitions 0",
        "--epochs 0",
        "--jobs 0",
        "--alpha 0",
        "--alpha nan",
        "--seed -1",
        "--memory 5parsecs",
        "--memory 0",
        "--ngrams 2-1",
        "--ngrams 2",
        "--loss huge",
        "--merge all",
        "--label text",
        "--text text",
    ],
)
def test_values_out_of_range(
    run: Run, weather: Path, tmp_path: Path, option: str
) -> None:
    output = tmp_path / "m.skops"
    columns = ["--text", "text", "--label", "label"]
    done = run("train", weather, *columns, "-o", output, *option.split())
    assert done.exit_code == 2, done.output
    assert done.stderr.startswith("shardfit: error: ")
    assert [path.name for path in tmp_path.iterdir()] == ["weather.csv"]


def test_no_such_file(run: Run, tmp_path: Path) -> None:
    columns = ["--text", "text", "--label", "label"]
    done = run("train", tmp_path / "a.csv", *columns, "-o", tmp_path / "m.skops")
    assert done.exit_code == 2
    assert "a.csv" in done.stderr
