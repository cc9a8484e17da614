"""Gradients integrated along curves from baselines to samples, until the map itself is accurate.

Samples are refined side by side: in each round every unfinished sample asks for nodes on its curves where the error of its map
lies, all of them are packed into full batches, and samples stop one by one. The map is the mean over the sample's curves, so
their errors are judged together. Targets share the nodes. ``arrays/refinement.py`` says how the error is known; it reads only
numbers: places, values of the target, and inner products of the nodes' vectors, which each round extends.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import array_api_extra as xpx
import numpy as np
from array_api_compat import array_namespace

from ...arrays import quadrature, refinement
from ...arrays.refinement import Estimate, Nodes
from ...arrays.rows import owner_sums, row_sums, spread, take
from ...core.declare import Attribution, Passes, Reference, parameter
from ...core.errors import InputError
from ...core.targets import Layer
from ...core.types import Native
from ...core.view import Gradient
from .curves import Curves, averaged, shaped, size

MOST_NODES = 2_000
"""Nodes per sample after which refinement gives up and says so."""
MOST_BASELINES = 500
"""Baselines of a sample beyond which every node on every curve is too much to hold together."""
MEMORY = 256 * 2**20
"""Bytes of nodes that a window of samples is planned to hold; samples beyond it wait for the next."""
NODES_TIMES_TOLERANCE = 2.6
"""Nodes that a large network needs, times the tolerance: errors fall as one over nodes."""
FLOOR = 1e-5
"""Absolute floor of the tolerated error, as a share of the longest step of the integrand."""


def map_tolerance() -> Any:
    """The parameter that all integrals share."""
    return parameter(0.05, "estimated relative error of the map", above=0, most=1)


def fixed_steps() -> Any:
    """A number instead of an accuracy."""
    return parameter(None, "fixed number of Gauss-Legendre nodes instead of a tolerance", least=1, most=100_000)


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
    if steps is None and curves.rows > MOST_BASELINES:
        raise InputError(
            f"{curves.rows} baselines: up to {MOST_BASELINES} are averaged over exactly. Use expected-gradients, which samples "
            "them, or steps= for a fixed number of nodes on the way from each."
        )
    started = (2 if curves.complete else 3) + (curves.ends(np.zeros(1, int), 0) is None)
    least = ((started if steps is None else steps) + based) * curves.rows
    if passes.allowance() < least:
        passes.refuse_budget(needed=least)
    starts = passes.reference_values(reference) if based else [np.zeros((passes.samples, curves.rows))] * passes.targets
    if steps is None:
        windows = [_refined(passes, curves, samples, starts, tolerance) for samples in _windows(curves, tolerance, passes)]
        values = [_joined([window[0][t] for window in windows]) for t in range(passes.targets)]
        errors = [np.concatenate([window[1][t] for window in windows]) for t in range(passes.targets)]
    else:
        values = [averaged(curves, total) for total in _fixed(passes, curves, steps)]
        errors = [None] * passes.targets
    return [
        Attribution(
            shaped(curves, value),
            over="input" if layer is None else "layer",
            base_value=start.mean(axis=1) if based else None,
            error=error,
            tolerance=tolerance if steps is None else None,
            reference=reference,
            layers=() if layer is None else (layer,),
        )
        for value, start, error in zip(values, starts, errors, strict=True)
    ]


def zeros(passes: Passes, curves: Curves) -> list[list[Native]]:
    """Totals of all curves, ``[target][place]``."""
    like, count = passes.points[0], len(curves.sample)
    xp, sizes = array_namespace(like), [math.prod(shape) for shape in curves.shapes]
    return [[xp.zeros((count, n), dtype=like.dtype, device=like.device) for n in sizes] for _ in range(passes.targets)]


def add_by_owner(total: list[Native], parts: Sequence[Native], owners: np.ndarray) -> None:
    """Add rows to the totals of their curves; owners are in order."""
    first, last = int(owners[0]), int(owners[-1]) + 1
    for place, part in enumerate(parts):
        total[place] = xpx.at(total[place])[first:last, ...].add(owner_sums(part, owners, first, last))


def _fixed(passes: Passes, curves: Curves, steps: int) -> list[list[Native]]:
    """Gauss-Legendre nodes; memory does not grow with them."""
    nodes, weights = quadrature.gauss_legendre(steps)
    count = len(curves.sample)
    owners, alphas, weight = np.repeat(np.arange(count), steps), np.tile(nodes, count), np.tile(weights, count)
    totals = zeros(passes, curves)
    for part, gradient in _gradients(passes, curves, owners, alphas):
        for t, total in enumerate(totals):
            vectors = curves.vectors(owners[part], alphas[part], gradient, t)
            add_by_owner(total, [spread(weight[part], leaf) * leaf for leaf in vectors], owners[part])
    passes.finished(passes.samples)
    return totals


def _gradients(passes: Passes, curves: Curves, owners: np.ndarray, alphas: np.ndarray) -> Iterator[tuple[slice, Gradient]]:
    def moving(part: slice) -> tuple[Native, ...]:
        return curves.moving(owners[part]) or ()

    return passes.gradient(
        curves.sample[owners],
        lambda part: curves.points(owners[part], alphas[part]),
        wrt=curves.wrt,
        moving=moving if curves.moving(owners[:1]) is not None else None,
    )


def _windows(curves: Curves, tolerance: float, passes: Passes) -> Iterator[np.ndarray]:
    """Groups of samples whose nodes should fit into memory together."""
    nodes = max(5 * curves.rows, NODES_TIMES_TOLERANCE / tolerance)
    at_once = int(np.clip(MEMORY / (4 * size(curves) * nodes * passes.targets), 1, max(256 // curves.rows, 1)))
    yield from np.split(np.arange(passes.samples), range(at_once, passes.samples, at_once))


def _refined(
    passes: Passes, curves: Curves, samples: np.ndarray, starts: Sequence[np.ndarray], tolerance: float
) -> tuple[list[list[Native]], np.ndarray]:
    """Values ``[target][place]`` and errors ``(targets, samples)`` of a window."""
    fits = MEMORY // (4 * size(curves) * passes.targets * len(samples))
    affordable = int(min(MOST_NODES, passes.allowances(samples).max(), expected_rows(tolerance, None), fits))
    window = _Window(passes, curves, samples, [start[samples] for start in starts], affordable)
    most = np.minimum(MOST_NODES, passes.allowances(samples) + window.spent)
    running = np.arange(len(samples))
    while True:
        owners, curve, places, going = window.wanted(running, tolerance, most)
        passes.finished(len(running) - len(going))
        running = going
        if not len(running) or passes.out_of_time():
            return window.values(), window.error
        window.evaluate(owners, curve, places)


class _Window:
    """Some samples under refinement. Node vectors lie in tables ``(samples, slots, size)`` by target and place, each less that
    at the end of its own curve; slot 0 is the mean of those.
    """

    def __init__(self, passes: Passes, curves: Curves, samples: np.ndarray, starts: Sequence[np.ndarray], planned: int) -> None:
        self.passes, self.curves, self.samples, self.starts = passes, curves, samples, starts
        self.targets = range(passes.targets)
        count, rows = len(samples), curves.rows
        self.slots = 0
        self.held = np.zeros(count, int)
        self.spent = np.zeros(count, int)
        self.path = np.full((count, 0), -1)
        self.place, self.value, self.total, self.gram = (np.zeros(shape) for shape in _shapes(passes.targets, count, 0))
        self.tables: list[list[Native]] = [[] for _ in self.targets]
        self.error = np.full((passes.targets, count), np.inf)
        self.estimates: list[Estimate | None] = [None for _ in self.targets]
        self.weights = [np.zeros((count, 1)) for _ in self.targets]
        self._begin(np.repeat(np.arange(count), rows), np.tile(np.arange(rows), count), max(planned, 4 * rows))
        first = refinement.first_places(rows, curves.complete)
        each = first.shape[1]
        owner, curve = np.repeat(np.arange(count), rows * each), np.tile(np.repeat(np.arange(rows), each), count)
        self.evaluate(owner, curve, np.tile(first.reshape(-1), count))

    def wanted(
        self, running: np.ndarray, tolerance: float, most: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Judge the running samples: owners, curves and places of the nodes that they want, and who goes on."""
        part, excess, told = np.zeros((len(running), self.slots)), np.zeros(len(running)), None
        for t in self.targets:
            starts = self.starts[t][running] if self.curves.complete else np.zeros((len(running), self.curves.rows))
            nodes = Nodes(
                self.path[running],
                self.place[running],
                self.value[t][running],
                self.total[t][running],
                self.gram[t][running],
                starts,
                self.curves.complete,
                self.passes.rounding,
            )
            told = refinement.estimate(nodes, size(self.curves))
            scale = np.maximum(told.norm, FLOOR * told.longest / tolerance)
            error = np.divide(told.bound, scale, out=np.where(told.bound > 0, np.inf, 0.0), where=scale > 0)
            self.error[t][running] = error
            self._keep_weights(t, running, told.weights)
            over = np.maximum(error / tolerance, 0.0)
            squared = np.where(scale > 0, scale, 1.0)[:, None] ** 2
            part = part + np.where(over[:, None] > 1, told.part / squared, 0.0)
            excess = np.maximum(excess, over)
        assert told is not None
        owner, curve, places = refinement.new_places(self.path[running], told, part, excess, most[running] - self.spent[running])
        return running[owner], curve, places, running[np.unique(owner)]

    def evaluate(self, owner: np.ndarray, curve: np.ndarray, places: np.ndarray) -> None:
        """Run the model at places on curves, and keep what it says."""
        np.add.at(self.spent, owner, 1)
        owners = self.samples[owner] * self.curves.rows + curve
        blocks: list[list[list[Native]]] = [[] for _ in self.targets]
        values: list[list[np.ndarray]] = [[] for _ in self.targets]
        for part, gradient in _gradients(self.passes, self.curves, owners, places):
            for t in self.targets:
                blocks[t].append(self.curves.vectors(owners[part], places[part], gradient, t))
                values[t].append(self.passes.host(gradient.values[t]))
        self._keep(owner, curve, places, [_joined(block) for block in blocks], [np.concatenate(value) for value in values])

    def values(self) -> list[list[Native]]:
        """The integrals, ``[target][place]``, ``(samples, size)``."""
        return [[_weighted(table, weights) for table in self.tables[t]] for t, weights in enumerate(self.weights)]

    def _begin(self, owner: np.ndarray, curve: np.ndarray, planned: int) -> None:
        """The nodes at the ends of the curves, from which the others are told apart, and their mean; room for those planned."""
        owners = self.samples[owner] * self.curves.rows + curve
        ends = [self.curves.ends(owners, t) for t in self.targets]
        values = [value[self.samples[owner]] for value in self.passes.at_input().values]
        known = [end for end in ends if end is not None]
        if len(known) < len(ends):
            np.add.at(self.spent, owner, 1)
            made: list[list[list[Native]]] = [[] for _ in self.targets]
            for part, gradient in _gradients(self.passes, self.curves, owners, np.ones(len(owners))):
                for t in self.targets:
                    made[t].append(self.curves.vectors(owners[part], np.ones(part.stop - part.start), gradient, t))
            known = [_joined(blocks) for blocks in made]
        self.ends = known
        for t in self.targets:
            self.tables[t] = [_room(mean, planned) for mean in averaged(self.curves, known[t])]
            self.gram[t][:, 0, 0] = self._products(t, np.arange(1), np.zeros((len(self.samples), 1), int))[:, 0, 0]
        self._keep(owner, curve, np.ones(len(owner)), known, values)

    def _keep(
        self, owner: np.ndarray, curve: np.ndarray, places: np.ndarray, vectors: list[list[Native]], values: list[np.ndarray]
    ) -> None:
        """Put nodes into the next free slots of their samples, and extend the inner products."""
        order = np.argsort(owner, kind="stable")
        owner, curve, places = owner[order], curve[order], places[order]
        added = np.bincount(owner, minlength=len(self.samples))
        slot = self.held[owner] + np.arange(len(owner)) - (np.cumsum(added) - added)[owner]
        self._grow(int((self.held + added).max()))
        self.path[owner, slot], self.place[owner, slot] = curve, places
        new = np.zeros((len(self.samples), int(added.max())), int)
        new[owner, slot - self.held[owner]] = slot + 1
        for t in self.targets:
            rows = [take(leaf, order) for leaf in vectors[t]]
            if self.curves.complete:
                self.value[t][owner, slot] = values[t][order]
                self.total[t][owner, slot] = self.passes.host(row_sums(*rows))
            for k, leaf in enumerate(rows):
                table = self.tables[t][k]
                xp, width = array_namespace(table), int(table.shape[1])
                lone = leaf - take(self.ends[t][k], owner * self.curves.rows + curve)
                flat = xp.reshape(table, (-1, table.shape[2]))
                where = xp.asarray(owner * width + slot + 1, device=table.device)
                self.tables[t][k] = xp.reshape(xpx.at(flat)[where, ...].set(lone), table.shape)
            products = self._products(t, np.arange(self.slots + 1), new)
            kept = np.nonzero(new)
            self.gram[t][kept[0], new[kept]] = products[kept]
            self.gram[t][kept[0], :, new[kept]] = products[kept]
        self.held = self.held + added

    def _products(self, target: int, slots: np.ndarray, new: np.ndarray) -> np.ndarray:
        """Inner products of some slots of each sample ``(samples, new)`` with all, ``(samples, new, slots)``."""
        result = 0.0
        for table in self.tables[target]:
            xp, (count, width, entries) = array_namespace(table), table.shape
            flat = xp.reshape(table, (count * width, entries))
            chosen = xp.reshape(take(flat, (np.arange(count)[:, None] * width + new).reshape(-1)), (*new.shape, entries))
            result = result + self.passes.host(xp.matmul(chosen, xp.matrix_transpose(table[:, : len(slots), :])))
        return np.asarray(result)

    def _grow(self, slots: int) -> None:
        """Make room for so many nodes per sample; tables grow in doubling steps."""
        if slots <= self.slots:
            return
        wider = slots - self.slots
        self.path = np.pad(self.path, ((0, 0), (0, wider)), constant_values=-1)
        self.place = np.pad(self.place, ((0, 0), (0, wider)))
        self.value, self.total = (np.pad(held, ((0, 0), (0, 0), (0, wider))) for held in (self.value, self.total))
        self.gram = np.pad(self.gram, ((0, 0), (0, 0), (0, wider), (0, wider)))
        self.slots = slots
        for tables in self.tables:
            for k, table in enumerate(tables):
                if table.shape[1] <= slots:
                    xp, (count, width, entries) = array_namespace(table), table.shape
                    spare = max(slots + 1, 2 * width) - width
                    empty = xp.zeros((count, spare, entries), dtype=table.dtype, device=table.device)
                    tables[k] = xp.concat([table, empty], axis=1)

    def _keep_weights(self, target: int, running: np.ndarray, weights: np.ndarray) -> None:
        held = self.weights[target]
        wider = weights.shape[1] + 1 - held.shape[1]
        held = np.pad(held, ((0, 0), (0, max(wider, 0))))
        held[running] = 0.0
        held[running, 0] = 1.0
        held[running, 1 : weights.shape[1] + 1] = weights
        self.weights[target] = held


def _shapes(targets: int, count: int, slots: int) -> list[tuple[int, ...]]:
    """Of places, values, sums and inner products."""
    return [(count, slots), (targets, count, slots), (targets, count, slots), (targets, count, slots + 1, slots + 1)]


def _room(first: Native, slots: int) -> Native:
    """A table whose slot 0 is filled; memory that is not used yet is not touched."""
    xp, (count, entries) = array_namespace(first), first.shape
    table = xp.zeros((count, slots + 1, entries), dtype=first.dtype, device=first.device)
    return xpx.at(table)[:, 0, :].set(first)


def _weighted(table: Native, weights: np.ndarray) -> Native:
    """The sum of each sample's slots by weights."""
    xp = array_namespace(table)
    given = xp.asarray(weights[:, None, :], dtype=table.dtype, device=table.device)
    return xp.matmul(given, table[:, : weights.shape[1], :])[:, 0, :]


def _joined(blocks: Sequence[Sequence[Native]]) -> list[Native]:
    """Blocks of rows, each by place, one after the other."""
    return [array_namespace(*place).concat(list(place)) for place in zip(*blocks, strict=True)]
