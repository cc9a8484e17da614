"""Entropy: over how many players attribution is spread."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...core.measure import Ask, Direction, Group, Measured, Measurement
from ...core.view import Capability


@dataclass(frozen=True)
class Entropy:
    """``-sum_i p_i ln p_i`` of the shares ``p_i = |v_i| / sum_j |v_j|``: what the paper calls complexity.

    In nats. 0 where one player has everything, ``ln d`` where d players have the same; its exponential is the number of equal
    players that would be as complex. Says nothing of whether the explanation is right. Undefined, as every score, where all
    values are alike.

    Cost: no model rows.

    Source: bhatt2020evaluating.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Linear(3, 1)
    >>> _ = torch.nn.init.constant_(net.weight, 1.0)
    >>> e = pl.explain(net, torch.tensor([[0.0, 2.0, 2.0]]), target=0, method="input-x-gradient")
    >>> pl.evaluate(e, net, "entropy")["entropy"].values.round(4)
    array([0.6931])
    """

    name: ClassVar[str] = "entropy"
    group: ClassVar[Group] = "complexity"
    summary: ClassVar[str] = "entropy of the shares of attribution: over how many players it is spread"
    direction: ClassVar[Direction] = "lower"
    range: ClassVar[str] = "from 0 to the logarithm of the number of players"
    needs: ClassVar[frozenset[Capability]] = frozenset()
    asks: ClassVar[frozenset[Ask]] = frozenset()
    cite: ClassVar[tuple[str, ...]] = ("bhatt2020evaluating",)

    def measure(self, m: Measured) -> Measurement:
        """One number per sample."""
        return Measurement(np.array([_entropy(np.abs(row[:n])) for row, n in zip(m.values, m.counts, strict=True)], np.float64))


def _entropy(magnitudes: np.ndarray) -> float:
    largest = float(magnitudes.max(initial=0.0))
    if not largest:
        return np.nan
    shares = magnitudes[magnitudes > 0] / largest
    shares = shares / shares.sum()
    return float(-(shares * np.log(np.where(shares > 0, shares, 1.0))).sum())
