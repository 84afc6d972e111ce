"""score_files and predict_files."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MaxAbsScaler

from shardfit.datasets import TextFiles
from shardfit.exceptions import DatasetError
from shardfit.partitioned import ClassificationScores, predict_files, score_files
from shardfit.partitioned._files import predict as _predict
from tests.partitioned.corpora import documents, files, write

TEXTS, LABELS = documents(400)


@pytest.fixture(scope="module")
def model():
    pipeline = make_pipeline(
        HashingVectorizer(n_features=2**10), SGDClassifier(random_state=0)
    )
    return pipeline.fit(*documents(150, seed=7))


@pytest.fixture
def path(tmp_path):
    return write(tmp_path / "test.csv", TEXTS, LABELS)


class FirstLetter(ClassifierMixin, BaseEstimator):
    """A model that wants a list of str, and has a label of its own."""

    def predict(self, X):
        assert isinstance(X, list)
        assert all(type(text) is str for text in X)
        return np.array(["class0" if len(text) % 2 else "other" for text in X])


def agree_with_scikit_learn(scores, truth, predicted):
    precision, recall, f1, support = metrics.precision_recall_fscore_support(
        truth, predicted, zero_division=0
    )
    assert scores.classes.tolist() == np.unique([*truth, *predicted]).tolist()
    np.testing.assert_allclose(scores.precision, precision, rtol=1e-14)
    np.testing.assert_allclose(scores.recall, recall, rtol=1e-14)
    np.testing.assert_allclose(scores.f1, f1, rtol=1e-14)
    assert scores.support.tolist() == support.tolist()
    assert scores.accuracy == metrics.accuracy_score(truth, predicted)
    assert scores.macro_f1 == pytest.approx(
        metrics.f1_score(truth, predicted, average="macro", zero_division=0)
    )
    assert (
        scores.confusion.tolist() == metrics.confusion_matrix(truth, predicted).tolist()
    )
    assert scores.n_rows == len(truth)


@pytest.mark.parametrize("batch_bytes", [500, 2**20])
def test_scores_are_those_of_scikit_learn(model, path, batch_bytes):
    scores = score_files(model, files(path, batch_bytes=batch_bytes))
    agree_with_scikit_learn(scores, LABELS, model.predict(TEXTS).tolist())


@pytest.mark.parametrize("batch_bytes", [500, 2**20])
def test_labels_that_model_or_files_do_not_know(path, batch_bytes):
    scores = score_files(FirstLetter(), files(path, batch_bytes=batch_bytes))
    agree_with_scikit_learn(scores, LABELS, FirstLetter().predict(TEXTS).tolist())
    assert "other" in scores.classes


def test_classes_of_the_model_that_do_not_occur_are_left_out(model, tmp_path):
    predicted = model.predict(TEXTS)
    rows = np.flatnonzero((predicted == "class1") & (np.array(LABELS) != "class2"))
    texts, labels = [TEXTS[i] for i in rows], [LABELS[i] for i in rows]
    scores = score_files(model, files(write(tmp_path / "some.csv", texts, labels)))
    agree_with_scikit_learn(scores, labels, ["class1"] * len(labels))
    assert "class2" not in scores.classes


def test_scores_of_nothing():
    scores = ClassificationScores(np.array([]), np.zeros((0, 0), dtype=np.int64))
    assert (scores.accuracy, scores.macro_f1, scores.n_rows) == (0.0, 0.0, 0)


def test_labels_of_another_type_are_refused(model, tmp_path):
    path = write(tmp_path / "numbers.csv", TEXTS, [int(x[-1]) for x in LABELS])
    with pytest.raises(ValueError, match="label_type that the model was trained with"):
        score_files(model, files(path))


def test_scoring_needs_labels(model, path):
    with pytest.raises(ValueError, match="give TextFiles a label"):
        score_files(model, TextFiles(path, text="text"))


def test_predictions_stream_in_the_order_of_the_rows(model, path):
    batches = list(predict_files(model, files(path, batch_bytes=2000)))
    assert len(batches) > 5
    labels = np.concatenate([prediction.labels for prediction in batches])
    assert labels.tolist() == model.predict(TEXTS).tolist()
    row = 1
    for batch, labels, _ in batches:
        assert batch.first_row == row
        assert len(labels) == batch.n_rows
        assert batch.columns is None
        row += batch.n_rows


def test_predictions_bring_the_other_columns_if_asked(model, path):
    (prediction,) = predict_files(
        model, TextFiles(path, text="text"), keep_columns=True
    )
    assert prediction.batch.columns.column("label").to_pylist() == LABELS


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("loss", ["hinge", "log_loss"])
def test_scores_of_each_class_if_asked(tmp_path, loss, n_classes):
    texts, labels = documents(200, n_classes=n_classes)
    path = write(tmp_path / "test.csv", texts, labels)
    model = make_pipeline(
        HashingVectorizer(n_features=2**10), SGDClassifier(loss=loss, random_state=0)
    ).fit(texts, labels)
    (prediction,) = predict_files(model, files(path), scores=True)
    assert prediction.labels.tolist() == model.predict(texts).tolist()
    assert prediction.scores.shape == (200, n_classes)
    best = model.classes_[prediction.scores.argmax(axis=1)]
    assert best.tolist() == prediction.labels.tolist()
    if loss == "log_loss":
        np.testing.assert_allclose(prediction.scores, model.predict_proba(texts))
    else:
        values = model.decision_function(texts)
        own = prediction.scores[:, 1] if n_classes == 2 else prediction.scores
        np.testing.assert_allclose(own, values)
    (prediction,) = predict_files(model, files(path))
    assert prediction.scores is None


def test_a_model_without_scores(path):
    with pytest.raises(ValueError, match="FirstLetter has neither predict_proba nor"):
        next(predict_files(FirstLetter(), files(path), scores=True))


def test_batches_before_a_bad_row_are_delivered(model, tmp_path):
    path = tmp_path / "bad.jsonl"
    good = "".join(f'{{"text": "{text}"}}\n' for text in TEXTS)
    path.write_text(good + '{"text": 3}\n')
    predictions = predict_files(model, TextFiles(path, text="text", batch_bytes=2000))
    assert next(predictions).batch.n_rows > 0
    with pytest.raises(DatasetError) as caught:
        list(predictions)
    assert caught.value.row == len(TEXTS) + 1


@pytest.mark.parametrize("last", [SGDClassifier(random_state=0)])
def test_the_fast_vectorizer_is_used_for_such_pipelines(monkeypatch, path, last):
    calls = []

    class Spy(_predict.FastVectorizer, auto_wrap_output_keys=None):
        def transform(self, X):
            calls.append(len(X))
            return super().transform(X)

    monkeypatch.setattr(_predict, "FastVectorizer", Spy)
    vectorizer = HashingVectorizer(n_features=2**10, ngram_range=(1, 2), norm="l1")
    pipeline = Pipeline([("a", vectorizer), ("b", MaxAbsScaler()), ("c", last)])
    pipeline.fit(TEXTS, LABELS)
    coef = last.coef_.copy()
    (prediction,) = predict_files(pipeline, files(path))
    assert calls == [len(TEXTS)]
    assert prediction.labels.tolist() == pipeline.predict(TEXTS).tolist()
    assert last.coef_.flags.c_contiguous
    np.testing.assert_array_equal(last.coef_, coef)


def test_subclasses_of_the_vectorizer_are_left_alone(model, path):
    class Shouting(HashingVectorizer):
        def build_preprocessor(self):
            return str.upper

    pipeline = make_pipeline(Shouting(n_features=2**10), SGDClassifier(random_state=0))
    pipeline.fit(TEXTS, LABELS)
    (prediction,) = predict_files(pipeline, files(path))
    assert prediction.labels.tolist() == pipeline.predict(TEXTS).tolist()


def test_progress_counts_all_rows(model, path):
    class Record:
        phases: list = []
        rows = 0

        def start(self, phase, total_rows):
            self.phases.append((phase, total_rows))

        def advance(self, n_rows, n_bytes):
            self.rows += n_rows

    record = Record()
    score_files(model, files(path, batch_bytes=1000), progress=record)
    for _ in predict_files(model, files(path), progress=record):
        pass
    assert record.phases == [("score", None), ("predict", None)]
    assert record.rows == 2 * len(TEXTS)
