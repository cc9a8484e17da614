"""Relative representation stability: the relative change of the explanation over that of what the network makes of the input."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from ...core.declare import parameter
from ...core.measure import Ask, Direction, Group, Measured, Measurement
from ...core.view import Capability
from ..nearby import COPIES, FLOOR, LEAST, RADIUS, SPREAD, copies, largest, relative


@dataclass(frozen=True)
class RelativeRepresentationStability:
    """Largest ``|(values(x') - values(x)) / values(x)| / max(|(inside(x') - inside(x)) / inside(x)|, least)`` near x.

    ``inside`` is the output of a layer: by default of the last layer call whose output has another shape than the model's, which
    is what the head gets; ``layer`` names another. The notes say which it was. Divisions are entry by entry, each divisor being
    at least ``floor`` times the largest of its sample, and lengths Euclidean. From 0; the maximum is over the copies of
    ``max-sensitivity``, and has no interval. Undefined where none keeps the prediction. For floating inputs without categories,
    and models that show their layers.

    Cost: ``copies`` explanations anew per sample, shared by all metrics of robustness, and ``copies`` + 1 forward rows.

    Source: agarwal2022rethinking.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 2))
    >>> e = pl.explain(net, torch.arange(1.0, 5.0)[None], target=0, method="saliency")
    >>> pl.evaluate(e, net, "relative-representation-stability")["relative-representation-stability"].notes[0]
    "the representation is the output of layer '1'"
    """

    name: ClassVar[str] = "relative-representation-stability"
    group: ClassVar[Group] = "robustness"
    summary: ClassVar[str] = (
        "largest relative change of the explanation over that of what the network makes of the input, close to the sample"
    )
    direction: ClassVar[Direction] = "lower"
    range: ClassVar[str] = "from 0"
    needs: ClassVar[frozenset[Capability]] = frozenset({"predict", "layers"})
    asks: ClassVar[frozenset[Ask]] = frozenset({"explain"})
    cite: ClassVar[tuple[str, ...]] = ("agarwal2022rethinking",)

    layer: str | None = parameter(None, "layer whose output is the representation; by default what goes into the head")
    radius: float = parameter(0.05, RADIUS, above=0)
    spread: Any = parameter(None, SPREAD)
    copies: int = parameter(20, COPIES, least=1)
    floor: float = parameter(0.01, FLOOR, above=0, most=1)
    least: float = parameter(1e-6, LEAST, above=0)

    def measure(self, m: Measured) -> Measurement:
        """One maximum per sample."""
        near = copies(m, self.name, self.radius, self.spread, self.copies)
        name, held = m.inside_at(np.arange(m.samples), m.input(), self.layer)
        away = near.over(lambda owner, points: self._away(m, owner, points, held))
        found = near.relative_changes(self.floor) / np.maximum(away, self.least)
        made = largest(found, near, self.radius, self.spread)
        return replace(made, notes=(f"the representation is the output of layer {name!r}", *made.notes))

    def _away(self, m: Measured, owner: np.ndarray, points: np.ndarray, held: np.ndarray) -> np.ndarray:
        return relative(m.inside_at(owner, points, self.layer)[1][:, None], held[owner], self.floor)[:, 0]
