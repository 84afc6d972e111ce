"""Which workers run the tasks, how many, and what it looks like when one dies."""

from __future__ import annotations

from concurrent.futures import BrokenExecutor
from copy import copy
from dataclasses import dataclass
from typing import Any

from joblib._parallel_backends import (
    LokyBackend,
    MultiprocessingBackend,
    SequentialBackend,
    ThreadingBackend,
)
from joblib.parallel import get_active_backend

from shardfit._threads import effective_threads

__all__ = ["Workers", "active_workers", "lost_worker", "worker_count"]

_ON_THIS_MACHINE = (LokyBackend, SequentialBackend, ThreadingBackend)
# By name, since dask, ray and ipyparallel, which define them, need not be there.
_LOSSES = frozenset(
    {
        "KilledWorker",
        "ActorDiedError",
        "ActorUnavailableError",
        "NodeDiedError",
        "RayActorError",
        "WorkerCrashedError",
        "EngineError",
    }
)


@dataclass(frozen=True)
class Workers:
    """The workers of one run.

    Parameters
    ----------
    backend : joblib.parallel.ParallelBackendBase
        Whose workers they are.
    count : int
        How many; 1 stands for the calling thread.
    """

    backend: Any
    count: int

    @property
    def are_threads(self) -> bool:
        """Whether they share the memory of this process."""
        return bool(getattr(self.backend, "supports_sharedmem", False))

    @property
    def are_processes_of_loky(self) -> bool:
        """Whether they are processes of this machine."""
        return isinstance(self.backend, LokyBackend)

    @property
    def return_as(self) -> str:
        """How joblib shall hand over results: as they come, if it can."""
        streams = getattr(self.backend, "supports_return_generator", False)
        return "generator_unordered" if streams else "list"


def active_workers(n_jobs: int | None, prefer: str, n_tasks: int) -> Workers:
    """Return the workers of joblib's active backend for so many tasks.

    Parameters
    ----------
    n_jobs : int or None
        As `worker_count` takes it.
    prefer : {"threads", "processes"}
        What to use where no backend was chosen.
    n_tasks : int
        There are never more workers than that.

    Returns
    -------
    Workers

    Raises
    ------
    ValueError
        If the backend is joblib's "multiprocessing", or `n_jobs` no valid number.
    """
    backend, _ = get_active_backend(prefer=prefer)
    # Ray's and ipyparallel's backends may be subclasses of it, and do notice.
    if type(backend) is MultiprocessingBackend:
        raise ValueError(
            "joblib's backend 'multiprocessing' waits for ever when a worker dies; use "
            "parallel_config(backend='loky'), which runs processes too"
        )
    # A copy, as the first of two runs that share one stops the workers of the other.
    return Workers(copy(backend), min(worker_count(n_jobs, prefer), max(1, n_tasks)))


def worker_count(n_jobs: int | None, prefer: str = "threads") -> int:
    """Return the number of workers that `n_jobs` stands for here and now.

    Parameters
    ----------
    n_jobs : int or None
        None is what `joblib.parallel_config` says, or every CPU where it says
        nothing; of a cluster, every CPU of that. Numbers mean what they mean to
        joblib: -1 is every CPU, -2 all but one.
    prefer : {"threads", "processes"}, default="threads"
        What to use where no backend was chosen.

    Returns
    -------
    int
        At least 1.

    Raises
    ------
    TypeError, ValueError
        As `effective_threads` raises them.

    Examples
    --------
    >>> from joblib import parallel_config
    >>> from shardfit.parallel import worker_count
    >>> worker_count(3)
    3
    >>> with parallel_config(n_jobs=2):
    ...     worker_count(None)
    2
    """
    backend, _ = get_active_backend(prefer=prefer)
    if n_jobs is None:
        # Asked without `prefer`: with it, joblib answers 1, whatever it was told.
        _, n_jobs = get_active_backend()
    if isinstance(backend, _ON_THIS_MACHINE):
        return max(1, int(backend.effective_n_jobs(effective_threads(n_jobs))))
    if n_jobs is not None:
        effective_threads(n_jobs)  # refuses what is no number of workers
    return max(1, int(backend.effective_n_jobs(-1 if n_jobs is None else n_jobs)))


def lost_worker(error: BaseException) -> bool:
    """Tell whether an exception means that a worker is gone, and not what it ran.

    Parameters
    ----------
    error : BaseException

    Returns
    -------
    bool
    """
    if isinstance(error, BrokenExecutor):
        # A pool that names a cause could not read what it was sent, and never will.
        return error.__cause__ is None
    names = {kind.__name__ for kind in type(error).__mro__}
    names.add(str(getattr(error, "ename", "")))  # ipyparallel wraps what was raised
    return bool(names & _LOSSES)
