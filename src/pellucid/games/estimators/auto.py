"""The estimator that is chosen when none is named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..estimator import Odd, Solution, Total
from ..pairs import Pairs
from . import gaussian_process, leverage, permutation

MOST_PLAYERS = 4096
"""Regression holds a matrix of players by players; with more players than this, orders are sampled."""


@dataclass(frozen=True)
class Auto:
    """All coalitions where the budget allows; else the likeliest of additive games with smooth interactions; else orders.

    The design is that of ``leverage``. What to make of it is decided once the values are known, for each sample and output by
    itself and without another call: ``gaussian-process`` weighs no interactions, interactions of several kinds, and values that
    nothing explains, by how likely they make what was seen. Too few pairs leave plain regression; more than 4,096 players leave
    ``permutation``.
    """

    name: ClassVar[str] = "auto"
    index: ClassVar[str] = "shapley"

    def least(self, players: int) -> int:
        """As the estimator that it would choose."""
        return (permutation.Permutation() if players > MOST_PLAYERS else gaussian_process.GaussianProcess()).least(players)

    def design(self, players: int, pairs: int, seed: int) -> Pairs:
        """All sizes alike; orders, for very many players."""
        return (
            permutation.Permutation().design(players, pairs, seed)
            if players > MOST_PLAYERS
            else leverage.design(players, pairs, seed)
        )

    def solve(self, pairs: Pairs, odd: Odd, total: Total) -> Solution:
        """The values, and why they are what they are."""
        players = pairs.players
        if pairs.orders is not None:
            solved = permutation.mean_over_orders(pairs, odd, total)
            why = f"auto: {players} players are too many for regression; {len(pairs.orders)} orders and their reverses were used."
            return Solution(solved.values, solved.standard_errors, (why, *solved.notes))
        solved = gaussian_process.GaussianProcess().solve(pairs, odd, total)
        seen = f"auto: {len(pairs)} pairs of coalitions were looked at"
        if not gaussian_process.enough(pairs):
            why = f"{seen}, too few for {players} players to tell interactions from noise: plain regression."
            return Solution(solved.values, solved.standard_errors, (why, *solved.notes))
        why = f"{seen}, of about {2.0 ** (players - 1):.3g}: a Gaussian process was fitted to their odd part. {solved.notes[0]}"
        return Solution(solved.values, solved.standard_errors, (why, *solved.notes[1:]))
