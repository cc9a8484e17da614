"""AOPC: how far the target falls, on average, while players are removed, the most important first."""

from dataclasses import dataclass
from typing import ClassVar

from ...core.declare import parameter
from ...core.measure import Ask, Direction, Group, Measured, Measurement
from ...core.view import Capability
from ..defined import where_moved
from .removal import STEPS, most_relevant_first, removed


@dataclass(frozen=True)
class AOPC:
    """Area over the perturbation curve, most relevant first (MoRF): ``(1 / (L + 1)) sum_k f(x) - f(x without k players)``.

    k runs from 0 to L over the points of the curve. In the units of the target; the fall is large where the order is good, and
    negative where the target rises. Undefined where the target stays the same whatever is removed.

    Cost: ``steps`` forward rows per sample and background row; those of ``deletion``.

    Source: samek2017evaluating.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Linear(3, 1)
    >>> e = pl.explain(net, torch.tensor([[1.0, 2.0, 3.0]]), target=0)
    >>> pl.evaluate(e, net, "aopc")["aopc"].curve.y_label
    'fall of the target'
    """

    name: ClassVar[str] = "aopc"
    group: ClassVar[Group] = "faithfulness"
    summary: ClassVar[str] = "mean fall of the target while the most important players are removed first"
    direction: ClassVar[Direction] = "higher"
    range: ClassVar[str] = "any, in units of the target"
    needs: ClassVar[frozenset[Capability]] = frozenset({"predict"})
    asks: ClassVar[frozenset[Ask]] = frozenset()
    cite: ClassVar[tuple[str, ...]] = ("samek2017evaluating",)

    steps: int | None = parameter(16, STEPS, least=1)

    def measure(self, m: Measured) -> Measurement:
        """One curve per sample."""
        found = removed(m, most_relevant_first(m), self.steps)
        fall = m.value[:, None] - found.y
        return Measurement(
            where_moved(m, found.y, m.value - found.mean),
            curve=found.curve(fall, "fall of the target"),
        )
