"""Relevance mass: how much of the positive attribution lies where it should."""

from dataclasses import dataclass
from typing import ClassVar

from ...core.declare import parameter
from ...core.measure import Ask, Direction, Group, Measured, Measurement
from ...core.view import Capability
from .localising import MAGNITUDES, located, positive_share


@dataclass(frozen=True)
class RelevanceMass:
    """Sum of the positive values of the players that should be found, over the sum of all positive values.

    The paper takes maps that are made non-negative first: here negative values count as 0, or with ``magnitudes`` by their size.
    A map without knowledge scores the share of players that should be found (``details["sought"]``). Undefined where the mask
    is empty, and where no value is positive.

    Cost: no model rows.

    Source: arras2022clevr.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Linear(3, 1)
    >>> _ = torch.nn.init.constant_(net.weight, 1.0)
    >>> e = pl.explain(net, torch.tensor([[1.0, 2.0, 5.0]]), target=0, method="input-x-gradient")
    >>> pl.evaluate(e, net, "relevance-mass", masks=[[False, True, False]])["relevance-mass"].values
    array([0.25])
    """

    name: ClassVar[str] = "relevance-mass"
    group: ClassVar[Group] = "localisation"
    summary: ClassVar[str] = "share of the positive attribution that lies on what should be found"
    direction: ClassVar[Direction] = "higher"
    range: ClassVar[str] = "from 0 to 1"
    needs: ClassVar[frozenset[Capability]] = frozenset()
    asks: ClassVar[frozenset[Ask]] = frozenset({"truth"})
    cite: ClassVar[tuple[str, ...]] = ("arras2022clevr",)

    magnitudes: bool = parameter(False, MAGNITUDES)

    def measure(self, m: Measured) -> Measurement:
        """One share per sample."""
        return located(m, self.magnitudes, positive_share)
