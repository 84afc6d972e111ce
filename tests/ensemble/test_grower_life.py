"""A forest that grows can be asked, awaited, aborted, and left alone."""

from __future__ import annotations

import copy
import gc
import pickle
import signal
import subprocess
import sys
import threading
import time
import weakref

import joblib
import numpy as np
import pytest
from joblib import parallel_config
from sklearn.ensemble import (
    BaggingClassifier,
    ExtraTreesClassifier,
    RandomForestClassifier,
)
from sklearn.exceptions import NotFittedError

from shardfit.ensemble import ForestGrower, GrowthReport
from shardfit.exceptions import WorkerLostError
from tests.ensemble.growing import (
    FOREST,
    GATES,
    Deadly,
    Gated,
    X,
    Y,
    gated,
    grown,
)


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
    growth, reference = grower._growth, weakref.ref(grower)
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
    assert growth.join(60)
    assert not gates["begun"].is_set()


def test_a_wait_that_was_interrupted_can_be_repeated(gates):
    grower = gated().launch(X, Y)
    assert gates["begun"].wait(60)
    main = threading.main_thread().ident
    timer = threading.Timer(0.1, signal.pthread_kill, [main, signal.SIGINT])
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        grower.wait(60)
    timer.join()
    assert not grower.wait(0.01)
    assert grower.report().state == "running"
    gates["go"].set()
    assert grower.wait()
    assert grower.progress() == 1


class Quitter(Gated):
    """A member that wants to end the program."""

    def fit(self, X, y):
        sys.exit(3)


def test_a_task_that_exits_has_failed():
    bagging = BaggingClassifier(Quitter(), 2, bootstrap=False)
    grower = ForestGrower(bagging, n_jobs=2, n_tasks=2).launch(X, Y)
    with pytest.raises(SystemExit):
        grower.wait()
    assert grower.report().state == "failed"


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
    while not {ready}:
        grower.wait(0.01)
    print("begun", flush=True)
"""
# Before, and after, the first result of a pool has been heard of.
READY = ["grower.report().seconds > 0.3", "grower.progress()"]


@pytest.mark.parametrize("ready", READY)
@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_a_process_ends_while_it_grows(tmp_path, backend, ready):
    path = tmp_path / "script.py"
    path.write_text(SCRIPT.format(backend=backend, ready=ready))
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, path], capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, (done.stdout, done.stderr, time.monotonic() - began)
    assert done.stdout == "begun\n"
    assert "Traceback" not in done.stderr
