"""A forest that grows in the background, and can be had at any moment."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from numbers import Integral
from types import TracebackType
from typing import Any, Literal, Self

from joblib import parallel_config
from joblib.parallel import get_active_backend
from sklearn import config_context, get_config
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline
from sklearn.utils import indexable

from shardfit.ensemble._combine import check_is_forest
from shardfit.ensemble._growth import Growth, GrowthReport
from shardfit.ensemble._tasks import (
    Rows,
    cut,
    grow_trees,
    spawn_seeds,
    task_forest,
    trees_by_task,
)
from shardfit.merging import merge, mergeability
from shardfit.parallel import run_tasks, worker_count

__all__ = ["ForestGrower"]

_TREES_PER_TASK = 4
# What tasks set to suit themselves.
_OWN_PARAMETERS = (
    "class_weight",
    "max_samples",
    "n_jobs",
    "random_state",
    "warm_start",
)


class ForestGrower:
    """Grow a forest in the background, on any of joblib's backends.

    The trees are grown in small tasks, each with a seed of its own, by worker threads
    unless `joblib.parallel_config` of the thread that calls `launch` chose another
    backend. The same parameters give the same forest, whatever the number of workers,
    and in whatever order they are done.

    Parameters
    ----------
    forest : estimator
        A forest that `combine_forests` takes, or a pipeline that ends in one: then its
        first steps are fitted once, on all rows. Its `n_estimators` is the number of
        trees to grow. It is left as it is.
    n_tasks : int, optional
        Number of tasks. By default, every task grows up to four trees.
    strategy : {"replicate", "partition"}, default="replicate"
        "replicate": every tree is grown on all rows, which gives what `fit` of the
        forest gives, but for chance. "partition": the rows are dealt out at random,
        each class for itself, and every tree is grown on one partition; that is faster
        and gives smaller trees, and costs accuracy. A `class_weight` of "balanced" is
        by the rows of each partition.
    n_partitions : int, optional
        Number of partitions, for "partition" only; at most the number of tasks.
    random_state : int, RandomState instance or None, default=None
        Determines all trees. None takes that of the forest.
    n_jobs : int, optional
        Number of workers. None is what `joblib.parallel_config` says, or every CPU.

    Raises
    ------
    ValueError
        If `forest` is none, or a parameter does not fit the others.

    See Also
    --------
    combine_forests : Join forests that are grown.

    Notes
    -----
    Rows are not copied: leave them as they are until `wait` returns. A task whose
    worker process dies is tried again, three times at most. A ``with`` block aborts at
    its end what is still growing, and so does a grower that nobody holds any more.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from shardfit.ensemble import ForestGrower
    >>> X, y = load_iris(return_X_y=True)
    >>> forest = RandomForestClassifier(20, random_state=0)
    >>> with ForestGrower(forest).launch(X, y) as grower:
    ...     _ = grower.wait()
    ...     grown = grower.aggregate()
    >>> grower.progress(), len(grown)
    (1.0, 20)
    """

    def __init__(
        self,
        forest: Any,
        *,
        n_tasks: int | None = None,
        strategy: Literal["replicate", "partition"] = "replicate",
        n_partitions: int | None = None,
        random_state: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        last = _last_step(forest)
        _check_can_grow(last)
        if strategy not in ("replicate", "partition"):
            raise ValueError(
                f'strategy must be "replicate" or "partition", got {strategy!r}'
            )
        if (strategy == "partition") != (n_partitions is not None):
            raise ValueError(
                f'n_partitions must be given with strategy="partition", and only then; '
                f"got {n_partitions!r} with {strategy!r}"
            )
        n_trees = last.n_estimators
        _check_number("n_estimators of the forest", n_trees, 1, None)
        if n_partitions is not None:
            _check_number("n_partitions", n_partitions, 1, n_trees)
        least = n_partitions or 1
        if n_tasks is None:
            n_tasks = max(least, -(-n_trees // _TREES_PER_TASK))
        _check_number("n_tasks", n_tasks, least, n_trees)
        self.forest = forest
        self.n_tasks = n_tasks
        self.strategy = strategy
        self.n_partitions = n_partitions
        self.random_state = random_state
        self.n_jobs = n_jobs
        self._growth: Growth | None = None

    def launch(self, X: Any, y: Any = None, *, sample_weight: Any = None) -> Self:
        """Begin to grow, and return at once.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Or whatever the pipeline takes.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), optional
            The targets.
        sample_weight : array-like of shape (n_samples,), optional
            Given to the forest.

        Returns
        -------
        ForestGrower
            The grower itself. What it has grown before is dropped.

        Raises
        ------
        RuntimeError
            If it is growing already.
        ValueError
            If the lengths differ, or there are more partitions than rows.
        """
        if self._growth is not None and self._growth.is_running:
            raise RuntimeError(
                "the grower is running: call wait() or abort() before the next launch"
            )
        rows = Rows(*indexable(X, y, sample_weight))
        if self.n_partitions is not None and len(rows) < self.n_partitions:
            raise ValueError(
                f"n_partitions must be at most the number of rows, {len(rows)}, got "
                f"{self.n_partitions}"
            )
        backend, _ = get_active_backend(prefer="threads")
        workers = (backend, worker_count(self.n_jobs))
        seeds = spawn_seeds(self._seed(), self.n_tasks)
        growth = Growth(_last_step(self.forest).n_estimators)
        model, config, n_parts = clone(self.forest), get_config(), self.n_partitions

        def source() -> Iterator[tuple[int, Any]]:
            return _grow(growth, model, rows, n_parts, seeds, workers, config)

        growth.start(source)
        self._growth = growth
        weakref.finalize(self, _abort, weakref.ref(growth))
        return self

    def _seed(self) -> Any:
        if self.random_state is not None:
            return self.random_state
        return _last_step(self.forest).random_state

    def progress(self) -> float:
        """Return the share of trees that have grown, from 0 to 1."""
        report = self.report()
        return report.trees_grown / report.trees_wanted

    def report(self) -> GrowthReport:
        """Return how far the forest is.

        Returns
        -------
        GrowthReport
            Its `str` is one line.
        """
        if self._growth is None:
            n_wanted = _last_step(self.forest).n_estimators
            return GrowthReport(0, n_wanted, 0, 0.0, "not launched")
        return self._growth.report()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until all trees have grown, or none will any more.

        Parameters
        ----------
        timeout : float, optional
            How long to wait at most, in seconds.

        Returns
        -------
        bool
            Whether that is so.

        Raises
        ------
        RuntimeError
            If nothing was launched.
        Exception
            What a task raised. `aggregate` still returns what had grown before.
        """
        if self._growth is None:
            raise RuntimeError("nothing was launched: call launch(X, y) first")
        has_ended = self._growth.join(timeout)
        if self._growth.error is not None:
            raise self._growth.error
        return has_ended

    def abort(self) -> None:
        """Grow no more trees, and keep those that have grown.

        Returns at once. Workers finish the few trees that they are at, and these are
        thrown away; `wait` waits for them.
        """
        if self._growth is not None:
            self._growth.abort()

    def aggregate(self) -> Any:
        """Return the forest as far as it has grown, at any moment.

        Returns
        -------
        estimator
            A new fitted estimator of the class of `forest`, with its parameters;
            `n_estimators` is the number of trees that have grown. All forests that
            this returns share these trees, and the first steps of a pipeline.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If there is no tree yet.
        shardfit.exceptions.NotMergeableError
            If partitions lack classes, and the members of a `BaggingClassifier` cannot
            make up for that.
        """
        forests = [] if self._growth is None else self._growth.forests()
        if self._growth is None or not forests:
            raise NotFittedError(
                f"no tree has grown yet ({self.report().state}): call "
                f"{'launch(X, y)' if self._growth is None else 'wait()'} first"
            )
        merged = merge(forests)
        own = clone(_last_step(self.forest)).get_params(deep=False)
        merged.set_params(
            **{name: own[name] for name in _OWN_PARAMETERS if name in own}
        )
        if not isinstance(self.forest, Pipeline):
            return merged
        pipeline = clone(self.forest)
        pipeline.steps = [*self._growth.steps, (pipeline.steps[-1][0], merged)]
        return pipeline

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.abort()

    def __getstate__(self) -> dict[str, Any]:
        if self._growth is not None and self._growth.is_running:
            raise TypeError(
                "a ForestGrower that is running cannot be pickled or copied: call "
                "wait() or abort() before, or take what aggregate() returns"
            )
        return dict(vars(self))


