"""Gradients and curvature against finite differences and scikit-learn's own losses."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from scipy import sparse
from sklearn._loss import HalfBinomialLoss, HalfMultinomialLoss
from sklearn.linear_model._linear_loss import LinearModelLoss

from shardfit.partitioned._solver.exchange import Exchange
from shardfit.partitioned._solver.objectives import (
    Logistic,
    Multinomial,
    SquaredEpsilon,
    SquaredHinge,
    SquaredLoss,
)
from shardfit.partitioned._solver.shard import answer, make_shard

N_ROWS, N_FEATURES = 40, 6


def _rows(n_classes: int, *, seed: int = 0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(N_ROWS, N_FEATURES)) * (rng.random((N_ROWS, N_FEATURES)) < 0.5)
    if n_classes:
        targets = rng.integers(0, n_classes, N_ROWS)
    else:
        targets = rng.normal(size=(N_ROWS, 2))
    return X, targets, rng.uniform(0.5, 2.0, N_ROWS)


OBJECTIVES = {
    "logistic": (Logistic(np.array([[0.7, 1.4]])), 2, 1),
    "one against the rest": (Logistic(np.linspace(0.5, 2, 9).reshape(3, 3)), 3, 3),
    "hinge": (SquaredHinge(np.array([[0.7, 1.4]])), 2, 1),
    "hinges": (SquaredHinge(np.linspace(0.5, 2, 9).reshape(3, 3)), 3, 3),
    "softmax": (Multinomial(np.array([0.5, 1.0, 2.0])), 3, 3),
    "squares": (SquaredLoss(), 0, 2),
    "squares of signs": (SquaredLoss(np.tile([0.5, 1.0, 2.0], (3, 1))), 3, 3),
    "epsilon": (SquaredEpsilon(0.3), 0, 2),
}


@pytest.fixture(params=OBJECTIVES)
def case(request):
    objective, n_classes, n_problems = OBJECTIVES[request.param]
    X, targets, weights = _rows(n_classes)
    shard = make_shard(X, targets, weights, n_classes=n_classes)
    exchange = Exchange(lambda requests: map(answer, [shard], requests), 1)
    point = np.random.default_rng(1).normal(size=(N_FEATURES + 1, n_problems))
    return exchange, objective, point, np.arange(n_problems)


def _value(case, point) -> float:
    exchange, objective, _, problems = case
    place = exchange.place(objective, point, problems)
    return float(exchange.tangent(place).losses.sum())


def _gradient(case, point):
    exchange, objective, _, problems = case
    return exchange.tangent(exchange.place(objective, point, problems)).gradient


def test_gradient_is_the_limit_of_differences(case):
    point = case[2]
    expected = np.empty_like(point)
    for at in np.ndindex(point.shape):
        nudge = np.zeros_like(point)
        nudge[at] = 1e-6
        expected[at] = (
            _value(case, point + nudge) - _value(case, point - nudge)
        ) / 2e-6
    np.testing.assert_allclose(_gradient(case, point), expected, rtol=1e-6, atol=1e-6)


def test_product_is_the_limit_of_differences_of_gradients(case):
    exchange, objective, point, problems = case
    direction = np.random.default_rng(2).normal(size=point.shape)
    place = exchange.place(objective, point, problems)
    product = exchange.product(place, direction)
    nudge = 1e-6 * direction
    ahead, behind = _gradient(case, point + nudge), _gradient(case, point - nudge)
    np.testing.assert_allclose(product, (ahead - behind) / 2e-6, rtol=1e-6, atol=1e-5)


def test_diagonal_and_coupling_are_entries_of_the_hessian(case):
    exchange, objective, point, problems = case
    place = exchange.place(objective, point, problems)
    sums = exchange.tangent(place)
    for at in np.ndindex(point.shape):
        unit = np.zeros_like(point)
        unit[at] = 1.0
        column = exchange.product(place, unit)
        np.testing.assert_allclose(sums.diagonal[at], column[at], rtol=1e-10)
        if at[0] < N_FEATURES:
            np.testing.assert_allclose(
                sums.coupling[at], column[-1, at[1]], rtol=1e-10, atol=1e-12
            )


def test_product_of_some_problems_is_part_of_the_product_of_all(case):
    exchange, objective, point, problems = case
    if objective.is_joint:
        return
    place = exchange.place(objective, point, problems)
    direction = np.random.default_rng(2).normal(size=point.shape)
    some = np.array([len(problems) - 1])
    np.testing.assert_allclose(
        exchange.product(place, np.ascontiguousarray(direction[:, some]), some),
        exchange.product(place, direction)[:, some],
        rtol=1e-12,
        atol=1e-12,
    )


@pytest.mark.parametrize("n_classes", [2, 3])
def test_logarithmic_loss_is_that_of_scikit_learn(n_classes):
    X, targets, weights = _rows(n_classes)
    n_problems = 1 if n_classes == 2 else n_classes
    objective = (
        Logistic(np.ones((1, 2))) if n_classes == 2 else Multinomial(np.ones(n_classes))
    )
    base = HalfBinomialLoss() if n_classes == 2 else HalfMultinomialLoss(n_classes=3)
    point = np.random.default_rng(1).normal(size=(N_FEATURES + 1, n_problems))
    loss, gradient = LinearModelLoss(base, fit_intercept=True).loss_gradient(
        point.T.ravel(order="F"), X, targets.astype(np.float64), sample_weight=weights
    )
    shard = make_shard(X, targets, weights, n_classes=n_classes)
    exchange = Exchange(lambda requests: map(answer, [shard], requests), 1)
    place = exchange.place(objective, point, np.arange(n_problems))
    sums = exchange.tangent(place)
    total = weights.sum()
    np.testing.assert_allclose(sums.losses, loss * total, rtol=1e-12)
    expected = gradient.reshape((n_problems, -1), order="F").T * total
    np.testing.assert_allclose(sums.gradient, expected, rtol=1e-10, atol=1e-10)


def test_losses_of_huge_margins_are_finite():
    X = np.array([[1e5], [-1e5]])
    for objective, n_problems in [
        (Logistic(np.ones((1, 2))), 1),
        (Multinomial(np.ones(3)), 3),
    ]:
        n_classes = 2 if n_problems == 1 else 3
        shard = make_shard(X, np.array([0, 1]), n_classes=n_classes)
        exchange = Exchange(
            lambda requests, shard=shard: map(answer, [shard], requests), 1
        )
        point = np.zeros((2, n_problems))
        point[0, -1] = 1.0
        place = exchange.place(objective, point, np.arange(n_problems))
        sums = exchange.tangent(place)
        assert np.isfinite(sums.losses).all()
        assert np.isfinite(sums.gradient).all()


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix, sparse.csr_array])
@pytest.mark.parametrize(
    "objective", [Multinomial(np.ones(3)), SquaredHinge(np.eye(3) + 1)]
)
def test_kept_curvature_gives_the_bits_of_computed_curvature(form, objective):
    X, targets, weights = _rows(3)
    shard = make_shard(form(X), targets, weights, n_classes=3)

    def through_a_wire(requests):
        for request in requests:
            fresh = pickle.loads(pickle.dumps(shard))
            yield answer(fresh, pickle.loads(pickle.dumps(request)))

    point = np.random.default_rng(1).normal(size=(N_FEATURES + 1, 3))
    direction = np.random.default_rng(2).normal(size=(N_FEATURES + 1, 2))
    products = []
    for rounds in (lambda requests: map(answer, [shard], requests), through_a_wire):
        exchange = Exchange(rounds, 1)
        place = exchange.place(objective, point, np.arange(3))
        exchange.tangent(place)
        if objective.is_joint:
            products.append(exchange.product(place, point))
        else:
            products.append(exchange.product(place, direction, np.array([0, 2])))
    assert np.array_equal(products[0], products[1])


def test_a_shard_keeps_the_columns_that_it_holds():
    X = sparse.csr_matrix(([1.0, 2.0], ([0, 1], [3, 90])), shape=(2, 100))
    shard = make_shard(X, np.array([0, 1]), n_classes=2)
    assert shard.matrix.shape == (2, 2)
    assert shard.survey.columns.tolist() == [3, 90]
    assert shard.nbytes < 200


def test_a_request_travels_with_the_columns_of_its_partition():
    big = sparse.random(30, 50_000, density=0.001, random_state=0, format="csr")
    targets = np.arange(30) % 2
    shards = [
        make_shard(big[i : i + 3], targets[i : i + 3], n_classes=2)
        for i in range(0, 30, 3)
    ]
    sizes = []

    def rounds(requests):
        for shard, request in zip(shards, requests, strict=True):
            sizes.append(len(pickle.dumps(request)))
            yield answer(shard, request)

    exchange = Exchange(rounds, len(shards))
    point = np.zeros((exchange.n_columns + 1, 1))
    exchange.tangent(exchange.place(Logistic(np.ones((1, 2))), point, np.array([0])))
    assert exchange.n_columns > 1000
    assert max(sizes) < 4000
