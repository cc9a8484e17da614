"""Faithfulness estimate: whether the values say how far the target falls without each single player."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...core.declare import parameter
from ...core.measure import Ask, Direction, Group, Measured, Measurement
from ...core.view import Capability
from .subsets import subsets


@dataclass(frozen=True)
class FaithfulnessEstimate:
    """Pearson's correlation, over the players, of each value and ``f(x) - f(x without the player)``.

    From -1 to 1. Undefined where the falls stay the same, and with fewer than three players.

    Cost: one forward row per sample, player and background row.

    Source: alvarezmelis2018towards.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Linear(6, 1)
    >>> e = pl.explain(net, torch.arange(1.0, 7.0)[None], target=0, method="integrated-gradients")
    >>> pl.evaluate(e, net, "faithfulness-estimate")["faithfulness-estimate"].values.round(4)
    array([1.])
    """

    name: ClassVar[str] = "faithfulness-estimate"
    group: ClassVar[Group] = "faithfulness"
    summary: ClassVar[str] = "correlation of the values with the fall of the target without each single player"
    direction: ClassVar[Direction] = "higher"
    range: ClassVar[str] = "from -1 to 1"
    needs: ClassVar[frozenset[Capability]] = frozenset({"predict"})
    asks: ClassVar[frozenset[Ask]] = frozenset()
    cite: ClassVar[tuple[str, ...]] = ("alvarezmelis2018towards",)

    ranked: bool = parameter(False, "Spearman's correlation instead of Pearson's")

    def measure(self, m: Measured) -> Measurement:
        """One correlation per sample."""
        each = subsets(m, np.minimum(m.counts, 1), max(m.players, 1))
        return Measurement(each.correlations(m, ranked=self.ranked)[:, 0])
