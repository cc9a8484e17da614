"""Interactions where every coalition is known: sums of discrete derivatives."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float

from ..arrays.coalitions import blocks

ByCode = Float[np.ndarray, "codes columns"]
"""A value for each coalition: player ``i`` is present where bit ``i`` of the row's number is set."""


def from_table(table: ByCode, by_size: Sequence[Float[np.ndarray, " _"]]) -> Float[np.ndarray, "columns sets"]:
    """Interactions of one player, of two, and so on, each in lexicographic order.

    ``by_size`` holds an index's weights for derivatives of 1, 2, ... players. A player who changes nothing, and a pair that adds
    up, get exactly 0: differences are taken before sums.
    """
    players = len(table).bit_length() - 1
    present = np.array([code.bit_count() for code in range(len(table))], np.intp)
    found: list[list[np.ndarray]] = [[] for _ in by_size]
    _visit(table, 0, 0, players, present, by_size, found)
    return np.concatenate([np.stack(each) for each in found]).T


def from_pairs(
    first: Bool[np.ndarray, "pairs players"],
    odd: Float[np.ndarray, "pairs+1 columns"],
    even: Float[np.ndarray, "pairs+1 columns"],
    by_size: Sequence[Float[np.ndarray, " _"]],
) -> Float[np.ndarray, "columns sets"]:
    """Interactions from all pairs, in whatever order, after the pair of the full coalition and the empty one."""
    players = first.shape[1]
    last = (1 << players) - 1
    codes = np.concatenate([[last], first @ (1 << np.arange(players))])
    parts: list[np.ndarray] = []
    for part in blocks(odd.shape[1], last + 1):
        table = np.empty((last + 1, odd[:, part].shape[1]))
        table[codes], table[last - codes] = even[:, part] + odd[:, part], even[:, part] - odd[:, part]
        parts.append(from_table(table, by_size))
    return np.concatenate(parts)


def _visit(
    change: ByCode,
    depth: int,
    first: int,
    players: int,
    present: np.ndarray,
    by_size: Sequence[np.ndarray],
    found: list[list[np.ndarray]],
) -> None:
    """Derive by each player from ``first`` on; the bits of those derived by (all before ``first``) are gone."""
    for player in range(first, players):
        halves = change.reshape(-1, 2, 1 << player - depth, change.shape[1])
        derived = (halves[:, 1] - halves[:, 0]).reshape(-1, change.shape[1])
        found[depth].append(by_size[depth][present[: len(derived)]] @ derived)
        if depth + 1 < len(by_size):
            _visit(derived, depth + 1, player + 1, players, present, by_size, found)
