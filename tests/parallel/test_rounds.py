"""Round after round by the same workers."""

from __future__ import annotations

import threading

import pytest
from joblib import parallel_config

from shardfit.parallel import Rounds


def whose(number):
    return number, threading.get_ident()


@pytest.mark.parametrize("n_jobs", [1, 2, 3])
def test_results_come_in_order(n_jobs):
    with Rounds(7, n_jobs=n_jobs) as rounds:
        for _ in range(3):
            assert list(rounds.run(divmod, [(n, 3) for n in range(7)])) == [
                divmod(n, 3) for n in range(7)
            ]


def test_threads_stay_for_the_next_round_and_end_with_the_last():
    before = threading.active_count()
    with Rounds(8, n_jobs=2) as rounds:
        threads = {
            thread
            for _ in range(5)
            for _, thread in rounds.run(whose, [(n,) for n in range(8)])
        }
        assert len(threads) <= 2
    assert threading.active_count() == before


def test_what_a_task_raises_is_passed_on_and_the_workers_end():
    before = threading.active_count()
    for n_jobs in (1, 2):
        with pytest.raises(ZeroDivisionError) as caught, Rounds(3, n_jobs=n_jobs) as r:
            list(r.run(divmod, [(1, 1), (1, 0), (1, 2)]))
        assert caught.value.__notes__ == ["in partition 1"]
    assert threading.active_count() == before


def test_processes_if_the_user_says_so():
    with parallel_config(backend="loky"), Rounds(3, n_jobs=2) as rounds:
        assert list(rounds.run(pow, [(2, 1), (2, 2), (2, 3)])) == [2, 4, 8]
