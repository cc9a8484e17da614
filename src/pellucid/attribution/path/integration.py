"""Gradients integrated along straight segments from baselines to samples, until the map itself is accurate.

A *path* is one (sample, baseline row). Samples are refined side by side: in each round every unfinished sample asks for nodes
on its paths where the error of its map lies, all of them are packed into full batches, and samples stop one by one. The map is
the mean over the sample's paths, so their errors are judged together. Targets share the nodes.
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
"""Nodes per sample after which refinement gives up and says so."""
MEMORY = 256 * 2**20
"""Bytes of node gradients that a window of samples is planned to hold; samples beyond it wait for the next."""
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
    least = 4 * reference.rows
    if passes.allowance() < least:
        passes.refuse_budget(needed=least)
    most = min(max(MOST_NODES, least), passes.allowance())
    windows = [_refine(passes, paths, samples, tolerance, most) for samples in paths.windows(tolerance, passes.targets)]
    return [_joined(paths, windows, target) for target in range(passes.targets)]


def integrate_fixed(passes: Passes, reference: Reference, steps: int) -> list[Integral]:
    """Integrate with ``steps`` Gauss-Legendre nodes; memory does not grow with them."""
    passes.at_input()
    if passes.allowance() < (steps + 1) * reference.rows:
        passes.refuse_budget(needed=(steps + 1) * reference.rows)
    paths = _Paths(passes, reference)
    nodes, weights = quadrature.gauss_legendre(steps)
    owners, alphas = np.repeat(np.arange(paths.count), steps), np.tile(nodes, paths.count)
    weight = np.tile(weights, paths.count)
    totals = paths.zeros(passes.targets)
    for part, gradient in passes.gradient(paths.sample[owners], lambda part: paths.points(owners[part], alphas[part])):
        own = owners[part]
        first, last = int(own[0]), int(own[-1]) + 1
        for total, gradients in zip(totals, gradient.gradients, strict=True):
            for place, contribution in enumerate(paths.contributions(own, gradients)):
                sums = owner_sums(spread(weight[part], contribution) * contribution, own, first, last)
                total[place] = xpx.at(total[place])[first:last, ...].add(sums)
    values = passes.reference_values(reference)
    means = [paths.shaped(paths.averaged(total)) for total in totals]
    return [Integral(mean, value.mean(axis=1), None) for mean, value in zip(means, values, strict=True)]


class _Paths:
    """All segments of a call, numbered sample by sample."""

    def __init__(self, passes: Passes, reference: Reference) -> None:
        self.ends, self.starts, self.collapse = passes.points, reference.points, passes.collapse
        self.rows = reference.rows
        self.count = passes.samples * reference.rows
        self.sample = np.repeat(np.arange(passes.samples), reference.rows)
        self.baseline = reference.index.reshape(-1)
        self.shapes = [tuple(leaf.shape[1:]) for leaf in passes.collapse([take(end, [0]) for end in self.ends])]
        self.size = sum(math.prod(shape) for shape in self.shapes)

    def delta(self, owners: np.ndarray) -> list[Native]:
        """Input minus baseline, by place."""
        both = zip(self.ends, self.starts, strict=True)
        return [take(end, self.sample[owners]) - take(start, self.baseline[owners]) for end, start in both]

    def points(self, owners: np.ndarray, alphas: np.ndarray) -> tuple[Native, ...]:
        """Points on the paths, by place."""
        both = zip(self.starts, self.delta(owners), strict=True)
        return tuple(take(start, self.baseline[owners]) + spread(alphas, delta) * delta for start, delta in both)

    def contributions(self, owners: np.ndarray, gradients: tuple[Native, ...]) -> list[Native]:
        """Input minus baseline times gradient, by place, one row per point; embedded ids are one number each."""
        products = [delta * g for delta, g in zip(self.delta(owners), gradients, strict=True)]
        return [flat(product) for product in self.collapse(products)]

    def windows(self, tolerance: float, targets: int) -> Iterator[np.ndarray]:
        """Groups of samples whose node gradients should fit into memory together."""
        nodes = max(5 * self.rows, NODES_TIMES_TOLERANCE / tolerance)
        size = int(np.clip(MEMORY / (4 * self.size * nodes * targets), 1, max(256 // self.rows, 1)))
        samples = self.count // self.rows
        yield from np.split(np.arange(samples), range(size, samples, size))

    def averaged(self, totals: list[Native]) -> list[Native]:
        """Totals of paths ``(paths, size)`` averaged over baselines, ``(samples, size)``."""
        xp = array_namespace(*self.ends)
        return [xp.mean(xp.reshape(total, (-1, self.rows, total.shape[1])), axis=1) for total in totals]

    def shaped(self, values: list[Native]) -> list[Native]:
        """Values ``(samples, size)`` in the shape of the samples."""
        xp = array_namespace(*self.ends)
        return [xp.reshape(leaf, (-1, *shape)) for leaf, shape in zip(values, self.shapes, strict=True)]

    def zeros(self, targets: int) -> list[list[Native]]:
        """Zeros for every path, ``[target][place]``."""
        xp, sizes = array_namespace(*self.ends), [math.prod(shape) for shape in self.shapes]
        both = list(zip(self.ends, sizes, strict=True))
        return [[xp.zeros((self.count, n), dtype=end.dtype, device=end.device) for end, n in both] for _ in range(targets)]


class _Window:
    """Some samples under refinement, each with all its paths. Node values are contributions: ``[target][place]``."""

    def __init__(self, passes: Passes, paths: _Paths, samples: np.ndarray) -> None:
        owners = (samples[:, None] * paths.rows + np.arange(paths.rows)).reshape(-1)
        self.passes, self.paths, self.owners = passes, paths, owners
        self.targets = range(passes.targets)
        at_input, sample = passes.at_input(), paths.sample[owners]
        ends = [tuple(take(g, sample) for g in gradients) for gradients in at_input.gradients]
        self.nodes = [[Table(leaf) for leaf in paths.contributions(owners, gradients)] for gradients in ends]
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
        self.error = np.full((len(self.targets), len(samples)), np.inf)

    def evaluate(self, local: np.ndarray, alphas: np.ndarray) -> np.ndarray:
        """Run the model at positions on some of the paths; the row numbers of the new nodes."""
        owners = self.owners[local]
        held = len(self.values[0])
        rows = self.paths.sample[owners]
        for part, gradient in self.passes.gradient(rows, lambda part: self.paths.points(owners[part], alphas[part])):
            for t in self.targets:
                for leaf, block in zip(self.nodes[t], self.paths.contributions(owners[part], gradient.gradients[t]), strict=True):
                    leaf.append(block)
                self.values[t] = np.concatenate([self.values[t], self.passes.host(gradient.values[t])])
        return held + np.arange(len(local))

    def halve(self, chosen: np.ndarray) -> None:
        """Halve some pairs: two new nodes each."""
        pairs = self.pairs[chosen]
        new = self.evaluate(np.repeat(pairs.owner, 2), pairs.midpoints().reshape(-1)).reshape(-1, 2)
        self._exchange(chosen, new)

    @property
    def samples(self) -> np.ndarray:
        """The sample of each pair, numbered within the window."""
        return self.pairs.owner // self.paths.rows

    def judge(self, tolerance: float) -> np.ndarray:
        """Set the error of every sample; return how much each pair contributes to what is still too much."""
        owner = self.samples
        excess = np.zeros(len(owner))
        for t in self.targets:
            means = (self.paths.averaged(vectors[t]) for vectors in (self.total, self.second))
            norms, curved = (self.passes.host(row_norms(*mean)) for mean in means)
            second, left, right, missing = self.measured[t] / self.paths.rows
            sizes = self.paths.size, self.paths.rows
            bound, part = quadrature.error_bound(owner, second, left, right, missing, curved, *sizes)
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


def _refine(passes: Passes, paths: _Paths, samples: np.ndarray, tolerance: float, most: int) -> _Refined:
    """Refine a window until every sample is accurate, or has taken ``most`` rows."""
    window = _Window(passes, paths, samples)
    running = len(samples)
    while True:
        excess = window.judge(tolerance)
        used = 2 * np.bincount(window.samples, minlength=len(samples))
        worst = window.error.max(axis=0) / tolerance
        chosen = quadrature.to_halve(window.samples, excess, worst, (most - used) // 2)
        now_running = len(np.unique(window.samples[chosen]))
        passes.finished(running - now_running)
        running = now_running
        if not running or passes.out_of_time():
            return _Refined(window.total, window.base_value, window.error)
        window.halve(chosen)


def _joined(paths: _Paths, windows: list[_Refined], target: int) -> Integral:
    """One target's integrals of all windows."""
    xp = array_namespace(*paths.ends)
    totals = [xp.concat([window.total[target][place] for window in windows]) for place in range(len(paths.ends))]
    base = np.concatenate([window.base_value[target] for window in windows]).reshape(-1, paths.rows).mean(axis=1)
    return Integral(paths.shaped(paths.averaged(totals)), base, np.concatenate([window.error[target] for window in windows]))
