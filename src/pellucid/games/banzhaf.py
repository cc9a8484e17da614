"""Banzhaf values: what each player adds on average when all coalitions of the others are alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from ..arrays.coalitions import blocks, draw_pairs, pairs_of_size, sizes
from ..arrays.draws import generator
from .derivatives import from_pairs
from .estimator import Odd, Solution, Total
from .indices import weights
from .pairs import Pairs, remembered
from .surrounding import estimate

EXACT_PLAYERS = 20
"""The most players for whom all coalitions are known at once: a million."""
FITTED = 4096
"""The most pairs to which games are fitted; from more, an additive game is."""


def ways(players: int) -> Float[np.ndarray, " sizes"]:
    """Each size's share of all pairs."""
    from scipy.special import gammaln  # noqa: PLC0415 (slow to import)

    size = sizes(players)
    count = -gammaln(size + 1) - gammaln(players - size + 1)
    share = np.exp(count - count.max()) * np.where(2 * size == players, 0.5, 1.0)
    return share / share.sum()


def _drawn(players: int, pairs: int, seed: int) -> Pairs:
    return Pairs(players, *draw_pairs(ways(players), players, pairs, generator(seed, "banzhaf", players)))


design = remembered(_drawn)
"""Pairs without replacement, every coalition as likely as every other."""


@dataclass(frozen=True)
class Banzhaf:
    """Banzhaf values: exact where the budget holds all coalitions; else of the smooth games that agree with what was seen.

    Coalitions are drawn in pairs without replacement, all alike. A coalition speaks for every player at once, so nothing is
    drawn for one player alone. Smoothness is told by the values themselves, see ``surrounding.py``; from more than 4,096 pairs
    the additive game nearest to the game is fitted (whose values are the Banzhaf values), with standard errors that allow
    for what it leaves.

    Source: dubey1979mathematical, wang2023data.
    """

    name: ClassVar[str] = "banzhaf"
    index: ClassVar[str] = "banzhaf"

    def least(self, players: int) -> int:  # noqa: ARG002 (always the same)
        """The two ends and a pair."""
        return 4

    def design(self, players: int, pairs: int, seed: int) -> Pairs:
        """All coalitions alike."""
        return design(players, pairs, seed)

    def solve(self, pairs: Pairs, odd: Odd, total: Total) -> Solution:
        """Values and standard errors of all columns."""
        players = pairs.players
        by_size = [weights("banzhaf", 1, 1, players)]
        seen = np.concatenate([total[None] / 2, odd])
        if len(pairs) == (1 << players - 1) - 1 and players <= EXACT_PLAYERS:
            values = from_pairs(pairs.first(), seen, np.zeros_like(seen), by_size)
            return Solution(values, np.zeros_like(values))
        if len(pairs) > FITTED:
            return nearest_additive(pairs, odd, total)
        members = np.concatenate([np.ones((1, players), bool), pairs.first()])
        found = estimate(members, seen, None, by_size)
        notes = ()
        if not found.enough:
            notes = (
                f"{2 * len(pairs) + 2} coalitions do not tell {players} players apart: the values of the smallest games that "
                f"agree with what was seen are given, and the standard errors rest on the games' smoothness.",
            )
        return Solution(found.values, found.standard_errors, notes)


def nearest_additive(pairs: Pairs, odd: Odd, total: Total) -> Solution:
    """The additive game nearest to the game where all coalitions count alike, in bounded memory.

    The standard errors are those of a regression that leaves something unexplained (HC3), less what is no longer left to
    chance where a size's pairs are known whole.
    """
    players = pairs.players
    count = np.bincount(pairs.size, minlength=players + 1)
    share, size = ways(players), sizes(players)
    there = np.array([float(pairs_of_size(players, int(each))) for each in size])
    drawn = count[size] + np.where(2 * size == players, 0, count[players - size])
    with np.errstate(divide="ignore", invalid="ignore"):
        each = np.where(drawn > 0, share / drawn, 0.0)
    small = np.minimum(pairs.size, players - pairs.size) - 1
    weight, unseen = each[small][:, None], np.maximum(1 - drawn / there, 0)[small][:, None]
    ends = float(share[0] / there[0])  # the full coalition and the empty one are one pair
    gram = np.full((players, players), ends / 4)
    right = np.repeat(total[None] * ends / 4, players, axis=0)
    parts = blocks(len(pairs), players)
    for part in parts:
        rows = pairs.first(part.start, part.stop) - 0.5
        gram += rows.T @ (weight[part] * rows)
        right += rows.T @ (weight[part] * odd[part])
    inverse = np.linalg.pinv(gram, hermitian=True)
    values, squares = inverse @ right, np.zeros_like(right)
    for part in parts:
        rows = pairs.first(part.start, part.stop) - 0.5
        lever = (weight[part] * rows) @ inverse
        own = np.minimum((lever * rows).sum(axis=1, keepdims=True), 1 - 1e-6)
        left = (odd[part] - rows @ values) / (1 - own)
        squares += (lever**2).T @ (unseen[part] * left**2)
    return Solution(values.T, np.sqrt(squares).T)
