"""A forest grows in the background, and can be had at any moment."""

from __future__ import annotations

import copy
import gc
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path

import joblib
import numpy as np
import pytest
import scipy.sparse as sp
from joblib import parallel_config
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import make_classification
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    BaggingRegressor,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
    RandomTreesEmbedding,
)
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from shardfit.ensemble import ForestGrower, GrowthReport
from shardfit.exceptions import WorkerLostError

X, CODES = make_classification(
    n_samples=800, n_features=10, n_informative=7, n_classes=4, random_state=0
)
Y = np.array(["ant", "bee", "cat", "dog"])[CODES]
FOREST = RandomForestClassifier(10, random_state=0)
GATES: dict[str, threading.Event] = {}


class Gated(ClassifierMixin, BaseEstimator):
    """A member that says it has begun, and goes on when it is let."""

    def __init__(self, path=None, begun="begun", go="go", random_state=None):
        self.path = path
        self.begun = begun
        self.go = go
        self.random_state = random_state

    def fit(self, X, y):
        GATES[self.begun].set()
        assert GATES[self.go].wait(60)
        self.classes_ = np.unique(y)
        self.n_features_in_ = X.shape[1]
        return self

    def predict(self, X):
        return np.repeat(self.classes_[:1], len(X))


class Deadly(Gated):
    """A member that kills its process, as often as there are files that say so."""

    def fit(self, X, y):
        for name in Path(self.path).glob("bullet*"):
            try:
                name.unlink()
            except FileNotFoundError:
                continue
            os.kill(os.getpid(), signal.SIGKILL)
        self.classes_ = np.unique(y)
        return self


@pytest.fixture
def gates():
    GATES.update(begun=threading.Event(), go=threading.Event())
    yield GATES
    GATES["go"].set()


def gated(n_estimators=6, **parameters):
    bagging = BaggingClassifier(Gated(), n_estimators, bootstrap=False)
    return ForestGrower(bagging, n_tasks=n_estimators, n_jobs=1, **parameters)


def grown(forest, X=X, y=Y, sample_weight=None, **parameters):
    grower = ForestGrower(forest, **parameters).launch(
        X, y, sample_weight=sample_weight
    )
    assert grower.wait()
    return grower.aggregate()


def answer(forest, X=X):
    for name in ("predict_proba", "transform", "score_samples", "predict"):
        if hasattr(forest, name):
            result = getattr(forest, name)(X)
            return result.toarray() if sp.issparse(result) else result
    raise AssertionError(forest)


@pytest.mark.parametrize("strategy", ["replicate", "partition"])
@pytest.mark.parametrize(
    "forest",
    [
        RandomForestClassifier(7, class_weight="balanced", random_state=0),
        ExtraTreesClassifier(7, bootstrap=True, random_state=0),
        RandomForestRegressor(7, random_state=0),
        ExtraTreesRegressor(7, n_jobs=2, random_state=0),
        BaggingClassifier(n_estimators=7, max_features=5, random_state=0),
        BaggingRegressor(n_estimators=7, random_state=0),
        IsolationForest(n_estimators=7, random_state=0),
        IsolationForest(n_estimators=7, max_samples=0.25, random_state=0),
        RandomTreesEmbedding(7, random_state=0),
        make_pipeline(StandardScaler(), RandomForestClassifier(7, random_state=0)),
    ],
    ids=lambda forest: type(forest).__name__,
)
def test_all_forests_grow(forest, strategy):
    before = repr(forest)
    target = CODES.astype(float) if "Regressor" in before else Y
    n_partitions = 3 if strategy == "partition" else None
    ours = grown(
        forest, y=target, strategy=strategy, n_partitions=n_partitions, n_tasks=4
    )
    assert repr(forest) == before
    assert type(ours) is type(forest)
    assert ours.get_params().keys() == forest.get_params().keys()
    assert repr(ours) == before
    check_is_fitted(ours)
    with pytest.raises(NotFittedError):
        check_is_fitted(forest)
    np.testing.assert_array_equal(
        answer(pickle.loads(pickle.dumps(ours))), answer(ours)
    )
    if hasattr(ours, "score"):
        assert ours.score(X, target) > 0.5


