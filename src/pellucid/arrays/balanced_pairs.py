"""Pairs of coalitions in which few sets of three players look like one player: the words of a binary code.

A coalition is a row of signs, +1 for present. In a list of such rows beside their complements, the effect of one player is mixed
up with that of three players together as far as the product of the four columns does not cancel over the rows. In the words
of a linear code it cancels in full or not at all: four columns are mixed up where their generators sum to 0. So generators are
chosen for which few such sums exist, where random rows mix up every four a little, and more in all.
"""

from __future__ import annotations

from math import comb

import numpy as np
from jaxtyping import Bool, Float, Int

SWEEPS = 12
"""Times that each generator is taken out and put back where it does least harm."""
MOST_PAIRS = 1 << 11
"""More pairs than this are drawn: by then little is left to gain."""
CROWDED = 2.0
"""Pairs of players for each word above which a code is hardly better than a draw."""


def generators(players: int, bits: int, rng: np.random.Generator) -> Int[np.ndarray, " players"]:
    """Different numbers of ``bits`` bits of which few sets of four have the exclusive or 0.

    Adding one to the others makes as many such sets as three of those have it for their exclusive or; so each is put where this
    number is least.
    """
    every = np.arange(1 << bits)
    twos, threes = np.zeros(len(every)), np.zeros(len(every))
    free = np.ones(len(every))
    chosen = np.full(players, -1)
    for sweep in range(SWEEPS):
        moved = 0
        for player in rng.permutation(players):
            old = int(chosen[player])
            if old >= 0:
                free[old] = 1.0
                twos -= 1.0 - free[every ^ old]
                threes -= twos[every ^ old]
            cost = np.where(free > 0, threes, np.inf)
            least = np.flatnonzero(cost == cost.min())
            new = old if old in least else int(rng.choice(least))
            threes += twos[every ^ new]
            twos += 1.0 - free[every ^ new]
            free[new] = 0.0
            chosen[player] = new
            moved += new != old
        if sweep and not moved:
            break
    return chosen


def balanced_pairs(players: int, pairs: int, rng: np.random.Generator) -> Bool[np.ndarray, "pairs players"] | None:
    """First members of different pairs, in an order whose every beginning is a random part of the code; without the empty one.

    ``None`` where drawing pairs is as good: so few players that a code is all coalitions, or too many of either.
    """
    bits = max(pairs - 1, 1).bit_length()
    if not 2 <= bits < players - 1 or pairs > MOST_PAIRS or comb(players, 2) > CROWDED * (1 << bits):
        return None
    chosen = generators(players, bits, rng)
    digits = chosen[:, None] >> np.arange(bits) & 1
    if _rank(digits) < bits:
        return None
    words = rng.permutation(1 << bits)[:, None] >> np.arange(bits) & 1
    rows = ((words @ digits.T + rng.integers(0, 2, players)) & 1).astype(bool)
    inner = rows.any(axis=1) & ~rows.all(axis=1)
    return rows[inner][:pairs]


def third_order(rows: Bool[np.ndarray, "pairs players"]) -> Float[np.ndarray, "pairs pairs"]:
    """How alike two rows are to sets of three players, whichever they are: the mean over all sets of the product of their signs.

    >>> third_order(np.array([[True, True, True, False], [True, True, True, True]]))
    array([[ 1. , -0.5],
           [-0.5,  1. ]])
    """
    players = rows.shape[1]
    signs = 2.0 * rows - 1
    dot = signs @ signs.T
    return (dot**3 - (3 * players - 2) * dot) / (players * (players - 1) * (players - 2))


def _rank(digits: np.ndarray) -> int:
    """Rank of a matrix of zeros and ones in arithmetic modulo 2."""
    rows = digits.T.astype(bool).copy()
    rank = 0
    for column in range(rows.shape[1]):
        at = np.flatnonzero(rows[rank:, column])
        if not len(at):
            continue
        rows[[rank, rank + at[0]]] = rows[[rank + at[0], rank]]
        others = rows[:, column].copy()
        others[rank] = False
        rows[others] ^= rows[rank]
        rank += 1
        if rank == len(rows):
            break
    return rank
