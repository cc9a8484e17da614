"""Top-k intersection: how many of the k strongest players are among those that should be found."""

from dataclasses import dataclass
from typing import ClassVar

from ...core.declare import parameter
from ...core.measure import Ask, Direction, Group, Measured, Measurement
from ...core.view import Capability
from ..strongest import membership
from .localising import MAGNITUDES, Sought, Values, located

SHARE = 0.1
"""The share of the players that are the strongest, where k is not given."""


@dataclass(frozen=True)
class TopK:
    """Share of the k players with the largest values that should be found.

    Values tied at the edge share the places that are left; k is at most the number of players. With a mask of fewer than k
    players the share stays below 1: ``relevance-rank`` takes as many as there are. A map without knowledge scores the share
    of players that should be found (``details["sought"]``). Undefined where the mask is empty.

    Cost: no model rows.

    Source: theiner2022interpretable.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Linear(3, 1)
    >>> _ = torch.nn.init.constant_(net.weight, 1.0)
    >>> e = pl.explain(net, torch.tensor([[1.0, 2.0, 3.0]]), target=0, method="input-x-gradient")
    >>> pl.evaluate(e, net, "top-k", masks=[[False, False, True]])["top-k"].values
    array([1.])
    """

    name: ClassVar[str] = "top-k"
    group: ClassVar[Group] = "localisation"
    summary: ClassVar[str] = "share of the k strongest players that should be found"
    direction: ClassVar[Direction] = "higher"
    range: ClassVar[str] = "from 0 to 1"
    needs: ClassVar[frozenset[Capability]] = frozenset()
    asks: ClassVar[frozenset[Ask]] = frozenset({"truth"})
    cite: ClassVar[tuple[str, ...]] = ("theiner2022interpretable",)

    k: int | None = parameter(None, "players that count as the strongest; by default a tenth of them, at least one", least=1)
    magnitudes: bool = parameter(False, MAGNITUDES)

    def measure(self, m: Measured) -> Measurement:
        """One share per sample."""

        def among_the_strongest(values: Values, inside: Sought) -> float:
            most = min(max(round(SHARE * len(values)), 1) if self.k is None else self.k, len(values))
            return float(membership(values, most)[inside].sum() / most)

        return located(m, self.magnitudes, among_the_strongest, ranked=True)
