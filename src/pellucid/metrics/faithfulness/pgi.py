"""PGI: the prediction gap when noise is added to the most important players."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...core.declare import parameter
from ...core.measure import Ask, Direction, Group, Measured, Measurement
from ...core.view import Capability
from .. import intervals
from ..defined import where_moved
from ..entries import at_entries, check_blends, target_in_parts
from ..orderings import ranks, with_first

SHARE = "share of the players that are the most important, at least one"
NOISE = "standard deviation of the noise, in the units of the input"
DRAWS = "draws of the noise"


@dataclass(frozen=True)
class PGI:
    """Prediction gap on important players: mean of ``|f(x) - f(x with noise on the most important players)|`` over draws.

    From 0, in units of the target; large where the explanation is good. The most important players are those with the largest
    magnitudes, as in the paper. The noise is Gaussian and the same on every sample, so the input should be standardised, or
    ``noise`` chosen. For floating inputs without categories. The interval is that of the mean over all draws, by Student's t
    corrected for skewness. Undefined where the target stays the same.

    Cost: ``draws`` forward rows per sample.

    Source: agarwal2022openxai.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Linear(6, 1)
    >>> e = pl.explain(net, torch.arange(1.0, 7.0)[None], target=0)
    >>> pl.evaluate(e, net, "pgi")["pgi"].interval.shape
    (1, 2)
    """

    name: ClassVar[str] = "pgi"
    group: ClassVar[Group] = "faithfulness"
    summary: ClassVar[str] = "change of the target when noise is added to the most important players"
    direction: ClassVar[Direction] = "higher"
    range: ClassVar[str] = "from 0, in units of the target"
    needs: ClassVar[frozenset[Capability]] = frozenset({"predict"})
    asks: ClassVar[frozenset[Ask]] = frozenset()
    cite: ClassVar[tuple[str, ...]] = ("agarwal2022openxai",)

    share: float = parameter(0.25, SHARE, above=0, most=1)
    noise: float = parameter(0.1, NOISE, above=0)
    draws: int = parameter(32, DRAWS, least=2)

    def measure(self, m: Measured) -> Measurement:
        """One mean per sample."""
        return gap(m, self.name, self.share, self.noise, self.draws, important=True)


def gap(m: Measured, metric: str, share: float, noise: float, draws: int, *, important: bool) -> Measurement:
    """Changes of the target where noise is added to the most important players, or to the others."""
    check_blends(m, metric, "adds noise to numbers", "comprehensiveness and sufficiency, which remove players")
    taken = np.ceil(share * m.counts - 1e-9).astype(int)[:, None]
    chosen = with_first(ranks(np.abs(m.values), m.counts), taken)[:, 0]
    touched = at_entries(m, chosen if important else ~chosen, nobody=False)
    x = m.input()
    added = noise * m.rng("prediction gap").standard_normal((draws, *x.shape[1:])).astype(x.dtype)
    owner, draw = np.repeat(np.arange(m.samples), draws), np.tile(np.arange(draws), m.samples)
    y = target_in_parts(m, owner, lambda part: x[owner[part]] + touched[owner[part]] * added[draw[part]])
    y = y.reshape(m.samples, draws)
    found = np.array([intervals.mean(row) for row in np.abs(y - m.value[:, None])]).reshape(-1, 3)
    return Measurement(where_moved(m, y, found[:, 0]), np.stack([np.maximum(found[:, 1], 0), found[:, 2]], axis=1))
