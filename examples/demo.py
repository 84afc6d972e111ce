"""Train on a real corpus with the `shardfit` command, beside scikit-learn.

Run it by `make demo`, or with ``--20news`` on the 20 newsgroups, which scikit-learn
downloads. The corpus, the model and the chart are left in ``.demo/``. Both sides
read the same files, vectorize with the same settings and train the same classifier
for the same number of epochs; a time is everything from the files to the model.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet
from rich.console import Console
from rich.table import Table
from sklearn.base import clone
from sklearn.datasets import fetch_20newsgroups
from sklearn.metrics import accuracy_score

from shardfit.cli.model_file import load_model
from source_corpus import Corpus, source_corpus

EPOCHS = 5
PARTITIONS = 2
PARTS = ("0.parquet", "1.parquet", "2.csv", "3.jsonl.gz")

console = Console()


@dataclass
class Result:
    """What one side has to show: seconds, and the share of correct predictions."""

    name: str
    train_seconds: float
    predict_seconds: float
    accuracy: float


def main() -> None:
    """Build the corpus, run both sides, and compare them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--20news", action="store_true", dest="newsgroups")
    parser.add_argument("--folder", type=Path, default=Path(".demo"))
    arguments = parser.parse_args()

    with console.status("collecting texts"):
        corpus = newsgroups() if arguments.newsgroups else source_corpus()
    shutil.rmtree(arguments.folder, ignore_errors=True)
    arguments.folder.mkdir(parents=True)
    train_files, test_file = write(corpus, arguments.folder)
    describe(corpus, train_files)

    results = [with_shardfit(train_files, test_file, arguments.folder)]
    results.append(with_scikit_learn(train_files, test_file, arguments.folder))
    console.print(comparison(results, corpus))
    console.print(f"The corpus, the model and a chart are in {arguments.folder}/.")


def newsgroups() -> Corpus:
    """Return the 20 newsgroups without what would give the group away."""
    sides = []
    for subset in ("train", "test"):
        try:
            bunch = fetch_20newsgroups(
                subset=subset, remove=("headers", "footers", "quotes")
            )
        except OSError as error:
            sys.exit(
                f"the 20 newsgroups could not be downloaded ({error}); connect to the "
                "internet, or run the demo without --20news"
            )
        names = [bunch.target_names[label] for label in bunch.target]
        sides.append(list(zip(bunch.data, names, strict=True)))
    return Corpus(train=sides[0], test=sides[1])


def write(corpus: Corpus, folder: Path) -> tuple[list[Path], Path]:
    """Write the training texts as files of three formats, the test texts as one."""
    train_files = [folder / f"train-{part}" for part in PARTS]
    for number, path in enumerate(train_files):
        rows = corpus.train[number :: len(PARTS)]
        if path.suffix == ".parquet":
            write_parquet(path, rows)
        elif path.suffix == ".csv":
            with path.open("w", encoding="utf-8", newline="") as file:
                csv.writer(file).writerows([("text", "label"), *rows])
        else:
            with gzip.open(path, "wt", encoding="utf-8", compresslevel=1) as file:
                for text, label in rows:
                    file.write(json.dumps({"text": text, "label": label}) + "\n")
    write_parquet(folder / "test.parquet", corpus.test)
    return train_files, folder / "test.parquet"


def write_parquet(path: Path, rows: Sequence[tuple[str, str]]) -> None:
    """Write texts and labels as a Parquet file."""
    texts, labels = zip(*rows, strict=True)
    table = pa.table({"text": texts, "label": labels})
    pyarrow.parquet.write_table(table, path, row_group_size=4096)


def read(path: Path) -> tuple[list[str], list[str]]:
    """Return the texts and labels of a file, read by the fastest way Arrow has."""
    if path.suffix == ".parquet":
        table = pyarrow.parquet.read_table(path)
    elif path.suffix == ".csv":
        table = pyarrow.csv.read_csv(
            path, parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True)
        )
    else:
        with pa.input_stream(path) as stream:
            table = pyarrow.json.read_json(stream)
    return table["text"].to_pylist(), table["label"].to_pylist()


