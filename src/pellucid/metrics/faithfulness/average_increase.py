"""Average increase: whether the target rises when the input is dimmed by the explanation."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...core.measure import Ask, Direction, Group, Measured, Measurement
from ...core.view import Capability
from .average_drop import dimmed


@dataclass(frozen=True)
class AverageIncrease:
    """1 where ``f(x times map) > f(x)``, else 0; the mean over samples is the share for which the map took away what distracts.

    The map is that of ``average-drop``. Undefined where the target at the sample is not above 0, and where no value is.

    Cost: one forward row per sample.

    Source: chattopadhay2018gradcampp.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Softmax(1))
    >>> e = pl.explain(net, torch.arange(1.0, 5.0)[None], target=0)
    >>> pl.evaluate(e, net, "average-increase")["average-increase"].direction
    'higher'
    """

    name: ClassVar[str] = "average-increase"
    group: ClassVar[Group] = "faithfulness"
    summary: ClassVar[str] = "whether the target rises when the input is multiplied by the map"
    direction: ClassVar[Direction] = "higher"
    range: ClassVar[str] = "0 or 1"
    needs: ClassVar[frozenset[Capability]] = frozenset({"predict"})
    asks: ClassVar[frozenset[Ask]] = frozenset()
    cite: ClassVar[tuple[str, ...]] = ("chattopadhay2018gradcampp",)

    def measure(self, m: Measured) -> Measurement:
        """One row per sample."""
        y, defined = dimmed(m, self.name)
        rises = y - m.value > m.rounding * np.maximum(np.abs(y), np.abs(m.value))
        return Measurement(np.where(defined, rises.astype(float), np.nan), details={"target under the map": y})
