"""What partitions cost in accuracy, and gain in time: tables by way of merging.

Run by ``python -m benches.partitioned --data FOLDER``, with a folder that holds
``NAME-train.parquet`` and ``NAME-test.parquet`` (columns "text" and "label") for the
names in `TEXTS`, and ``letter.npz`` (arrays X and y). What is missing is left out; with
no folder, the 20 newsgroups are downloaded by scikit-learn. Accuracies are those of
one seed: differences below half a point are noise.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.datasets import fetch_20newsgroups
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.svm import LinearSVC

from shardfit.feature_extraction.text import HashingVectorizer
from shardfit.partitioned import PartitionedClassifier

# Of the strength that suits each corpus best, on one model of all rows.
TEXTS = {"20news": 3e-5, "amazon": 1e-5}
PARTITIONS = (1, 2, 4, 8, 16, 32)
FOREST_PARTITIONS = (4, 16)
EPOCHS = 10
N_TREES = 32
WAYS: dict[str, dict[str, Any]] = {
    "average, by rows": {"merge": "average", "weights": "rows"},
    "average, by df": {"merge": "average", "weights": "df"},
    "mix, by rows": {"merge": "mix", "weights": "rows"},
    "mix, by df": {"merge": "mix", "weights": "df"},
}
EXACT = {"LinearSVC": LinearSVC(), "LogisticRegression": LogisticRegression()}

Split = tuple[Any, NDArray[Any], Any, NDArray[Any]]


def texts(name: str, folder: Path | None) -> Split | None:
    """Return hashed rows and labels to train on and to test on."""
    sides = []
    for side in ("train", "test"):
        if folder is not None:
            path = folder / f"{name}-{side}.parquet"
            if not path.exists():
                return None
            import pyarrow.parquet as pq  # noqa: PLC0415 - an extra

            table = pq.read_table(path)
            documents, labels = table["text"], table["label"].to_pylist()
        elif name == "20news":
            bunch = fetch_20newsgroups(subset=side)
            documents, labels = bunch.data, bunch.target
        else:
            return None
        X = HashingVectorizer(n_features=2**18).transform(documents)
        sides += [X, np.asarray(labels)]
    return (sides[0], sides[1], sides[2], sides[3])


def scored(model: Any, split: Split, *, is_sorted: bool) -> dict[str, Any]:
    """Fit a model, and return its accuracy and what else it knows."""
    X, y, X_test, y_test = split
    if is_sorted:
        order = np.argsort(y, kind="stable")
        X, y = X[order], y[order]
        model.set_params(shuffle=False)
    began = perf_counter()
    with warnings.catch_warnings():
        # That sorted partitions are skewed is what is measured here.
        warnings.filterwarnings("ignore", "the partitions are not alike")
        model.fit(X, y)
    return {
        "accuracy": float(model.score(X_test, y_test)),
        "seconds": perf_counter() - began,
        "rounds": getattr(model, "n_rounds_", None),
    }


def text_rows(name: str, split: Split) -> Iterator[dict[str, Any]]:
    """Yield a line of the table per way, order and number of partitions."""
    sgd = SGDClassifier(alpha=TEXTS[name], random_state=0)
    for order in ("random", "sorted"):
        for way, options in WAYS.items():
            for k in PARTITIONS:
                model = PartitionedClassifier(
                    sgd, n_partitions=k, n_rounds=EPOCHS, **options
                )
                yield {
                    "table": f"{name}, SGD, {order}",
                    "way": way,
                    "k": k,
                    **scored(model, split, is_sorted=order == "sorted"),
                }
        for way, estimator in EXACT.items():
            for k in PARTITIONS:
                model = PartitionedClassifier(estimator, n_partitions=k, merge="exact")
                yield {
                    "table": f"{name}, exact, {order}",
                    "way": way,
                    "k": k,
                    **scored(model, split, is_sorted=order == "sorted"),
                }


def distance_rows(name: str, split: Split) -> Iterator[dict[str, Any]]:
    """Yield how far the exact solution is from scikit-learn's own, run tightly."""
    X, y, _, _ = split
    references = {
        "LinearSVC": LinearSVC(tol=1e-9, max_iter=100_000, dual=False),
        "LogisticRegression": LogisticRegression(
            solver="newton-cg", tol=1e-10, max_iter=10_000
        ),
    }
    for way, estimator in references.items():
        began = perf_counter()
        full = estimator.fit(X, y)
        seconds = perf_counter() - began
        for k in (1, 4, 32):
            model = PartitionedClassifier(EXACT[way], n_partitions=k, merge="exact")
            own = model.fit(X, y).estimator_
            yield {
                "table": f"{name}, distance from scikit-learn at a tight tolerance",
                "way": way,
                "k": k,
                "distance": float(np.abs(own.coef_ - full.coef_).max()),
                "rounds": model.n_rounds_,
                "seconds": seconds,
            }


