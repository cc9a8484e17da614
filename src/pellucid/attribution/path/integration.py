"""Gradients integrated along curves from baselines to samples, until the map itself is accurate.

Samples are refined side by side: in each round every unfinished sample asks for nodes on its curves where the error of its map
lies, all of them are packed into full batches, and samples stop one by one. The map is the mean over the sample's curves, so
their errors are judged together. Targets share the nodes. ``arrays/quadrature.py`` says how the error is known.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import array_api_extra as xpx
import numpy as np
from array_api_compat import array_namespace

from ...arrays import quadrature
from ...arrays.quadrature import Pairs
from ...arrays.rows import Table, owner_sums, row_norms, row_sums, spread
from ...core.declare import Attribution, Passes, Reference, parameter
from ...core.targets import Layer
from ...core.types import Native
from ...core.view import Gradient
from .curves import Curves, Nodes, averaged, shaped, size

MOST_NODES = 2_000
"""Nodes per sample after which refinement gives up and says so."""
MEMORY = 256 * 2**20
"""Bytes of nodes that a window of samples is planned to hold; samples beyond it wait for the next."""
NODES_TIMES_TOLERANCE = 3.2
"""Nodes that a large network needs, times the tolerance: errors fall as one over nodes."""
FLOOR = 1e-5
"""Absolute floor of the tolerated error, as a share of the longest step of the integrand."""


def map_tolerance() -> Any:
    """The parameter that all integrals share."""
    return parameter(0.05, "estimated relative error of the map", above=0, most=1)


def fixed_steps(of: str) -> Any:
    """A number instead of an accuracy."""
    return parameter(None, f"fixed number of {of} instead of a tolerance", least=1, most=100_000)


def expected_rows(tolerance: float, steps: int | None) -> int:
    """About how many model rows a sample and baseline cost."""
    return steps or math.ceil(NODES_TIMES_TOLERANCE / tolerance)


def integrate(
    passes: Passes,
    curves: Curves,
    tolerance: float,
    steps: int | None,
    reference: Reference,
    *,
    layer: Layer | None = None,
    based: bool = True,
) -> list[Attribution]:
    """Integrate to a relative map error of ``tolerance``, or with ``steps`` nodes; one attribution per target.

    ``based`` says whether the values are to be compared with the change of the target from the reference; ``layer`` where the
    gradients were read, if not where the samples are attributed.
    """
    passes.at_input()
    least = (4 if steps is None else steps + 1) * curves.rows
    if passes.allowance() < least:
        passes.refuse_budget(needed=least)
    if steps is None:
        most = min(max(MOST_NODES, least), passes.allowance())
        windows = [_refine(passes, curves, samples, tolerance, most) for samples in _windows(curves, tolerance, passes)]
        integrals = [_joined(curves, windows, target) for target in range(passes.targets)]
    else:
        totals = _fixed_even(passes, curves, steps) if curves.uneven else _fixed_gauss(passes, curves, steps)
        values = passes.reference_values(reference) if based else [None] * passes.targets
        integrals = [(total, value, None) for total, value in zip(totals, values, strict=True)]
    return [
        Attribution(
            shaped(curves, averaged(curves, total)),
            base_value=value.mean(axis=1) if based and value is not None else None,
            error=error,
            tolerance=tolerance if steps is None else None,
            reference=reference,
            over="input" if layer is None else "layer",
            layers=() if layer is None else (layer,),
        )
        for total, value, error in integrals
    ]


_Integral = tuple[list[Native], "np.ndarray | None", "np.ndarray | None"]
"""Totals of curves by place, target values at their starts ``(samples, rows)``, relative error per sample."""


def _fixed_gauss(passes: Passes, curves: Curves, steps: int) -> list[list[Native]]:
    """Gauss-Legendre nodes; memory does not grow with them."""
    nodes, weights = quadrature.gauss_legendre(steps)
    count = len(curves.sample)
    owners, alphas = np.repeat(np.arange(count), steps), np.tile(nodes, count)
    weight = np.tile(weights, count)
    totals = zeros(passes, curves)
    for part, gradient in _gradients(passes, curves, owners, alphas):
        own = owners[part]
        for t, total in enumerate(totals):
            kept = curves.nodes(own, alphas[part], gradient.gradients[t], gradient.points).gradients
            add_by_owner(total, [spread(weight[part], leaf) * leaf for leaf in kept], own)
    return totals


def _fixed_even(passes: Passes, curves: Curves, steps: int) -> list[list[Native]]:
    """The trapezoid rule on even steps, for places whose own way is known at nodes only."""
    count = len(curves.sample)
    owners, alphas = np.repeat(np.arange(count), steps + 1), np.tile(np.arange(steps + 1) / steps, count)
    totals = zeros(passes, curves)
    before: list[Nodes] = []  # the last node of the part before, by target
    previous = np.array([], int)
    for part, gradient in _gradients(passes, curves, owners, alphas):
        held = np.concatenate([previous, owners[part]])
        last: list[Nodes] = []
        for t, total in enumerate(totals):
            kept = curves.nodes(owners[part], alphas[part], gradient.gradients[t], gradient.points)
            last.append(Nodes([leaf[-1:] for leaf in kept.gradients], [leaf[-1:] for leaf in kept.places]))
            if before:
                kept = Nodes(_concat(before[t].gradients, kept.gradients), _concat(before[t].places, kept.places))
            both = zip(kept.gradients, kept.places, strict=True)
            areas = [(g[1:] + g[:-1]) / 2 * (place[1:] - place[:-1]) for g, place in both]
            within = spread(held[1:] == held[:-1], areas[0])
            if len(held) > 1:
                add_by_owner(total, [within * area for area in areas], held[1:])
        before, previous = last, owners[part][-1:]
    return totals


def _gradients(passes: Passes, curves: Curves, owners: np.ndarray, alphas: np.ndarray) -> Iterator[tuple[slice, Gradient]]:
    return passes.gradient(curves.sample[owners], lambda part: curves.points(owners[part], alphas[part]), wrt=curves.wrt)


def zeros(passes: Passes, curves: Curves) -> list[list[Native]]:
    """Totals of all curves, ``[target][place]``."""
    ends = curves.ends(0, np.zeros(1, int))[0]
    sizes = [math.prod(shape) for shape in curves.shapes]
    return [
        [
            array_namespace(g).zeros((len(curves.sample), n), dtype=g.dtype, device=g.device)
            for g, n in zip(ends, sizes, strict=True)
        ]
        for _ in range(passes.targets)
    ]


def add_by_owner(total: list[Native], parts: Sequence[Native], owners: np.ndarray) -> None:
    """Add rows to the totals of their curves; owners are in order."""
    first, last = int(owners[0]), int(owners[-1]) + 1
    for place, part in enumerate(parts):
        total[place] = xpx.at(total[place])[first:last, ...].add(owner_sums(part, owners, first, last))


def _concat(first: Sequence[Native], then: Sequence[Native]) -> list[Native]:
    return [array_namespace(a).concat([a, b]) for a, b in zip(first, then, strict=True)]


def _windows(curves: Curves, tolerance: float, passes: Passes) -> Iterator[np.ndarray]:
    """Groups of samples whose nodes should fit into memory together."""
    nodes = max(5 * curves.rows, NODES_TIMES_TOLERANCE / tolerance)
    held = passes.targets + (1 if curves.uneven else 0)
    at_once = int(np.clip(MEMORY / (4 * size(curves) * nodes * held), 1, max(256 // curves.rows, 1)))
    yield from np.split(np.arange(passes.samples), range(at_once, passes.samples, at_once))


class _Window:
    """Some samples under refinement, each with all its curves. Tables hold the nodes: gradients ``[target][place]``."""

    def __init__(self, passes: Passes, curves: Curves, samples: np.ndarray) -> None:
        self.passes, self.curves = passes, curves
        self.owners = (samples[:, None] * curves.rows + np.arange(curves.rows)).reshape(-1)
        self.targets = range(passes.targets)
        count = len(self.owners)
        local = np.arange(count)
        ends = [curves.nodes(self.owners, np.ones(count), *curves.ends(t, self.owners)) for t in self.targets]
        self.gradients = [[Table(leaf) for leaf in kept.gradients] for kept in ends]
        self.places = [Table(leaf) for leaf in ends[0].places]
        self.values = [values[curves.sample[self.owners]] for values in passes.at_input().values]
        new = self.evaluate(np.repeat(local, 4), np.tile([0.0, 0.5, 0.25, 0.75], count)).reshape(count, 4)
        self.total = [self._areas(t, new[:, 0], local, np.ones(count)) for t in self.targets]
        self.second = [[array_namespace(leaf).zeros_like(leaf) for leaf in total] for total in self.total]
        self.base_value = [values[new[:, 0]] for values in self.values]
        self.pairs = Pairs(local, np.zeros(count), np.full(count, 0.5), np.stack([new[:, 0], new[:, 1], local], axis=1))
        self.measured = self._measure(self.pairs)
        self._exchange(np.ones(count, bool), new[:, 2:])
        self.error = np.full((len(self.targets), len(samples)), np.inf)

    def evaluate(self, local: np.ndarray, alphas: np.ndarray) -> np.ndarray:
        """Run the model at positions on some of the curves; the row numbers of the new nodes."""
        owners, held = self.owners[local], len(self.values[0])
        for part, gradient in _gradients(self.passes, self.curves, owners, alphas):
            for t in self.targets:
                kept = self.curves.nodes(owners[part], alphas[part], gradient.gradients[t], gradient.points)
                tables = [*self.gradients[t], *(self.places if t == 0 else [])]
                for table, block in zip(tables, [*kept.gradients, *(kept.places if t == 0 else [])], strict=True):
                    table.append(block)
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
        return self.pairs.owner // self.curves.rows

    def judge(self, tolerance: float) -> np.ndarray:
        """Set the error of every sample; return how much each pair contributes to what is still too much."""
        owner = self.samples
        excess = np.zeros(len(owner))
        for t in self.targets:
            means = (averaged(self.curves, vectors[t]) for vectors in (self.total, self.second))
            norms, curved = (self.passes.host(row_norms(*mean)) for mean in means)
            second, left, right, missing = self.measured[t] / self.curves.rows
            sizes = size(self.curves), self.curves.rows
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
            for place, (left, right, whole) in enumerate(zip(*self._three_areas(t, gone), strict=True)):
                self.second[t][place] = self.second[t][place] - self._by_curve(2 * (left + right - whole), gone)
        halves = gone.halves(new_nodes)
        self.measured = np.concatenate([self.measured[:, :, ~chosen], self._measure(halves)], axis=2)
        self.pairs = kept + halves

    def _measure(self, pairs: Pairs) -> np.ndarray:
        """``(targets, 4, pairs)``: norms of second, left and right differences, and what completeness says is missing."""
        told = []
        for t in self.targets:
            left, right, whole = self._three_areas(t, pairs)
            second = [2 * (low + high - both) for low, high, both in zip(left, right, whole, strict=True)]
            for place, change in enumerate(second):
                change = self._by_curve(change, pairs)
                self.second[t][place] = self.second[t][place] + change
                self.total[t][place] = self.total[t][place] + change / 2
            steps = [self._steps(t, pairs, k) for k in range(2)]
            norms = (self.passes.host(norm) for norm in (row_norms(*second), row_norms(*steps[0]), row_norms(*steps[1])))
            missing = np.zeros(len(pairs.owner))
            if self.curves.complete:
                values = self.values[t][pairs.nodes]
                sums = self.passes.host(row_sums(*left)) + self.passes.host(row_sums(*right))
                missing = np.abs(sums - (values[:, 2] - values[:, 0])) / math.sqrt(size(self.curves))
            told.append(np.stack([*norms, missing]))
        return np.stack(told)

    def _three_areas(self, target: int, pairs: Pairs) -> tuple[list[Native], list[Native], list[Native]]:
        """Trapezoids over the left half, the right half and the whole of pairs, by place."""
        low, middle, high = pairs.nodes.T
        left, right = self._areas(target, low, middle, pairs.half), self._areas(target, middle, high, pairs.half)
        return left, right, self._areas(target, low, high, 2 * pairs.half)

    def _areas(self, target: int, low: np.ndarray, high: np.ndarray, width: np.ndarray) -> list[Native]:
        """Trapezoids between nodes, by place."""
        heights = [(leaf.take(low) + leaf.take(high)) / 2 for leaf in self.gradients[target]]
        if not self.places:
            return [height * spread(width, height) for height in heights]
        return [height * (place.take(high) - place.take(low)) for height, place in zip(heights, self.places, strict=True)]

    def _steps(self, target: int, pairs: Pairs, half: int) -> list[Native]:
        """Change of the integrand over one half of pairs, by place."""
        low, high = pairs.nodes[:, half], pairs.nodes[:, half + 1]
        steps = [leaf.take(high) - leaf.take(low) for leaf in self.gradients[target]]
        if not self.places:
            return steps
        moved = [
            (place.take(high) - place.take(low)) / spread(pairs.half, s) for place, s in zip(self.places, steps, strict=True)
        ]
        return [step * speed for step, speed in zip(steps, moved, strict=True)]

    def _by_curve(self, change: Native, pairs: Pairs) -> Native:
        return owner_sums(change, pairs.owner, 0, len(self.owners))


@dataclass
class _Refined:
    """What is kept of a window: its nodes are not."""

    total: list[list[Native]]
    base_value: list[np.ndarray]
    error: np.ndarray


def _refine(passes: Passes, curves: Curves, samples: np.ndarray, tolerance: float, most: int) -> _Refined:
    """Refine a window until every sample is accurate, or has taken ``most`` rows."""
    window = _Window(passes, curves, samples)
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


def _joined(curves: Curves, windows: list[_Refined], target: int) -> _Integral:
    """One target's integrals of all windows."""
    places = range(len(curves.shapes))
    blocks = [[window.total[target][place] for window in windows] for place in places]
    totals = [array_namespace(*block).concat(block) for block in blocks]
    base = np.concatenate([window.base_value[target] for window in windows]).reshape(-1, curves.rows)
    return totals, base, np.concatenate([window.error[target] for window in windows])
