"""fit_files with any classifier, and with document frequencies."""

from __future__ import annotations

import re

import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.linear_model import (
    LogisticRegression,
    Perceptron,
    SGDClassifier,
)
from sklearn.naive_bayes import BernoulliNB, ComplementNB, MultinomialNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.svm import LinearSVC

from shardfit.partitioned import fit_files, score_files
from shardfit.partitioned._files import fit as _fit
from shardfit.partitioned._files.memory import COPIES_OF_ROWS, Demand, gathering_bytes
from tests.partitioned.corpora import documents, files, same_model, write
from tests.partitioned.test_windows import budget, limit

SMALL = {"n_features": 2**12}
TEXTS, LABELS = documents(900)


@pytest.fixture(scope="module")
def train(tmp_path_factory):
    return write(tmp_path_factory.mktemp("train") / "train.csv", TEXTS, LABELS)


@pytest.fixture(scope="module")
def test(tmp_path_factory):
    path = tmp_path_factory.mktemp("test") / "test.csv"
    return write(path, *documents(600, seed=1))


class Record:
    """What progress is told."""

    def __init__(self):
        self.phases = []

    def start(self, phase, total_rows):
        self.phases.append([phase, total_rows, 0, 0])

    def advance(self, n_rows, n_bytes):
        self.phases[-1][2] += n_rows
        self.phases[-1][3] += n_bytes


@pytest.mark.parametrize("n_partitions", [1, 3])
@pytest.mark.parametrize("idf", [False, True])
@pytest.mark.parametrize("kind", [MultinomialNB, ComplementNB, BernoulliNB])
def test_naive_bayes_gets_counts_and_is_exact(train, kind, idf, n_partitions):
    model = fit_files(
        files(train), estimator=kind(), idf=idf, n_partitions=n_partitions, **SMALL
    )
    vectorizer = HashingVectorizer(n_features=2**12, norm=None, alternate_sign=False)
    steps = [vectorizer, *([TfidfTransformer()] if idf else []), kind()]
    expected = Pipeline([(str(n), step) for n, step in enumerate(steps)])
    expected.fit(TEXTS, LABELS)
    assert [type(step) for _, step in model.steps] == [type(step) for step in steps]
    assert model["classifier"].classes_.tolist() == ["class0", "class1", "class2"]
    np.testing.assert_allclose(
        model["classifier"].feature_log_prob_, expected[-1].feature_log_prob_
    )
    assert model.predict(TEXTS).tolist() == expected.predict(TEXTS).tolist()


@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(class_weight={"class0": 2, "class1": 1, "class2": 1}),
        LinearSVC(class_weight="balanced"),
    ],
    ids=repr,
)
def test_the_optimum_of_all_rows(train, estimator):
    estimator.set_params(tol=1e-8, max_iter=10_000)
    model = fit_files(files(train), estimator=estimator, n_partitions=3, **SMALL)
    X = HashingVectorizer(n_features=2**12).transform(TEXTS)
    estimator.fit(X, LABELS)
    coef = model["classifier"].coef_
    np.testing.assert_allclose(coef, estimator.coef_, atol=1e-4)
    assert model["classifier"].get_params() == estimator.get_params()


@pytest.mark.parametrize("kind", [RandomForestClassifier, ExtraTreesClassifier])
@pytest.mark.parametrize("n_partitions", [1, 2])
def test_forests_are_united(train, test, kind, n_partitions):
    def fit(n_jobs):
        return fit_files(
            files(train),
            estimator=kind(n_estimators=25, n_jobs=None),
            n_partitions=n_partitions,
            n_jobs=n_jobs,
            **SMALL,
        )

    model = fit(2)
    assert len(model["classifier"].estimators_) == 25
    assert model["classifier"].n_jobs is None
    assert score_files(model, files(test)).accuracy > 0.55
    other = fit(1)
    np.testing.assert_array_equal(
        model.predict_proba(TEXTS[:50]), other.predict_proba(TEXTS[:50])
    )


def test_neighbors_keep_all_rows(train):
    model = fit_files(
        files(train), estimator=KNeighborsClassifier(3), n_partitions=2, **SMALL
    )
    assert model["classifier"].n_samples_fit_ == 900
    assert np.mean(model.predict(TEXTS[:100]) == LABELS[:100]) > 0.6


def test_other_models_that_stream(train, test, monkeypatch):
    limit(monkeypatch, budget(200))
    model = fit_files(files(train), estimator=Perceptron(), n_partitions=2, **SMALL)
    assert type(model["classifier"]) is Perceptron
    assert score_files(model, files(test)).accuracy > 0.8


def test_the_default_is_a_choice_of_loss_and_alpha(train):
    settings = {"n_partitions": 2, "n_epochs": 2, **SMALL}
    model = fit_files(files(train), loss="log_loss", alpha=1e-4, **settings)
    other = SGDClassifier(loss="log_loss", alpha=1e-4)
    assert same_model(model, fit_files(files(train), estimator=other, **settings))
    assert not hasattr(other, "coef_")


def test_averaging_models_go_on_from_their_averages(train, test):
    estimator = SGDClassifier(alpha=5e-5, average=True)
    model = fit_files(files(train), estimator=estimator, n_partitions=4, **SMALL)
    assert score_files(model, files(test)).accuracy > 0.85
    assert model["classifier"].coef_ is model["classifier"]._average_coef


