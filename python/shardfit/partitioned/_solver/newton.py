"""Newton's method with conjugate gradients, where every product costs a round.

Independent problems share their rounds and stop one by one; a joint problem is one.
A round is dear and arithmetic between rounds is cheap, so the Newton equations are
solved only as far as they help: to a tenth of the gradient at first, and near the
optimum to the square root of what the norm has fallen by. The diagonal of the Hessian
rides along with the gradient.

The preconditioner eliminates the intercept before it takes the diagonal. Rows of
text all point the same way, and the intercept is that way; so are columns with an
offset. This halves the rounds: 43 for 88 and 70 for 140 on binary text.

The gradient's norm says when to stop: the regulariser bends the objective by at least
its penalty, also after the intercept is eliminated, so the coefficients are no further
from the optimum than the norm of the gradient without the intercept's part, divided by
the penalty.

Tried, and not kept: stopping conjugate gradients by the preconditioned norm, or when
the quadratic model gains little more (as many rounds); solving the first equations
only to half or a quarter (a few rounds fewer for two classes, twenty more for 20, which
wait for each other); a preconditioner that adds what the last solution told of the
Hessian (a tenth fewer rounds, for the memory of 20 to 50 times the coefficients).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shardfit.partitioned._solver.exchange import Exchange, Place
from shardfit.partitioned._solver.objectives import Objective

__all__ = ["Penalised", "Solution", "minimise"]

_Float = NDArray[np.float64]
_Problems = NDArray[np.intp]

_LOOSEST = 0.1
_MOST_NEWTON = 200
_MOST_TRIALS = 20
_SHRINK = 0.4
# A step is taken if it gains this share of what the slope promises, but for rounding.
_SUFFICIENT = 1e-4
_ROUNDING = 1e-13
# A promised gain of so little, in shares of the objective, is beyond rounding.
_NO_GAIN = 1e-12
# An objective that has fallen to this share of its first value is rounded by that.
_NOTHING = 1e-3
# A column that varies by less than this share of its squares is as good as constant.
_CONSTANT = 1e-13
# Without a penalty the least bend is unknown; this share of the flattest column's.
_BEND = 1e-3


@dataclass(frozen=True)
class Penalised:
    """An objective with its regulariser.

    Parameters
    ----------
    loss : Objective
    n_problems : int
    scale : float
        Factor of the sum of the losses.
    penalty : ndarray of shape (n_problems,)
        Half of it is the factor of the squared norm of the coefficients.
    intercept_penalty : float
        The same for the intercepts.
    fit_intercept : bool
    """

    loss: Objective
    n_problems: int
    scale: float
    penalty: _Float
    intercept_penalty: float
    fit_intercept: bool

    def dot(self, left: _Float, right: _Float) -> _Float:
        """Return the scalar product of each problem's columns, shape (n,) or (1,)."""
        products = np.einsum("ij,ij->j", left, right)
        return np.asarray(
            products.sum(keepdims=True) if self.loss.is_joint else products
        )

    def penalties(self, shape: tuple[int, ...], problems: _Problems) -> _Float:
        """Return the penalty of each coefficient, and of intercepts in the last row."""
        table = np.empty(shape)
        table[:-1] = self.penalty[problems]
        table[-1] = self.intercept_penalty
        return table


@dataclass(frozen=True)
class Solution:
    """Where the solver ended.

    Parameters
    ----------
    point : ndarray of shape (n_columns + 1, n_problems)
        Coefficients by column, and the intercepts in the last row.
    values : ndarray of shape (n_problems,), or (1,) if joint
        The objective.
    gradient : ndarray of shape (n_columns + 1, n_problems)
    n_newton : int
    converged : bool
    """

    point: _Float
    values: _Float
    gradient: _Float
    n_newton: int
    converged: bool


