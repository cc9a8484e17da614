"""AOPC from the other end: how far the target falls while players are removed, the least important first."""

from dataclasses import dataclass
from typing import ClassVar

from ...core.declare import parameter
from ...core.measure import Ask, Direction, Group, Measured, Measurement
from ...core.view import Capability
from ..defined import where_moved
from .removal import STEPS, least_relevant_first, removed


@dataclass(frozen=True)
class AOPCLeRF:
    """Area over the perturbation curve, least relevant first (LeRF): as ``aopc``, with the players in the reverse order.

    In the units of the target. A good order keeps the target for long, or lets it rise, so the score is small or negative. Where
    values are signed, what speaks against the target goes first. Undefined where the target stays the same whatever is removed.

    Cost: ``steps`` forward rows per sample and background row; most of them are those of ``insertion``.

    Source: samek2017evaluating.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Linear(3, 1)
    >>> e = pl.explain(net, torch.tensor([[1.0, 2.0, 3.0]]), target=0)
    >>> pl.evaluate(e, net, "aopc-lerf")["aopc-lerf"].direction
    'lower'
    """

    name: ClassVar[str] = "aopc-lerf"
    group: ClassVar[Group] = "faithfulness"
    summary: ClassVar[str] = "mean fall of the target while the least important players are removed first"
    direction: ClassVar[Direction] = "lower"
    range: ClassVar[str] = "any, in units of the target"
    needs: ClassVar[frozenset[Capability]] = frozenset({"predict"})
    asks: ClassVar[frozenset[Ask]] = frozenset()
    cite: ClassVar[tuple[str, ...]] = ("samek2017evaluating",)

    steps: int | None = parameter(16, STEPS, least=1)

    def measure(self, m: Measured) -> Measurement:
        """One curve per sample."""
        found = removed(m, least_relevant_first(m), self.steps)
        fall = m.value[:, None] - found.y
        return Measurement(
            where_moved(m, found.y, m.value - found.mean),
            curve=found.curve(fall, "fall of the target"),
        )
