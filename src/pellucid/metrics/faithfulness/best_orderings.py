"""The orders of removal under which the target is lowest and highest on average: exact for few players, else the best found.

The mean of the target along an order depends only on which players are gone at each point. So the best order is the cheapest way
through the sets of removed players, from none to all: for few players it is found over all sets, level by level; otherwise by
beam search.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from ...core.measure import Measured
from ...core.types import PerSample
from .beam_search import Beam, Plan, searched

EXACT = 10
"""Up to so many players all sets are looked at."""


@dataclass(frozen=True)
class Bounds:
    """Lowest and highest mean of the target over the points of any order, and whether no order can go beyond them."""

    lowest: PerSample
    highest: PerSample
    exact: Bool[np.ndarray, " samples"]


def bounds(m: Measured, taken: Int[np.ndarray, "samples points"], rows: int, width: int, policy: int = 0) -> Bounds:
    """Bounds of the mean target along orders that are looked at where so many players are gone.

    Parameters
    ----------
    m
        The explanation and its model.
    taken
        Players gone at each point.
    rows
        Most model rows that the search takes per sample, where it is not exact; at least twice the points, and one.
    width
        How many partial orders the beam search goes on with, for each bound.
    policy
        What "removed" means.
    """
    exact = m.counts <= EXACT
    lowest, highest = np.full(m.samples, np.nan), np.full(m.samples, np.nan)
    for count in np.unique(m.counts[exact]):
        members = np.flatnonzero(m.counts == count)
        lowest[members], highest[members] = _over_all_sets(m, members, int(count), taken[members[0]], policy)
    if not exact.all():
        members = np.flatnonzero(~exact)
        plans = {int(s): Plan.within(int(m.counts[s]), taken[s], rows, width) for s in members}
        beams = [Beam(plans[int(s)], sign) for s in members for sign in (1, -1)]
        sums = searched(m, np.repeat(members, 2), beams, policy).reshape(-1, 2)
        lowest[members], highest[members] = sums[:, 0], -sums[:, 1]
    return Bounds(lowest, highest, exact)


def _over_all_sets(
    m: Measured, members: np.ndarray, count: int, taken: np.ndarray, policy: int
) -> tuple[Float[np.ndarray, " members"], Float[np.ndarray, " members"]]:
    """Best sums over paths through all sets; set ``s`` lacks the players whose bits it has."""
    gone = (np.arange(2**count)[:, None] >> np.arange(count)) & 1 == 1
    size = gone.sum(axis=1)
    wanted = np.isin(size, taken)
    coalitions = np.ones((m.samples, int(wanted.sum()), m.players), bool)
    coalitions[members, :, :count] = ~gone[wanted]
    values = np.zeros((len(members), 2**count))
    values[:, wanted] = m.worth(coalitions, policy)[members]
    best = {low: values.copy() for low in (True, False)}
    for level in range(1, count + 1):
        sets = np.flatnonzero(size == level)
        before = np.where(gone[sets], sets[:, None] ^ (1 << np.arange(count)), -1)
        for low, sums in best.items():
            worst = np.inf if low else -np.inf
            ways = np.where(before >= 0, sums[:, before], worst)
            sums[:, sets] += ways.min(axis=2) if low else ways.max(axis=2)
    points = len(np.unique(taken))
    return best[True][:, -1] / points, best[False][:, -1] / points
