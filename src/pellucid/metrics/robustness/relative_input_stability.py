"""Relative input stability: the relative change of the explanation over that of the input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ...core.declare import parameter
from ...core.measure import Ask, Direction, Group, Measured, Measurement
from ...core.view import Capability
from ..nearby import COPIES, FLOOR, LEAST, RADIUS, SPREAD, copies, largest, relative


@dataclass(frozen=True)
class RelativeInputStability:
    """Largest ``|(values(x') - values(x)) / values(x)| / max(|(x' - x) / x|, least)`` over close copies x'.

    Divisions by values and by the input are entry by entry, lengths Euclidean. The paper divides by the entries themselves, which
    is not defined at zeros: here a divisor is at least ``floor`` times the largest of its sample. From 0; the maximum is over
    the copies of ``max-sensitivity``, and has no interval. Undefined where none keeps the prediction. For floating inputs
    without categories.

    Cost: ``copies`` explanations anew per sample, shared by all metrics of robustness.

    Source: agarwal2022rethinking.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Linear(4, 1)
    >>> e = pl.explain(net, torch.arange(1.0, 5.0)[None], target=0, method="input-x-gradient")  # changes as the input does
    >>> round(float(pl.evaluate(e, net, "relative-input-stability")["relative-input-stability"].values[0]), 3)
    1.0
    """

    name: ClassVar[str] = "relative-input-stability"
    group: ClassVar[Group] = "robustness"
    summary: ClassVar[str] = "largest relative change of the explanation over that of the input, close to the sample"
    direction: ClassVar[Direction] = "lower"
    range: ClassVar[str] = "from 0"
    needs: ClassVar[frozenset[Capability]] = frozenset({"predict"})
    asks: ClassVar[frozenset[Ask]] = frozenset({"explain"})
    cite: ClassVar[tuple[str, ...]] = ("agarwal2022rethinking",)

    radius: float = parameter(0.05, RADIUS, above=0)
    spread: Any = parameter(None, SPREAD)
    copies: int = parameter(20, COPIES, least=1)
    floor: float = parameter(0.01, FLOOR, above=0, most=1)
    least: float = parameter(1e-6, LEAST, above=0)

    def measure(self, m: Measured) -> Measurement:
        """One maximum per sample."""
        near = copies(m, self.name, self.radius, self.spread, self.copies)
        x = m.input().astype(np.float64).reshape(m.samples, -1)
        away = near.over(lambda owner, points: relative(points.reshape(len(owner), 1, -1), x[owner], self.floor)[:, 0])
        found = near.relative_changes(self.floor) / np.maximum(away, self.least)
        return largest(found, near, self.radius, self.spread)
