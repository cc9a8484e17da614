"""The ways from a baseline to the sample along which gradients are integrated, and where they are read.

A *curve* is one (sample, baseline row); they are numbered sample by sample. What is integrated is ``g dy``: the gradient
``g`` at a place, along the change of the place's own value ``y``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from array_api_compat import array_namespace

from ...arrays.blur import Blur
from ...arrays.rows import flat, spread, take
from ...core.declare import Passes, Reference
from ...core.targets import Layer
from ...core.types import Native, Rows
from ...core.view import Place


@dataclass(frozen=True)
class Nodes:
    """What is kept of points on curves, matrices by place: gradients, and the value ``y`` at the place.

    Where ``y`` moves evenly, ``gradients`` are already multiplied by its change, and ``places`` is empty.
    """

    gradients: list[Native]
    places: list[Native]


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
    uneven: bool
    """Whether the place's own way is known at nodes only."""

    def points(self, owners: Rows, alphas: np.ndarray) -> tuple[Native, ...]:
        """Points at which the model runs: curve numbers, and how far along (0 to 1)."""
        ...

    def nodes(self, owners: Rows, alphas: np.ndarray, gradients: Sequence[Native], points: Sequence[Native]) -> Nodes:
        """What to keep of gradients and values at ``wrt``."""
        ...

    def ends(self, target: int, owners: Rows) -> tuple[list[Native], list[Native]]:
        """Gradients and values at the samples themselves, by place."""
        ...


class Lines:
    """Straight from each baseline row to the sample, read where the samples are attributed."""

    complete = True
    uneven = False

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

    def nodes(self, owners: Rows, alphas: np.ndarray, gradients: Sequence[Native], points: Sequence[Native]) -> Nodes:
        """Input minus baseline times gradient; embedded ids are one number each."""
        del alphas, points
        products = [delta * g for delta, g in zip(self.delta(owners), gradients, strict=True)]
        return Nodes([flat(product) for product in self.passes.collapse(products)], [])

    def ends(self, target: int, owners: Rows) -> tuple[list[Native], list[Native]]:
        """From the pass over the samples."""
        return [take(g, self.sample[owners]) for g in self.passes.at_input().gradients[target]], []

    def delta(self, owners: Rows) -> list[Native]:
        """Input minus baseline, by place."""
        both = zip(self.ends_at, self.starts, strict=True)
        return [take(end, self.sample[owners]) - take(start, self.baseline[owners]) for end, start in both]


class LinesAtLayer:
    """Straight in the input, read at a layer: weighted by the change of its own value there, or plainly averaged."""

    complete = False  # part of the change may go around the layer

    def __init__(self, passes: Passes, reference: Reference, layer: Layer, weighted: bool) -> None:
        self.lines, self.uneven = Lines(passes, reference), weighted
        self.rows, self.sample = reference.rows, self.lines.sample
        self.wrt: tuple[Place, ...] = (layer,)
        self.at = passes.at_input([*passes.places, layer])
        self.shapes = [tuple(self.at.points[-1].shape[1:])]

    def points(self, owners: Rows, alphas: np.ndarray) -> tuple[Native, ...]:
        """Baseline plus a share of the way."""
        return self.lines.points(owners, alphas)

    def nodes(self, owners: Rows, alphas: np.ndarray, gradients: Sequence[Native], points: Sequence[Native]) -> Nodes:
        """Gradients at the layer, and its output."""
        del owners, alphas
        return Nodes([flat(g) for g in gradients], [flat(point) for point in points] if self.uneven else [])

    def ends(self, target: int, owners: Rows) -> tuple[list[Native], list[Native]]:
        """From the pass over the samples."""
        rows = self.sample[owners]
        return [take(self.at.gradients[target][-1], rows)], [take(self.at.points[-1], rows)]


class Unblurring:
    """From the blurred sample to the sample, by less and less blur; one curve per sample."""

    complete = uneven = True
    rows = 1

    def __init__(self, passes: Passes, blurs: Sequence[Blur], sigma: float) -> None:
        self.passes, self.blurs, self.sigma = passes, blurs, sigma
        self.sample = np.arange(passes.samples)
        self.shapes = [tuple(leaf.shape[1:]) for leaf in passes.points]
        self.wrt = passes.places

    def points(self, owners: Rows, alphas: np.ndarray) -> tuple[Native, ...]:
        """The samples with what is left of the blur."""
        return tuple(blur(owners, self.sigma * (1 - alphas)) for blur in self.blurs)

    def nodes(self, owners: Rows, alphas: np.ndarray, gradients: Sequence[Native], points: Sequence[Native]) -> Nodes:
        """Gradients, and the blurred samples themselves."""
        del owners, alphas
        return Nodes([flat(g) for g in gradients], [flat(point) for point in points])

    def ends(self, target: int, owners: Rows) -> tuple[list[Native], list[Native]]:
        """From the pass over the samples."""
        at = self.passes.at_input()
        return [take(g, owners) for g in at.gradients[target]], [take(point, owners) for point in at.points]


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