@pytest.mark.parametrize("n_partitions", [1, 2])
def test_weights_of_classes_are_those_of_all_rows(tmp_path, n_partitions):
    rows = [i for i, label in enumerate(LABELS) if label != "class2" or i % 5 == 0]
    labels = [LABELS[i] for i in rows]
    path = write(tmp_path / "skewed.csv", [TEXTS[i] for i in rows], labels)
    counts = {name: labels.count(name) for name in set(labels)}
    dict_of_same = {name: len(rows) / (3 * counts[name]) for name in counts}
    models = [
        fit_files(
            files(path),
            estimator=SGDClassifier(alpha=5e-5, class_weight=weight),
            n_partitions=n_partitions,
            n_epochs=2,
            **SMALL,
        )
        for weight in ("balanced", dict_of_same, None)
    ]
    assert same_model(models[0], models[1])
    assert not same_model(models[0], models[2])
    assert models[0]["classifier"].class_weight == "balanced"
    assert models[1]["classifier"].class_weight == dict_of_same


@pytest.mark.parametrize("n_rows_of_window", [100, 10_000])
@pytest.mark.parametrize("n_partitions", [1, 3])
def test_document_frequencies_are_those_of_scikit_learn(
    train, monkeypatch, n_rows_of_window, n_partitions
):
    limit(monkeypatch, budget(n_rows_of_window))
    model = fit_files(
        files(train, batch_bytes=5000),
        idf=True,
        n_partitions=n_partitions,
        n_epochs=2,
        **SMALL,
    )
    assert list(model.named_steps) == ["vectorizer", "tfidf", "classifier"]
    vectorizer = HashingVectorizer(n_features=2**12, norm=None)
    expected = TfidfTransformer().fit(vectorizer.transform(TEXTS))
    assert type(model["tfidf"]) is TfidfTransformer
    assert vars(model["tfidf"]).keys() == vars(expected).keys()
    np.testing.assert_array_equal(model["tfidf"].idf_, expected.idf_)
    assert model["tfidf"].n_features_in_ == 2**12
    assert np.mean(model.predict(TEXTS) == LABELS) > 0.9


def test_weighted_rows_are_what_the_model_is_trained_on(train):
    model = fit_files(files(train), idf=True, random_state=5, n_epochs=2, **SMALL)
    X = model[:-1].transform(TEXTS)
    # The files' only batch comes as it is, whatever the seed.
    expected = SGDClassifier(alpha=5e-5)
    for epoch in range(2):
        (state,) = np.random.SeedSequence([5, epoch, 0]).generate_state(1)
        expected.set_params(random_state=int(state))
        expected.partial_fit(X, LABELS, classes=np.unique(LABELS))
    np.testing.assert_array_equal(model["classifier"].coef_, expected.coef_)


def test_files_are_read_once_more_only_where_rows_do_not_fit(train, monkeypatch):
    data = files(train)
    n_text_bytes = sum(map(len, TEXTS))
    record = Record()
    fit_files(data, idf=True, n_epochs=2, progress=record, **SMALL)
    assert record.phases[1:] == [
        ["document frequencies", 900, 900, n_text_bytes],
        ["epoch 1/2", 900, 900, 0],
        ["epoch 2/2", 900, 900, 0],
    ]
    limit(monkeypatch, budget(100))
    record = Record()
    fit_files(data, idf=True, n_epochs=1, progress=record, **SMALL)
    assert record.phases[1:] == [
        ["document frequencies", 900, 900, n_text_bytes],
        ["epoch 1/1", 900, 900, n_text_bytes],
    ]


def test_progress_of_what_needs_all_rows(train):
    record = Record()
    fit_files(files(train), estimator=MultinomialNB(), progress=record, **SMALL)
    assert record.phases[1:] == [
        ["rows", 900, 900, sum(map(len, TEXTS))],
        ["fit", 900, 900, 0],
    ]


def test_rows_that_do_not_fit_are_refused_with_what_they_need(train, monkeypatch):
    monkeypatch.setattr(_fit, "gathering_bytes", lambda *_: budget(300))
    with pytest.raises(ValueError, match="needs all of them at once") as caught:
        fit_files(files(train), estimator=MultinomialNB(), memory=10**9, **SMALL)
    message = str(caught.value)
    held, need = map(
        int, re.search(r"holds (\d+) of 900 rows.* about (\d+) bytes", message).groups()
    )
    assert 250 < held < 350
    assert need == pytest.approx(10**9 + COPIES_OF_ROWS * budget(600), abs=10**5)
    for remedy in ("raise memory", "lower n_features", "SGDClassifier"):
        assert remedy in message


def test_a_budget_for_no_rows_at_all():
    demand = Demand(2, 2**18, 20)
    with pytest.raises(ValueError, match="memory=1000000 is not enough") as caught:
        gathering_bytes(10**6, demand)
    need = int(re.search(r"needs (\d+) bytes", str(caught.value)).group(1))
    assert gathering_bytes(need, demand) >= 12 * 2**18


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (KNeighborsClassifier(metric="no"), "metric"),
        (RandomForestClassifier(n_estimators=0), "n_estimators"),
        (LogisticRegression(penalty="l1", solver="lbfgs"), "l1|penalty"),
        (SGDClassifier(class_weight={"other": 2}), "other|class"),
    ],
    ids=repr,
)
def test_parameters_that_scikit_learn_refuses(train, estimator, message):
    record = Record()
    with pytest.raises(ValueError, match=message):
        fit_files(files(train), estimator=estimator, progress=record, **SMALL)
    assert [phase for phase, *_ in record.phases] in ([], ["labels"])