@pytest.mark.parametrize("n_partitions", [None, 3])
def test_the_result_does_not_depend_on_workers(n_partitions):
    strategy = "replicate" if n_partitions is None else "partition"
    forest = RandomForestClassifier(11, max_depth=4)
    parameters = {
        "strategy": strategy, "n_partitions": n_partitions, "random_state": 3
    }  # fmt: skip
    forests = [grown(forest, n_jobs=n, **parameters) for n in (1, 2, 5)]
    with parallel_config(backend="loky", n_jobs=2):
        forests.append(grown(forest, **parameters))
    results = [answer(one) for one in forests]
    for one in results:
        np.testing.assert_array_equal(one, results[0])
    other = grown(forest, **{**parameters, "random_state": 4})
    assert (answer(other) != results[0]).any()


def test_the_order_of_completion_does_not_matter():
    class Reversed(ForestGrower):
        pass

    grower = Reversed(FOREST, n_tasks=5).launch(X, Y)
    grower.wait()
    expected = [tree.random_state for tree in grower.aggregate()]
    forests = grower._growth._forests
    grower._growth._forests = dict(reversed(forests.items()))
    assert [tree.random_state for tree in grower.aggregate()] == expected


def test_no_tree_grows_twice():
    ours = grown(RandomForestClassifier(60, max_depth=2, random_state=0))
    assert len({tree.random_state for tree in ours}) == 60


def test_every_partition_gets_its_share_of_rows_classes_and_trees():
    weights = np.arange(800.0)
    forest = BaggingClassifier(
        LogisticRegression(max_iter=5000), 6, bootstrap=False, random_state=0
    )
    order = np.argsort(CODES)
    grower = ForestGrower(forest, strategy="partition", n_partitions=3, n_tasks=3)
    grower.launch(X[order], Y[order]).wait()
    parts = grower._growth.forests()
    assert [len(part) for part in parts] == [2, 2, 2]
    assert sorted(part._n_samples for part in parts) == [266, 267, 267]
    assert all(part.classes_.tolist() == sorted(set(Y)) for part in parts)
    trees = grown(
        ExtraTreesRegressor(3, random_state=0, min_samples_leaf=1),
        y=weights,
        sample_weight=np.ones(800),
        strategy="partition",
        n_partitions=3,
    )
    counts = [tree.tree_.n_node_samples[0] for tree in trees]
    assert sorted(counts) == [266, 267, 267]
    known = np.array([tree.predict(X) == weights for tree in trees])
    assert (known.sum(axis=0) >= 1).all()  # no row is lost


def test_partitions_that_lack_classes_are_aligned():
    rare = np.where(np.arange(800) < 2, "zebra", Y)
    ours = grown(
        RandomForestClassifier(8, bootstrap=False, random_state=0),
        y=rare,
        strategy="partition",
        n_partitions=4,
    )
    assert ours.classes_.tolist() == ["ant", "bee", "cat", "dog", "zebra"]
    np.testing.assert_allclose(ours.predict_proba(X).sum(axis=1), 1)
    # Half of the trees have seen one.
    assert 0.2 < ours.predict_proba(X[:2])[:, -1].min() < 0.8


def test_isolation_forests_of_small_partitions_agree_on_their_rows():
    forest = IsolationForest(n_estimators=6, random_state=0)
    ours = grown(forest, X[:401], None, strategy="partition", n_partitions=4)
    assert ours.max_samples_ == 100
    assert ours.max_samples == "auto"
    assert (ours.predict(X) == 1).mean() > 0.5
    forest.set_params(max_samples=200)
    grower = ForestGrower(forest, strategy="partition", n_partitions=4).launch(X[:401])
    with pytest.raises(ValueError, match=r"at most the number of rows .* 100, got 200"):
        grower.wait()


