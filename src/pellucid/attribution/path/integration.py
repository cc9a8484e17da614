"""Gradients integrated along straight segments from baselines to samples, until the map itself is accurate.

A *path* is one (sample, baseline row). Paths are refined side by side: in each round every unfinished path asks for nodes
where its error lies, all of them are packed into full batches, and paths stop one by one. Targets share the nodes.
``arrays/quadrature.py`` says how the error is known.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import array_api_extra as xpx
import numpy as np
from array_api_compat import array_namespace

from ...arrays import quadrature
from ...arrays.quadrature import Pairs
from ...arrays.rows import Table, flat, owner_sums, row_norms, row_sums, spread, take
from ...core.declare import Passes, Reference
from ...core.types import Native

MOST_NODES = 2_000
"""Nodes per path after which refinement gives up and says so."""
MEMORY = 256 * 2**20
"""Bytes of node gradients held at a time; paths beyond it wait for the next window."""
NODES_TIMES_TOLERANCE = 3.2
"""Nodes that a large network needs, times the tolerance: errors fall as one over nodes."""
FLOOR = 1e-5
"""Absolute floor of the tolerated error, as a share of the longest step of the integrand."""


@dataclass
class Integral:
    """For one target: values by place, averaged over baselines; one number per sample in the rest."""

    values: list[Native]
    base_value: np.ndarray
    error: np.ndarray | None


def integrate(passes: Passes, reference: Reference, tolerance: float) -> list[Integral]:
    """Integrate to a relative map error of ``tolerance``; one integral per target."""
    passes.at_input()
    paths = _Paths(passes, reference)
    most = int(min(MOST_NODES, 1 + passes.allowance() // reference.rows))
    if most < 5:
        passes.refuse_budget(needed=4 * reference.rows)
    windows = [_refine(passes, paths, owners, tolerance, most) for owners in paths.windows(tolerance)]
    return [_joined(passes, paths, windows, target) for target in range(passes.targets)]


def integrate_fixed(passes: Passes, reference: Reference, steps: int) -> list[Integral]:
    """Integrate with ``steps`` Gauss-Legendre nodes; memory does not grow with them."""
    passes.at_input()
    if passes.allowance() < (steps + 1) * reference.rows:
        passes.refuse_budget(needed=(steps + 1) * reference.rows)
    paths = _Paths(passes, reference)
    nodes, weights = quadrature.gauss_legendre(steps)
    owners, alphas = np.repeat(np.arange(paths.count), steps), np.tile(nodes, paths.count)
    weight = np.tile(weights, paths.count)
    totals = _zeros(passes, paths.ends, paths.count)
    for part, gradient in passes.gradient(paths.sample[owners], lambda part: paths.points(owners[part], alphas[part])):
        own = owners[part]
        first, last = int(own[0]), int(own[-1]) + 1
        for total, gradients in zip(totals, gradient.gradients, strict=True):
            for place, (delta, g) in enumerate(zip(paths.delta(own), gradients, strict=True)):
                sums = owner_sums(flat(spread(weight[part], g) * delta * g), own, first, last)
                total[place] = xpx.at(total[place])[first:last, ...].add(sums)
    values = passes.reference_values(reference)
    return [Integral(paths.averaged(total), value.mean(axis=1), None) for total, value in zip(totals, values, strict=True)]


class _Paths:
    """All segments of a call, numbered sample by sample."""

    def __init__(self, passes: Passes, reference: Reference) -> None:
        self.ends, self.starts = passes.points, reference.points
        self.rows = reference.rows
        self.count = passes.samples * reference.rows
        self.sample = np.repeat(np.arange(passes.samples), reference.rows)
        self.baseline = reference.index.reshape(-1)
        self.size = sum(math.prod(end.shape[1:]) for end in self.ends)

    def delta(self, owners: np.ndarray) -> list[Native]:
        """Input minus baseline, by place."""
        both = zip(self.ends, self.starts, strict=True)
        return [take(end, self.sample[owners]) - take(start, self.baseline[owners]) for end, start in both]

    def points(self, owners: np.ndarray, alphas: np.ndarray) -> tuple[Native, ...]:
        """Points on the paths, by place."""
        both = zip(self.starts, self.delta(owners), strict=True)
        return tuple(take(start, self.baseline[owners]) + spread(alphas, delta) * delta for start, delta in both)

    def windows(self, tolerance: float) -> Iterator[np.ndarray]:
        """Groups of paths whose node gradients fit into memory together."""
        path = 4 * self.size * NODES_TIMES_TOLERANCE / tolerance
        size = int(np.clip(MEMORY / path, 1, 256))
        yield from np.split(np.arange(self.count), range(size, self.count, size))

    def averaged(self, totals: list[Native]) -> list[Native]:
        """Per-path totals ``(paths, size)`` averaged over baselines, in the shape of the samples."""
        xp = array_namespace(*self.ends)
        shaped = (xp.reshape(total, (-1, self.rows, *end.shape[1:])) for total, end in zip(totals, self.ends, strict=True))
        return [xp.mean(paths, axis=1) for paths in shaped]


class _Window:
    """Some paths under refinement. Node values are input minus baseline times gradient, flattened: ``[target][place]``."""

    def __init__(self, passes: Passes, paths: _Paths, owners: np.ndarray) -> None:
        self.passes, self.paths, self.owners = passes, paths, owners
        self.targets = range(passes.targets)
        at_input, delta, sample = passes.at_input(), paths.delta(owners), paths.sample[owners]
        self.nodes = [[Table(flat(d * take(g, sample))) for d, g in zip(delta, gs, strict=True)] for gs in at_input.gradients]
        self.values = [values[sample] for values in at_input.values]
        count = len(owners)
        local = np.arange(count)
        new = self.evaluate(np.repeat(local, 4), np.tile([0.0, 0.5, 0.25, 0.75], count)).reshape(count, 4)
        self.total = [[(leaf.take(local) + leaf.take(new[:, 0])) / 2 for leaf in self.nodes[t]] for t in self.targets]
        self.second = [[array_namespace(leaf).zeros_like(leaf) for leaf in total] for total in self.total]
        self.base_value = [values[new[:, 0]] for values in self.values]
        self.pairs = Pairs(local, np.zeros(count), np.full(count, 0.5), np.stack([new[:, 0], new[:, 1], local], axis=1))
        self.measured = self._measure(self.pairs)
        self._exchange(np.ones(count, bool), new[:, 2:])
        self.error = np.full((len(self.targets), count), np.inf)

    def evaluate(self, local: np.ndarray, alphas: np.ndarray) -> np.ndarray:
        """Run the model at positions on some of the paths; the row numbers of the new nodes."""
        owners = self.owners[local]
        held = len(self.values[0])
        rows = self.paths.sample[owners]
        for part, gradient in self.passes.gradient(rows, lambda part: self.paths.points(owners[part], alphas[part])):
            delta = self.paths.delta(owners[part])
            for t in self.targets:
                for leaf, d, g in zip(self.nodes[t], delta, gradient.gradients[t], strict=True):
                    leaf.append(flat(d * g))
                self.values[t] = np.concatenate([self.values[t], self.passes.host(gradient.values[t])])
        return held + np.arange(len(local))

    def halve(self, chosen: np.ndarray) -> None:
        """Halve some pairs: two new nodes each."""
        pairs = self.pairs[chosen]
        new = self.evaluate(np.repeat(pairs.owner, 2), pairs.midpoints().reshape(-1)).reshape(-1, 2)
        self._exchange(chosen, new)

    def judge(self, tolerance: float) -> np.ndarray:
        """Set the error of every path; return how much each pair contributes to what is still too much."""
        excess = np.zeros(len(self.pairs.owner))
        owner = self.pairs.owner
        for t in self.targets:
            norms, curved = (self.passes.host(row_norms(*vectors[t])) for vectors in (self.total, self.second))
            second, left, right, missing = self.measured[t]
            bound, part = quadrature.error_bound(owner, second, left, right, missing, curved, self.paths.size)
            longest = np.zeros(len(norms))
            np.maximum.at(longest, owner, np.maximum(left, right))
            scale = np.maximum(norms, FLOOR * longest / tolerance)
            self.error[t] = np.divide(bound, scale, out=np.where(bound > 0, np.inf, 0.0), where=scale > 0)
            share = np.divide(part, scale[owner], out=part.copy(), where=scale[owner] > 0)
            excess += np.where(self.error[t][owner] > tolerance, share, 0.0) ** 2
        return np.where(self.pairs.half > quadrature.SHORTEST, np.sqrt(excess), 0.0)

    def _exchange(self, chosen: np.ndarray, new_nodes: np.ndarray) -> None:
        """Put the halves in the place of the chosen pairs, and carry the totals along."""
        gone, kept = self.pairs[chosen], self.pairs[~chosen]
        for t in self.targets:
            for place, (low, middle, high) in enumerate(zip(*self._ends(gone, t), strict=True)):
                change = spread(gone.half, middle) * (2 * middle - low - high)
                self.second[t][place] = self.second[t][place] - self._by_path(change, gone)
        halves = gone.halves(new_nodes)
        self.measured = np.concatenate([self.measured[:, :, ~chosen], self._measure(halves)], axis=2)
        self.pairs = kept + halves

    def _measure(self, pairs: Pairs) -> np.ndarray:
        """``(targets, 4, pairs)``: norms of second, left and right differences, and what completeness says is missing."""
        told = []
        for t in self.targets:
            low, middle, high = self._ends(pairs, t)
            left = [m - lo for lo, m in zip(low, middle, strict=True)]
            right = [hi - m for m, hi in zip(middle, high, strict=True)]
            second = [spread(pairs.half, one) * (one - other) for one, other in zip(left, right, strict=True)]
            for place, change in enumerate(second):
                change = self._by_path(change, pairs)
                self.second[t][place] = self.second[t][place] + change
                self.total[t][place] = self.total[t][place] + change / 2
            sums = [self.passes.host(row_sums(*leaves)) for leaves in (low, middle, high)]
            values = self.values[t][pairs.nodes]
            missing = pairs.half * (sums[0] / 2 + sums[1] + sums[2] / 2) - (values[:, 2] - values[:, 0])
            norms = (self.passes.host(norm) for norm in (row_norms(*second), row_norms(*left), row_norms(*right)))
            told.append(np.stack([*norms, np.abs(missing) / math.sqrt(self.paths.size)]))
        return np.stack(told)

    def _ends(self, pairs: Pairs, target: int) -> tuple[list[Native], list[Native], list[Native]]:
        """Node values at the low end, in the middle and at the high end of pairs, by place."""
        low, middle, high = ([leaf.take(pairs.nodes[:, k]) for leaf in self.nodes[target]] for k in range(3))
        return low, middle, high

    def _by_path(self, change: Native, pairs: Pairs) -> Native:
        return owner_sums(change, pairs.owner, 0, len(self.owners))


@dataclass
class _Refined:
    """What is kept of a window: its node values are not."""

    total: list[list[Native]]
    base_value: list[np.ndarray]
    error: np.ndarray


def _refine(passes: Passes, paths: _Paths, owners: np.ndarray, tolerance: float, most: int) -> _Refined:
    window = _Window(passes, paths, owners)
    running = len(owners)
    while True:
        excess = window.judge(tolerance)
        used = 1 + 2 * np.bincount(window.pairs.owner, minlength=len(owners))
        worst = window.error.max(axis=0) / tolerance
        chosen = quadrature.to_halve(window.pairs.owner, excess, worst, (most - used) // 2)
        now_running = len(np.unique(window.pairs.owner[chosen]))
        passes.finished((running - now_running) / paths.rows)
        running = now_running
        if not running or passes.out_of_time():
            return _Refined(window.total, window.base_value, window.error)
        window.halve(chosen)


def _joined(passes: Passes, paths: _Paths, windows: list[_Refined], target: int) -> Integral:
    """One target's integrals of all windows, averaged over baselines.

    The error of a mean over baselines is bounded by the mean of the errors, each weighted with the length of its own map.
    """
    xp = array_namespace(*paths.ends)
    totals = [xp.concat([window.total[target][place] for window in windows]) for place in range(len(paths.ends))]
    values = paths.averaged(totals)
    base = np.concatenate([window.base_value[target] for window in windows]).reshape(-1, paths.rows).mean(axis=1)
    error = np.concatenate([window.error[target] for window in windows]).reshape(-1, paths.rows)
    if paths.rows > 1:
        lengths = passes.host(row_norms(*totals)).reshape(-1, paths.rows)
        length = passes.host(row_norms(*values))
        error = np.divide((error * lengths).mean(axis=1), length, out=np.full(len(length), np.inf), where=length > 0)[:, None]
    return Integral(values, base, error[:, 0])


def _zeros(passes: Passes, ends: tuple[Native, ...], count: int) -> list[list[Native]]:
    xp = array_namespace(*ends)
    shapes = [(count, math.prod(end.shape[1:])) for end in ends]
    return [
        [xp.zeros(shape, dtype=end.dtype, device=end.device) for shape, end in zip(shapes, ends, strict=True)]
        for _ in range(passes.targets)
    ]