def forest_rows(folder: Path | None) -> Iterator[dict[str, Any]]:
    """Yield how forests on letters fare, replicated and partitioned."""
    if folder is None or not (folder / "letter.npz").exists():
        return
    with np.load(folder / "letter.npz") as letter:
        X, y = letter["X"], letter["y"]
    order = np.random.RandomState(0).permutation(len(y))
    train, test = order[:16_000], order[16_000:]
    split = (X[train], y[train], X[test], y[test])
    for kind in (RandomForestClassifier, ExtraTreesClassifier):
        forest = kind(n_estimators=N_TREES, random_state=0)
        line = {"table": "letter, forests", "way": kind.__name__}
        model = PartitionedClassifier(forest, n_partitions=1)
        yield {**line, "k": 1, **scored(model, split, is_sorted=False)}
        for strategy in ("replicate", "partition"):
            for k in FOREST_PARTITIONS:
                model = PartitionedClassifier(forest, n_partitions=k, strategy=strategy)
                found = scored(model, split, is_sorted=False)
                way = f"{kind.__name__}, {strategy}"
                yield {"table": line["table"], "way": way, "k": k, **found}


def time_rows(name: str, split: Split, repetitions: int) -> Iterator[dict[str, Any]]:
    """Yield the time of one worker and of two, in turn."""
    X, y, _, _ = split
    models: dict[str, Any] = {
        "SGD, mix": PartitionedClassifier(
            SGDClassifier(alpha=TEXTS[name], random_state=0), n_partitions=8
        ),
        "LinearSVC, exact": PartitionedClassifier(LinearSVC(), n_partitions=8),
        "RandomForest, union": PartitionedClassifier(
            RandomForestClassifier(N_TREES, max_depth=12, random_state=0),
            n_partitions=8,
        ),
    }
    for way, model in models.items():
        times: dict[int, list[float]] = {1: [], 2: []}
        for _ in range(repetitions):
            for n_jobs, seconds in times.items():
                began = perf_counter()
                clone(model).set_params(n_jobs=n_jobs).fit(X, y)
                seconds.append(perf_counter() - began)
        for n_jobs, seconds in times.items():
            yield {
                "table": f"{name}, seconds of k=8 by number of workers",
                "way": way,
                "k": n_jobs,
                "seconds": median(seconds),
                "ratio": median(times[1]) / median(seconds),
            }


def show(
    lines: Iterator[dict[str, Any]], value: str, form: str
) -> list[dict[str, Any]]:
    """Print lines as tables, one row per way and one column per k."""
    kept: list[dict[str, Any]] = []
    table = way = None
    for line in lines:
        if line["table"] != table:
            table = line["table"]
            print(f"\n{table}: {value}", end="")
            way = None
        if line["way"] != way:
            way = line["way"]
            print(f"\n  {way:<36}", end="")
        print(f"  k={line['k']}: {line[value]:{form}}", end="", flush=True)
        if value in ("accuracy", "distance") and line["rounds"] is not None:
            print(f" ({line['rounds']})", end="", flush=True)
        kept.append(line)
    print()
    return kept


def main() -> None:
    """Print the tables that are asked for, and keep them as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of the corpora")
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    parser.add_argument("--repetitions", type=int, default=3, help="of timed fits")
    parser.add_argument("--corpora", nargs="*", choices=TEXTS, default=list(TEXTS))
    tables = ("accuracy", "distance", "seconds", "forests")
    parser.add_argument("--tables", nargs="*", choices=tables, default=list(tables))
    arguments = parser.parse_args()
    lines = []
    for name in arguments.corpora:
        split = texts(name, arguments.data)
        if split is None:
            continue
        if "accuracy" in arguments.tables:
            lines += show(text_rows(name, split), "accuracy", ".4f")
        if "distance" in arguments.tables:
            lines += show(distance_rows(name, split), "distance", ".1e")
        if "seconds" in arguments.tables:
            timed = time_rows(name, split, arguments.repetitions)
            lines += show(timed, "seconds", ".2f")
    if "forests" in arguments.tables:
        lines += show(forest_rows(arguments.data), "accuracy", ".4f")
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(lines, indent=1))


if __name__ == "__main__":
    main()
