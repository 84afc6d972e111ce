"""`shardfit predict` writes one prediction per row, in order, in three formats."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import Result
from sklearn.pipeline import Pipeline

from tests.cli.conftest import ROWS

Run = Callable[..., Result]


@pytest.fixture
def expected(pipeline: Pipeline) -> list[str]:
    """Return what the model says about the weather."""
    labels: list[str] = pipeline.predict([text for text, _ in ROWS]).tolist()
    return labels


def rows_of(path: Path) -> list[dict[str, Any]]:
    """Read predictions back as a data scientist would."""
    if path.suffix == ".parquet":
        rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
        return rows
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text().splitlines()]
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".jsonl"])
def test_each_format(
    run: Run,
    model: Path,
    weather: Path,
    tmp_path: Path,
    expected: list[str],
    suffix: str,
) -> None:
    output = tmp_path / f"out{suffix}"
    done = run("predict", model, weather, "-o", output, "--quiet")
    assert (done.exit_code, done.output) == (0, "")
    rows = rows_of(output)
    assert list(rows[0]) == ["file", "row", "prediction"]
    assert [row["prediction"] for row in rows] == expected
    assert [int(row["row"]) for row in rows] == list(range(1, 31))
    assert {row["file"] for row in rows} == {str(weather)}


@pytest.mark.parametrize("arguments", [[], ["-o", "-"]])
def test_standard_output_is_json_lines(
    run: Run, model: Path, weather: Path, expected: list[str], arguments: list[str]
) -> None:
    done = run("predict", model, weather, *arguments)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["prediction"] for row in rows] == expected
    assert "predict: 30 rows" in done.stderr


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".jsonl"])
def test_kept_columns_survive_quotes_commas_and_line_breaks(
    run: Run,
    model: Path,
    write_csv: Callable[..., Path],
    tmp_path: Path,
    suffix: str,
) -> None:
    odd = [
        'say "hi"',
        "a,b",
        "line\nbreak",
        "carriage\rreturn",
        "\r\n",
        "",
        " x ",
        "é𝄞",
    ]
    data = write_csv("odd.csv", [[text, "sunny"] for text in odd], ["id", "text"])
    output = tmp_path / f"out{suffix}"
    done = run("predict", model, data, "-o", output, "--keep", "id", "--keep", "text")
    assert done.exit_code == 0, done.output
    rows = rows_of(output)
    assert list(rows[0]) == ["id", "text", "prediction"]
    assert [row["id"] for row in rows] == odd


def test_types_of_kept_columns(run: Run, model: Path, tmp_path: Path) -> None:
    table = pa.table(
        {
            "text": ["sunny", "storm"],
            "nan": [float("nan"), 1.5],
            "day": pa.array([0, 1], pa.date32()),
            "tags": [["a"], None],
            "empty": pa.nulls(2),
        }
    )
    data = tmp_path / "data.parquet"
    pq.write_table(table, data)
    keep = [part for name in table.schema.names for part in ("--keep", name)]
    done = run("predict", model, data, *keep, "--quiet")
    assert json.loads(done.stdout.splitlines()[0]) == {
        "text": "sunny",
        "nan": None,
        "day": "1970-01-01",
        "tags": ["a"],
        "empty": None,
        "prediction": "good",
    }
    done = run("predict", model, data, *keep, "-o", tmp_path / "out.parquet")
    assert done.exit_code == 0, done.output
    assert rows_of(tmp_path / "out.parquet")[1]["day"].isoformat() == "1970-01-02"
    done = run("predict", model, data, *keep, "-o", tmp_path / "out.csv")
    assert done.exit_code == 1
    assert f"{data}: column 'tags' of type list" in done.stderr
    assert not (tmp_path / "out.csv").exists()


def test_files_of_different_types(run: Run, model: Path, tmp_path: Path) -> None:
    files = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    pq.write_table(pa.table({"text": ["sunny"], "id": [1]}), files[0])
    pq.write_table(pa.table({"text": ["storm"], "id": ["x"]}), files[1])
    output = tmp_path / "out.parquet"
    done = run("predict", model, *files, "--keep", "id", "-o", output)
    assert done.exit_code == 1
    assert f"{files[1]}: column 'id' has values of type string" in done.stderr
    assert not output.exists()
    done = run("predict", model, *files, "--keep", "id", "--quiet")
    assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == [1, "x"]


def test_column_to_keep_is_missing(run: Run, model: Path, weather: Path) -> None:
    done = run("predict", model, weather, "--keep", "day")
    assert done.exit_code == 1
    assert f"{weather}, column 'day': " in done.stderr


def test_other_column_of_text(
    run: Run, model: Path, write_csv: Callable[..., Path]
) -> None:
    data = write_csv("other.csv", [["sunny"]], ["body"])
    assert run("predict", model, data).exit_code == 1
    done = run("predict", model, data, "--text", "body", "--quiet")
    assert json.loads(done.stdout)["prediction"] == "good"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "out.xlsx"], "does not end in"),
        (["-o", "missing/out.csv"], "does not exist"),
        (["-o", "model.skops", "--force"], "does not end in"),
        (["--keep", "prediction"], "name of the column of predictions"),
        (["--keep", "text", "--keep", "text"], "twice"),
    ],
)
def test_wrong_arguments(
    run: Run,
    model: Path,
    weather: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run("predict", model, weather, *arguments)
    assert done.exit_code == 2
    assert message in done.stderr


def test_input_is_never_replaced(run: Run, model: Path, weather: Path) -> None:
    before = weather.read_bytes()
    done = run("predict", model, weather, "-o", weather, "--force")
    assert done.exit_code == 2
    assert weather.read_bytes() == before


def test_existing_output_needs_force(
    run: Run, model: Path, weather: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.csv"
    output.write_text("precious")
    assert run("predict", model, weather, "-o", output).exit_code == 2
    assert output.read_text() == "precious"
    assert run("predict", model, weather, "-o", output, "--force").exit_code == 0
    assert len(rows_of(output)) == 30
