"""RISE: random smooth masks, each weighted by what the target is worth behind it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from array_api_compat import array_namespace

from ...arrays.grid_masks import GridMasks
from ...core.declare import Attribution, Axiom, Passes, parameter
from ...core.errors import BudgetError, CapabilityError, InputError
from ...core.types import Native, Rows
from ...core.view import Capability
from ...games.masked import MOST_ROWS, Masked
from .playing import MASKER, prepared

DEFAULT, MOST = 2000, 16_000
"""Masks by default, and at most where a tolerance is given."""
GROWTH = 2
"""Where a tolerance is given, a round brings the masks to so many times those so far."""
LEAST = 32
BLOCK = 512
"""Masks that are summed at a time."""
TINY = 1e-12


@dataclass(frozen=True)
class RISE:
    """The mean of the target over random masks, at each position weighted by how far the mask shows it.

    A mask is a coarse grid of present and absent cells, enlarged and shifted at random; the input is multiplied by it and
    the masker's replacement by the rest. Values are ``(samples, positions...)``: the expected target when this position is
    seen. Sums are divided by how much of each position was seen, not by what is expected of that, so that the level of the
    target adds no noise; where cells are as often present as not, masks come in pairs of complements. Every position has a
    standard error; all samples see the same masks.

    Cost: one forward row per sample, and one for each mask and each background row of the masker.

    Source: petsiuk2018rise.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.LazyLinear(2))
    >>> e = pl.explain(net, torch.rand(1, 3, 16, 16), target=0, method="rise", samples=100)
    >>> e.values.shape, e.standard_errors.shape
    ((1, 16, 16), (1, 16, 16))
    """

    name: ClassVar[str] = "rise"
    engine: ClassVar[str] = "game"
    summary: ClassVar[str] = "the target behind random smooth masks, averaged where each position is seen"
    needs: ClassVar[frozenset[Capability]] = frozenset({"predict"})
    modalities: ClassVar[tuple[str, ...]] = ("image", "series", "volume")
    axioms: ClassVar[tuple[Axiom, ...]] = ("linearity",)
    cite: ClassVar[tuple[str, ...]] = ("petsiuk2018rise",)
    takes_features: ClassVar[bool] = False

    samples: int | None = parameter(None, "masks; by default 2,000, or what the budget holds", least=2)
    cells: int = parameter(7, "cells of the coarse grid along each axis", least=1)
    probability: float = parameter(0.5, "how often a cell is present", above=0, most=0.99)
    masker: Any = parameter(None, MASKER)
    tolerance: float | None = parameter(
        None, "estimated error of the map, relative to its variation, at which a sample is done", above=0
    )

    @property
    def rows(self) -> int:
        """About what a sample costs."""
        return self.samples or DEFAULT

    def attribute(self, passes: Passes) -> list[Attribution]:
        """Round after round, until the masks are spent or every sample's map is known well enough."""
        size = passes.spatial_size() if passes.leaf(passes.masked).ndim > 2 else ()
        if not size:
            raise CapabilityError("rise masks positions: it needs an image, a series or a volume. Use shapley or lime.")
        removal = prepared(passes, self.masker)
        if not getattr(removal, "soft", True):
            raise InputError(f"rise blends inputs, and removed entries are {removal.says}: there is nothing to blend with.")
        most = self._masks(passes, removal.draws)
        sums = _Sums(passes, Masked(passes, passes.masked, removal), GridMasks(size, self.cells, self.probability, passes.seed))
        active, done = np.arange(passes.samples), 0
        while done < most and len(active):
            end = most if self.tolerance is None else min(max(LEAST, GROWTH * done), most)
            sums.add(active, done, end)
            if self.tolerance is not None:
                rest = active[(sums.error()[:, active] > self.tolerance).any(axis=0)]
                passes.finished(len(active) - len(rest))
                active = rest
            done = end
            if passes.out_of_time():
                break
        passes.finished(len(active))
        values, spread, error = sums.values(), sums.spread(), sums.error()
        return [
            Attribution(
                [values[t]],
                over="spatial",
                standard_errors=[spread[t]],
                error=error[t],
                tolerance=self.tolerance,
                removal=removal.says,
            )
            for t in range(passes.targets)
        ]

    def _masks(self, passes: Passes, draws: int) -> int:
        left = passes.allowance() // draws
        if self.samples is not None and left < self.samples:
            passes.refuse_budget(self.samples * draws)
        if left < 2:
            raise BudgetError(f"rise needs at least 2 masks, {2 * draws} rows for each sample; the budget leaves {left * draws}.")
        most = self.samples or (left if left < 2**30 else DEFAULT if self.tolerance is None else MOST)
        return most - most % 2 if self.probability == 0.5 and most > 1 else most


