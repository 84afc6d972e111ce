"""The same results on every backend, and no work left behind."""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from joblib import cpu_count, parallel_config
from joblib._parallel_backends import ThreadingBackend

from shardfit.parallel import in_order, run_tasks, worker_count
from shardfit.parallel._workers import active_workers
from tests.parallel.tasks import Unpicklable, square, square_slowly, wait_for

BACKENDS = ["loky", "threading", "sequential"]
TASKS = range(7)
SQUARES = [(number, number**2) for number in TASKS]


class Unordered(ThreadingBackend):
    """Threads that hand over their results at the end, as ray's workers do."""

    supports_return_generator = False


@pytest.mark.parametrize("n_jobs", [None, 1, 2, 3, -1])
@pytest.mark.parametrize("backend", [*BACKENDS, Unordered(nesting_level=0)])
def test_results(tmp_path: Path, backend: Any, n_jobs: int | None) -> None:
    tasks = [(tmp_path, number) for number in TASKS]
    with parallel_config(backend):
        results = run_tasks(square, tasks, n_jobs=n_jobs)
    # What is active where the iterator is used does not matter.
    assert sorted(results) == SQUARES


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_tasks(backend: str) -> None:
    with parallel_config(backend):
        assert list(run_tasks(square, [])) == []


@pytest.mark.parametrize(("n_jobs", "n_tasks"), [(1, 3), (2, 1)])
def test_no_worker_for_one(n_jobs: int, n_tasks: int) -> None:
    with parallel_config("loky"):
        results = run_tasks(threading.get_ident, [()] * n_tasks, n_jobs=n_jobs)
        assert {ident for _, ident in results} == {threading.get_ident()}


@pytest.mark.parametrize("prefer", ["threads", "processes"])
def test_preference(prefer: str) -> None:
    pids = {pid for _, pid in run_tasks(os.getpid, [(), ()], n_jobs=2, prefer=prefer)}
    assert (os.getpid() in pids) == (prefer == "threads")
    with parallel_config("threading"):
        results = run_tasks(os.getpid, [(), ()], n_jobs=2, prefer=prefer)
        assert {pid for _, pid in results} == {os.getpid()}