@dataclass
class _State:
    """A point of some problems, and what is known of the objective there.

    The preconditioner is the Hessian's diagonal after the intercepts are eliminated
    by the mean column, which is weighted by curvature. Of an intercept's own residual
    so much counts that it, too, divided by the penalty, is a distance.
    """

    place: Place
    values: _Float
    gradient: _Float
    diagonal: _Float
    mean: _Float
    share: _Float

    def of(self, columns: _Problems) -> _State:
        """Return what is known of some of the problems."""
        joint = len(self.values) < self.gradient.shape[1]
        return _State(
            self.place,
            self.values if joint else self.values[columns],
            self.gradient[:, columns],
            self.diagonal[:, columns],
            self.mean[:, columns],
            self.share[columns],
        )

    def put(self, columns: _Problems, new: _State) -> None:
        """Take over what is new of some of the problems."""
        joint = len(self.values) < self.gradient.shape[1]
        self.place = new.place
        self.values[slice(None) if joint else columns] = new.values
        self.gradient[:, columns] = new.gradient
        self.diagonal[:, columns] = new.diagonal
        self.mean[:, columns] = new.mean
        self.share[columns] = new.share

    def precondition(self, residual: _Float) -> tuple[_Float, _Float]:
        """Return the residual without the intercepts' part, and preconditioned."""
        reduced = residual.copy()
        reduced[:-1] -= self.mean * residual[-1]
        divided = reduced / self.diagonal
        divided[-1] -= np.einsum("ij,ij->j", self.mean, divided[:-1])
        reduced[-1] *= self.share
        return reduced, divided


class _Function:
    """A penalised objective, whose sums come from an exchange."""

    def __init__(self, exchange: Exchange, problem: Penalised) -> None:
        self.exchange, self.problem = exchange, problem

    def at(self, point: _Float, problems: _Problems) -> _State:
        """Return value, gradient and preconditioner at a point; one round."""
        problem = self.problem
        place = self.exchange.place(problem.loss, point, problems)
        sums = self.exchange.tangent(place)
        penalties = problem.penalties(point.shape, problems)
        values = problem.scale * sums.losses
        values = values + 0.5 * problem.dot(penalties * point, point)
        gradient = problem.scale * sums.gradient + penalties * point
        diagonal = problem.scale * sums.diagonal + penalties
        mean = np.zeros_like(sums.coupling)
        if problem.fit_intercept:
            coupling = problem.scale * sums.coupling
            np.divide(coupling, diagonal[-1], out=mean, where=diagonal[-1] > 0)
            reduced = diagonal[:-1] - coupling * mean
            # Of a constant column nothing is left but roundings.
            is_left = reduced > _CONSTANT * diagonal[:-1]
            np.copyto(diagonal[:-1], reduced, where=is_left)
        else:
            gradient[-1] = 0.0
        diagonal[diagonal <= 0] = 1.0
        share = np.maximum(1.0, problem.penalty[problems] / diagonal[-1])
        return _State(place, values, gradient, diagonal, mean, share)

    def product(self, place: Place, direction: _Float, problems: _Problems) -> _Float:
        """Return the Hessian's product with a direction; one round."""
        known = place.problems
        directed = np.searchsorted(known, problems)
        is_all = len(problems) == len(known)
        product = self.exchange.product(place, direction, None if is_all else directed)
        product *= self.problem.scale
        product += self.problem.penalties(direction.shape, problems) * direction
        if not self.problem.fit_intercept:
            product[-1] = 0.0
        return product


def minimise(
    exchange: Exchange,
    problem: Penalised,
    *,
    tol: float,
    max_rounds: int,
    start: _Float | None = None,
) -> Solution:
    """Find the optimum from zero, or from a point that is better than zero.

    Parameters
    ----------
    exchange : Exchange
    problem : Penalised
    tol : float
        Largest distance of a coefficient from its optimum.
    max_rounds : int
        No step is begun after so many rounds.
    start : ndarray of shape (n_columns + 1, n_problems), optional

    Returns
    -------
    Solution
    """
    function = _Function(exchange, problem)
    state, point = _first(function, exchange.n_columns, start)
    target = tol * _least_bend(problem, state)
    norms = first_norms = _norms(problem, state.precondition(state.gradient)[0])
    first_values = np.abs(state.values)
    at_rest = np.zeros(len(target), dtype=np.bool_)
    lost = np.zeros(len(target), dtype=np.bool_)
    n_newton = 0
    while True:
        unfinished = (norms > target) & ~at_rest & ~lost
        spent = n_newton == _MOST_NEWTON or exchange.n_rounds >= max_rounds
        if not unfinished.any() or spent:
            break
        n_newton += 1
        problems = np.arange(problem.n_problems)
        mine = np.flatnonzero(unfinished)
        if not problem.loss.is_joint:
            problems = mine
        known = state.of(problems)
        forcing = np.minimum(_LOOSEST, np.sqrt(norms[mine] / first_norms[mine]))
        limits = np.maximum(forcing * norms[mine], 0.5 * target[mine])
        step = _newton_step(function, known, problems, limits, max_rounds)
        moved, new, taken = _search(function, known, point[:, problems], step, problems)
        promised = -problem.dot(known.gradient, step)
        after = _norms(problem, new.precondition(new.gradient)[0])
        # What is left are roundings of the sums, which no step can lessen.
        # Nor is there more to gain where the objective itself has fallen to nothing,
        # as it does when only one class has weight and the intercept has no end.
        floor = np.maximum(np.abs(known.values), _NOTHING * first_values[mine])
        beyond = promised <= _NO_GAIN * floor
        at_rest[mine] = beyond & (after > 0.5 * norms[mine])
        lost[mine] = ~taken & ~at_rest[mine]
        point[:, problems] = moved
        state.put(problems, new)
        norms = norms.copy()
        norms[mine] = after
    return Solution(
        point, state.values, state.gradient, n_newton, not (unfinished | lost).any()
    )