class _Sums:
    """What the draws have told so far, summed by target, sample and position: means and their errors follow.

    A draw is a mask m, or a pair of complements. It adds a = sum of f m over its masks to the numerator of the map S, and
    b = sum of m to its denominator; the error of the ratio is that of the sum of a - S b.
    """

    def __init__(self, passes: Passes, masked: Masked, masks: GridMasks) -> None:
        self._passes, self._masked, self._masks = passes, masked, masks
        self._leaf = passes.leaf(passes.masked)
        self._lay = getattr(masked.removal, "lay", None)
        self._a, self._aa, self._ab, self._b, self._bb = np.zeros((5, passes.targets, passes.samples, math.prod(masks.sizes)))
        self._draws = np.zeros(passes.samples)

    def add(self, samples: Rows, first: int, last: int) -> None:
        """Run masks ``first`` to ``last - 1`` on these samples."""
        step = max(MOST_ROWS // len(samples), 2) // 2 * 2
        for start in range(first, last, step):
            numbers = np.arange(start, min(start + step, last))
            owner, number = np.repeat(samples, len(numbers)), np.tile(numbers, len(samples))
            found = self._masked(owner, lambda cases, number=number: self._laid(number[cases]))
            found = found.reshape(len(found), len(samples), len(numbers))
            for begin in range(0, len(numbers), BLOCK):
                some = slice(begin, begin + BLOCK)
                self._sum(samples, found[..., some], numbers[some])

    def values(self) -> np.ndarray:
        """The map ``(targets, samples, *sizes)``."""
        return self._shaped(self._map())

    def spread(self) -> np.ndarray:
        """Standard errors, like ``values``."""
        found, count = self._map(), self._draws[:, None]
        squares = np.maximum(self._aa - 2 * found * self._ab + found**2 * self._bb, 0)
        few = count / np.maximum(count - 1, 1)
        with np.errstate(divide="ignore"):
            return self._shaped(np.where(count > 1, np.sqrt(squares * few) / np.maximum(self._b, TINY), np.inf))

    def error(self) -> np.ndarray:
        """The error's length over that of the map without its mean, ``(targets, samples)``."""
        found = self._map()
        varies = np.linalg.norm(found - found.mean(axis=-1, keepdims=True), axis=-1)
        missed = np.linalg.norm(self.spread().reshape(found.shape), axis=-1)
        rounding = self._passes.rounding * np.linalg.norm(found, axis=-1)
        return np.divide(missed, varies, out=np.where(missed > rounding, np.inf, 0.0), where=varies > rounding)

    def _map(self) -> np.ndarray:
        return self._a / np.maximum(self._b, TINY)

    def _shaped(self, array: np.ndarray) -> np.ndarray:
        return array.reshape(*array.shape[:2], *self._masks.sizes)

    def _sum(self, samples: Rows, values: np.ndarray, numbers: Rows) -> None:
        """Add draws: with one mask each a = f m and b = m; with a pair f, g behind m and 1 - m, a = g + (f - g) m and b = 1."""
        drawn = numbers[::2] if self._masks.paired else numbers
        masks = self._passes.host(self._masks(drawn, self._leaf)).reshape(len(drawn), -1)
        squares = masks**2
        if self._masks.paired:
            g = values[..., 1::2]
            change = values[..., ::2] - g
            a = g.sum(axis=-1, keepdims=True) + change @ masks
            aa = (g**2).sum(axis=-1, keepdims=True) + 2 * (g * change) @ masks + change**2 @ squares
            ab, b, bb = a, np.float64(len(drawn)), np.float64(len(drawn))
        else:
            a, aa, ab, b, bb = values @ masks, values**2 @ squares, values @ squares, masks.sum(axis=0), squares.sum(axis=0)
        for total, part in ((self._a, a), (self._aa, aa), (self._ab, ab), (self._b, b), (self._bb, bb)):
            total[:, samples] += part
        self._draws[samples] += len(drawn)

    def _laid(self, numbers: Rows) -> Native:
        masks = self._masks(numbers, self._leaf)
        masks = array_namespace(masks).expand_dims(masks, axis=masks.ndim if self._passes.channels_last else 1)
        return self._lay(masks) if self._lay is not None else masks
