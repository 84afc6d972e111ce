"""What goes wrong, or dies, when people train on partitions by hand."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import joblib
import numpy as np
import pytest
from joblib import parallel_config
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.metrics import log_loss
from sklearn.svm import LinearSVC

from shardfit.merging import merge
from shardfit.parallel import Rounds
from shardfit.partitioned import PartitionedClassifier
from shardfit.partitioned._mixing import Mixture, restart, train_epoch
from shardfit.partitioned._parts import Part
from tests.merging.naive import naive_merge

X, Y = make_classification(
    n_samples=4000,
    n_features=40,
    n_informative=25,
    n_classes=5,
    class_sep=2.0,
    random_state=0,
)


def test_a_start_that_is_given_stays_as_it_is():
    start = SGDClassifier(random_state=0).fit(X, Y)
    coef = start.coef_.copy()
    naive = SGDClassifier(random_state=1, max_iter=1, tol=None)
    given = start.coef_.copy()
    naive.fit(X, Y, coef_init=given, intercept_init=start.intercept_.copy())
    assert np.shares_memory(naive.coef_, given)  # it was trained in place
    models = [clone(start) for _ in range(2)]
    for model in models:
        model.partial_fit(X[:10], Y[:10], classes=range(5))
        restart(model, start)
        train_epoch(model, X, Y, None, None, 0)
    np.testing.assert_array_equal(start.coef_, coef)
    assert not np.shares_memory(models[0].coef_, models[1].coef_)


def test_a_memory_mapped_model_can_go_on_training(tmp_path):
    """On a map of a file, scikit-learn's own `partial_fit` ends the process."""
    path = tmp_path / "model.joblib"
    wide = np.tile(X, 300)  # large enough to be mapped
    for average in (False, True):
        model = SGDClassifier(random_state=0, average=average)
        joblib.dump(model.partial_fit(wide[:50], Y[:50], classes=range(5)), path)
        naive = f"""
            import joblib, numpy as np
            model = joblib.load({str(path)!r}, mmap_mode="r")
            model.partial_fit(np.ones((50, {wide.shape[1]})), np.arange(50) % 5)
        """
        died = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(naive)], check=False, timeout=60
        )
        mapped = joblib.load(path, mmap_mode="r")
        trained = train_epoch(mapped, wide[:50], Y[:50], None, np.arange(5), 1)
        plain = train_epoch(joblib.load(path), wide[:50], Y[:50], None, np.arange(5), 1)
        np.testing.assert_array_equal(trained.coef_, plain.coef_)
        assert died.returncode != 0


def test_worker_processes_get_models_that_they_may_write_into():
    wide = sparse.csr_array(np.tile(X[:400], 400))  # models of 640 kB and more
    model = PartitionedClassifier(
        SGDClassifier(random_state=0), n_partitions=2, n_rounds=3, weights="rows"
    )
    expected = clone(model).set_params(n_jobs=1).fit(wide, Y[:400])
    with parallel_config(backend="loky", n_jobs=2, max_nbytes=1000):
        found = clone(model).fit(wide, Y[:400])
    np.testing.assert_array_equal(found.estimator_.coef_, expected.estimator_.coef_)


def test_partitions_stop_at_the_same_epoch():
    parts = [
        SGDClassifier(random_state=i).fit(X[i::4], Y[i::4]).n_iter_ for i in range(4)
    ]
    assert len(set(parts)) > 1  # by hand, each when it likes
    model = PartitionedClassifier(SGDClassifier(random_state=0), n_partitions=4)
    model.fit(X, Y)
    assert model.n_rounds_ == 10
    assert model.estimator_.t_ == 1 + 10 * len(Y)


def test_a_partition_without_a_class_has_no_say_in_it():
    # Partition 0 lacks class 4. It knows the class by name only, and has learned that
    # nothing belongs to it.
    rows = [np.flatnonzero((Y != 4) & (np.arange(len(Y)) % 2 == 0))]
    rows.append(np.setdiff1d(np.arange(len(Y)), rows[0]))
    mixture = Mixture(
        SGDClassifier(),
        [Part(X[own], Y[own], len(own)) for own in rows],
        np.arange(5),
        by_feature=False,
        weights=np.array([len(own) for own in rows], dtype=float),
    )
    with Rounds(2, n_jobs=1) as rounds:
        for epoch in range(5):
            mixture.train([epoch, epoch + 100], rounds)
    models = mixture._models
    naive = naive_merge(models)
    np.testing.assert_array_equal(mixture.result().coef_[4], models[1].coef_[4])
    in_class = Y == 4
    merged = mixture.result().score(X[in_class], Y[in_class])
    assert merged > naive.score(X[in_class], Y[in_class]) + 0.05


def test_averages_of_logistic_models_keep_their_probabilities():
    scaled = X / X.std(axis=0)
    parts = [LogisticRegression().fit(scaled[i::16], Y[i::16]) for i in range(16)]
    merged = log_loss(Y, merge(parts).predict_proba(scaled))
    members = np.mean([part.predict_proba(scaled) for part in parts], axis=0)
    assert merged < log_loss(Y, members)
    full = LogisticRegression().fit(scaled, Y).predict_proba(scaled)
    assert merged < log_loss(Y, full) + 0.05


@pytest.mark.parametrize(
    "estimator",
    [SGDClassifier(random_state=0), LinearSVC(loss="hinge", C=1e-3, random_state=0)],
)
def test_64_bit_indices_are_no_reason_to_stop(estimator):
    rows = sparse.csr_matrix(np.where(np.abs(X) > 2, X, 0))
    expected = PartitionedClassifier(estimator, n_partitions=3).fit(rows, Y)
    rows.indices = rows.indices.astype(np.int64)
    rows.indptr = rows.indptr.astype(np.int64)
    with pytest.raises(ValueError, match=r"64|32-bit"):
        clone(estimator).fit(rows, Y)
    found = PartitionedClassifier(estimator, n_partitions=3).fit(rows, Y)
    np.testing.assert_array_equal(found.estimator_.coef_, expected.estimator_.coef_)
    assert rows.indices.dtype == np.int64


def test_lonely_classes_need_no_luck():
    """One class has one row: by hand, all partitions but one do not know it."""
    labels = Y.copy()
    labels[labels == 4] = 3
    labels[17] = 4
    for estimator in (
        SGDClassifier(random_state=0),
        LogisticRegression(),
        LinearSVC(),
    ):
        model = PartitionedClassifier(estimator, n_partitions=8).fit(X, labels)
        assert model.classes_.tolist() == [0, 1, 2, 3, 4]
        assert model.estimator_.coef_.shape == (5, 40)
