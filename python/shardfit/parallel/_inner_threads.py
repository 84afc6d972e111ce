"""Share the CPUs between worker threads and the threads of the libraries they call."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Lock

from threadpoolctl import ThreadpoolController

from shardfit._threads import effective_threads

__all__ = ["Limits", "limited_blas", "limited_openmp"]

Limits = dict[str, int]

# Runs may overlap. Would each undo what it did itself, the limit of the one that began
# first could outlive both.
_lock = Lock()
_undo = ExitStack()
_runs: list[Limits] = []


@contextmanager
def limited_blas(n_workers: int) -> Iterator[Limits]:
    """Limit BLAS to a worker's share of the CPUs, until no run is left.

    Parameters
    ----------
    n_workers : int
        Number of threads that call it side by side.

    Yields
    ------
    dict of str to int
        The most threads by library, for `limited_openmp`. Never more than allowed
        before.
    """
    with _lock:
        limits = _limit_blas(max(1, effective_threads(-1) // n_workers))
        _runs.append(limits)
    try:
        yield limits
    finally:
        with _lock:
            _runs.pop()  # whichever: their number counts
            if not _runs:
                _undo.close()


def _limit_blas(share: int) -> Limits:
    controller = ThreadpoolController()
    limits: Limits = {}
    for library in controller.info():
        prefix, n_threads = library["prefix"], library["num_threads"]
        limits[prefix] = min(limits.get(prefix, share), n_threads)
    _undo.enter_context(controller.select(user_api="blas").limit(limits=limits))
    return limits


@contextmanager
def limited_openmp(limits: Limits) -> Iterator[None]:
    """Limit OpenMP, which keeps a number of threads for each thread that calls it.

    Parameters
    ----------
    limits : dict of str to int
        As `limited_blas` yields them.
    """
    controller = ThreadpoolController()
    with controller.select(user_api="openmp").limit(limits=limits):
        yield
