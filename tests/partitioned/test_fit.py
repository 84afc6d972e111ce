"""fit_files: what comes out, and from which rows."""

from __future__ import annotations

import pickle
import subprocess
import sys
import textwrap

import joblib
import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import SGDClassifier, SGDRegressor
from sklearn.naive_bayes import GaussianNB, MultinomialNB
from sklearn.pipeline import Pipeline

from shardfit.exceptions import DatasetError
from shardfit.partitioned import fit_files, score_files
from shardfit.partitioned._files.dealing import Dealer
from tests.partitioned.corpora import documents, files, same_model, write

SMALL = {"n_features": 2**12, "n_epochs": 3}


@pytest.fixture(scope="module")
def train(tmp_path_factory):
    return write(tmp_path_factory.mktemp("train") / "train.csv", *documents(900))


@pytest.fixture(scope="module")
def test(tmp_path_factory):
    path = tmp_path_factory.mktemp("test") / "test.csv"
    return write(path, *documents(600, seed=1))


def test_pipeline_is_scikit_learns_own(train):
    model = fit_files(files(train), ngram_range=(1, 2), **SMALL)
    assert type(model) is Pipeline
    assert list(model.named_steps) == ["vectorizer", "classifier"]
    assert type(model["vectorizer"]) is HashingVectorizer
    assert type(model["classifier"]) is SGDClassifier
    assert model["vectorizer"].ngram_range == (1, 2)
    classifier = model["classifier"]
    assert classifier.classes_.tolist() == ["class0", "class1", "class2"]
    assert classifier.n_jobs is None
    assert classifier.shuffle
    assert classifier.random_state is None
    assert classifier.t_ == 1 + 3 * 900
    classifier.partial_fit(model["vectorizer"].transform(["own0x1"]), ["class0"])


def test_one_partition_is_the_loop_one_would_write(train):
    model = fit_files(files(train), random_state=5, **SMALL)
    texts, labels = documents(900)
    X = HashingVectorizer(n_features=2**12).transform(texts)
    y = np.array(labels)
    expected = SGDClassifier(alpha=5e-5)
    for epoch in range(3):
        (state,) = np.random.SeedSequence([5, epoch, 0]).generate_state(1)
        expected.set_params(random_state=int(state))
        expected.partial_fit(X, y, classes=np.unique(y))
    np.testing.assert_array_equal(model["classifier"].coef_, expected.coef_)
    np.testing.assert_array_equal(model["classifier"].intercept_, expected.intercept_)


@pytest.mark.parametrize("n_partitions", [1, 3])
def test_any_number_of_threads_gives_the_same_bits(train, n_partitions):
    models = [
        fit_files(files(train), n_partitions=n_partitions, n_jobs=n_jobs, **SMALL)
        for n_jobs in (1, 2, 5, None)
    ]
    assert all(same_model(models[0], model) for model in models[1:])


def test_seed_decides_everything(train):
    def fit(seed):
        return fit_files(files(train), n_partitions=2, random_state=seed, **SMALL)

    assert same_model(fit(1), fit(1))
    assert not same_model(fit(1), fit(2))
    assert same_model(fit(np.random.RandomState(3)), fit(np.random.RandomState(3)))
    fit(None)


def test_budgets_and_batches_that_hold_all_rows_give_the_same_bits(train):
    first = fit_files(files(train), n_partitions=2, **SMALL)
    second = fit_files(
        files(train, batch_bytes=5000), n_partitions=2, memory=2 * 10**9, **SMALL
    )
    assert same_model(first, second)


@pytest.mark.parametrize("backend", ["loky", "threading", "sequential"])
def test_backend_of_the_user_gives_the_same_bits(train, backend):
    # So many columns that joblib hands the models to processes memory-mapped.
    settings = {"n_partitions": 2, "n_features": 2**17, "n_epochs": 2}
    expected = fit_files(files(train), **settings)
    with joblib.parallel_config(backend=backend, n_jobs=2):
        assert same_model(fit_files(files(train), **settings), expected)


