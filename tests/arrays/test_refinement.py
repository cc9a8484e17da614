"""Where nodes are added, what they are weighed by, and what the rule says of its own error."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.arrays import refinement
from pellucid.arrays.refinement import Nodes


class Problem:
    """Paths of vector functions, and the nodes that were asked for; the mean over paths is wanted."""

    def __init__(self, functions, primitives=None):
        self.functions, self.primitives = functions, primitives
        rows = len(functions)
        first = refinement.first_places(rows, primitives is not None)
        self.path = np.concatenate([np.arange(rows), np.repeat(np.arange(rows), first.shape[1])])
        self.place = np.concatenate([np.ones(rows), first.reshape(-1)])

    def nodes(self):
        vectors = np.stack([self.functions[k](t) for k, t in zip(self.path, self.place, strict=True)])
        ends = np.stack([function(1.0) for function in self.functions])
        told = np.concatenate([ends.mean(0)[None], vectors - ends[self.path]])
        complete = self.primitives is not None
        base, value, total = np.zeros(len(ends)), np.zeros(len(vectors)), np.zeros(len(vectors))
        if self.primitives is not None:
            value = np.array([self.primitives[k](t) for k, t in zip(self.path, self.place, strict=True)])
            base, total = np.array([primitive(0.0) for primitive in self.primitives]), vectors.sum(1)
        gram = (told @ told.T)[None]
        return Nodes(self.path[None], self.place[None], value[None], total[None], gram, base[None], complete), told

    def estimate(self):
        nodes, told = self.nodes()
        estimate = refinement.estimate(nodes, told.shape[1])
        return estimate, np.concatenate([[1.0], estimate.weights[0]]) @ told

    def refine(self, excess=3.0, most=1000):
        estimate, _ = self.estimate()
        _, path, place = refinement.new_places(self.path[None], estimate, estimate.part, np.array([excess]), np.array([most]))
        self.path, self.place = np.concatenate([self.path, path]), np.concatenate([self.place, place])
        return len(path)


def steps(draws, jumps, dimensions):
    where, heights = np.sort(draws.random(jumps)), draws.normal(size=(jumps, dimensions))
    truth = ((1 - where)[:, None] * heights).sum(0)
    return (
        lambda t: heights[where < t].sum(0),
        lambda t: ((t - where).clip(0)[:, None] * heights).sum(),
        truth,
    )


@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(0, 5))
@settings(max_examples=40, deadline=None)
def test_every_refinement_integrates_constants_exactly(seed, rows, rounds):
    draws = np.random.default_rng(seed)
    constants = draws.normal(size=(rows, 3))
    wiggles = [steps(draws, 4, 3)[0] for _ in range(rows)]
    problem = Problem([lambda t, c=c, w=w: c + w(t) for c, w in zip(constants, wiggles, strict=True)])
    for _ in range(rounds):
        problem.refine()
    estimate, _ = problem.estimate()
    vectors = constants[problem.path] - constants[problem.path]  # constants less themselves at the ends
    assert np.allclose(estimate.weights[0] @ vectors, 0)
    assert len(set(zip(problem.path, problem.place, strict=True))) == len(problem.place)
    assert (problem.place >= 0).all()
    assert (problem.place <= 1).all()
    lengths = estimate.length[0]
    np.testing.assert_allclose(lengths.sum(), rows)


def test_constant_integrands_are_exact_and_say_so():
    estimate, integral = Problem([lambda t: np.array([2.0, -1.0])], [lambda t: t]).estimate()
    np.testing.assert_allclose(integral, [2.0, -1.0])
    assert estimate.bound[0] == 0
    assert Problem([lambda t: np.array([2.0, -1.0])], [lambda t: t]).refine(excess=np.inf) == 0


@pytest.mark.parametrize(("dimensions", "complete"), [(1, True), (3, True), (50, True), (3, False), (50, False)])
@pytest.mark.parametrize("jumps", [1, 5, 200])
def test_the_bound_covers_random_step_functions(dimensions, jumps, complete):
    draws = np.random.default_rng(dimensions * 1000 + jumps)
    covered, ratios = [], []
    for _ in range(300):
        function, primitive, truth = steps(draws, jumps, dimensions)
        problem = Problem([function], [primitive] if complete else None)
        while len(problem.place) < 12 and problem.refine():
            pass
        estimate, integral = problem.estimate()
        error = np.linalg.norm(integral - truth)
        covered.append(error <= estimate.bound[0] + 1e-12)
        ratios.append(estimate.bound[0] / max(error, 1e-12))
    assert np.mean(covered) >= 0.93
    assert np.median(ratios) < 6 or (dimensions == 1 and complete)  # a number whose integral is known has no error


def test_the_bound_covers_steps_that_cancel_in_all():
    """The first nodes may read a value, another, and the first again: a regression on two cases explains everything."""
    draws, covered = np.random.default_rng(7), []
    for _ in range(200):
        where, heights = np.sort(draws.random(5)), draws.normal(size=(5, 50))
        heights[-1] = -heights[:-1].sum(0)
        truth = ((1 - where)[:, None] * heights).sum(0)
        problem = Problem(
            [lambda t, w=where, h=heights: h[w < t].sum(0) + 1],
            [lambda t, w=where, h=heights: ((t - w).clip(0)[:, None] * h).sum() + 50 * t],
        )
        while len(problem.place) < 100:
            estimate, integral = problem.estimate()
            excess = estimate.bound[0] / (0.05 * estimate.norm[0])
            if not problem.refine(excess):
                break
        covered.append(np.linalg.norm(integral - truth - 1) <= estimate.bound[0] + 1e-12)
    assert np.mean(covered) >= 0.9


def test_a_single_jump_is_found_by_completeness():
    function, primitive, truth = steps(np.random.default_rng(3), 1, 20)
    problem = Problem([function], [primitive])
    for _ in range(6):
        problem.refine()
    cut = np.sort(problem.place)
    _, integral = problem.estimate()
    widest = np.diff(cut).max()
    assert np.linalg.norm(integral - truth) < 0.1 * widest * np.linalg.norm(function(1.0) - function(0.0))


def test_the_bound_covers_smooth_functions():
    draws = np.random.default_rng(0)
    for _ in range(200):
        frequency, phase = draws.uniform(0.5, 6, 4), draws.uniform(0, 7, 4)
        problem = Problem(
            [lambda t, f=frequency, p=phase: np.sin(f * t + p)],
            [lambda t, f=frequency, p=phase: ((np.cos(p) - np.cos(f * t + p)) / f).sum()],
        )
        for _ in range(4):
            problem.refine()
        estimate, integral = problem.estimate()
        truth = (np.cos(phase) - np.cos(frequency + phase)) / frequency
        assert np.linalg.norm(integral - truth) <= estimate.bound[0]


def test_the_bound_covers_means_over_paths_that_jump_alike():
    draws = np.random.default_rng(5)
    covered = []
    for _ in range(200):
        where, heights = np.sort(draws.random(40)), draws.normal(size=(40, 10))
        moved = [np.clip(where + 0.02 * draws.normal(size=40), 0, 1) for _ in range(4)]
        truth = np.mean([((1 - w)[:, None] * heights).sum(0) for w in moved], axis=0)
        problem = Problem([lambda t, w=w: heights[w < t].sum(0) for w in moved])
        for _ in range(4):
            problem.refine()
        estimate, integral = problem.estimate()
        covered.append(np.linalg.norm(integral - truth) <= estimate.bound[0])
    assert np.mean(covered) >= 0.9


def test_owners_do_not_mix():
    draws = np.random.default_rng(1)
    problems = []
    for rounds in (1, 3, 5):
        function, primitive, _ = steps(draws, 30, 6)
        problem = Problem([function], [primitive])
        for _ in range(rounds):
            problem.refine()
        problems.append(problem)
    alone = [problem.nodes()[0] for problem in problems]
    most = max(nodes.path.shape[1] for nodes in alone)

    def padded(name, fill):
        held = [getattr(nodes, name) for nodes in alone]
        return np.concatenate([np.pad(h, ((0, 0), (0, most - h.shape[1])), constant_values=fill) for h in held])

    gram = np.concatenate([np.pad(n.gram, ((0, 0), *[(0, most + 1 - n.gram.shape[1])] * 2)) for n in alone])
    base = np.concatenate([nodes.base for nodes in alone])
    together = refinement.estimate(
        Nodes(padded("path", -1), padded("place", 0), padded("value", 0), padded("total", 0), gram, base), 6
    )
    for i, nodes in enumerate(alone):
        one = refinement.estimate(nodes, 6)
        np.testing.assert_allclose(together.bound[i], one.bound[0], rtol=1e-9)
        np.testing.assert_allclose(together.weights[i, : nodes.path.shape[1]], one.weights[0], rtol=1e-9)


@given(st.integers(0, 2**32 - 1), st.floats(1.01, 100), st.integers(0, 20))
@settings(max_examples=50, deadline=None)
def test_new_places_lie_apart_within_the_allowance(seed, excess, most):
    function, primitive, _ = steps(np.random.default_rng(seed), 20, 4)
    problem = Problem([function], [primitive])
    before = len(problem.place)
    added = problem.refine(excess, most)
    assert added <= min(most, np.ceil((refinement.GROWTH - 1) * before))
    assert len(np.unique(problem.place)) == len(problem.place)
    assert problem.refine(0.9) == 0
