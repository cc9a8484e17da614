"""Comprehensiveness: how far the target falls without the most important players."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...core.declare import parameter
from ...core.measure import Ask, Curve, Direction, Group, Measured, Measurement
from ...core.view import Capability
from ..defined import where_moved
from ..orderings import with_first, without_first
from .removal import most_relevant_first

BINS = (0.01, 0.05, 0.1, 0.2, 0.5)
"""Shares of the players that count as the most important, one after the other."""

SHARE = "share of the players that are the most important; by default the mean over 1, 5, 10, 20 and 50%"


@dataclass(frozen=True)
class Comprehensiveness:
    """``f(x) - f(x without the most important players)``, mean over five shares of the players, at least one of them each.

    In units of the target. Nothing of what the target needs should be missing among the most important players: the fall is
    large where the explanation is good. ``pgi`` is the same with noise in the place of removal. Undefined where the target stays
    the same also with all players removed.

    Cost: six forward rows per sample and background row; two with ``share``.

    Source: deyoung2020eraser.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Linear(3, 1)
    >>> e = pl.explain(net, torch.tensor([[1.0, 2.0, 3.0]]), target=0)
    >>> pl.evaluate(e, net, "comprehensiveness")["comprehensiveness"].curve.x
    array([0.01, 0.05, 0.1 , 0.2 , 0.5 ])
    """

    name: ClassVar[str] = "comprehensiveness"
    group: ClassVar[Group] = "faithfulness"
    summary: ClassVar[str] = "fall of the target without the most important players"
    direction: ClassVar[Direction] = "higher"
    range: ClassVar[str] = "any, in units of the target"
    needs: ClassVar[frozenset[Capability]] = frozenset({"predict"})
    asks: ClassVar[frozenset[Ask]] = frozenset()
    cite: ClassVar[tuple[str, ...]] = ("deyoung2020eraser",)

    share: float | None = parameter(None, SHARE, above=0, most=1)

    def measure(self, m: Measured) -> Measurement:
        """One fall per sample and share."""
        return fallen(m, self.share, keep=False)


def fallen(m: Measured, share: float | None, *, keep: bool) -> Measurement:
    """Fall of the target where the most important players are gone, or alone are kept."""
    shares = np.array(BINS if share is None else [share])
    taken = np.ceil(shares * m.counts[:, None] - 1e-9).astype(int)
    order = most_relevant_first(m)
    y = m.worth(with_first(order, taken) if keep else without_first(order, taken))
    values = (m.value[:, None] - y).mean(axis=1)
    values = where_moved(m, np.concatenate([y, m.empty()[:, None]], axis=1), values)
    return Measurement(values, curve=Curve(shares, m.value[:, None] - y, "share of players", "fall of the target"))
