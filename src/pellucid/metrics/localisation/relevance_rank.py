"""Relevance rank: how many of the strongest players are those that should be found."""

from dataclasses import dataclass
from typing import ClassVar

from ...core.declare import parameter
from ...core.measure import Ask, Direction, Group, Measured, Measurement
from ...core.view import Capability
from ..strongest import membership
from .localising import MAGNITUDES, Sought, Values, located


@dataclass(frozen=True)
class RelevanceRank:
    """Share of the K players with the largest values that should be found, K being how many should be.

    Values tied at the edge share the places that are left. A map without knowledge scores the share of players that should be
    found (``details["sought"]``). Undefined where the mask is empty.

    Cost: no model rows.

    Source: arras2022clevr.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Linear(3, 1)
    >>> _ = torch.nn.init.constant_(net.weight, 1.0)
    >>> e = pl.explain(net, torch.tensor([[1.0, 2.0, 3.0]]), target=0, method="input-x-gradient")
    >>> pl.evaluate(e, net, "relevance-rank", masks=[[True, False, True]])["relevance-rank"].values
    array([0.5])
    """

    name: ClassVar[str] = "relevance-rank"
    group: ClassVar[Group] = "localisation"
    summary: ClassVar[str] = "share of the strongest players, as many as should be found, that should be found"
    direction: ClassVar[Direction] = "higher"
    range: ClassVar[str] = "from 0 to 1"
    needs: ClassVar[frozenset[Capability]] = frozenset()
    asks: ClassVar[frozenset[Ask]] = frozenset({"truth"})
    cite: ClassVar[tuple[str, ...]] = ("arras2022clevr",)

    magnitudes: bool = parameter(False, MAGNITUDES)

    def measure(self, m: Measured) -> Measurement:
        """One share per sample."""
        return located(m, self.magnitudes, _among_as_many, ranked=True)


def _among_as_many(values: Values, inside: Sought) -> float:
    most = int(inside.sum())
    return float(membership(values, most)[inside].sum() / most)
