"""A run survives the loss of workers, and a task that kills them is named."""

from __future__ import annotations

import os
import pickle
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from joblib import parallel_config
from joblib._parallel_backends import ThreadingBackend

from shardfit.exceptions import WorkerLostError
from shardfit.parallel import run_tasks
from tests.parallel.scripts import output, start, workers_of
from tests.parallel.tasks import runs, square

LINUX_ONLY = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="looks for processes in /proc"
)
TASKS = range(6)
SQUARES = [(number, number**2) for number in TASKS]


def test_one_death_costs_only_what_was_running(tmp_path: Path) -> None:
    script = """
        import sys
        from pathlib import Path
        from joblib import parallel_config
        from shardfit.parallel import run_tasks
        from tests.parallel.tasks import die_once

        if __name__ == "__main__":
            folder = Path(sys.argv[1])
            tasks = [(folder, number, 2) for number in range(6)]
            results = []
            with parallel_config("loky"):
                for result in run_tasks(die_once, tasks, n_jobs=2):
                    results.append(result)
                    (folder / f"arrived-{len(results)}").touch()
            print(sorted(results))
    """
    assert output(start(script, tmp_path)) == f"{SQUARES}\n"
    n_runs = [runs(tmp_path, number) for number in TASKS]
    assert n_runs[:3] == [1, 1, 2]
    assert sum(n_runs) <= len(TASKS) + 2  # what the other worker was at goes with it


def test_a_deadly_task_is_named(tmp_path: Path) -> None:
    script = """
        import sys
        from pathlib import Path
        from joblib import parallel_config
        from shardfit.exceptions import WorkerLostError
        from shardfit.parallel import run_tasks
        from tests.parallel.tasks import die_always, square

        if __name__ == "__main__":
            folder = Path(sys.argv[1])
            tasks = [(folder, number, 3) for number in range(6)]
            with parallel_config("loky"):
                try:
                    list(run_tasks(die_always, tasks, n_jobs=2, name="fold"))
                except WorkerLostError as error:
                    print(error.name, error.number, error.n_losses)
                tasks = [(folder, number) for number in range(6)]
                print(sorted(run_tasks(square, tasks, n_jobs=2)))
    """
    assert output(start(script, tmp_path)) == f"fold 3 3\n{SQUARES}\n"


@LINUX_ONLY
@pytest.mark.parametrize("seed", range(4))
def test_death_from_outside_at_any_time(tmp_path: Path, seed: int) -> None:
    script = """
        import sys
        from pathlib import Path
        import numpy as np
        from joblib import parallel_config
        from shardfit.parallel import run_tasks
        from tests.parallel.tasks import square_slowly

        def task(folder, number):
            # Long enough to be caught while it is written.
            return np.full(2_000_000, square_slowly(folder, number))

        if __name__ == "__main__":
            tasks = [(Path(sys.argv[1]), number) for number in range(6)]
            with parallel_config("loky"):
                for _ in range(4):
                    results = run_tasks(task, tasks, n_jobs=2)
                    print(sorted((n, int(x[0])) for n, x in results), flush=True)
    """
    process = start(script, tmp_path)
    killer = random.Random(seed)
    for _ in range(2):
        time.sleep(killer.uniform(0.0, 0.3))
        while not (workers := workers_of(process.pid)) and process.poll() is None:
            time.sleep(0.01)
        for worker in killer.sample(workers, min(1, len(workers))):
            os.kill(worker, signal.SIGKILL)
    assert output(process) == f"{SQUARES}\n" * 4


class KilledWorker(Exception):
    """Is called as dask's exception."""


class LossyCluster(ThreadingBackend):
    """Threads that loky or dask would call lost workers, at given submissions."""

    supports_sharedmem = False

    def __init__(self, lost: set[int] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.lost = lost
        self.n_submitted = 0

    def _submit(self, func: Any, callback: Any = None) -> Any:
        self.n_submitted += 1
        if self.lost is None or self.n_submitted in self.lost:
            func = _lose
        return getattr(ThreadingBackend, SUBMIT)(self, func, callback)


# Joblib 1.5 has given it another name.
SUBMIT = "submit" if hasattr(ThreadingBackend, "submit") else "apply_async"
setattr(LossyCluster, SUBMIT, LossyCluster._submit)


class LossyPool(LossyCluster):
    supports_return_generator = False


def _lose() -> None:
    raise KilledWorker("lost")


@pytest.mark.parametrize("backend", [LossyCluster, LossyPool])
@pytest.mark.parametrize("lost", [set(), {1}, {2}, {6}, {1, 4}, {2, 5}])
def test_other_engines_lose_workers_too(
    tmp_path: Path, backend: type[LossyCluster], lost: set[int]
) -> None:
    tasks = [(tmp_path, number) for number in TASKS]
    with parallel_config(backend(lost, nesting_level=0)):
        assert sorted(run_tasks(square, tasks, n_jobs=2)) == SQUARES


@pytest.mark.parametrize("backend", [LossyCluster, LossyPool])
def test_a_cluster_that_only_dies_is_given_up(
    tmp_path: Path, backend: type[LossyCluster]
) -> None:
    tasks = [(tmp_path, number) for number in TASKS]
    with (
        parallel_config(backend(nesting_level=0)),
        pytest.raises(WorkerLostError, match="partition 0 lost 3 workers") as caught,
    ):
        list(run_tasks(square, tasks, n_jobs=2))
    assert isinstance(caught.value.__cause__, KilledWorker)


def test_the_function_may_raise_what_looks_like_a_loss(tmp_path: Path) -> None:
    calls = []

    def fail(number: int) -> None:
        calls.append(number)
        raise KilledWorker("mine")

    with (
        parallel_config(LossyCluster(set(), nesting_level=0)),
        pytest.raises(KilledWorker, match="mine"),
    ):
        list(run_tasks(fail, [(0,), (1,)], n_jobs=2))
    assert len(calls) <= 2


def test_the_error_says_what_to_do_and_pickles() -> None:
    error = pickle.loads(pickle.dumps(WorkerLostError("fold", 3, 4)))
    assert (error.name, error.number, error.n_losses) == ("fold", 3, 4)
    assert str(error).startswith("fold 3 lost 4 workers")
    assert "n_jobs=1" in str(error)