@pytest.mark.parametrize("strategy", ["replicate", "partition"])
def test_sparse_rows_weights_and_frames(strategy):
    n_partitions = 2 if strategy == "partition" else None
    parameters = {"strategy": strategy, "n_partitions": n_partitions, "random_state": 1}
    weights = (np.arange(800) % 2).astype(float)
    expected = answer(grown(FOREST, sample_weight=weights, **parameters))
    for kind in (sp.csr_matrix, sp.csc_array, list):
        rows = X.tolist() if kind is list else kind(X)
        ours = answer(grown(FOREST, rows, list(Y), weights, **parameters))
        np.testing.assert_array_equal(ours, expected)
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=list("abcdefghij"))
    ours = grown(FOREST, frame, pd.Series(Y), weights, **parameters)
    assert ours.feature_names_in_.tolist() == list("abcdefghij")
    np.testing.assert_array_equal(ours.predict_proba(frame), expected)


def test_many_outputs():
    both = np.column_stack([Y, np.where(X[:, 0] > 0, "hot", "ice")])
    ours = grown(FOREST, y=both, strategy="partition", n_partitions=3)
    assert [list(one) for one in ours.classes_] == [sorted(set(Y)), ["hot", "ice"]]
    assert (ours.predict(X)[:, 1] == both[:, 1]).mean() > 0.9


def test_pipelines_learn_their_first_steps_from_all_rows():
    texts = [f"{name} {name}s word{number}" for number, name in enumerate(Y)]
    model = make_pipeline(CountVectorizer(), RandomForestClassifier(6, random_state=0))
    ours = grown(model, texts, strategy="partition", n_partitions=3)
    assert len(ours[0].vocabulary_) == 808
    assert ours.score(texts, Y) == 1.0
    assert not hasattr(model[0], "vocabulary_")
    alone = make_pipeline(RandomForestClassifier(2, random_state=0))
    assert grown(alone).score(X, Y) > 0.7


def test_it_can_be_had_at_any_moment(gates):
    grower = gated()
    assert str(grower.report()) == "not launched: 0 of 6 trees in 0.0 s"
    assert grower.progress() == 0
    with pytest.raises(NotFittedError, match=r"not launched.*launch\(X, y\)"):
        grower.aggregate()
    with pytest.raises(RuntimeError, match=r"launch\(X, y\)"):
        grower.wait()
    assert grower.launch(X, Y) is grower
    assert gates["begun"].wait(60)
    assert not grower.wait(0.01)
    with pytest.raises(NotFittedError, match=r"running.*wait\(\)"):
        grower.aggregate()
    with pytest.raises(RuntimeError, match="running"):
        grower.launch(X, Y)
    for save in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match=r"running.*aggregate\(\)"):
            save(grower)
    report = grower.report()
    assert isinstance(report, GrowthReport)
    assert report.state == "running"
    gates["go"].set()
    assert grower.wait()
    assert grower.progress() == 1
    report = grower.report()
    assert (report.trees_grown, report.tasks_failed, report.state) == (6, 0, "done")
    assert report.seconds > 0
    assert grower.report() == report  # the clock has stopped
    first = grower.aggregate()
    assert first is not grower.aggregate()
    again = pickle.loads(pickle.dumps(grower))
    assert again.wait()
    assert again.report() == report
    assert len(again.aggregate()) == 6
    assert again.launch(X, Y).wait()  # and once more from the start


class Trickle(Gated):
    """A member that begins only if it is let, one after the other."""

    def fit(self, X, y):
        GATES[self.begun].release()
        assert GATES[self.go].acquire(timeout=60)
        self.classes_ = np.unique(y)
        return self


