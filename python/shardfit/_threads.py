"""How many threads a call may use: the one place that decides it.

Rust never chooses: it is told a number. The number follows `n_jobs` as joblib
users know it, except that ``None`` means every CPU this process may use, because
threads of one call share their memory and cost nothing to start. Where several
workers already share the machine, ``None`` steps back: loky, dask and ray announce a
worker's share in ``OMP_NUM_THREADS``; a worker thread of joblib gets one.
"""

from __future__ import annotations

import os
from functools import lru_cache
from numbers import Integral

import joblib
from joblib.parallel import get_active_backend

__all__ = ["effective_threads", "threads_for"]

_MOST_THREADS = 4096
_VARIABLES = ("SHARDFIT_NUM_THREADS", "OMP_NUM_THREADS")


def effective_threads(n_jobs: int | None) -> int:
    """Return the number of threads that `n_jobs` stands for here and now.

    Parameters
    ----------
    n_jobs : int or None
        A positive number is taken as it is. A negative one counts from the number
        of CPUs: -1 is all of them, -2 all but one. None is every CPU this process
        may use (affinity and container limits are obeyed), or, if set,
        ``SHARDFIT_NUM_THREADS`` or ``OMP_NUM_THREADS``, in this order, and 1
        inside a worker of joblib that sets neither.

    Returns
    -------
    int
        At least 1.

    Raises
    ------
    TypeError
        If `n_jobs` is neither an integer nor None.
    ValueError
        If `n_jobs` is 0 or over 4096, or one of the variables is not a positive
        integer up to that.
    """
    if n_jobs is not None:
        if not isinstance(n_jobs, Integral) or isinstance(n_jobs, bool):
            raise TypeError(f"n_jobs must be an integer or None, got {n_jobs!r}")
        if n_jobs == 0:
            raise ValueError(
                "n_jobs must not be 0; use None or -1 for every CPU, 1 for one thread"
            )
        if n_jobs > _MOST_THREADS:
            raise ValueError(
                f"n_jobs must be at most {_MOST_THREADS}, got {n_jobs}; -1 stands for "
                "every CPU"
            )
        if n_jobs > 0:
            return int(n_jobs)
        return max(1, _cpu_count() + 1 + int(n_jobs))
    for variable in _VARIABLES:
        if text := os.environ.get(variable, "").strip():
            # OMP_NUM_THREADS may be a list, one number per level of nesting.
            first = text.split(",")[0].strip()
            if not first.isdecimal() or not 1 <= int(first) <= _MOST_THREADS:
                raise ValueError(
                    f"{variable} must be an integer from 1 to {_MOST_THREADS}, "
                    f"got {text!r}"
                )
            return int(first)
    backend, _ = get_active_backend()
    if getattr(backend, "nesting_level", 0):
        return 1
    return _cpu_count()


def threads_for(documents: object, n_jobs: int | None) -> int:
    """Return the number of threads that `n_jobs` stands for with these documents.

    It is that of `effective_threads`, except that one document in a list is the work
    of one thread, so nothing is asked but `n_jobs`: a short one is vectorized in less
    time than the machine takes to say how many CPUs it has.
    """
    if n_jobs is None and type(documents) is list and len(documents) == 1:
        return 1
    return effective_threads(n_jobs)


def _cpu_count() -> int:
    """Return the number of CPUs that this process may use."""
    affinity = None
    if hasattr(os, "sched_getaffinity"):
        affinity = frozenset(os.sched_getaffinity(0))
    return _ask_joblib(affinity, os.environ.get("LOKY_MAX_CPU_COUNT"))


@lru_cache(maxsize=8)
def _ask_joblib(affinity: frozenset[int] | None, limit: str | None) -> int:
    # Joblib reads the files of the container's limits each time, for which a short
    # document could be vectorized; these limits do not change, the arguments may.
    return int(joblib.cpu_count())