def with_shardfit(train_files: list[Path], test_file: Path, folder: Path) -> Result:
    """Train, evaluate and predict by the commands that a user would type."""
    model, predictions = folder / "model.skops", folder / "predictions.parquet"
    columns = ("--text", "text", "--label", "label")
    options = ("--partitions", PARTITIONS, "--epochs", EPOCHS, "--seed", 0)
    # Enough to keep all rows between the epochs, as scikit-learn's side does.
    options_of_memory = ("--memory", "3GB")
    train_seconds = run(
        "train", *train_files, *columns, "-o", model, *options, *options_of_memory
    )
    run("evaluate", model, test_file, "--plot", folder / "confusion.png")
    predict_seconds = run("predict", model, test_file, "-o", predictions)
    predicted = pyarrow.parquet.read_table(predictions)["prediction"].to_pylist()
    return Result(
        "shardfit",
        train_seconds,
        predict_seconds,
        accuracy_score(read(test_file)[1], predicted),
    )


def run(*arguments: Any) -> float:
    """Run `shardfit` with `arguments`, show the command, and return the seconds."""
    words = [str(argument) for argument in arguments]
    console.print(f"\n[bold]$ shardfit {shlex.join(words)}[/bold]", soft_wrap=True)
    suffix = ".exe" if os.name == "nt" else ""
    program = Path(sysconfig.get_path("scripts"), f"shardfit{suffix}")
    start = time.perf_counter()
    if status := subprocess.run([program, *words], check=False).returncode:
        sys.exit(f"shardfit ended with status {status}")
    return time.perf_counter() - start


def with_scikit_learn(train_files: list[Path], test_file: Path, folder: Path) -> Result:
    """Do the same with scikit-learn alone, each text vectorized once, in memory."""
    trained = load_model(folder / "model.skops").pipeline
    vectorizer, classifier = (clone(step) for _, step in trained.steps)
    classifier.set_params(random_state=0, n_jobs=-1)
    console.print(f"\n[bold]scikit-learn[/bold]: {vectorizer}, {classifier}")
    with console.status("training") as status:
        start = time.perf_counter()
        parts = [read(path) for path in train_files]
        labels = np.concatenate([labels for _, labels in parts])
        status.update("vectorizing")
        features = vectorizer.transform(text for texts, _ in parts for text in texts)
        for epoch in range(EPOCHS):
            status.update(f"epoch {epoch + 1} of {EPOCHS}")
            classifier.partial_fit(features, labels, classes=np.unique(labels))
        train_seconds = time.perf_counter() - start

        status.update("predicting")
        start = time.perf_counter()
        texts, truth = read(test_file)
        predicted = classifier.predict(vectorizer.transform(texts))
        predict_seconds = time.perf_counter() - start
    accuracy = accuracy_score(truth, predicted)
    return Result("scikit-learn", train_seconds, predict_seconds, accuracy)


def describe(corpus: Corpus, train_files: list[Path]) -> None:
    """Print what the corpus holds and where it is."""
    labels = sorted({label for _, label in corpus.train})
    console.print(
        f"{len(corpus.train):,} texts ({megabytes(corpus.train):.1f} MB) to train on, "
        f"{len(corpus.test):,} ({megabytes(corpus.test):.1f} MB) to test on, "
        f"{len(labels)} labels: {', '.join(labels)}"
    )
    console.print(f"in {', '.join(str(path) for path in train_files)}")


def comparison(results: Sequence[Result], corpus: Corpus) -> Table:
    """Return the table of both sides; MB are megabytes of text, counted once."""
    table = Table(
        title=f"{EPOCHS} epochs; shardfit: {PARTITIONS} partitions",
        caption=(
            f"shardfit's seconds include {seconds_to_start():.1f} s to start Python "
            "and import it all"
        ),
    )
    table.add_column("")
    for heading in ("accuracy", "train s", "train MB/s", "predict s", "predict MB/s"):
        table.add_column(heading, justify="right")
    for result in results:
        table.add_row(
            result.name,
            f"{result.accuracy:.4f}",
            f"{result.train_seconds:.1f}",
            f"{megabytes(corpus.train) / result.train_seconds:.1f}",
            f"{result.predict_seconds:.1f}",
            f"{megabytes(corpus.test) / result.predict_seconds:.1f}",
        )
    return table


def seconds_to_start() -> float:
    """Return the seconds before a command can begin, which the other side has not."""
    start = time.perf_counter()
    program = "import pyarrow.parquet, shardfit.cli.model_file, shardfit.partitioned"
    subprocess.run([sys.executable, "-c", program], check=True)
    return time.perf_counter() - start


def megabytes(rows: Sequence[tuple[str, str]]) -> float:
    """Return the size of the texts as UTF-8."""
    return sum(len(text.encode("utf-8")) for text, _ in rows) / 1e6


if __name__ == "__main__":
    main()