def _abort(reference: weakref.ref[Growth]) -> None:
    """End a growth that nobody waits for any more."""
    growth = reference()
    if growth is not None:
        growth.abort()


def _grow(
    growth: Growth,
    model: Any,
    rows: Rows,
    n_partitions: int | None,
    seeds: tuple[Any, list[int]],
    workers: tuple[Any, int],
    config: dict[str, Any],
) -> Iterator[tuple[int, Any]]:
    """Yield the forest of each task with its number; runs in the background."""
    dealing, task_seeds = seeds
    backend, n_jobs = workers
    if isinstance(model, Pipeline):
        with config_context(**config):
            X, growth.steps = _transformed(model, rows)
        rows = Rows(X, rows.y, rows.sample_weight)
    forest = _last_step(model)
    parts = [rows] if n_partitions is None else cut(rows, forest, n_partitions, dealing)
    forest = task_forest(forest, parts)
    parts = [part.for_trees_of(forest) for part in parts]
    n_trees = trees_by_task(forest.n_estimators, len(task_seeds), len(parts))
    tasks = [
        (forest, n_trees[number], seed, parts[number % len(parts)], config)
        for number, seed in enumerate(task_seeds)
    ]
    with parallel_config(backend=backend, n_jobs=n_jobs):
        yield from run_tasks(
            grow_trees,
            tasks,
            n_jobs=n_jobs,
            name="task",
            cancelled=lambda: not growth.ask(),
        )


def _transformed(model: Pipeline, rows: Rows) -> tuple[Any, list[tuple[str, Any]]]:
    """Fit the steps of a pipeline before the last, and return what they make of X."""
    if len(model.steps) == 1:
        return rows.X, []
    first = model[:-1]
    return first.fit_transform(rows.X, rows.y), list(first.steps)


def _last_step(model: Any) -> Any:
    return model.steps[-1][1] if isinstance(model, Pipeline) else model


def _check_can_grow(forest: Any) -> None:
    check_is_forest(forest)
    answer = mergeability(forest)
    if answer.kind == "no":
        raise ValueError(
            f"{type(forest).__name__} cannot grow in tasks: {answer.reason}; "
            f"{answer.remedy}"
        )
    if getattr(forest, "oob_score", False):
        raise ValueError(
            f"oob_score={forest.oob_score!r} is not possible for a forest that grows "
            "in tasks, as no task knows the trees of the others; use oob_score=False"
        )


def _check_number(name: str, value: Any, least: int, most: int | None) -> None:
    limit = f"at least {least}" if most is None else f"from {least} to {most}"
    is_integer = isinstance(value, Integral) and not isinstance(value, bool)
    if not is_integer or value < least or (most is not None and value > most):
        raise ValueError(f"{name} must be an integer {limit}, got {value!r}")
