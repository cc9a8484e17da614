"""Symmetric relevance gain: the area between removing the least and the most important players first."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...core.declare import parameter
from ...core.measure import Ask, Direction, Group, Measured, Measurement
from ...core.view import Capability
from ..defined import where_moved
from .removal import STEPS, least_relevant_first, most_relevant_first, removed


@dataclass(frozen=True)
class SRG:
    """Symmetric relevance gain: area under the target with the least relevant first, less that with the most relevant first.

    In the units of the target. A random order has 0 on average, an order and its reverse have opposite scores, and what
    "removed" means matters less than for either curve alone. Undefined where the target stays the same whatever is removed.

    Cost: twice ``steps`` forward rows per sample and background row; half of them are those of ``deletion``.

    Source: bluecher2024decoupling.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Linear(3, 1)
    >>> e = pl.explain(net, torch.tensor([[1.0, 2.0, 3.0]]), target=0)
    >>> bool(pl.evaluate(e, net, "srg")["srg"].values[0] > 0)
    True
    """

    name: ClassVar[str] = "srg"
    group: ClassVar[Group] = "faithfulness"
    summary: ClassVar[str] = "area between removing the least and the most important players first"
    direction: ClassVar[Direction] = "higher"
    range: ClassVar[str] = "any, in units of the target"
    needs: ClassVar[frozenset[Capability]] = frozenset({"predict"})
    asks: ClassVar[frozenset[Ask]] = frozenset()
    cite: ClassVar[tuple[str, ...]] = ("bluecher2024decoupling",)

    steps: int | None = parameter(16, STEPS, least=1)

    def measure(self, m: Measured) -> Measurement:
        """Two curves per sample, and the gap between them."""
        most = removed(m, most_relevant_first(m), self.steps)
        least = removed(m, least_relevant_first(m), self.steps)
        both = np.concatenate([most.y, least.y], axis=1)
        return Measurement(
            where_moved(m, both, least.area - most.area),
            curve=most.curve(least.y - most.y, "gain of the target"),
            details={"most relevant first": most.y, "least relevant first": least.y},
        )
