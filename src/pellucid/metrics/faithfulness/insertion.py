"""Insertion: how fast the target rises when the most important players come first."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...core.declare import parameter
from ...core.measure import Ask, Curve, Direction, Group, Measured, Measurement
from ...core.view import Capability
from ..defined import where_moved
from ..orderings import area, steps_along, with_first
from .removal import STEPS, most_relevant_first


@dataclass(frozen=True)
class Insertion:
    """Area under the target while players are put back, the largest attribution first, over the share that is there.

    In the units of the target; the curve starts where all players are removed. The paper starts from a blurred image:
    ``masker=pl.maskers.Blur()``. Undefined where the target stays the same whatever is removed.

    Cost: ``steps`` forward rows per sample and background row; most of them are those of ``srg`` and ``aopc-lerf``.

    Source: petsiuk2018rise.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Linear(3, 1)
    >>> e = pl.explain(net, torch.tensor([[1.0, 2.0, 3.0]]), target=0)
    >>> pl.evaluate(e, net, "insertion")["insertion"].direction
    'higher'
    """

    name: ClassVar[str] = "insertion"
    group: ClassVar[Group] = "faithfulness"
    summary: ClassVar[str] = "area under the target while the most important players are put back first"
    direction: ClassVar[Direction] = "higher"
    range: ClassVar[str] = "any, in units of the target"
    needs: ClassVar[frozenset[Capability]] = frozenset({"predict"})
    asks: ClassVar[frozenset[Ask]] = frozenset()
    cite: ClassVar[tuple[str, ...]] = ("petsiuk2018rise",)

    steps: int | None = parameter(16, STEPS, least=1)

    def measure(self, m: Measured) -> Measurement:
        """One curve per sample."""
        taken = steps_along(m.counts, self.steps)
        y = m.worth(with_first(most_relevant_first(m), taken))
        curve = Curve(np.linspace(0, 1, y.shape[1]), y, "share of players put back", "target")
        return Measurement(where_moved(m, y, area(y, taken)), curve=curve)
