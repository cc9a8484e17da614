"""The ways from a baseline to the sample along which gradients are integrated, and where they are read.

A *curve* is one (sample, baseline row); they are numbered sample by sample. What is integrated is the gradient at a place times
the speed at which that place moves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from array_api_compat import array_namespace

from ...arrays.blur import Blur
from ...arrays.rows import flat, spread, take
from ...core.declare import Passes, Reference
from ...core.targets import Layer
from ...core.types import Native, Rows
from ...core.view import Gradient, Place


class Curves(Protocol):
    """All curves of a call."""

    rows: int
    """Curves per sample."""
    sample: np.ndarray
    """The sample of each curve."""
    shapes: list[tuple[int, ...]]
    """Shape of one sample's values, by place."""
    wrt: tuple[Place, ...]
    """Where the gradient is read."""
    complete: bool
    """Whether the values must sum to the change of the target."""

    def points(self, owners: Rows, alphas: np.ndarray) -> tuple[Native, ...]:
        """Points at which the model runs: curve numbers, and how far along (0 to 1)."""
        ...

    def moving(self, owners: Rows) -> tuple[Native, ...] | None:
        """How the points move, where the speed at ``wrt`` has to be found from it."""
        ...

    def vectors(self, owners: Rows, alphas: np.ndarray, gradient: Gradient, target: int) -> list[Native]:
        """Gradient times speed, by place, one matrix row per point."""
        ...

    def ends(self, owners: Rows, target: int) -> list[Native] | None:
        """The same at the samples themselves, where the pass over them tells."""
        ...


class Lines:
    """Straight from each baseline row to the sample, read where the samples are attributed."""

    complete = True

    def __init__(self, passes: Passes, reference: Reference) -> None:
        self.passes, self.starts, self.ends_at = passes, reference.points, passes.points
        self.rows = reference.rows
        self.sample = np.repeat(np.arange(passes.samples), reference.rows)
        self.baseline = reference.index.reshape(-1)
        self.shapes = [tuple(leaf.shape[1:]) for leaf in passes.collapse([take(end, [0]) for end in self.ends_at])]
        self.wrt = passes.places

    def points(self, owners: Rows, alphas: np.ndarray) -> tuple[Native, ...]:
        """Baseline plus a share of the way."""
        both = zip(self.starts, self.delta(owners), strict=True)
        return tuple(take(start, self.baseline[owners]) + spread(alphas, delta) * delta for start, delta in both)

    def moving(self, owners: Rows) -> None:
        """The speed is known."""
        del owners

    def vectors(self, owners: Rows, alphas: np.ndarray, gradient: Gradient, target: int) -> list[Native]:
        """Input minus baseline times gradient; embedded ids are one number each."""
        del alphas
        return self.products(owners, gradient.gradients[target])

    def ends(self, owners: Rows, target: int) -> list[Native]:
        """From the pass over the samples."""
        return self.products(owners, [take(g, self.sample[owners]) for g in self.passes.at_input().gradients[target]])

    def delta(self, owners: Rows) -> list[Native]:
        """Input minus baseline, by place."""
        both = zip(self.ends_at, self.starts, strict=True)
        return [take(end, self.sample[owners]) - take(start, self.baseline[owners]) for end, start in both]

    def products(self, owners: Rows, gradients: Sequence[Native]) -> list[Native]:
        """Input minus baseline times gradients of these curves."""
        products = [delta * g for delta, g in zip(self.delta(owners), gradients, strict=True)]
        return [flat(product) for product in self.passes.collapse(products)]


class LinesAtLayer:
    """Straight in the input, read at a layer: times the speed of the layer's own output, or plainly averaged."""

    complete = False  # part of the change may go around the layer

    def __init__(self, passes: Passes, reference: Reference, layer: Layer, weighted: bool) -> None:
        self.lines, self.weighted = Lines(passes, reference), weighted
        self.rows, self.sample = reference.rows, self.lines.sample
        self.wrt: tuple[Place, ...] = (layer,)
        self.at = passes.at_input([*passes.places, layer])
        self.shapes = [tuple(self.at.points[-1].shape[1:])]

    def points(self, owners: Rows, alphas: np.ndarray) -> tuple[Native, ...]:
        """Baseline plus a share of the way."""
        return self.lines.points(owners, alphas)

    def moving(self, owners: Rows) -> tuple[Native, ...] | None:
        """Input minus baseline."""
        return tuple(self.lines.delta(owners)) if self.weighted else None

    def vectors(self, owners: Rows, alphas: np.ndarray, gradient: Gradient, target: int) -> list[Native]:
        """Gradient at the layer, times the speed of its output."""
        del owners, alphas
        slopes = gradient.gradients[target]
        return [flat(g * rate) for g, rate in zip(slopes, gradient.rates, strict=True)] if self.weighted else [flat(slopes[0])]

    def ends(self, owners: Rows, target: int) -> list[Native] | None:
        """From the pass over the samples, which says nothing of speed."""
        return None if self.weighted else [flat(take(self.at.gradients[target][-1], self.sample[owners]))]


class Unblurring:
    """From the blurred sample to the sample, by less and less blur; one curve per sample."""

    complete = True
    rows = 1

    def __init__(self, passes: Passes, blurs: Sequence[Blur], sigma: float) -> None:
        self.passes, self.blurs, self.sigma = passes, blurs, sigma
        self.sample = np.arange(passes.samples)
        self.shapes = [tuple(leaf.shape[1:]) for leaf in passes.points]
        self.wrt = passes.places

    def points(self, owners: Rows, alphas: np.ndarray) -> tuple[Native, ...]:
        """The samples with what is left of the blur."""
        return tuple(blur(owners, self.sigma * (1 - alphas)) for blur in self.blurs)

    def moving(self, owners: Rows) -> None:
        """The speed is known."""
        del owners

    def vectors(self, owners: Rows, alphas: np.ndarray, gradient: Gradient, target: int) -> list[Native]:
        """Gradient times the speed at which blur goes away."""
        both = zip(gradient.gradients[target], self.blurs, strict=True)
        return [flat(g * (-self.sigma * blur.rate(owners, self.sigma * (1 - alphas)))) for g, blur in both]

    def ends(self, owners: Rows, target: int) -> list[Native]:
        """The last of the blur goes away without speed."""
        del target
        return [array_namespace(point).zeros_like(flat(take(point, owners))) for point in self.passes.points]


def size(curves: Curves) -> int:
    """Numbers per node."""
    return sum(math.prod(shape) for shape in curves.shapes)


def averaged(curves: Curves, totals: Sequence[Native]) -> list[Native]:
    """Totals of curves ``(curves, size)`` averaged over those of a sample, ``(samples, size)``."""
    xp = array_namespace(*totals)
    return [xp.mean(xp.reshape(total, (-1, curves.rows, total.shape[1])), axis=1) for total in totals]


def shaped(curves: Curves, values: Sequence[Native]) -> list[Native]:
    """Values ``(samples, size)`` in the shape of the samples."""
    xp = array_namespace(*values)
    return [xp.reshape(leaf, (-1, *shape)) for leaf, shape in zip(values, curves.shapes, strict=True)]
