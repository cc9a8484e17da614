"""Sets of players as rows of booleans, in pairs: a coalition beside its complement.

Shapley values depend only on the *odd part* of a game, ``(v(S) - v(all without S)) / 2``: the even part gives every player
nothing. So a coalition is worth as much as its complement, and a design is a list of pairs, of which the first members are kept.
"""

from __future__ import annotations

from itertools import chain, combinations
from math import comb

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

Packed = UInt8[np.ndarray, "pairs bytes"]
"""Eight players to a byte."""

ENTRIES = 1 << 22
"""Entries of a block where a table of rows by players is worked through in blocks: 4 MiB of booleans, 32 MiB of floats."""


def blocks(rows: int, width: int, most: int = ENTRIES) -> list[slice]:
    """Slices of the rows, each of at most ``most`` entries.

    >>> blocks(5, 2, most=4)
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    step = max(most // max(width, 1), 1)
    return [slice(begin, min(begin + step, rows)) for begin in range(0, rows, step)]


def unpack(packed: Packed, players: int) -> Bool[np.ndarray, "pairs players"]:
    """The booleans of packed rows."""
    return np.unpackbits(packed, axis=1, count=players).view(bool)


def pairs_of_size(players: int, size: int) -> int:
    """How many pairs have a member of this size (and one of ``players - size``).

    >>> [pairs_of_size(4, size) for size in (1, 2)]
    [4, 3]
    """
    return comb(players, size) // (2 if 2 * size == players else 1)


def sizes(players: int) -> Int[np.ndarray, " sizes"]:
    """The sizes of the smaller members of pairs; the empty coalition is none of them."""
    return np.arange(1, players // 2 + 1)


def all_pairs(players: int) -> Bool[np.ndarray, "pairs players"]:
    """The first members of all pairs: those without the last player; the empty coalition is left out.

    >>> all_pairs(3).astype(int).tolist()
    [[1, 0, 0], [0, 1, 0], [1, 1, 0]]
    """
    codes = np.arange(1, 1 << (players - 1))
    return (codes[:, None] >> np.arange(players) & 1).astype(bool)


def counts_by_size(law: Float[np.ndarray, " sizes"], players: int, pairs: int, rng: np.random.Generator) -> list[int]:
    """The size of each pair, in an order whose every beginning follows the law: spread evenly, not drawn one by one.

    A size that has no more pairs is passed over.
    """
    rest = [pairs_of_size(players, int(size)) for size in sizes(players)]
    shift, rate = rng.random(len(law)), law / law.sum()
    low, high = 0.0, 1.0
    while sum(min(n, int(high * r + u)) for n, r, u in zip(rest, rate, shift, strict=True)) < pairs:
        low, high = high, 2 * high
        if high > 1e300:
            break
    for _ in range(60):
        middle = (low + high) / 2
        found = sum(min(n, int(middle * r + u)) for n, r, u in zip(rest, rate, shift, strict=True))
        low, high = (low, middle) if found >= pairs else (middle, high)
    count = [min(n, int(high * r + u)) for n, r, u in zip(rest, rate, shift, strict=True)]
    keys = np.concatenate([(np.arange(c) + 1 - u) / r for c, u, r in zip(count, shift, rate, strict=True)])
    which = np.repeat(sizes(players), count)
    return which[np.argsort(keys, kind="stable")[:pairs]].tolist()


def draw_pairs(
    law: Float[np.ndarray, " sizes"], players: int, pairs: int, rng: np.random.Generator
) -> tuple[Packed, Int[np.ndarray, " pairs"]]:
    """Different pairs whose sizes follow the law, uniform within a size, without replacement; and their sizes.

    Every beginning of the list is such a draw too.
    """
    size = np.asarray(counts_by_size(law, players, pairs, rng), int)
    packed = np.zeros((len(size), -(-players // 8)), np.uint8)
    open_ = np.ones(len(size), bool)
    for each, count in zip(*np.unique(size, return_counts=True), strict=True):
        if pairs_of_size(players, int(each)) <= max(3 * count, 64):
            where = np.flatnonzero(size == each)
            packed[where] = rng.permutation(_every_pair(players, int(each)))[: len(where)]
            open_[where] = False
    missing = np.flatnonzero(open_)
    while len(missing):
        for part in blocks(len(missing), players, ENTRIES // 4):
            rows = missing[part]
            packed[rows] = _random_rows(size[rows], players, rng)
        seen = np.unique(_keys(packed), return_index=True)[1]
        missing = np.setdiff1d(np.arange(len(size)), seen)
    return packed, size


def draw_orders(players: int, count: int, rng: np.random.Generator) -> Int[np.ndarray, "orders players"]:
    """Random orders of the players."""
    return np.argsort(rng.random((count, players), dtype=np.float32), axis=1)


def _every_pair(players: int, size: int) -> Packed:
    """All pairs with a member of this size; where both have it, the member with the first player."""
    half = 2 * size == players
    count = comb(players - 1, size - 1) if half else comb(players, size)
    chosen = combinations(range(1, players), size - 1) if half else combinations(range(players), size)
    flat = np.fromiter(chain.from_iterable(chosen), np.intp, count * (size - half))
    rows = np.zeros((count, players), bool)
    rows[np.arange(count)[:, None], flat.reshape(count, size - half)] = True
    rows[:, 0] |= half
    return np.packbits(rows, axis=1)


def _random_rows(size: Int[np.ndarray, " rows"], players: int, rng: np.random.Generator) -> Packed:
    rows = np.zeros((len(size), players), bool)
    np.put_along_axis(rows, draw_orders(players, len(size), rng), np.arange(players) < size[:, None], axis=1)
    rows ^= ((2 * size == players) & ~rows[:, 0])[:, None]
    return np.packbits(rows, axis=1)


def _keys(packed: Packed) -> np.ndarray:
    return np.ascontiguousarray(packed).view(f"V{packed.shape[1]}").ravel()