def _first(
    function: _Function, n_columns: int, start: _Float | None
) -> tuple[_State, _Float]:
    """Return zero or, for problems where it is better, the start."""
    problem = function.problem
    problems = np.arange(problem.n_problems)
    zero = np.zeros((n_columns + 1, problem.n_problems))
    state = function.at(zero, problems)
    point = zero.copy()
    if start is None:
        return state, point
    other = function.at(start, problems)
    better = other.values < state.values
    if problem.loss.is_joint:
        better = np.repeat(better, problem.n_problems)
    columns = np.flatnonzero(better)
    if len(columns):
        point[:, columns] = start[:, columns]
        state.put(columns, other.of(columns))
        state.place = function.exchange.place(problem.loss, point.copy(), problems)
    return state, point


def _norms(problem: Penalised, reduced: _Float) -> _Float:
    return np.asarray(np.sqrt(problem.dot(reduced, reduced)))


def _least_bend(problem: Penalised, state: _State) -> _Float:
    """Return by how much the objective bends at least, per problem."""
    flattest = _BEND * state.diagonal[:-1].min(axis=0, initial=np.inf)
    flattest = np.where(np.isfinite(flattest), flattest, 1.0)
    bend = np.where(problem.penalty > 0, problem.penalty, flattest)
    return bend.min(keepdims=True) if problem.loss.is_joint else bend


def _newton_step(
    function: _Function,
    state: _State,
    problems: _Problems,
    limits: _Float,
    max_rounds: int,
) -> _Float:
    """Solve the Newton equations until the residuals' norms are within limits."""
    problem, exchange = function.problem, function.exchange
    dot, joint = problem.dot, problem.loss.is_joint
    residual = -state.gradient
    step = np.zeros_like(residual)
    reduced, direction = state.precondition(residual)
    norms = _norms(problem, reduced)
    energy = dot(residual, direction)
    flat = np.zeros(len(limits), dtype=np.bool_)
    while exchange.n_rounds < max_rounds:
        running = (norms > limits) & ~flat
        if not running.any():
            break
        mine: _Problems | slice = slice(None)
        known = state
        if not (joint or running.all()):
            mine = np.flatnonzero(running)
            known = state.of(mine)
        along = direction[:, mine]
        product = function.product(state.place, along, problems[mine])
        bend = dot(along, product)
        # Along what does not bend there is nothing to gain.
        flat[mine] = bend <= 0
        length = np.where(bend > 0, energy[mine] / np.where(bend > 0, bend, 1.0), 0.0)
        step[:, mine] += length * along
        residual[:, mine] -= length * product
        left = residual[:, mine]
        reduced, divided = known.precondition(left)
        norms[mine] = _norms(problem, reduced)
        new_energy = dot(left, divided)
        ratio = new_energy / np.where(energy[mine] > 0, energy[mine], 1.0)
        direction[:, mine] = divided + ratio * along
        energy[mine] = new_energy
    return step


def _search(
    function: _Function,
    state: _State,
    base: _Float,
    step: _Float,
    problems: _Problems,
) -> tuple[_Float, _State, NDArray[np.bool_]]:
    """Return the point where each problem has gained enough, and whether it has."""
    slope = function.problem.dot(state.gradient, step)
    length = np.ones(len(slope))
    slack = _ROUNDING * np.abs(state.values)
    for _ in range(_MOST_TRIALS):
        moved = base + length * step
        new = function.at(moved, problems)
        enough = state.values + _SUFFICIENT * length * slope + slack
        taken = new.values <= enough
        if taken.all():
            return moved, new, taken
        length = np.where(taken, length, _SHRINK * length)
    length = np.where(taken, length, 0.0)
    moved = base + length * step
    return moved, function.at(moved, problems), taken
