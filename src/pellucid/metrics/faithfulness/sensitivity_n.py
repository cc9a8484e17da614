"""Sensitivity-n: how sums of values correlate with the fall of the target, over subsets of several sizes."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...core.declare import parameter
from ...core.measure import Ask, Curve, Direction, Group, Measured, Measurement
from ...core.view import Capability
from .subsets import subsets

LARGEST = 0.8
"""The largest subsets have this share of the players."""


@dataclass(frozen=True)
class SensitivityN:
    """Pearson's correlation, over random subsets S of n players, of ``sum_S values`` and ``f(x) - f(x without S)``: mean over n.

    n goes from 1 to 80% of the players in equal ratios; the correlation for each is the curve, which is what the paper shows.
    From -1 to 1. Sizes at which the sums or the falls stay the same are left out; undefined where none is left. The interval
    comes from those of the sizes (see ``faithfulness-correlation``), whose errors are independent.

    Cost: ``sizes * subsets`` forward rows per sample and background row; less where there are not so many.

    Source: ancona2018towards.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Linear(6, 1)
    >>> e = pl.explain(net, torch.arange(1.0, 7.0)[None], target=0, method="integrated-gradients")
    >>> pl.evaluate(e, net, "sensitivity-n")["sensitivity-n"].values.round(4)
    array([1.])
    """

    name: ClassVar[str] = "sensitivity-n"
    group: ClassVar[Group] = "faithfulness"
    summary: ClassVar[str] = "correlation of sums of values with the fall of the target, over subsets of several sizes"
    direction: ClassVar[Direction] = "higher"
    range: ClassVar[str] = "from -1 to 1"
    needs: ClassVar[frozenset[Capability]] = frozenset({"predict"})
    asks: ClassVar[frozenset[Ask]] = frozenset()
    cite: ClassVar[tuple[str, ...]] = ("ancona2018towards",)

    sizes: int = parameter(6, "different sizes of subsets", least=1)
    subsets: int = parameter(50, "subsets that are drawn of each size", least=3)

    def measure(self, m: Measured) -> Measurement:
        """One curve per sample."""
        shares = np.array([_sizes(int(count), self.sizes) for count in m.counts]).reshape(m.samples, -1)
        found = np.full((m.samples, self.sizes, 3), np.nan)
        for number in range(self.sizes):
            drawn = subsets(m, shares[:, number], self.subsets)
            new = np.ones(m.samples, bool) if number == 0 else shares[:, number] > shares[:, number - 1]
            found[new, number] = drawn.correlations(m)[new]
        values, interval = _averaged(found)
        x = np.geomspace(1 / max(m.players, 1), LARGEST, self.sizes) if self.sizes > 1 else np.array([LARGEST])
        return Measurement(values, interval, Curve(x, found[:, :, 0], "share of players removed", "correlation"))


def _sizes(count: int, sizes: int) -> np.ndarray:
    """Whole numbers in equal ratios, repeated where there are not so many."""
    largest = max(LARGEST * count, 1.0)
    return np.rint(np.geomspace(1, largest, sizes) if sizes > 1 else np.array([largest])).astype(int)


def _averaged(found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means over the sizes, and intervals: half lengths of independent estimates add up as squares."""
    known = np.isfinite(found[:, :, 0])
    count = np.maximum(known.sum(axis=1), 1)
    r, low, high = (np.where(known, found[:, :, part], 0.0) for part in range(3))
    mean = r.sum(axis=1) / count
    below, above = (np.sqrt(((side - r) ** 2).sum(axis=1)) / count for side in (low, high))
    values = np.where(known.any(axis=1), mean, np.nan)
    return values, np.stack([np.maximum(values - below, -1), np.minimum(values + above, 1)], axis=1)
