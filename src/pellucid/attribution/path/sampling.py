"""Averages of gradients over random points, with standard errors.

Draw ``k`` is the same for every sample, so a sample alone gets what it gets among others. Samples stop one by one when their
standard error is small enough.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import array_api_extra as xpx
import numpy as np
from array_api_compat import array_namespace

from ...arrays.rows import flat, owner_sums, row_norms, row_sums, spread, take
from ...core.declare import Attribution, Passes, Reference
from ...core.types import Native, Rows

ROUND = 8
"""Draws per sample between two looks at the standard error."""
FEWEST = 32
"""Draws before a sample may stop where points are drawn from a background: a few may all be of the common kind."""
FLOOR = 1e-6
"""Absolute floor of the tolerated error, as a share of the centre, the quantity at the sample itself."""

Quantity = Callable[[Rows, Rows, tuple[Native, ...]], list[Native]]
"""``(samples, draws, gradients by place)``, one entry per row each, to what is averaged, in the shape of the input."""


@dataclass(frozen=True)
class Draws:
    """Random points and what is averaged over them.

    Attributes
    ----------
    points
        ``points(samples, draws)``: the points of these rows, by place. Draw ``k`` must not depend on the sample.
    quantity
        What is averaged, already collapsed.
    centre
        ``[target][place]``: a number near the mean, for instance the quantity at the samples themselves. Deviations from it
        are summed, because sums of squares of the raw numbers would cancel in float32.
    """

    points: Callable[[Rows, Rows], tuple[Native, ...]]
    quantity: Quantity
    centre: Sequence[list[Native]]


def average(
    passes: Passes,
    draws: Draws,
    samples: int | None,
    most: int,
    tolerance: float,
    *,
    statistic: Literal["mean", "variance"] = "mean",
    base_values: Sequence[np.ndarray] | None = None,
    reference: Reference | None = None,
) -> list[Attribution]:
    """The mean (or the variance) over draws, one attribution per target.

    Parameters
    ----------
    samples
        Draws per sample, if that number is fixed.
    most
        Draws per sample after which it stops otherwise.
    tolerance
        ``||standard error|| / ||statistic||`` at which a sample stops.
    base_values, reference
        Handed on: values of the targets at the baselines, ``[target]``, and the baselines.
    """
    wanted = min(samples or most, passes.allowance())
    least = 4 if statistic == "variance" else 2  # the variance of a variance takes four
    fewest = least if base_values is None else FEWEST
    if wanted < (samples or least):
        passes.refuse_budget(needed=samples or least)
    at_input = passes.at_input()
    changes = [None if base_values is None else value - base_values[t].mean(axis=1) for t, value in enumerate(at_input.values)]
    totals = [_Sums(centre, passes, statistic, change) for centre, change in zip(draws.centre, changes, strict=True)]
    active, done = np.arange(passes.samples), 0
    while len(active):
        numbers = np.arange(done, min(done + ROUND, wanted))
        _add(passes, draws, totals, active, numbers)
        done += len(numbers)
        if done >= wanted or passes.out_of_time():
            passes.finished(len(active))
            break
        if samples is not None:
            continue
        errors = np.max([total.error(active) for total in totals], axis=0)
        going = active[(errors > tolerance) | (done < fewest)]
        passes.finished(len(active) - len(going))
        active = going
    everyone = np.arange(passes.samples)
    return [
        Attribution(
            total.values(),
            standard_errors=total.standard_errors(),
            error=total.error(everyone),
            tolerance=None if samples else tolerance,
            base_value=None if base_values is None else base_values[t].mean(axis=1),
            reference=reference,
        )
        for t, total in enumerate(totals)
    ]


class _Sums:
    """Sums of the powers of deviations from a centre; two powers for a mean and its error, four for a variance."""

    def __init__(
        self, centre: Sequence[Native], passes: Passes, statistic: Literal["mean", "variance"], change: np.ndarray | None
    ) -> None:
        self.centre, self.host, self.change = list(centre), passes.host, change
        self.of_variance = statistic == "variance"
        powers = 4 if self.of_variance else 2
        self.powers = [[array_namespace(c).zeros_like(flat(c)) for c in self.centre] for _ in range(powers)]
        self.draws = np.zeros(passes.samples)

    def add(self, quantities: Sequence[Native], rows: Rows) -> None:
        """Add what packed rows gave, by the sample of each row (in order)."""
        own, local = np.unique(rows, return_inverse=True)
        np.add.at(self.draws, rows, 1)
        for place, quantity in enumerate(quantities):
            deviation = flat(quantity - take(self.centre[place], rows))
            where = array_namespace(deviation).asarray(own, device=deviation.device)
            part = deviation
            for sums in self.powers:
                sums[place] = xpx.at(sums[place])[where, ...].add(owner_sums(part, local, 0, len(own)))
                part = part * deviation

    def values(self) -> list[Native]:
        """The statistic of every sample."""
        if self.of_variance:
            return [self._shaped(self._moments(place)[1], place) for place in range(len(self.centre))]
        return [c + self._shaped(self._raw(0, place), place) for place, c in enumerate(self.centre)]

    def standard_errors(self) -> list[Native]:
        """Its standard error."""
        errors = []
        for place, centre in enumerate(self.centre):
            xp = array_namespace(centre)
            if self.of_variance:
                n, variance, fourth = self._moments(place)
                squared = (fourth - variance**2 * (n - 3) / (n - 1)) / n
            else:
                n, first = spread(self.draws, self.powers[0][place]), self._raw(0, place)
                squared = (self._raw(1, place) - first**2) / spread(np.maximum(self.draws - 1, 1), n)
            errors.append(self._shaped(xp.sqrt(xp.clip(squared, 0, None)), place))
        return errors

    def error(self, samples: np.ndarray) -> np.ndarray:
        """``||standard error|| / ||statistic||`` of these samples; where their sum is known, at least what it misses."""
        norms = [
            self.host(row_norms(*(take(leaf, samples) for leaf in leaves)))
            for leaves in (self.standard_errors(), self.values(), self.centre)
        ]
        if self.change is not None:  # draws that met nothing have no spread, and are wrong all the same
            sums = self.host(row_sums(*(take(leaf, samples) for leaf in self.values())))
            entries = sum(flat(leaf).shape[1] for leaf in self.centre)
            norms[0] = np.maximum(norms[0], np.abs(sums - self.change[samples]) / math.sqrt(entries))
        scale = np.maximum(norms[1], FLOOR * norms[2] ** (2 if self.of_variance else 1))
        return np.divide(norms[0], scale, out=np.where(norms[0] > 0, math.inf, 0.0), where=scale > 0)

    def _raw(self, power: int, place: int) -> Native:
        """Mean of a power of the deviations."""
        sums = self.powers[power][place]
        return sums / spread(self.draws, sums)

    def _moments(self, place: int) -> tuple[Native, Native, Native]:
        """Number of draws, unbiased variance, and fourth central moment."""
        m1, m2, m3, m4 = (self._raw(power, place) for power in range(4))
        n = spread(self.draws, m1)
        variance = array_namespace(m1).clip(m2 - m1**2, 0, None) * n / (n - 1)
        return n, variance, m4 - 4 * m1 * m3 + 6 * m1**2 * m2 - 3 * m1**4

    def _shaped(self, values: Native, place: int) -> Native:
        return array_namespace(values).reshape(values, self.centre[place].shape)


def _add(passes: Passes, draws: Draws, totals: list[_Sums], active: np.ndarray, numbers: np.ndarray) -> None:
    rows, drawn = np.repeat(active, len(numbers)), np.tile(numbers, len(active))
    for part, gradient in passes.gradient(rows, lambda part: draws.points(rows[part], drawn[part])):
        for total, gradients in zip(totals, gradient.gradients, strict=True):
            total.add(draws.quantity(rows[part], drawn[part], gradients), rows[part])
