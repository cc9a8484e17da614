"""Averages of gradients over random points around the samples, with standard errors.

Draw ``k`` is the same for every sample, so a sample alone gets what it gets among others. Samples stop one by one when their
standard error is small enough.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import array_api_extra as xpx
import numpy as np
from array_api_compat import array_namespace

from ...arrays.rows import flat, owner_sums, row_norms, spread, take
from ...core.declare import Passes
from ...core.types import Native

ROUND = 8
"""Draws per sample between two looks at the standard error."""
FLOOR = 1e-6
"""Absolute floor of the tolerated error, as a share of the gradient at the sample itself."""


@dataclass
class Mean:
    """For one target: mean gradient and its standard error by place, relative error per sample."""

    values: list[Native]
    standard_errors: list[Native]
    error: np.ndarray


def average(
    passes: Passes,
    noise: Callable[[int], tuple[Native, ...]],
    scale: tuple[Native, ...],
    fewest: int,
    most: int,
    tolerance: float | None,
) -> list[Mean]:
    """Average the gradient over noisy copies of the samples, until ``tolerance`` or ``most`` draws; one mean per target.

    Parameters
    ----------
    noise
        Draw ``k`` by place, ``(1, ...)``: the same for every sample.
    scale
        What multiplies it, by place, ``(samples, 1, ...)``.
    fewest, most
        Draws per sample, at least and at most.
    tolerance
        ``||standard error|| / ||mean||`` at which a sample stops; ``None`` takes ``most`` draws for all.
    """
    at_input = passes.at_input()
    # Deviations from the gradient at the sample itself: sums of squares of raw gradients would cancel in float32.
    totals = [_Sums(passes.collapse(gradients), passes) for gradients in at_input.gradients]
    active, done = np.arange(passes.samples), 0
    while len(active):
        wanted = min(ROUND, most - done)
        _add_draws(passes, [noise(number) for number in range(done, done + wanted)], scale, totals, active)
        done += wanted
        if done >= most or passes.out_of_time():
            passes.finished(len(active))
            break
        if tolerance is None:
            continue
        errors = np.max([total.error(active) for total in totals], axis=0)
        going = active[(errors > tolerance) | (done < fewest)]
        passes.finished(len(active) - len(going))
        active = going
    everyone = np.arange(passes.samples)
    return [Mean(total.mean(), total.standard_errors(), total.error(everyone)) for total in totals]


class _Sums:
    """Sums of deviations from the gradient at each sample, and of their squares."""

    def __init__(self, centre: list[Native], passes: Passes) -> None:
        self.centre = centre
        self.first = [array_namespace(g).zeros_like(flat(g)) for g in centre]
        self.squared = [array_namespace(g).zeros_like(flat(g)) for g in centre]
        self.draws = np.zeros(passes.samples)
        self.host = passes.host

    def add(self, gradients: list[Native], rows: np.ndarray) -> None:
        """Add gradients of packed rows, given the sample of each row (in order)."""
        own, local = np.unique(rows, return_inverse=True)
        np.add.at(self.draws, rows, 1)
        for place, g in enumerate(gradients):
            deviation = flat(g - take(self.centre[place], rows))
            where = array_namespace(g).asarray(own, device=g.device)
            for sums, part in ((self.first, deviation), (self.squared, deviation**2)):
                sums[place] = xpx.at(sums[place])[where, ...].add(owner_sums(part, local, 0, len(own)))

    def mean(self) -> list[Native]:
        """Mean gradient of every sample."""
        pairs = zip(self.centre, self.first, strict=True)
        return [g + array_namespace(g).reshape(total / spread(self.draws, total), g.shape) for g, total in pairs]

    def standard_errors(self) -> list[Native]:
        """Standard error of the mean."""
        errors = []
        for g, first, squared in zip(self.centre, self.first, self.squared, strict=True):
            xp, n = array_namespace(g), spread(self.draws, first)
            variance = xp.clip(squared / n - (first / n) ** 2, 0, None) / spread(np.maximum(self.draws - 1, 1), first)
            errors.append(xp.reshape(xp.sqrt(variance), g.shape))
        return errors

    def error(self, samples: np.ndarray) -> np.ndarray:
        """``||standard error|| / ||mean||`` of these samples."""
        norms = [
            self.host(row_norms(*(take(leaf, samples) for leaf in leaves)))
            for leaves in (self.standard_errors(), self.mean(), list(self.centre))
        ]
        scale = np.maximum(norms[1], FLOOR * norms[2])
        return np.divide(norms[0], scale, out=np.where(norms[0] > 0, math.inf, 0.0), where=scale > 0)


def _add_draws(
    passes: Passes, draws: list[tuple[Native, ...]], scale: tuple[Native, ...], totals: list[_Sums], active: np.ndarray
) -> None:
    rows, numbers = np.repeat(active, len(draws)), np.tile(np.arange(len(draws)), len(active))
    noise = [array_namespace(*place).concat(place) for place in zip(*draws, strict=True)]

    def build(part: slice) -> tuple[Native, ...]:
        places = zip(passes.points, scale, noise, strict=True)
        return tuple(
            take(points, rows[part]) + take(size, rows[part]) * take(drawn, numbers[part]) for points, size, drawn in places
        )

    for part, gradient in passes.gradient(rows, build):
        for total, gradients in zip(totals, gradient.gradients, strict=True):
            total.add(passes.collapse(gradients), rows[part])
