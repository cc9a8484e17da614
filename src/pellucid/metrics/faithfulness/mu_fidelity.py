"""Mu-fidelity: whether sums of values rank random subsets as the fall of the target does."""

from dataclasses import dataclass
from typing import ClassVar

from ...core.declare import parameter
from ...core.measure import Ask, Direction, Group, Measured, Measurement
from ...core.view import Capability
from .subsets import sizes_of, subsets


@dataclass(frozen=True)
class MuFidelity:
    """Spearman's correlation, over random subsets S of one size, of ``sum_S values`` and ``f(x) - f(x without S)``.

    ``faithfulness-correlation`` by ranks: a single subset that matters much does not decide it, and any rising relation counts
    in full. From -1 to 1. The interval is that of the correlation over all subsets of the size, by the jackknife on Fisher's
    scale; where all were drawn it has no length. Undefined where the sums or the falls stay the same, and with fewer than three
    subsets.

    Cost: ``subsets`` forward rows per sample and background row, shared with ``faithfulness-correlation``.

    Source: bhatt2020evaluating, fel2021look (by ranks, over the cells of a grid).

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Linear(6, 1)
    >>> e = pl.explain(net, torch.arange(1.0, 7.0)[None], target=0, method="integrated-gradients")
    >>> pl.evaluate(e, net, "mu-fidelity")["mu-fidelity"].values.round(4)
    array([1.])
    """

    name: ClassVar[str] = "mu-fidelity"
    group: ClassVar[Group] = "faithfulness"
    summary: ClassVar[str] = "rank correlation of sums of values with the fall of the target over random subsets"
    direction: ClassVar[Direction] = "higher"
    range: ClassVar[str] = "from -1 to 1"
    needs: ClassVar[frozenset[Capability]] = frozenset({"predict"})
    asks: ClassVar[frozenset[Ask]] = frozenset()
    cite: ClassVar[tuple[str, ...]] = ("bhatt2020evaluating", "fel2021look")

    subsets: int = parameter(100, "subsets that are drawn", least=3)
    share: float = parameter(0.2, "share of the players that a subset has", above=0, most=1)

    def measure(self, m: Measured) -> Measurement:
        """One correlation per sample."""
        drawn = subsets(m, sizes_of(m.counts, self.share), self.subsets)
        found = drawn.correlations(m, ranked=True)
        return Measurement(found[:, 0], found[:, 1:], details={"subsets": drawn.drawn})
