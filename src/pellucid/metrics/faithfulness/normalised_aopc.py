"""Normalised AOPC: where the explanation's order lies between the worst and the best order that was found."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...core.declare import parameter
from ...core.measure import Ask, Direction, Group, Measured, Measurement
from ...core.view import Capability
from .best_orderings import EXACT, bounds
from .removal import STEPS, most_relevant_first, removed


@dataclass(frozen=True)
class NormalisedAOPC:
    """``(AOPC - worst) / (best - worst)`` over the orders of the players, ``AOPC`` as in ``aopc``.

    From 0, the worst order, to 1, the best. So models and samples are comparable, whose AOPC are not. Up to 10 players the two
    orders are exact. Beyond, they are the best found: by beam search, or the explanation's own order and its reverse where those
    go further; the true range can be wider, so that a score can be too far from a half. ``details["exact"]`` says which.
    Undefined where no order is better than another.

    Cost: ``steps`` forward rows per sample and background row, and for the range at most ``2 ** players`` with up to 10 players;
    beyond, at most ``search``, or twice ``steps`` and one if that is more.

    Source: edin2025normalized.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Linear(3, 1)
    >>> e = pl.explain(net, torch.tensor([[1.0, 2.0, 3.0]]), target=0, method="integrated-gradients")
    >>> pl.evaluate(e, net, "normalised-aopc")["normalised-aopc"].values
    array([1.])
    """

    name: ClassVar[str] = "normalised-aopc"
    group: ClassVar[Group] = "faithfulness"
    summary: ClassVar[str] = "where the fall of the target lies between those of the worst and the best order found"
    direction: ClassVar[Direction] = "higher"
    range: ClassVar[str] = "from 0 to 1"
    needs: ClassVar[frozenset[Capability]] = frozenset({"predict"})
    asks: ClassVar[frozenset[Ask]] = frozenset()
    cite: ClassVar[tuple[str, ...]] = ("edin2025normalized",)

    steps: int | None = parameter(16, STEPS, least=1)
    search: int = parameter(512, "most model rows of the search, for each sample with more than 10 players", least=1)
    width: int = parameter(4, "most partial orders that the search goes on with", least=1)

    def measure(self, m: Measured) -> Measurement:
        """One curve per sample, and the range that curves can have."""
        found = removed(m, most_relevant_first(m), self.steps)
        order_mean = found.mean
        limits = bounds(m, found.taken, self.search, self.width)
        lowest, highest = np.minimum(limits.lowest, order_mean), np.maximum(limits.highest, order_mean)
        rounding = m.rounding * np.maximum(np.abs(lowest), np.abs(highest))
        span = np.where(highest - lowest > rounding, highest - lowest, np.nan)
        notes = (
            ()
            if limits.exact.all()
            else (f"samples with more than {EXACT} players: the best and the worst order are the best found by beam search",)
        )
        return Measurement(
            (highest - order_mean) / span,
            curve=found.curve(),
            details={
                "aopc": m.value - order_mean,
                "best": m.value - lowest,
                "worst": m.value - highest,
                "exact": limits.exact,
            },
            notes=notes,
        )
