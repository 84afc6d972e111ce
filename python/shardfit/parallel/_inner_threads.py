"""Share the CPUs between worker threads and the threads of the libraries they call."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import ThreadpoolController

from shardfit._threads import effective_threads

__all__ = ["limited_blas", "limited_openmp"]

Limits = dict[str, int]


@contextmanager
def limited_blas(n_workers: int) -> Iterator[Limits]:
    """Limit BLAS to a worker's share of the CPUs.

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
    share = max(1, effective_threads(-1) // n_workers)
    controller = ThreadpoolController()
    limits: Limits = {}
    for library in controller.info():
        prefix, n_threads = library["prefix"], library["num_threads"]
        limits[prefix] = min(limits.get(prefix, share), n_threads)
    with controller.select(user_api="blas").limit(limits=limits):
        yield limits


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