@pytest.mark.parametrize("prefer", ["threads", "processes"])
def test_number_of_workers(monkeypatch: pytest.MonkeyPatch, prefer: str) -> None:
    monkeypatch.delenv("SHARDFIT_NUM_THREADS", raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert worker_count(None, prefer) == worker_count(-1, prefer) == cpu_count()
    assert worker_count(3, prefer) == 3
    with parallel_config(n_jobs=5):
        assert worker_count(None, prefer) == 5
        assert worker_count(3, prefer) == 3
        assert active_workers(None, prefer, 4).count == 4
    with parallel_config("loky"):
        assert worker_count(None, prefer) == cpu_count()
    with parallel_config("sequential", n_jobs=5):
        assert worker_count(None, prefer) == worker_count(5, prefer) == 1


@pytest.mark.parametrize(("n_jobs", "error"), [(0, ValueError), ("2", TypeError)])
def test_no_number_of_workers(n_jobs: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="n_jobs must"):
        run_tasks(square, [], n_jobs=n_jobs)


def test_a_backend_that_hangs_is_refused() -> None:
    with (
        parallel_config("multiprocessing"),
        pytest.raises(ValueError, match="backend='loky'"),
    ):
        run_tasks(square, [])


def test_engines_are_not_imported() -> None:
    assert not {"dask", "distributed", "ray", "ipyparallel"} & set(sys.modules)


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_results_come_as_they_are_done(tmp_path: Path, backend: str) -> None:
    with parallel_config(backend):
        results = run_tasks(_wait_if_first, [(tmp_path, 0), (tmp_path, 1)], n_jobs=2)
        assert next(results) == (1, 1)
        (tmp_path / "go").touch()
        assert list(results) == [(0, 0)]


def _wait_if_first(folder: Path, number: int) -> int:
    if number == 0:
        wait_for(folder / "go")
    return number


@pytest.mark.parametrize("backend", [*BACKENDS, Unordered(nesting_level=0)])
def test_what_the_function_raises(tmp_path: Path, backend: Any) -> None:
    tasks = [(tmp_path, number) for number in range(40)]
    with (
        parallel_config(backend),
        pytest.raises(ZeroDivisionError, match="division") as caught,
    ):
        list(run_tasks(_fail_at_three, tasks, n_jobs=2, name="fold"))
    assert caught.value.__notes__ == ["in fold 3"]
    begun = len(list(tmp_path.iterdir()))
    assert begun < 40
    time.sleep(0.2)  # nothing goes on behind the caller's back
    assert len(list(tmp_path.iterdir())) == begun
    if backend == "loky":
        assert "_fail_at_three" in str(caught.value.__cause__)


def _fail_at_three(folder: Path, number: int) -> int:
    square_slowly(folder, number)
    return 1 // (number - 3)


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_exceptions_that_no_pickle_holds(backend: str) -> None:
    with (
        parallel_config(backend),
        pytest.raises((RuntimeError, Unpicklable), match="value 5") as caught,
    ):
        list(run_tasks(_fail_unpicklably, [(5,), (5,)], n_jobs=2))
    assert ("Unpicklable: " in str(caught.value)) == (backend == "loky")


def _fail_unpicklably(value: int) -> None:
    raise Unpicklable(value=value)


def test_results_that_no_pickle_holds() -> None:
    with parallel_config("loky"), pytest.raises(TypeError, match="pickle"):
        list(run_tasks(threading.Lock, [(), ()], n_jobs=2))


def test_functions_of_the_moment() -> None:
    offset = 10
    with parallel_config("loky"):
        tasks = [(1,), (2,)]
        results = dict(run_tasks(lambda x: lambda: x + offset, tasks, n_jobs=2))
    assert [results[number]() for number in (0, 1)] == [11, 12]


@pytest.mark.parametrize("way", ["close", "forget"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_leaving_early(tmp_path: Path, backend: str, way: str) -> None:
    tasks = [(tmp_path, number) for number in range(40)]
    with parallel_config(backend):
        results = run_tasks(square_slowly, tasks, n_jobs=2)
        next(results)
        if way == "close":
            results.close()  # type: ignore[attr-defined]
        del results
        gc.collect()
        begun = len(list(tmp_path.iterdir()))
        assert begun < 40
        time.sleep(0.2)  # nothing goes on behind the caller's back
        assert len(list(tmp_path.iterdir())) == begun
        assert sorted(run_tasks(square, tasks[:7], n_jobs=2)) == SQUARES


@pytest.mark.parametrize("backend", [*BACKENDS, Unordered(nesting_level=0)])
def test_cancelling(tmp_path: Path, backend: Any) -> None:
    tasks = [(tmp_path, number) for number in range(40)]
    is_cancelled = False
    seen = []

    def cancelled() -> bool:
        return is_cancelled or backend not in BACKENDS

    with parallel_config(backend):
        for number, result in run_tasks(
            square_slowly, tasks, n_jobs=2, cancelled=cancelled
        ):
            assert result == number**2
            seen.append(number)
            is_cancelled = len(seen) >= 3
    # The results of all that was begun have come.
    assert len(seen) == len(list(tmp_path.iterdir()))
    assert len(seen) < 12 if backend in BACKENDS else not seen


@pytest.mark.parametrize("backend", BACKENDS)
def test_progress_counts_what_is_done(tmp_path: Path, backend: str) -> None:
    tasks = [(tmp_path, number) for number in TASKS]
    counts: list[int] = []
    with parallel_config(backend):
        for n_seen, _ in enumerate(
            run_tasks(square, tasks, n_jobs=2, progress=counts.append)
        ):
            assert counts[-1] == n_seen + 1
    assert counts == list(range(1, len(TASKS) + 1))


def test_arrays_are_lent_to_processes() -> None:
    array = np.ones(2**18)
    with parallel_config("loky"):
        results = run_tasks(_sum_and_writeable, [(array,)] * 2, n_jobs=2)
        assert [result for _, result in results] == [(2**18, False)] * 2


def _sum_and_writeable(array: np.ndarray) -> tuple[float, bool]:
    return float(array.sum()), array.flags.writeable


def test_results_are_the_callers_own() -> None:
    with parallel_config("loky"):
        for _, array in run_tasks(np.ones, [(2**18,)] * 2, n_jobs=2):
            array[:] = 2
            assert array.sum() == 2**19


def test_files_are_cleared_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOBLIB_TEMP_FOLDER", str(tmp_path))
    with parallel_config("loky"):
        results = run_tasks(np.ones, [(9,)] * 4, n_jobs=2)
        next(results)
        (folder,) = tmp_path.glob("shardfit-*")
        assert len(list(results)) == 3
    assert not folder.exists()


def test_in_order() -> None:
    assert list(in_order(iter([(2, "c"), (0, "a"), (1, "b"), (3, "d")]))) == [*"abcd"]
    assert list(in_order([])) == []


def test_a_run_inside_a_run() -> None:
    with parallel_config("loky"):
        results = dict(run_tasks(_sum_of_run, [(3,), (4,)], n_jobs=2))
    assert results == {0: 0 + 1 + 4, 1: 0 + 1 + 4 + 9}


def _sum_of_run(n_tasks: int) -> int:
    tasks = [(number, 2) for number in range(n_tasks)]
    return sum(in_order(run_tasks(pow, tasks, n_jobs=2)))
