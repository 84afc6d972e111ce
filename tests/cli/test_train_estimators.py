"""`shardfit train --estimator`: any classifier that merges and can be stored."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import skops.io
from click.testing import Result
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.utils import all_estimators

from shardfit.cli._classifiers import parameters_of
from shardfit.cli._model_types import CLASSIFIERS, MODULES
from shardfit.cli.model_file import load_model

Run = Callable[..., Result]
COLUMNS = ["--text", "text", "--label", "label", "--n-features", "1024"]


@pytest.fixture
def train(run: Run, weather: Path, tmp_path: Path) -> Run:
    """Return a function that trains on the weather with more options."""

    def invoke(*options: object) -> Result:
        return run("train", weather, *COLUMNS, "-o", tmp_path / "m.skops", *options)

    return invoke


@pytest.mark.parametrize("idf", [[], ["--idf"]], ids=["counts", "idf"])
@pytest.mark.parametrize("name", CLASSIFIERS)
@pytest.mark.filterwarnings("ignore:Class PassiveAggressiveClassifier:FutureWarning")
def test_every_classifier_trains_evaluates_and_predicts(
    run: Run, train: Run, weather: Path, tmp_path: Path, name: str, idf: list[str]
) -> None:
    done = train("--estimator", name, "--partitions", 2, *idf)
    assert done.exit_code == 0, done.output
    output = tmp_path / "m.skops"
    saved = load_model(output)
    assert type(saved.pipeline[-1]).__name__ == name
    assert (type(saved.pipeline[1]) is TfidfTransformer) == bool(idf)
    assert saved.training["estimator"] == name
    assert "accuracy  1.0000" in run("evaluate", output, weather).stdout
    done = run("predict", output, weather, "--keep", "label", "--scores", "--quiet")
    first = json.loads(done.stdout.splitlines()[0])
    assert first.pop("prediction") == first.pop("label") == "good"
    assert list(first) == ["score:bad", "score:good", "score:so, so"]
    assert max(first, key=first.__getitem__) == "score:good"


def test_files_predict_without_shardfit(train: Run, tmp_path: Path) -> None:
    done = train("--estimator", "ExtraTreesClassifier", "--set", "n_estimators=5")
    assert done.exit_code == 0, done.output
    trusted = ["sklearn.tree._tree.Tree"]
    plain = skops.io.load(tmp_path / "m.skops", trusted=trusted)
    assert plain.predict(["sunny", "storm"]).tolist() == ["good", "bad"]


def test_classifiers_are_where_scikit_learn_has_them() -> None:
    found = dict(all_estimators(type_filter="classifier"))
    # One that a later version has removed is refused by its name.
    known = {name: kind.__module__ for name, kind in found.items() if name in MODULES}
    assert known == MODULES


def test_parameters(train: Run, tmp_path: Path) -> None:
    done = train(
        *["--estimator", "LogisticRegression", "--set", "C=0.5"],
        *["--set", "class_weight={'good': 2, 'bad': 1, 'so, so': 1}"],
        *["--set", "fit_intercept=False"],
    )
    assert done.exit_code == 0, done.output
    saved = load_model(tmp_path / "m.skops")
    classifier = saved.pipeline[-1]
    assert (classifier.C, classifier.fit_intercept) == (0.5, False)
    assert classifier.class_weight == {"good": 2, "bad": 1, "so, so": 1}
    assert saved.training["parameters"]["C"] == "0.5"


def test_loss_and_alpha_are_short_for_parameters_of_sgd(
    train: Run, tmp_path: Path
) -> None:
    done = train("--loss", "log_loss", "--set", "alpha=0.001")
    assert done.exit_code == 0, done.output
    saved = load_model(tmp_path / "m.skops")
    classifier = saved.pipeline[-1]
    assert (classifier.loss, classifier.alpha) == ("log_loss", 0.001)
    assert saved.training["parameters"] == {"loss": "'log_loss'", "alpha": "0.001"}


def test_values_are_literals_or_text() -> None:
    given = ["a=1", "b=None", "c=balanced", "d='x'", "e=[1, 2]", "f= 2.5", "g="]
    assert parameters_of(given) == {
        "a": 1,
        "b": None,
        "c": "balanced",
        "d": "x",
        "e": [1, 2],
        "f": 2.5,
        "g": "",
    }
    # Nothing is run.
    assert parameters_of(["a=exit()"]) == {"a": "exit()"}


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ("--estimator Nobody", ["'--estimator'", "no classifier", "MultinomialNB"]),
        ("--estimator SVC", ["SVC cannot be merged: its support vectors"]),
        ("--estimator GaussianNB", ["GaussianNB does not train on sparse text"]),
        ("--estimator BaggingClassifier", ["cannot be stored", "fit_files"]),
        ("--estimator OneVsRestClassifier", ["made of other estimators"]),
        ("--estimator MultinomialNB --merge mix", ['use merge="exact"']),
        ("--merge exact", ["not possible for SGDClassifier"]),
        ("--merge union", ['use merge="mix" or merge="average"']),
        ("--estimator MultinomialNB --alpha 0.1", ["'--alpha'", "SGDClassifier"]),
        ("--estimator MultinomialNB --loss hinge", ["'--loss'", "--set"]),
        ("--estimator MultinomialNB --epochs 3", ["'--epochs'", "to its end"]),
        ("--alpha 0.1 --set alpha=0.1", ["--alpha is short for --set alpha=VALUE"]),
        ("--set alpha", ["'alpha' is not of the form NAME=VALUE"]),
        ("--set =3", ["not of the form NAME=VALUE"]),
        ("--set a-b=3", ["not of the form NAME=VALUE"]),
        ("--set alpha=1 --set alpha=2", ["alpha is set twice"]),
        ("--set C=1", ["SGDClassifier has no parameter 'C'; it has alpha"]),
        ("--set alpha=-1", ["'--set'", "'alpha' parameter", "Got -1"]),
        ("--set penalty=l3", ["'penalty' parameter", "Got 'l3'"]),
        ("--set random_state=3", ["random_state has an option: --seed"]),
        ("--set n_jobs=3", ["n_jobs has an option: --jobs"]),
        ("--set max_iter=3", ["max_iter has no meaning", "--epochs"]),
        ("--set early_stopping=True", ["early_stopping=True"]),
    ],
)
def test_wrong_choices_are_usage_errors(
    train: Run, tmp_path: Path, options: str, parts: list[str]
) -> None:
    done = train(*options.split())
    assert done.exit_code == 2, done.output
    assert done.stderr.startswith("shardfit: error: ")
    for part in parts:
        assert part in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["weather.csv"]


def test_rows_that_do_not_fit_leave_nothing(train: Run, tmp_path: Path) -> None:
    done = train("--estimator", "MultinomialNB", "--memory", "300MB")
    assert done.exit_code == 1
    assert "memory=300000000 is not enough" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["weather.csv"]


def test_number_of_rows_is_told_whatever_the_phases(train: Run, tmp_path: Path) -> None:
    for options in ([], ["--idf"], ["--estimator", "MultinomialNB"]):
        done = train(*options, "--force")
        assert "trained on 30 rows of 3 classes" in done.stderr
        facts = load_model(tmp_path / "m.skops").training
        assert facts["rows"] == 30
        assert facts["text_bytes"] > 100


def test_a_kept_column_may_not_be_one_of_scores(
    run: Run, model: Path, write_csv: Callable[..., Path]
) -> None:
    data = write_csv("a.csv", [["sunny", 1]], ["text", "score:good"])
    done = run("predict", model, data, "--keep", "score:good", "--scores")
    assert done.exit_code == 2
    assert "'score:good' is the name of a column of scores" in done.stderr
    assert run("predict", model, data, "--keep", "score:good").exit_code == 0