def test_abort_keeps_what_has_grown():
    GATES.update(begun=threading.Semaphore(0), go=threading.Semaphore(0))
    bagging = BaggingClassifier(Trickle(), 6, bootstrap=False)
    grower = ForestGrower(bagging, n_tasks=6, n_jobs=1).launch(X, Y)
    for _ in range(2):
        assert GATES["begun"].acquire(timeout=60)
        GATES["go"].release()
    assert GATES["begun"].acquire(timeout=60)  # the third has begun: two are done
    grower.abort()
    assert grower.report().state == "aborted"
    assert grower.report().trees_grown == 2
    assert grower.progress() == pytest.approx(1 / 3)
    assert not grower.wait(0.01)
    for _ in range(4):
        GATES["go"].release()
    assert grower.wait()
    assert grower.report().trees_grown == 2
    assert not GATES["begun"].acquire(blocking=False)  # no fourth
    ours = grower.aggregate()
    assert ours.n_estimators == len(ours) == 2
    assert len(ours.predict(X)) == len(X)
    grower.abort()
    assert len(pickle.loads(pickle.dumps(grower)).aggregate()) == 2


def test_abort_before_any_tree(gates):
    ForestGrower(FOREST).abort()
    grower = gated().launch(X, Y)
    assert gates["begun"].wait(60)
    grower.abort()
    gates["go"].set()
    assert grower.wait()
    with pytest.raises(NotFittedError, match="aborted"):
        grower.aggregate()


def test_leaving_the_context_aborts(gates):
    with gated().launch(X, Y) as grower:
        assert gates["begun"].wait(60)
    assert grower.report().state == "aborted"
    gates["go"].set()
    assert grower.wait()
    with ForestGrower(FOREST).launch(X, Y) as grower:
        grower.wait()
    assert grower.report().state == "done"


def test_a_grower_that_nobody_holds_ends(gates):
    grower = gated(50).launch(X, Y)
    assert gates["begun"].wait(60)
    thread, reference = grower._growth._thread, weakref.ref(grower)
    rows = np.ones((800, 2))
    held = weakref.ref(rows)
    other = ForestGrower(FOREST).launch(rows, Y)
    other.wait()
    del rows, grower
    gc.collect()
    assert reference() is None
    assert held() is None  # nor are rows held after the end
    gates["begun"].clear()
    gates["go"].set()
    thread.join(60)
    assert not thread.is_alive()
    assert not gates["begun"].is_set()


def test_the_first_error_is_raised_and_what_grew_is_kept():
    holes = np.full((800, 3), np.inf)
    grower = ForestGrower(FOREST).launch(holes, Y)
    for _ in range(2):
        with pytest.raises(ValueError, match="infinity") as caught:
            grower.wait()
    assert caught.value.__notes__[0].startswith("in task ")
    assert grower.report().state == "failed"
    assert "1 task failed" in str(grower.report())
    with pytest.raises(NotFittedError, match="failed"):
        grower.aggregate()
    with pytest.raises(ValueError, match="infinity"):
        pickle.loads(pickle.dumps(grower)).wait()
    assert grower.launch(X, Y).wait()  # a second try


def test_the_backend_of_the_caller_grows_the_trees(tmp_path):
    class Where(Gated):
        pass

    seen = []

    def spy(*arguments, **parameters):
        seen.append(type(joblib.parallel.get_active_backend()[0]).__name__)
        return iter(())

    import shardfit.ensemble._grower as module

    original, module.run_tasks = module.run_tasks, spy
    try:
        ForestGrower(FOREST).launch(X, Y).wait()
        with parallel_config(backend="loky", n_jobs=2):
            grower = ForestGrower(FOREST).launch(X, Y)
        grower.wait()
        with parallel_config(backend="threading"):
            ForestGrower(FOREST).launch(X, Y).wait()
    finally:
        module.run_tasks = original
    assert seen == ["ThreadingBackend", "LokyBackend", "ThreadingBackend"]


def test_a_lost_worker_loses_no_tree(tmp_path):
    forest = BaggingClassifier(Deadly(str(tmp_path)), 8, random_state=0)
    (tmp_path / "bullet").touch()
    with parallel_config(backend="loky", n_jobs=2):
        grower = ForestGrower(forest, n_tasks=8).launch(X, Y)
    assert grower.wait()
    assert grower.report().trees_grown == 8


