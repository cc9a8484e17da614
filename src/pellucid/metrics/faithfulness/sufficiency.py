"""Sufficiency: how far the target falls when the most important players are all that is left."""

from dataclasses import dataclass
from typing import ClassVar

from ...core.declare import parameter
from ...core.measure import Ask, Direction, Group, Measured, Measurement
from ...core.view import Capability
from .comprehensiveness import SHARE, fallen


@dataclass(frozen=True)
class Sufficiency:
    """``f(x) - f(the most important players alone)``, mean over five shares of the players, at least one of them each.

    In units of the target. The most important players should be enough: the fall is small where the explanation is good, and
    negative where the rest spoke against the target. ``pgu`` is the same with noise in the place of removal. Undefined where the
    target stays the same also with all players removed.

    Cost: six forward rows per sample and background row; two with ``share``.

    Source: deyoung2020eraser.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Linear(3, 1)
    >>> e = pl.explain(net, torch.tensor([[1.0, 2.0, 3.0]]), target=0)
    >>> pl.evaluate(e, net, "sufficiency")["sufficiency"].direction
    'lower'
    """

    name: ClassVar[str] = "sufficiency"
    group: ClassVar[Group] = "faithfulness"
    summary: ClassVar[str] = "fall of the target when the most important players are all that is left"
    direction: ClassVar[Direction] = "lower"
    range: ClassVar[str] = "any, in units of the target"
    needs: ClassVar[frozenset[Capability]] = frozenset({"predict"})
    asks: ClassVar[frozenset[Ask]] = frozenset()
    cite: ClassVar[tuple[str, ...]] = ("deyoung2020eraser",)

    share: float | None = parameter(None, SHARE, above=0, most=1)

    def measure(self, m: Measured) -> Measurement:
        """One fall per sample and share."""
        return fallen(m, self.share, keep=True)
