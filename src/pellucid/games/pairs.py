"""A design: the coalitions that are looked at, in order, each beside its complement."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from ..arrays.coalitions import Packed, draw_pairs, sizes, unpack
from ..arrays.draws import generator

Law = Literal["kernel", "leverage"]
KEPT = 1 << 16
"""Designs with at most this many entries are kept for the next call with the same players, budget and seed."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """Different pairs of coalitions, the empty and the full one not among them; every beginning is a design too.

    It depends on the players, the number of pairs and the seed, never on a game's values: all samples share it.
    """

    players: int
    packed: Packed
    """The first members, eight players to a byte."""
    size: Int[np.ndarray, " pairs"]
    """Their sizes."""
    orders: Int[np.ndarray, "orders players"] | None = None
    """Where the pairs are beginnings of orders: the orders."""
    steps: Int[np.ndarray, "orders players-1"] | None = None
    """For each order, the pair that each beginning of it belongs to; ``-1 - pair`` where it is the pair's second member."""
    together: bool = False
    """Whether only all of it says anything."""

    def __len__(self) -> int:
        return len(self.packed)

    @property
    def complete(self) -> bool:
        """Whether all pairs are there."""
        return len(self) == (1 << self.players - 1) - 1

    def first(self, begin: int = 0, end: int | None = None) -> Bool[np.ndarray, "pairs players"]:
        """The first members."""
        return unpack(self.packed[begin:end], self.players)

    def coalitions(self, begin: int, end: int) -> Bool[np.ndarray, "coalitions players"]:
        """Both members of each pair, one after the other."""
        first = self.first(begin, end)
        both = np.empty((2 * len(first), self.players), bool)
        both[0::2], both[1::2] = first, ~first
        return both

    def beginning(self, pairs: int) -> Pairs:
        """The design of the first pairs."""
        if pairs >= len(self):
            return self
        return _kept_beginning(self, pairs) if pairs * self.players <= KEPT else self._beginning(pairs)

    def _beginning(self, pairs: int) -> Pairs:
        orders, steps = self.orders, self.steps
        if steps is not None and orders is not None:
            whole = (np.where(steps < 0, -1 - steps, steps) < pairs).all(axis=1)
            orders, steps = orders[whole], steps[whole]
        return Pairs(self.players, self.packed[:pairs], self.size[:pairs], orders, steps)


def law(kind: Law, players: int) -> Float[np.ndarray, " sizes"]:
    """The share of each size among the pairs: that of the Shapley kernel, or of its leverage scores (all sizes alike)."""
    size = sizes(players)
    both = np.where(2 * size == players, 1.0, 2.0)
    return both / (size * (players - size)) if kind == "kernel" else both


def remembered(make: Callable[[int, int, int], Pairs]) -> Callable[[int, int, int], Pairs]:
    """The same function of players, pairs and seed, which remembers its last small designs."""
    kept = lru_cache(maxsize=16)(make)

    def design(players: int, pairs: int, seed: int) -> Pairs:
        return (kept if pairs * players <= KEPT else make)(players, pairs, seed)

    return design


def sampled(kind: Law) -> Callable[[int, int, int], Pairs]:
    """Designs of pairs without replacement whose sizes follow a law."""

    def make(players: int, pairs: int, seed: int) -> Pairs:
        return Pairs(players, *draw_pairs(law(kind, players), players, pairs, generator(seed, "coalitions", players)))

    return remembered(make)


_kept_beginning = lru_cache(maxsize=64)(Pairs._beginning)  # pyright: ignore[reportPrivateUsage]
