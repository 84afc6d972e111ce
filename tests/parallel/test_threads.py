"""Worker threads times the threads of libraries are no more than there are CPUs."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from statistics import median

import numpy as np
import pytest
import sklearn.utils  # noqa: F401 - loads OpenMP
from joblib import Parallel, cpu_count, delayed, parallel_config
from threadpoolctl import threadpool_info, threadpool_limits

from shardfit._threads import effective_threads
from shardfit.parallel import run_tasks

LINUX_ONLY = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="counts threads in /proc"
)


def limits() -> list[tuple[str, int]]:
    return sorted((lib["user_api"], lib["num_threads"]) for lib in threadpool_info())


@pytest.fixture
def four_threads() -> Iterator[None]:
    with threadpool_limits(4):
        yield


@pytest.mark.usefixtures("four_threads")
@pytest.mark.parametrize("n_jobs", [2, 3])
def test_each_worker_thread_has_its_share(n_jobs: int) -> None:
    before = limits()
    assert {api for api, _ in before} == {"blas", "openmp"}
    share = max(1, min(4, cpu_count() // n_jobs))
    with parallel_config("threading"):
        results = list(run_tasks(limits, [()] * 6, n_jobs=n_jobs))
    for _, inside in results:
        assert inside == [(api, share) for api, _ in before]
    assert limits() == before


def test_the_share_is_never_more_than_was_allowed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("shardfit.parallel._inner_threads.effective_threads", _sixteen)
    with threadpool_limits(3), parallel_config("threading"):
        for _, inside in run_tasks(limits, [()] * 2, n_jobs=2):
            assert {n_threads for _, n_threads in inside} == {3}


def _sixteen(n_jobs: int) -> int:
    return 16


@pytest.mark.usefixtures("four_threads")
@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_one_worker_has_all(backend: str) -> None:
    before = limits()
    with parallel_config(backend):
        for _, inside in run_tasks(limits, [()] * 2, n_jobs=1):
            assert inside == before


@pytest.mark.usefixtures("four_threads")
@pytest.mark.parametrize("fails", [False, True])
def test_limits_come_back(fails: bool) -> None:
    before = limits()
    tasks = [(not fails,)] * 20
    with (
        parallel_config("threading"),
        closing(run_tasks(_one_of, tasks, n_jobs=2)) as r,
    ):
        if fails:
            with pytest.raises(ZeroDivisionError):
                next(r)
        else:
            next(r)
    assert limits() == before


@pytest.mark.usefixtures("four_threads")
def test_limits_come_back_when_runs_overlap() -> None:
    before = limits()
    with parallel_config("threading"):
        first = run_tasks(limits, [()] * 20, n_jobs=4)
        next(first)
        second = run_tasks(limits, [()] * 20, n_jobs=4)
        next(second)
        for _ in first:
            pass
        share = max(1, min(4, cpu_count() // 4))
        assert {inside for api, inside in limits() if api == "blas"} == {share}
        for _ in second:
            pass
    assert limits() == before


def _one_of(number: int) -> float:
    return 1 / number


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_our_own_threads(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHARDFIT_NUM_THREADS", raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    with parallel_config(backend):
        for _, n_threads in run_tasks(effective_threads, [(None,)] * 4, n_jobs=2):
            assert n_threads * 2 <= max(2, cpu_count())


def multiply(seconds: float) -> None:
    matrix = np.ones((600, 600))
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        matrix @ matrix


@LINUX_ONLY
def test_runnable_threads() -> None:
    def through_us() -> None:
        with parallel_config("threading"):
            list(run_tasks(multiply, [(1.0,)] * 2, n_jobs=2))

    def through_joblib() -> None:
        with parallel_config("threading"):
            Parallel(n_jobs=2)(delayed(multiply)(1.0) for _ in range(2))

    allowed = max(2, cpu_count()) + 1  # the caller looks up now and then
    with threadpool_limits(2 * cpu_count()):
        assert _most_runnable(through_us) <= allowed
        assert _most_runnable(through_joblib) > allowed  # so this test sees it


def _most_runnable(work: Callable[[], object]) -> float:
    """Return how many threads are runnable, most of the time."""
    counts = []
    is_done = threading.Event()

    def count() -> None:
        while not is_done.wait(0.02):
            states = []
            for stat in Path("/proc/self/task").glob("*/stat"):
                try:
                    states.append(stat.read_text().rsplit(")", 1)[1].split()[0])
                except OSError:  # it ended meanwhile
                    continue
            counts.append(states.count("R") - 1)  # all but this one

    observer = threading.Thread(target=count)
    observer.start()
    try:
        # In this thread, since limits of threadpoolctl are those of the first thread
        # that set any.
        work()
    finally:
        is_done.set()
        observer.join()
    return median(counts)
