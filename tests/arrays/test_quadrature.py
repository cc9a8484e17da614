"""The composite trapezoid on pairs, and what it says of its own error."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.arrays import quadrature
from pellucid.arrays.quadrature import Pairs


def integrate(function, rounds, choose):
    """The rule as the path engine applies it, for one integral, with the weights spelled out."""
    positions = [1.0, 0.0, 0.5, 0.25, 0.75]
    pairs = Pairs(np.zeros(2, int), np.array([0.0, 0.5]), np.array([0.25, 0.25]), np.array([[1, 3, 2], [2, 4, 0]]))
    for round_ in range(rounds):
        values = np.array([function(t) for t in positions])
        chosen = choose(pairs, values, round_)
        new = len(positions) + np.arange(2 * chosen.sum()).reshape(-1, 2)
        positions += list(pairs[chosen].midpoints().reshape(-1))
        pairs = pairs[~chosen] + pairs[chosen].halves(new)
    values = np.array([function(t) for t in positions])
    weights = np.zeros(len(positions))
    np.add.at(weights, pairs.nodes, pairs.half[:, None] * np.array([0.5, 1.0, 0.5]))
    return pairs, np.array(positions), values, weights


def measures(pairs, values):
    low, middle, high = (values[pairs.nodes[:, k]] for k in range(3))
    second = pairs.half[:, None] * (2 * middle - low - high)
    norms = [np.linalg.norm(d, axis=1) for d in (second, middle - low, high - middle)]
    return *norms, np.linalg.norm(second.sum(0), keepdims=True)


@given(st.integers(0, 2**32 - 1), st.integers(0, 6))
@settings(max_examples=50, deadline=None)
def test_any_refinement_is_a_partition(seed, rounds):
    draws = np.random.default_rng(seed)
    pairs, positions, _, weights = integrate(
        lambda t: np.zeros(1), rounds, lambda pairs, _v, _r: draws.random(len(pairs.half)) < 0.4
    )
    assert weights.sum() == pytest.approx(1)
    assert 2 * pairs.half.sum() == pytest.approx(1)
    assert len(np.unique(positions)) == len(positions) == 2 * len(pairs.half) + 1
    for start, half, nodes in zip(pairs.start, pairs.half, pairs.nodes, strict=True):
        np.testing.assert_allclose(positions[nodes], [start, start + half, start + 2 * half])


def test_linear_integrands_are_exact_and_say_so():
    pairs, _, values, weights = integrate(lambda t: np.array([2 * t, 1 - t]), 2, lambda p, _v, _r: np.ones(len(p.half), bool))
    np.testing.assert_allclose(weights @ values, [1.0, 0.5])
    second, left, right, total = measures(pairs, values)
    bound, _ = quadrature.error_bound(pairs.owner, second, left, right, np.zeros(len(second)), total, values.shape[1])
    assert bound[0] < 1e-12


@pytest.mark.parametrize("dimensions", [1, 3, 50])
@pytest.mark.parametrize("jumps", [1, 5, 200])
def test_the_bound_covers_random_step_functions(dimensions, jumps):
    draws = np.random.default_rng(dimensions * 1000 + jumps)
    covered, ratios = [], []
    for _ in range(300):
        where, heights = np.sort(draws.random(jumps)), draws.normal(size=(jumps, dimensions))
        truth = ((1 - where)[:, None] * heights).sum(0)

        def step(t, where=where, heights=heights):
            return heights[where < t].sum(0)

        pairs, _, values, weights = integrate(step, 3, lambda p, _v, _r: np.ones(len(p.half), bool))
        second, left, right, total = measures(pairs, values)
        bound, _ = quadrature.error_bound(pairs.owner, second, left, right, np.zeros(len(second)), total, values.shape[1])
        error = np.linalg.norm(weights @ values - truth)
        covered.append(error <= bound[0])
        ratios.append(bound[0] / max(error, 1e-12))
    assert np.mean(covered) >= 0.95
    assert np.median(ratios) < 6


def test_the_bound_covers_smooth_functions():
    draws = np.random.default_rng(0)
    for _ in range(200):
        frequency, phase = draws.uniform(0.5, 6, 4), draws.uniform(0, 7, 4)
        pairs, _, values, weights = integrate(
            lambda t, f=frequency, p=phase: np.sin(f * t + p), 2, lambda p, _v, _r: np.ones(len(p.half), bool)
        )
        truth = (np.cos(phase) - np.cos(frequency + phase)) / frequency
        second, left, right, total = measures(pairs, values)
        bound, _ = quadrature.error_bound(pairs.owner, second, left, right, np.zeros(len(second)), total, values.shape[1])
        assert np.linalg.norm(weights @ values - truth) <= bound[0]


def test_owners_do_not_mix():
    draws = np.random.default_rng(1)
    owner = np.array([0, 1, 0, 2, 1, 0])
    measured = draws.random((4, 6))
    total = draws.random(3) / 100
    together, part = quadrature.error_bound(owner, *measured, total, 5)
    chosen = quadrature.to_halve(owner, part, np.array([9.0, 9, 9]), np.array([9, 9, 9]))
    for one in range(3):
        own = owner == one
        alone, parts = quadrature.error_bound(np.zeros(own.sum(), int), *measured[:, own], total[one : one + 1], 5)
        np.testing.assert_allclose(alone[0], together[one])
        np.testing.assert_allclose(parts, part[own])
        np.testing.assert_array_equal(
            quadrature.to_halve(np.zeros(own.sum(), int), parts, np.array([9.0]), np.array([9])), chosen[own]
        )


@given(st.lists(st.floats(0, 10), min_size=1, max_size=20), st.integers(0, 20), st.floats(1.01, 100))
@settings(max_examples=100, deadline=None)
def test_the_fewest_pairs_that_carry_enough_of_the_squared_error_are_chosen(parts, most, excess):
    part = np.array(parts)
    share = min(quadrature.SHARE, (1 - excess**-2) / quadrature.GAIN)
    chosen = quadrature.to_halve(np.zeros(len(part), int), part, np.array([excess]), np.array([most]))
    assert chosen.sum() <= most
    assert not chosen[part**2 == 0].any()
    if 0 < chosen.sum() < most:
        total = (part**2).sum()
        assert (part[chosen] ** 2).sum() >= share * total * (1 - 1e-9)
        assert (part[chosen] ** 2).sum() - (part[chosen] ** 2).min() < share * total * (1 + 1e-9)
        assert part[chosen].min() >= part[~chosen].max(initial=0)


def test_gauss_legendre_is_exact_up_to_its_degree():
    for steps in (1, 3, 10):
        nodes, weights = quadrature.gauss_legendre(steps)
        for power in range(2 * steps):
            assert weights @ nodes**power == pytest.approx(1 / (power + 1))
