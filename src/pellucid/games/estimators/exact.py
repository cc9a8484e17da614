"""Exact: every coalition there is."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb
from typing import ClassVar

import numpy as np

from ...arrays.coalitions import ENTRIES, all_pairs
from ...core.errors import InputError
from ..estimator import Odd, Solution, Total
from ..pairs import Pairs, remembered

MOST_PLAYERS = 20
"""A million coalitions."""


@dataclass(frozen=True)
class Exact:
    """Every coalition is looked at: ``2**players`` of them.

    Source: shapley1953value.
    """

    name: ClassVar[str] = "exact"
    index: ClassVar[str] = "shapley"

    def least(self, players: int) -> int:
        """All coalitions."""
        if players > MOST_PLAYERS:
            raise InputError(
                f"exact would look at 2**{players} coalitions; {MOST_PLAYERS} players are the most. Let another estimator sample "
                f"them (estimator='auto'), or group players."
            )
        return 1 << players

    def design(self, players: int, pairs: int, seed: int) -> Pairs:  # noqa: ARG002 (nothing is drawn)
        """All pairs."""
        return _everything(players, pairs, 0)

    def solve(self, pairs: Pairs, odd: Odd, total: Total) -> Solution:
        """Shapley's formula, or (where the play was ended early) what is known."""
        if pairs.complete:
            return from_table(pairs, odd, total)
        nothing = np.full((len(total), pairs.players), np.inf)
        even = np.repeat(total[:, None] / pairs.players, pairs.players, axis=1)
        return Solution(even, nothing, ("The play ended before all coalitions were known: the values are equal shares.",))


def from_table(pairs: Pairs, odd: Odd, total: Total) -> Solution:
    """Shapley's formula, where every pair is known in whatever order.

    A player who changes nothing gets exactly 0: differences are taken before sums.
    """
    players = pairs.players
    codes = np.zeros(len(pairs), np.intp)
    for player, present in enumerate(pairs.first().T):
        codes |= present.astype(np.intp) << player
    last = (1 << players) - 1
    sizes = np.array([code.bit_count() for code in range(1 << players)])
    share = np.array([1 / (players * comb(players - 1, size)) for size in range(players)])
    values = np.empty((odd.shape[1], players))
    width = max(ENTRIES >> players, 1)
    for begin in range(0, odd.shape[1], width):
        part = slice(begin, begin + width)
        table = np.empty((1 << players, len(total[part])))
        table[codes], table[last - codes] = odd[:, part], -odd[:, part]
        table[0], table[last] = -total[part] / 2, total[part] / 2
        for player in range(players):
            without = np.flatnonzero(~np.arange(1 << players) >> player & 1)
            values[part, player] = share[sizes[without]] @ (table[without | 1 << player] - table[without])
    return Solution(values, np.zeros_like(values), (f"All {1 << players} coalitions were looked at: the values are exact.",))


def _all(players: int, pairs: int, seed: int) -> Pairs:  # noqa: ARG001 (nothing is drawn)
    first = all_pairs(players)[:pairs]
    return Pairs(players, np.packbits(first, axis=1), first.sum(axis=1), together=True)


_everything = remembered(_all)