def test_mixing_beats_averaging_once(tmp_path):
    # Most words are rare: the weight of each lives in few partitions, and the mean
    # over all of them shrinks it.
    path = write(tmp_path / "rare.csv", *documents(1200, n_own_words=600))
    unseen = write(tmp_path / "unseen.csv", *documents(1500, seed=1, n_own_words=600))
    scores = {}
    for merge in ("mix", "average", "auto"):
        model = fit_files(
            files(path), n_partitions=16, merge=merge, n_features=2**14, n_epochs=5
        )
        scores[merge] = score_files(model, files(unseen)).accuracy
    assert scores["mix"] > scores["average"]
    assert scores["auto"] == scores["mix"]


def test_average_once_is_the_mean_of_the_partitions(train):
    model = fit_files(files(train), n_partitions=2, merge="average", **SMALL)
    texts, labels = documents(900)
    X = HashingVectorizer(n_features=2**12).transform(texts)
    y = np.array(labels)
    owners = Dealer(2, np.random.default_rng([0, 0])).deal(900)
    parts = [SGDClassifier(alpha=5e-5) for _ in range(2)]
    n_holding = [np.bincount(X[owners == n].indices, minlength=2**12) for n in (0, 1)]
    for epoch in range(3):
        states = np.random.SeedSequence([0, epoch, 0]).generate_state(2)
        for number, part in enumerate(parts):
            part.set_params(random_state=int(states[number]))
            own = owners == number
            part.partial_fit(X[own], y[own], classes=np.unique(y))
    weights = np.maximum(n_holding, 1e-20)
    expected = sum(w * part.coef_ for w, part in zip(weights, parts, strict=True))
    expected /= weights.sum(axis=0)
    np.testing.assert_allclose(
        model["classifier"].coef_, expected, rtol=1e-12, atol=1e-15
    )
    mean = (parts[0].intercept_ + parts[1].intercept_) / 2
    np.testing.assert_allclose(model["classifier"].intercept_, mean, rtol=1e-12)
    assert model["classifier"].t_ == 1 + 3 * 900


@pytest.mark.parametrize("order", ["sorted", "alternating"])
def test_order_of_the_file_does_not_matter(tmp_path, test, order):
    texts, labels = documents(900, n_classes=2)
    rows = np.argsort(labels, kind="stable")
    if order == "alternating":
        half = min(labels.count("class0"), labels.count("class1"))
        first, second = rows[:half], rows[len(rows) - half :]
        rows = np.ravel(np.column_stack([first, second]))
    path = write(
        tmp_path / "ordered.csv", [texts[i] for i in rows], [labels[i] for i in rows]
    )
    unseen = write(tmp_path / "unseen.csv", *documents(600, n_classes=2, seed=1))
    model = fit_files(files(path), n_partitions=2, **SMALL)
    assert score_files(model, files(unseen)).accuracy > 0.85


def test_two_classes_and_integer_labels(tmp_path):
    texts, labels = documents(300, n_classes=2)
    path = write(tmp_path / "two.csv", texts, [int(label[-1]) for label in labels])
    model = fit_files(files(path), n_partitions=3, **SMALL)
    assert model["classifier"].coef_.shape == (1, 2**12)
    assert model.predict(texts[:5]).dtype == np.int64
    assert np.mean(model.predict(texts) == [int(label[-1]) for label in labels]) > 0.9


def test_more_partitions_than_rows(tmp_path):
    path = write(tmp_path / "few.csv", *documents(20))
    model = fit_files(files(path), n_partitions=30, **SMALL)
    assert np.isfinite(model["classifier"].coef_).all()
    assert model["classifier"].t_ == 1 + 3 * 20


