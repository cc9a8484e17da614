"""Faithfulness correlation: whether sums of values say how far the target falls where random subsets are removed."""

from dataclasses import dataclass
from typing import ClassVar

from ...core.declare import parameter
from ...core.measure import Ask, Direction, Group, Measured, Measurement
from ...core.view import Capability
from .subsets import sizes_of, subsets


@dataclass(frozen=True)
class FaithfulnessCorrelation:
    """Pearson's correlation, over random subsets S of one size, of ``sum_S values`` and ``f(x) - f(x without S)``.

    From -1 to 1. With an interval: subsets are drawn without replacement, so the interval is that of the correlation over all
    subsets of the size, by the jackknife on Fisher's scale; where all were drawn it has no length. Undefined where the sums or
    the falls stay the same, and with fewer than three subsets.

    Cost: ``subsets`` forward rows per sample and background row, shared with ``mu-fidelity`` and ``infidelity``.

    Source: bhatt2020evaluating.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Linear(6, 1)
    >>> e = pl.explain(net, torch.arange(1.0, 7.0)[None], target=0, method="integrated-gradients")
    >>> pl.evaluate(e, net, "faithfulness-correlation")["faithfulness-correlation"].values.round(4)
    array([1.])
    """

    name: ClassVar[str] = "faithfulness-correlation"
    group: ClassVar[Group] = "faithfulness"
    summary: ClassVar[str] = "correlation of sums of values with the fall of the target over random subsets"
    direction: ClassVar[Direction] = "higher"
    range: ClassVar[str] = "from -1 to 1"
    needs: ClassVar[frozenset[Capability]] = frozenset({"predict"})
    asks: ClassVar[frozenset[Ask]] = frozenset()
    cite: ClassVar[tuple[str, ...]] = ("bhatt2020evaluating",)

    subsets: int = parameter(100, "subsets that are drawn", least=3)
    share: float = parameter(0.2, "share of the players that a subset has", above=0, most=1)

    def measure(self, m: Measured) -> Measurement:
        """One correlation per sample."""
        drawn = subsets(m, sizes_of(m.counts, self.share), self.subsets)
        found = drawn.correlations(m)
        return Measurement(found[:, 0], found[:, 1:], details={"subsets": drawn.drawn})
