"""Infidelity of the values in the unit that suits them best."""

from dataclasses import dataclass
from typing import ClassVar

from ...core.declare import parameter
from ...core.measure import Ask, Direction, Group, Measured, Measurement
from ...core.view import Capability
from .infidelity import missed
from .subsets import sizes_of, subsets


@dataclass(frozen=True)
class ScaledInfidelity:
    """``infidelity`` of the values times the number that makes it least: ``E[sum_S values * fall] / E[(sum_S values)^2]``.

    So maps in units of their own can be compared with each other; a map with the wrong sign is forgiven (``details["scale"]``
    is then negative). From 0, in squared units of the target. Undefined where the target stays the same. The interval is as that
    of ``infidelity``: the scale, being the best, adds nothing to it to first order. What a scale fitted to n of very many subsets
    makes too small is given back by ``n / (n - 1)``.

    Cost: ``subsets`` forward rows per sample and background row, shared with ``infidelity``.

    Source: yeh2019infidelity.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Linear(6, 1)
    >>> e = pl.explain(net, torch.full((1, 6), 2.0), target=0, method="saliency")
    >>> bool(pl.evaluate(e, net, "scaled-infidelity")["scaled-infidelity"].values[0] < 1e-9)
    True
    """

    name: ClassVar[str] = "scaled-infidelity"
    group: ClassVar[Group] = "faithfulness"
    summary: ClassVar[str] = "infidelity of the values in the unit that suits them best"
    direction: ClassVar[Direction] = "lower"
    range: ClassVar[str] = "from 0, in squared units of the target"
    needs: ClassVar[frozenset[Capability]] = frozenset({"predict"})
    asks: ClassVar[frozenset[Ask]] = frozenset()
    cite: ClassVar[tuple[str, ...]] = ("yeh2019infidelity",)

    subsets: int = parameter(100, "subsets that are drawn", least=3)
    share: float = parameter(0.2, "share of the players that a subset has", above=0, most=1)

    def measure(self, m: Measured) -> Measurement:
        """One scale and one mean per sample."""
        drawn = subsets(m, sizes_of(m.counts, self.share), self.subsets)
        return missed(m, drawn, scaled=True)
