"""Rounds: every partition answers a request, and the answers are added up.

Answers are added in the order of the partitions, in float64, however they were
computed: the number of workers changes nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from shardfit.partitioned._solver.normal_equations import Moments
from shardfit.partitioned._solver.objectives import Objective
from shardfit.partitioned._solver.shard import Answer, Excerpt, Request, Survey

__all__ = ["Exchange", "Place", "Rounds", "Sums"]

_Float = NDArray[np.float64]
_Positions = NDArray[np.intp] | None
Rounds = Callable[[Iterator[Request]], Iterable[Answer]]


@dataclass(frozen=True)
class Sums:
    """What all partitions answer about a point, added up.

    Parameters
    ----------
    losses : ndarray of shape (n_problems,), or (1,) if the problem is joint
    gradient : ndarray of shape (n_columns + 1, n_problems)
        By coefficient, and by intercept in the last row.
    diagonal : ndarray of shape (n_columns + 1, n_problems)
        Of the Hessian, likewise.
    coupling : ndarray of shape (n_columns, n_problems)
        Second derivatives by coefficient and intercept.
    """

    losses: _Float
    gradient: _Float
    diagonal: _Float
    coupling: _Float


@dataclass(frozen=True)
class Place:
    """A point of some problems, under the name that partitions keep curvature by.

    Parameters
    ----------
    objective : Objective
    point : ndarray of shape (n_columns + 1, n_problems)
        Coefficients by column, and the intercepts in the last row.
    problems : ndarray of int of shape (n_problems,)
    key : tuple
    """

    objective: Objective
    point: _Float
    problems: NDArray[np.intp]
    key: tuple[str, int]

    def request(
        self,
        kind: Literal["tangent", "product"],
        at: _Positions,
        direction: _Float | None = None,
        directed: NDArray[np.intp] | None = None,
    ) -> Request:
        """Return what to ask a partition that has the columns `at`."""
        along = None if direction is None else Excerpt(direction, at)
        point = Excerpt(self.point, at)
        return Request(
            kind, self.objective, self.key, self.problems, point, directed, along
        )


class Exchange:
    """All partitions, as the solver sees them.

    Parameters
    ----------
    rounds : callable
        Takes an iterator of requests, one per partition, and returns the answers in
        the same order.
    n_partitions : int

    Attributes
    ----------
    n_rounds : int
        Number of rounds so far.
    survey : Survey
        Of all rows; its columns are those that any partition holds.
    """

    def __init__(self, rounds: Rounds, n_partitions: int) -> None:
        self._rounds = rounds
        self._name = uuid.uuid4().hex
        self._n_places = 0
        self.n_rounds = 0
        self._positions: list[_Positions] = [None] * n_partitions
        answers = self._ask(lambda _: Request("survey"))
        parts = [answer.survey for _, answer in answers if answer.survey is not None]
        self.survey = _joint_survey(parts)
        columns = self.survey.columns
        self._positions = [_positions_of(part, columns) for part in parts]

    @property
    def n_columns(self) -> int:
        """Number of columns that any partition holds."""
        columns = self.survey.columns
        return self.survey.n_features if columns is None else len(columns)

    def moments(self, objective: Objective, problems: NDArray[np.intp]) -> Moments:
        """Return means and centred products of all rows; one round."""
        request = Request("moments", objective, problems=problems)
        total: Moments | None = None
        for _, answer in self._ask(lambda _: request):
            assert answer.moments is not None
            total = answer.moments if total is None else total + answer.moments
        assert total is not None
        return total

    def tangent(self, place: Place) -> Sums:
        """Return the sums at a place; one round."""
        point = place.point
        losses = np.zeros(1 if place.objective.is_joint else point.shape[1])
        gradient, diagonal = np.zeros_like(point), np.zeros_like(point)
        coupling = np.zeros_like(point[:-1])
        for at, answer in self._ask(lambda at: place.request("tangent", at)):
            assert answer.losses is not None
            losses += answer.losses
            _add(gradient[:-1], at, answer.by_column)
            _add(diagonal[:-1], at, answer.diagonal)
            _add(coupling, at, answer.coupling)
            gradient[-1] += answer.by_intercept
            diagonal[-1] += answer.curvature
        return Sums(losses, gradient, diagonal, coupling)

    def product(
        self,
        place: Place,
        direction: _Float,
        directed: NDArray[np.intp] | None = None,
    ) -> _Float:
        """Return the Hessian's product with a direction; one round.

        Parameters
        ----------
        place : Place
            Where the Hessian is taken.
        direction : ndarray of shape (n_columns + 1, n_directed)
        directed : ndarray of int or None
            Which columns of the place the direction has; None is all.

        Returns
        -------
        ndarray of shape (n_columns + 1, n_directed)
        """
        total = np.zeros_like(direction)
        for at, answer in self._ask(
            lambda at: place.request("product", at, direction, directed)
        ):
            _add(total[:-1], at, answer.by_column)
            total[-1] += answer.by_intercept
        return total

    def place(
        self, objective: Objective, point: _Float, problems: NDArray[np.intp]
    ) -> Place:
        """Name a point.

        Parameters
        ----------
        objective : Objective
        point : ndarray of shape (n_columns + 1, n_problems)
            Must not change any more.
        problems : ndarray of int of shape (n_problems,)

        Returns
        -------
        Place
        """
        self._n_places += 1
        return Place(objective, point, problems, (self._name, self._n_places))

    def _ask(
        self, request_for: Callable[[_Positions], Request]
    ) -> Iterator[tuple[_Positions, Answer]]:
        self.n_rounds += 1
        requests = map(request_for, self._positions)
        answers = self._rounds(requests)
        return zip(self._positions, answers, strict=True)


def _add(total: _Float, at: _Positions, part: _Float | None) -> None:
    assert part is not None
    if at is None:
        total += part
    else:
        total[at] = np.take(total, at, axis=0) + part


def _joint_survey(parts: list[Survey]) -> Survey:
    first = parts[0]
    columns = None
    if all(part.columns is not None for part in parts):
        holds = np.zeros(first.n_features, dtype=np.bool_)
        for part in parts:
            holds[part.columns] = True
        columns = np.flatnonzero(holds)
    return Survey(
        n_rows=sum(part.n_rows for part in parts),
        n_features=first.n_features,
        n_targets=first.n_targets,
        columns=columns,
        class_rows=np.sum([part.class_rows for part in parts], axis=0),
        class_weights=np.sum([part.class_weights for part in parts], axis=0),
        dtype=np.result_type(*[part.dtype for part in parts]),
    )


def _positions_of(part: Survey, union: NDArray[np.intp] | None) -> _Positions:
    """Return where a partition's columns are among those of all, None if all are."""
    if part.columns is None:
        return None
    if union is None:
        return part.columns
    return (
        None
        if len(part.columns) == len(union)
        else np.searchsorted(union, part.columns)
    )
