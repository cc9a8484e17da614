"""Guided integrated gradients: a path that moves the inputs with the smallest gradients first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from array_api_compat import array_namespace

from ...arrays.rows import flat, take
from ...core.declare import Attribution, Axiom, Passes, Reference, parameter
from ...core.types import Native
from ...core.view import Capability

STEPS = 200
"""Steps where neither the user nor the budget says otherwise."""


@dataclass(frozen=True, eq=False)
class GuidedIG:
    """Gradients summed along a path that avoids steep places: inputs with small gradients go first.

    At each step the remaining distance to the sample shrinks by the same amount (in the sum of magnitudes), spent on the
    ``fraction`` of inputs with the smallest gradients, then on the next; ``distance`` bounds how far any input may run ahead
    of or fall behind the straight line. The path depends on the gradients that it meets, so there is no error estimate, and
    a path for each target; ``residual`` says how far the values miss f(x) - f(baseline).

    Cost: one gradient row per step, sample, baseline and target, one at the sample, and one forward row per baseline.

    Source: kapishnikov2021guided.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 2))
    >>> e = pl.explain(net, torch.ones(1, 4), target=0, method="guided-ig", steps=400)
    >>> bool(e.residual[0] < 0.05)
    True
    """

    name: ClassVar[str] = "guided-ig"
    engine: ClassVar[str] = "path"
    summary: ClassVar[str] = "gradients along a path that moves the inputs with the smallest gradients first"
    needs: ClassVar[frozenset[Capability]] = frozenset({"gradient"})
    modalities: ClassVar[tuple[str, ...]] = ("any",)
    axioms: ClassVar[tuple[Axiom, ...]] = ("dummy", "symmetry", "implementation-invariance")
    cite: ClassVar[tuple[str, ...]] = ("kapishnikov2021guided",)

    baseline: Any = parameter(None, "as for integrated-gradients; 0 by default")
    steps: int | None = parameter(
        None, f"number of steps; {STEPS}, or as many as the budget holds, if not given", least=1, most=100_000
    )
    fraction: float = parameter(0.25, "share of the inputs that move together", above=0, most=1)
    distance: float = parameter(0.02, "how far an input may be from the straight line, as a share of its way", least=0, most=1)

    @property
    def rows(self) -> int:
        """About how many model rows a sample and baseline cost."""
        return self.steps or STEPS

    def attribute(self, passes: Passes) -> list[Attribution]:
        """One path per sample, baseline and target, all side by side."""
        reference = passes.reference(self.baseline)
        passes.at_input()
        each = reference.rows * passes.targets
        held = (passes.allowance() - reference.rows) // each
        steps = self.steps or max(min(STEPS, held), 1)
        if held < steps:
            passes.refuse_budget(needed=steps * each + reference.rows)
        base_values = passes.reference_values(reference)
        return [
            Attribution(self._path(passes, reference, t, steps), base_value=base.mean(axis=1), reference=reference)
            for t, base in enumerate(base_values)
        ]

    def _path(self, passes: Passes, reference: Reference, target: int, steps: int) -> list[Native]:
        """Values of one target, averaged over baselines."""
        rows = np.repeat(np.arange(passes.samples), reference.rows)
        ends = [take(end, rows) for end in passes.points]
        starts = [take(start, reference.index.reshape(-1)) for start in reference.points]
        points, totals = list(starts), [array_namespace(end).zeros_like(end) for end in ends]
        for step in range(1, steps + 1):
            here = tuple(points)
            blocks = passes.gradient(rows, lambda part: tuple(point[part] for point in here), targets=[target])
            found = [gradient.gradients[0] for _, gradient in blocks]
            slopes = [array_namespace(*place).concat(place) for place in zip(*found, strict=True)]
            points = self._moved(passes, starts, ends, points, slopes, step / steps)
            for place, (now, before, slope) in enumerate(zip(points, here, slopes, strict=True)):
                totals[place] = totals[place] + (now - before) * slope
            passes.finished(passes.samples / steps / passes.targets)
        collapsed = passes.collapse(totals)
        shapes = [(passes.samples, reference.rows, *total.shape[1:]) for total in collapsed]
        return [
            array_namespace(total).mean(array_namespace(total).reshape(total, shape), axis=1)
            for total, shape in zip(collapsed, shapes, strict=True)
        ]

    def _moved(
        self,
        passes: Passes,
        starts: Sequence[Native],
        ends: Sequence[Native],
        points: Sequence[Native],
        slopes: Sequence[Native],
        share: float,
    ) -> list[Native]:
        """Every path's next point: the remaining distance is ``1 - share`` of the whole."""
        if share == 1:
            return list(ends)
        start, end, point, slope = (_one_row(leaves) for leaves in (starts, ends, points, slopes))
        xp = array_namespace(point)
        behind = start + max(share - self.distance, 0.0) * (end - start)
        ahead = start + min(share + self.distance, 1.0) * (end - start)
        # Whatever fell behind is brought along first.
        late = xp.abs(end - point) > xp.abs(end - behind)
        point = xp.where(late, behind, point)
        left = passes.host(xp.sum(xp.abs(end - point), axis=1))
        needed = left - (1 - share) * passes.host(xp.sum(xp.abs(end - start), axis=1))
        room = xp.abs(ahead - point)
        keys = xp.where(room > 0, xp.abs(slope), float("inf"))
        together = int((keys.shape[1] - 1) * self.fraction) + 1
        moved = [_advance(point[i], ahead[i], room[i], keys[i], float(needed[i]), together, passes) for i in range(len(needed))]
        return _by_place(xp.stack(moved), points)


def _advance(point: Native, ahead: Native, room: Native, keys: Native, needed: float, together: int, passes: Passes) -> Native:
    """Move one path's entries towards ``ahead``, smallest keys first, ``together`` at a time, until ``needed`` is covered.

    Entries with equal keys move together, whatever their order.
    """
    if needed <= 0:
        return point
    xp = array_namespace(point)
    group = xp.searchsorted(xp.sort(keys), keys) // together
    for number in range(-(-int(keys.shape[0]) // together)):
        chosen = group == number
        gain = float(passes.host(xp.sum(xp.where(chosen, room, 0.0))))
        if gain <= 0:
            continue
        part = min(needed / gain, 1.0)
        point = xp.where(chosen, point + part * (ahead - point), point)
        needed -= gain
        if needed <= 0:
            break
    return point


def _one_row(leaves: Sequence[Native]) -> Native:
    """All leaves of a path side by side."""
    return array_namespace(*leaves).concat([flat(leaf) for leaf in leaves], axis=1)


def _by_place(joined: Native, like: Sequence[Native]) -> list[Native]:
    """The reverse of ``_one_row``."""
    xp, parts, begin = array_namespace(joined), [], 0
    for leaf in like:
        width = int(flat(leaf).shape[1])
        parts.append(xp.reshape(joined[:, begin : begin + width], leaf.shape))
        begin += width
    return parts
