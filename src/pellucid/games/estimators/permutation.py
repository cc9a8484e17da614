"""Permutation sampling: players join one by one, in random orders and their reverses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.stats import t as student

from ...arrays.coalitions import blocks, draw_orders
from ...arrays.draws import generator
from ..estimator import Odd, Solution, Total
from ..pairs import Pairs, remembered

NORMAL = 1.959963984540054


@dataclass(frozen=True)
class Permutation:
    """The mean of what each player adds when players join in random orders, each order followed by its reverse.

    The beginnings of an order and those of its reverse are complements, so an order and its reverse cost ``2 (players - 1)``
    coalitions; those that an earlier order has met cost nothing. A player who changes nothing gets exactly 0. Standard errors
    are those of a mean over orders, widened as Student's t asks, so that 1.96 of them cover 95% also when there are few.

    Source: mitchell2022sampling, castro2009polynomial.
    """

    name: ClassVar[str] = "permutation"
    index: ClassVar[str] = "shapley"

    def least(self, players: int) -> int:
        """One order and its reverse."""
        return 2 * players

    def design(self, players: int, pairs: int, seed: int) -> Pairs:
        """The beginnings of random orders."""
        return _designs(players, pairs, seed)

    def solve(self, pairs: Pairs, odd: Odd, total: Total) -> Solution:
        """Means over orders."""
        return mean_over_orders(pairs, odd, total)


def mean_over_orders(pairs: Pairs, odd: Odd, total: Total) -> Solution:
    """What each player adds, averaged over the design's orders."""
    assert pairs.orders is not None, "the design has no orders"
    assert pairs.steps is not None, "the design has no orders"
    count, players, columns = len(pairs.orders), pairs.players, len(total)
    mean, squares = np.zeros((players, columns)), np.zeros((players, columns))
    half = (total / 2)[None, None]
    for part in blocks(count, players * columns):
        orders, steps = pairs.orders[part], pairs.steps[part]
        walk = np.where((steps < 0)[..., None], -odd[np.where(steps < 0, -1 - steps, steps)], odd[np.maximum(steps, 0)])
        ends = np.broadcast_to(half, (len(orders), 1, columns))
        added = np.diff(np.concatenate([-ends, walk, ends], axis=1), axis=1)
        by_player = np.take_along_axis(added, np.argsort(orders, axis=1)[..., None], axis=1)
        before = mean.copy()
        done = part.start + len(orders)
        mean += (by_player - before).sum(axis=0) / done
        squares += ((by_player - before) * (by_player - mean)).sum(axis=0)
    if count < 2:
        return Solution(mean.T, np.full(mean.T.shape, np.inf), ("One order of the players says nothing of its error.",))
    widened = student.ppf(0.975, count - 1) / NORMAL
    return Solution(mean.T, widened * np.sqrt(np.maximum(squares, 0) / (count * (count - 1))).T)


def walk_pairs(orders: np.ndarray, pairs: int) -> Pairs:
    """The design of the beginnings of these orders; orders that no longer fit are left out."""
    count, players = orders.shape
    seen: dict[bytes, int] = {}
    packed: list[np.ndarray] = []
    steps = np.empty((count, players - 1), np.intp)
    whole = 0
    for order in orders:
        rank = np.empty(players, np.intp)
        rank[order] = np.arange(players)
        rows = rank[None, :] <= np.arange(players - 1)[:, None]
        second = rows[:, 0].copy()
        bits = np.packbits(rows ^ second[:, None], axis=1)
        new: dict[bytes, int] = {}
        fresh: list[np.ndarray] = []
        for step, row in enumerate(bits):
            key = row.tobytes()
            at = seen.get(key, new.get(key, -1))
            if at < 0:
                at = new[key] = len(packed) + len(fresh)
                fresh.append(row)
            steps[whole, step] = -1 - at if second[step] else at
        if len(packed) + len(fresh) > pairs:
            break
        seen |= new
        packed += fresh
        whole += 1
    table = np.array(packed, np.uint8).reshape(-1, -(-players // 8))
    size = np.unpackbits(table, axis=1, count=players).sum(axis=1)
    return Pairs(players, table, size, orders[:whole], steps[:whole])


def _walks(players: int, pairs: int, seed: int) -> Pairs:
    rng = generator(seed, "orders", players)
    # Orders that share beginnings are cheaper than players - 1 pairs; four times as many are enough unless there are few players.
    count = min(4 * pairs // max(players - 1, 1) + 1, pairs + 1)
    return walk_pairs(draw_orders(players, count, rng), pairs)


_designs = remembered(_walks)
