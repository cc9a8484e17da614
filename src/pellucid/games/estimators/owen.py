"""Owen values: players join in orders that keep groups together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import factorial
from typing import Any, ClassVar

import numpy as np
from scipy.sparse import csr_array

from ...arrays.draws import generator
from ...core.errors import InputError
from ..estimator import Odd, Solution, Total
from ..pairs import Pairs
from .permutation import mean_over_orders, walk_pairs

Tree = int | tuple["Tree", ...]


@dataclass(frozen=True, init=False)
class Owen:
    """What players add when they join in random orders in which each group's members follow each other, at every level.

    The values of nested groups (Owen's for one level, Winter's for several): a group's values sum to what it earns as one player
    among its neighbours. They are not Shapley values unless the groups are trivial, and need far fewer coalitions: where all that
    such orders meet fit into the budget, they are exact; else orders are sampled, with their reverses.

    Parameters
    ----------
    tree
        Nested sequences of player numbers (``[[0, 1], [2, [3, 4]]]``), or the linkage matrix of a hierarchical clustering
        (``scipy.cluster.hierarchy.linkage``). Without it, neighbouring players are halved again and again, as fits the words of
        a text or steps of a series.

    Notes
    -----
    Source: owen1977values, winter1989value.
    """

    tree: Tree | None
    name: ClassVar[str] = "owen"
    index: ClassVar[str] = "owen"

    def __init__(self, tree: Any = None) -> None:
        object.__setattr__(self, "tree", None if tree is None else _read(tree))

    def least(self, players: int) -> int:
        """One order and its reverse."""
        _check(self._hierarchy(players), players)
        return 2 * players

    def design(self, players: int, pairs: int, seed: int) -> Pairs:
        """Everything that such orders meet, or some orders."""
        tree = self._hierarchy(players)
        whole = _everything(tree, players, pairs)
        if whole is not None:
            return whole[0]
        rng = generator(seed, "orders", players)
        count = min(4 * pairs // max(players - 1, 1) + 1, pairs + 1)
        return walk_pairs(np.array([list(_order(tree, rng)) for _ in range(count)]).reshape(count, players), pairs)

    def solve(self, pairs: Pairs, odd: Odd, total: Total) -> Solution:
        """The exact values, or means over orders."""
        if pairs.orders is not None:
            return mean_over_orders(pairs, odd, total)
        whole = _everything(self._hierarchy(pairs.players), pairs.players, len(pairs))
        if whole is None or len(whole[0]) != len(pairs):
            nothing = np.full((len(total), pairs.players), np.inf)
            even = np.repeat(total[:, None] / pairs.players, pairs.players, axis=1)
            return Solution(even, nothing, ("The play ended before all coalitions were known: the values are equal shares.",))
        _, weights, ends = whole
        values = weights @ odd + ends[:, None] * total
        note = f"All {2 * len(pairs) + 2} coalitions that keep groups together were looked at: the values are exact."
        return Solution(values.T, np.zeros_like(values.T), (note,))

    def _hierarchy(self, players: int) -> Tree:
        return _halves(0, players) if self.tree is None else self.tree


def _read(tree: Any) -> Tree:
    """Nested tuples, from nested sequences or a linkage matrix."""
    if isinstance(tree, np.ndarray) and tree.ndim == 2 and tree.shape[1] == 4 and tree.dtype.kind == "f":
        parts: list[Tree] = list(range(len(tree) + 1))
        for left, right in tree[:, :2].astype(int).tolist():
            parts.append((parts[left], parts[right]))
        return parts[-1]
    if isinstance(tree, (int, np.integer)) and not isinstance(tree, bool):
        return int(tree)
    if isinstance(tree, (Sequence, np.ndarray)) and not isinstance(tree, str) and len(tree):
        parts = [_read(part) for part in tree]
        return parts[0] if len(parts) == 1 else tuple(parts)
    raise InputError(f"groups must be nested sequences of player numbers, or a linkage matrix; got {tree!r} in them.")


def _members(tree: Tree) -> Iterator[int]:
    if isinstance(tree, int):
        yield tree
    else:
        for part in tree:
            yield from _members(part)


def _check(tree: Tree, players: int) -> None:
    members = sorted(_members(tree))
    if members != list(range(players)):
        twice = sorted({member for member in members if members.count(member) > 1})
        missing = sorted(set(range(players)) - set(members))
        wrong = sorted(set(members) - set(range(players)))
        said = [
            f"{what} {', '.join(map(str, which[:10]))}"
            for what, which in (("twice:", twice), ("missing:", missing), ("no such player:", wrong))
            if which
        ]
        raise InputError(f"the groups must name each of the {players} players once; {'; '.join(said)}.")


def _halves(begin: int, end: int) -> Tree:
    if end - begin == 1:
        return begin
    middle = (begin + end) // 2
    return (_halves(begin, middle), _halves(middle, end))


def _order(tree: Tree, rng: np.random.Generator) -> Iterator[int]:
    if isinstance(tree, int):
        yield tree
    else:
        for part in rng.permutation(len(tree)):
            yield from _order(tree[part], rng)


@lru_cache(maxsize=16)
def _everything(tree: Tree, players: int, most: int) -> tuple[Pairs, csr_array, np.ndarray] | None:
    """All pairs that such orders meet, the weights of their odd values and those of the total; ``None`` if they are too many."""
    last = (1 << players) - 1
    place: dict[int, int] = {}
    weights: dict[tuple[int, int], float] = {}
    ends = np.zeros(players)
    for player, before, weight in _steps(tree, 0, 1.0):
        for coalition, sign in ((before | 1 << player, weight), (before, -weight)):
            if coalition in (0, last):
                ends[player] += sign / 2 if coalition else -sign / 2
                continue
            first, sign = (last ^ coalition, -sign) if coalition & 1 else (coalition, sign)
            at = place.setdefault(first, len(place))
            if len(place) > most:
                return None
            weights[player, at] = weights.get((player, at), 0.0) + sign
    width = -(-players // 8)
    table = np.frombuffer(b"".join(code.to_bytes(width, "little") for code in place), np.uint8).reshape(-1, width)
    first = np.unpackbits(table, axis=1, count=players, bitorder="little")
    rows, columns = np.array(list(weights), np.intp).reshape(-1, 2).T
    matrix = csr_array((np.array(list(weights.values())), (rows, columns)), shape=(players, len(place)))
    return Pairs(players, np.packbits(first, axis=1), first.sum(axis=1, dtype=np.intp), together=True), matrix, ends


def _steps(tree: Tree, before: int, weight: float) -> Iterator[tuple[int, int, float]]:
    """Each player, who may be there before, and how often that is so."""
    if isinstance(tree, int):
        yield tree, before, weight
        return
    parts = len(tree)
    masks = [sum(1 << member for member in _members(part)) for part in tree]
    for number, part in enumerate(tree):
        others = masks[:number] + masks[number + 1 :]
        for code in range(1 << parts - 1):
            chosen = code.bit_count()
            share = factorial(chosen) * factorial(parts - chosen - 1) / factorial(parts)
            joined = sum(mask for at, mask in enumerate(others) if code >> at & 1)
            yield from _steps(part, before | joined, weight * share)