def test_a_deadly_task_is_named(tmp_path):
    for number in range(40):
        (tmp_path / f"bullet{number}").touch()
    forest = BaggingClassifier(Deadly(str(tmp_path)), 2, random_state=0)
    with parallel_config(backend="loky", n_jobs=2):
        grower = ForestGrower(forest, n_tasks=2).launch(X, Y)
    with pytest.raises(WorkerLostError, match=r"task [01] lost 3 workers"):
        grower.wait()
    assert grower.report().state == "failed"


def test_large_rows_reach_processes_as_maps():
    rows = np.random.default_rng(0).normal(size=(3000, 100)).astype(np.float32)
    target = (rows[:, 0] > 0).astype(int)
    with parallel_config(backend="loky", n_jobs=2):
        ours = grown(ExtraTreesClassifier(4, random_state=0), rows, target)
    assert ours.score(rows, target) == 1.0


def test_other_work_of_the_caller_goes_on_beside_it(gates):
    with parallel_config(backend="threading", n_jobs=2):
        grower = ForestGrower(
            RandomForestClassifier(200, random_state=0), n_tasks=100
        ).launch(X, Y)
        squares = joblib.Parallel()(joblib.delayed(pow)(n, 2) for n in range(50))
        assert squares == [n * n for n in range(50)]
        assert grower.wait()
    assert len(grower.aggregate()) == 200


SCRIPT = """
import numpy as np
from joblib import parallel_config
from sklearn.ensemble import ExtraTreesClassifier
from shardfit.ensemble import ForestGrower
if __name__ == "__main__":
    X = np.random.default_rng(0).normal(size=(4000, 20))
    with parallel_config(backend={backend!r}, n_jobs=2):
        grower = ForestGrower(ExtraTreesClassifier(2000)).launch(X, X[:, 0] > 0)
    while not grower.progress():
        grower.wait(0.01)
    print("begun", flush=True)
"""


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_a_process_ends_while_it_grows(tmp_path, backend):
    path = tmp_path / "script.py"
    path.write_text(SCRIPT.format(backend=backend))
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, path], capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, (done.stdout, done.stderr, time.monotonic() - began)
    assert done.stdout == "begun\n"
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("forest", "parameters", "message"),
    [
        (AdaBoostClassifier(), {}, "got AdaBoostClassifier: every tree"),
        (LogisticRegression(), {}, "forest must be one of .* got LogisticRegression"),
        (make_pipeline(StandardScaler(), LogisticRegression()), {}, "forest must be"),
        (make_pipeline(StandardScaler(), "passthrough"), {}, "forest must be"),
        (IsolationForest(contamination=0.1), {}, r"contamination=0\.1 is a share"),
        (RandomForestClassifier(oob_score=True), {}, "oob_score=True is not possible"),
        (FOREST, {"strategy": "split"}, "strategy must be .* got 'split'"),
        (FOREST, {"strategy": "partition"}, "n_partitions must be given .* None"),
        (FOREST, {"n_partitions": 2}, "n_partitions must be given .* got 2"),
        (FOREST, {"n_tasks": 0}, "n_tasks must be an integer from 1 to 10, got 0"),
        (FOREST, {"n_tasks": 11}, "n_tasks must be an integer from 1 to 10, got 11"),
        (FOREST, {"n_tasks": True}, "n_tasks must be an integer"),
        (FOREST, {"strategy": "partition", "n_partitions": 11}, "from 1 to 10, got 11"),
        (
            FOREST,
            {"strategy": "partition", "n_partitions": 3, "n_tasks": 2},
            "n_tasks must be an integer from 3 to 10, got 2",
        ),
        (RandomForestClassifier(0), {}, "n_estimators of the forest .* at least 1"),
    ],
)
def test_what_cannot_grow_is_refused_at_once(forest, parameters, message):
    with pytest.raises(ValueError, match=message):
        ForestGrower(forest, **parameters)


def test_rows_that_do_not_fit_are_refused_at_once():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        ForestGrower(FOREST).launch(X, Y[:5])
    grower = ForestGrower(FOREST, strategy="partition", n_partitions=5)
    with pytest.raises(ValueError, match="at most the number of rows, 3, got 5"):
        grower.launch(X[:3], Y[:3])
    assert grower.report().state == "not launched"
