"""Local Lipschitz estimate: how fast the explanation changes with the input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ...core.declare import parameter
from ...core.measure import Ask, Direction, Group, Measured, Measurement
from ...core.view import Capability
from ..nearby import COPIES, RADIUS, SPREAD, copies, largest


@dataclass(frozen=True)
class LocalLipschitz:
    """Largest ``|values(x') - values(x)| / |x' - x|`` (Euclidean lengths) over copies x' of the sample that are close to it.

    From 0, in units of the values over those of the input: methods whose values have other units cannot be compared by it. The
    paper's maximum is over the whole neighbourhood; this is what was found of it, and has no interval. Copies are those of
    ``max-sensitivity``. Undefined where none keeps the prediction. For floating inputs without categories.

    Cost: ``copies`` explanations anew per sample, shared by all metrics of robustness.

    Source: alvarezmelis2018robustness.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Linear(2, 1, bias=False)
    >>> _ = net.weight.data.copy_(torch.tensor([[3.0, 3.0]]))
    >>> e = pl.explain(net, torch.tensor([[1.0, 2.0]]), target=0, method="input-x-gradient")  # 3 times the input
    >>> round(float(pl.evaluate(e, net, "local-lipschitz")["local-lipschitz"].values[0]), 3)
    3.0
    """

    name: ClassVar[str] = "local-lipschitz"
    group: ClassVar[Group] = "robustness"
    summary: ClassVar[str] = "largest change of the explanation over the change of the input, close to the sample"
    direction: ClassVar[Direction] = "lower"
    range: ClassVar[str] = "from 0, in units of the values over those of the input"
    needs: ClassVar[frozenset[Capability]] = frozenset({"predict"})
    asks: ClassVar[frozenset[Ask]] = frozenset({"explain"})
    cite: ClassVar[tuple[str, ...]] = ("alvarezmelis2018robustness",)

    radius: float = parameter(0.05, RADIUS, above=0)
    spread: Any = parameter(None, SPREAD)
    copies: int = parameter(20, COPIES, least=1)

    def measure(self, m: Measured) -> Measurement:
        """One maximum per sample."""
        near = copies(m, self.name, self.radius, self.spread, self.copies)
        x = m.input().astype(np.float64)
        away = near.over(lambda owner, points: np.linalg.norm((points - x[owner]).reshape(len(owner), -1), axis=1))
        return largest(near.changes() / np.where(away > 0, away, 1.0), near, self.radius, self.spread)
