"""Relative output stability: the relative change of the explanation over that of the outputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ...core.declare import parameter
from ...core.measure import Ask, Direction, Group, Measured, Measurement
from ...core.view import Capability
from ..nearby import COPIES, FLOOR, LEAST, RADIUS, SPREAD, copies, largest


@dataclass(frozen=True)
class RelativeOutputStability:
    """Largest ``|(values(x') - values(x)) / values(x)| / max(|outputs(x') - outputs(x)|, least)`` over close copies x'.

    Outputs are all that the model gives, as explained (logits, where a softmax was left off); the division by values is entry by
    entry, each divisor being at least ``floor`` times the largest of its sample, and lengths are Euclidean. From 0, per unit of
    the outputs; the maximum is over the copies of ``max-sensitivity``, and has no interval. Undefined where none keeps the
    prediction. For floating inputs without categories.

    Cost: ``copies`` explanations anew per sample, shared by all metrics of robustness; outputs are known from these.

    Source: agarwal2022rethinking.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Linear(4, 2)
    >>> e = pl.explain(net, torch.arange(1.0, 5.0)[None], target=0, method="saliency")
    >>> pl.evaluate(e, net, "relative-output-stability")["relative-output-stability"].values.tolist()
    [0.0]
    """

    name: ClassVar[str] = "relative-output-stability"
    group: ClassVar[Group] = "robustness"
    summary: ClassVar[str] = "largest relative change of the explanation over that of the outputs, close to the sample"
    direction: ClassVar[Direction] = "lower"
    range: ClassVar[str] = "from 0, per unit of the outputs"
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
        held = m.outputs.astype(np.float64).reshape(m.samples, -1)
        away = near.over(lambda owner, points: np.linalg.norm(m.outputs_at(owner, points) - held[owner], axis=1))
        found = near.relative_changes(self.floor) / np.maximum(away, self.least)
        return largest(found, near, self.radius, self.spread)