def test_one_class_is_refused(tmp_path):
    path = write(tmp_path / "one.csv", ["a b", "c d"], ["same", "same"])
    with pytest.raises(DatasetError, match=r"label 'same'.*at least two classes"):
        fit_files(files(path))


def test_error_of_the_files_passes_through(tmp_path):
    path = write(tmp_path / "good.csv", *documents(30))
    path.with_name("bad.jsonl").write_text(
        '{"text": "fine", "label": "class0"}\n{"text": null, "label": "class1"}\n'
    )
    with pytest.raises(DatasetError) as caught:
        fit_files(files(tmp_path), **SMALL)
    assert (caught.value.row, caught.value.column) == (2, "text")


def test_file_that_changes_during_training(tmp_path, monkeypatch):
    path = write(tmp_path / "changing.csv", *documents(60))
    data = files(path)
    data.summarize_labels()
    write(path, *documents(60, n_classes=4))
    with pytest.raises(DatasetError, match="'class3' was not there"):
        fit_files(data, **SMALL)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_partitions": 0}, "n_partitions must be at least 1, got 0"),
        ({"n_epochs": 0}, "n_epochs must be at least 1, got 0"),
        ({"memory": -1}, "memory must be at least 1"),
        ({"merge": "sum"}, "merge must be one of 'auto', .*, got 'sum'"),
        ({"random_state": -1}, "random_state must not be negative"),
        ({"loss": "no"}, "loss"),
        ({"alpha": -1.0}, "alpha"),
        ({"estimator": SGDClassifier(loss="no")}, "loss"),
        ({"estimator": SGDClassifier(early_stopping=True)}, "early_stopping=True"),
        ({"estimator": GaussianNB()}, "GaussianNB takes dense matrices only"),
        ({"estimator": GradientBoostingClassifier()}, "cannot be trained on part"),
        ({"estimator": MultinomialNB(), "merge": "mix"}, 'use merge="exact"'),
        ({"n_features": 0}, "n_features must be at least 1, got 0"),
        ({"ngram_range": (2, 1)}, r"ngram_range=\(2, 1\)"),
        ({"n_jobs": 0}, "n_jobs must not be 0"),
    ],
)
def test_bad_parameters_are_refused_before_anything_is_read(parameters, message):
    class Unread:
        def summarize_labels(self, advance=None):
            raise AssertionError("read before the parameters were checked")

    with pytest.raises(ValueError, match=message):
        fit_files(Unread(), **parameters)


@pytest.mark.parametrize("estimator", [SGDClassifier, "SGDClassifier", SGDRegressor()])
def test_no_classifier(train, estimator):
    with pytest.raises(TypeError, match="must be a classifier that is not fitted"):
        fit_files(files(train), estimator=estimator)


def test_progress_is_told_of_every_row(train):
    class Record:
        def __init__(self):
            self.phases = []

        def start(self, phase, total_rows):
            self.phases.append([phase, total_rows, 0, 0])

        def advance(self, n_rows, n_bytes):
            self.phases[-1][2] += n_rows
            self.phases[-1][3] += n_bytes

    record = Record()
    fit_files(files(train), progress=record, **SMALL)
    n_text_bytes = sum(len(text) for text in documents(900)[0])
    assert record.phases == [
        ["labels", None, 900, train.stat().st_size],
        ["epoch 1/3", 900, 900, n_text_bytes],
        ["epoch 2/3", 900, 900, 0],
        ["epoch 3/3", 900, 900, 0],
    ]


def test_predicts_where_this_package_is_not_installed(train, tmp_path):
    model = fit_files(files(train), n_partitions=2, **SMALL)
    texts, _ = documents(20)
    (tmp_path / "model.pkl").write_bytes(pickle.dumps((model, texts)))
    script = """
        import pickle, sys
        sys.modules["shardfit"] = None
        model, texts = pickle.load(open(sys.argv[1], "rb"))
        print(*model.predict(texts))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), tmp_path / "model.pkl"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == model.predict(texts).tolist()
