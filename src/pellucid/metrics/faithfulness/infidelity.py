"""Infidelity: how far the sums of values are from the fall of the target where random subsets are removed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...core.declare import parameter
from ...core.measure import Ask, Direction, Group, Measured, Measurement
from ...core.view import Capability
from .. import intervals
from ..defined import where_moved
from .subsets import Subsets, sizes_of, subsets


@dataclass(frozen=True)
class Infidelity:
    """Mean, over random subsets S of one size, of ``(sum_S values - (f(x) - f(x without S)))^2``.

    The paper's ``E (I'phi - (f(x) - f(x - I)))^2`` where the perturbation I takes the players of S away and values are
    contributions (already multiplied by the input, as those of integrated gradients or Shapley values are). From 0, in squared
    units of the target. Plain gradients and maps have other units than the target: ``scaled-infidelity`` compares those.
    Undefined where the target stays the same. The interval is that of the mean over all subsets of the size, by
    Student's t corrected for skewness; where all were drawn it has no length.

    Cost: ``subsets`` forward rows per sample and background row, shared with ``faithfulness-correlation``.

    Source: yeh2019infidelity.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Linear(6, 1)
    >>> e = pl.explain(net, torch.arange(1.0, 7.0)[None], target=0, method="integrated-gradients")
    >>> bool(pl.evaluate(e, net, "infidelity")["infidelity"].values[0] < 1e-9)
    True
    """

    name: ClassVar[str] = "infidelity"
    group: ClassVar[Group] = "faithfulness"
    summary: ClassVar[str] = "mean squared difference of sums of values and the fall of the target over random subsets"
    direction: ClassVar[Direction] = "lower"
    range: ClassVar[str] = "from 0, in squared units of the target"
    needs: ClassVar[frozenset[Capability]] = frozenset({"predict"})
    asks: ClassVar[frozenset[Ask]] = frozenset()
    cite: ClassVar[tuple[str, ...]] = ("yeh2019infidelity",)

    subsets: int = parameter(100, "subsets that are drawn", least=3)
    share: float = parameter(0.2, "share of the players that a subset has", above=0, most=1)

    def measure(self, m: Measured) -> Measurement:
        """One mean per sample."""
        drawn = subsets(m, sizes_of(m.counts, self.share), self.subsets)
        return missed(m, drawn, scaled=False)


def missed(m: Measured, drawn: Subsets, *, scaled: bool) -> Measurement:
    """Mean squared differences of the values, or of the values times the number that makes it least."""
    found, scales = np.full((m.samples, 3), np.nan), np.ones(m.samples)
    for sample in range(m.samples):
        (sums, falls), share = drawn.of(m, sample), float(drawn.share[sample])
        if not len(sums):
            continue
        fitted = 1.0
        if scaled:
            squares = float(sums @ sums)
            scales[sample] = sums @ falls / squares if squares else 0.0
            fitted += (1 - share) / max(len(sums) - 1, 1)  # what a scale fitted to the draws makes too little of
        found[sample] = fitted * np.array(intervals.mean((scales[sample] * sums - falls) ** 2, share))
    bounds = np.stack([np.maximum(found[:, 1], 0), found[:, 2]], axis=1)
    return Measurement(where_moved(m, drawn.y, found[:, 0]), bounds, details={"scale": scales, "subsets": drawn.drawn})
