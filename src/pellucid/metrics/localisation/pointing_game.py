"""Pointing game: whether the largest value lies where it should."""

from dataclasses import dataclass
from typing import ClassVar

from ...core.declare import parameter
from ...core.measure import Ask, Direction, Group, Measured, Measurement
from ...core.view import Capability
from .localising import MAGNITUDES, Sought, Values, located


@dataclass(frozen=True)
class PointingGame:
    """1 if the player with the largest value is one of those that should be found, else 0.

    The mean over samples is the accuracy of the paper. Where several share the largest value, the share of them that should be
    found. The paper's margin of 15 pixels is left out: players have a size of their own, and masks can be drawn wider. Undefined
    where the mask is empty, and where no value is positive: nothing is pointed at.

    Cost: no model rows.

    Source: zhang2018topdown.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Linear(3, 1)
    >>> _ = torch.nn.init.constant_(net.weight, 1.0)
    >>> e = pl.explain(net, torch.tensor([[1.0, 2.0, 3.0]]), target=0, method="input-x-gradient")
    >>> pl.evaluate(e, net, "pointing-game", masks=[[False, False, True]])["pointing-game"].values
    array([1.])
    """

    name: ClassVar[str] = "pointing-game"
    group: ClassVar[Group] = "localisation"
    summary: ClassVar[str] = "whether the largest value lies on what should be found"
    direction: ClassVar[Direction] = "higher"
    range: ClassVar[str] = "from 0 to 1"
    needs: ClassVar[frozenset[Capability]] = frozenset()
    asks: ClassVar[frozenset[Ask]] = frozenset({"truth"})
    cite: ClassVar[tuple[str, ...]] = ("zhang2018topdown",)

    magnitudes: bool = parameter(False, MAGNITUDES)

    def measure(self, m: Measured) -> Measurement:
        """A hit or a miss per sample."""
        return located(m, self.magnitudes, _hit, ranked=True)


def _hit(values: Values, inside: Sought) -> float:
    largest = values.max()
    return float(inside[values == largest].mean()) if largest > 0 else float("nan")
