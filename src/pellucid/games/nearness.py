"""How near a coalition is to the whole: what each size counts in a surrogate, and which coalitions to look at for it.

Coalitions are those of a fair coin for each player, weighted by how near they are to the coalition of all. Both depend on the
size alone, so the weights need not be left to chance: what a size counts is known, and is spread over the coalitions of
that size that are looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool, Float

from ..arrays.balanced_pairs import balanced_pairs
from ..arrays.coalitions import Packed, all_pairs, draw_pairs, unpack
from ..arrays.draws import generator

Distance = Literal["cosine", "euclidean"]
DISTANCES: tuple[Distance, ...] = get_args(Distance)
WIDTHS = {"cosine": 0.25, "euclidean": 0.75}
"""Usual widths of the kernel."""
LOPSIDED = 0.25
"""Where the lighter members of pairs count less than this share of the heavier ones, only one of each pair is looked at."""


def nearness(players: int, distance: Distance, width: float | None) -> Float[np.ndarray, " sizes"]:
    """The kernel for each size from 0 to all: ``exp(-d**2 / (2 width**2))``.

    ``d`` is the distance of the coalition, as 0 and 1, to all ones: ``1 - cos`` (1 for nobody), or the Euclidean one over that
    of nobody.

    >>> nearness(4, "euclidean", 1.0).round(2).tolist()
    [0.61, 0.69, 0.78, 0.88, 1.0]
    """
    share = np.arange(players + 1) / players
    far = 1 - np.sqrt(share) if distance == "cosine" else np.sqrt(1 - share)
    return np.exp(-(far**2) / (2 * (WIDTHS[distance] if width is None else width) ** 2))


def coins(players: int) -> Float[np.ndarray, " sizes"]:
    """The share of each size among all coalitions.

    >>> coins(2).round(6).tolist()
    [0.25, 0.5, 0.25]
    """
    return np.exp(_log_choose(players) - players * np.log(2))


def _log_choose(players: int) -> Float[np.ndarray, " sizes"]:
    """Logarithms of how many coalitions of each size there are."""
    from scipy.special import gammaln  # noqa: PLC0415 (slow to import)

    size = np.arange(players + 1)
    return gammaln(players + 1) - gammaln(size + 1) - gammaln(players - size + 1)


@dataclass(frozen=True, eq=False)
class Coalitions:
    """The coalitions that are looked at, and what each counts.

    The first ``single`` stand alone, the full and the empty one first among them; after them each two are complements.
    """

    players: int
    packed: Packed
    single: int
    weights: Float[np.ndarray, " coalitions"]
    """They sum to 1."""
    chance: Float[np.ndarray, " coalitions"]
    """The share of the coalitions of its size that are not looked at."""
    average: float
    """The mean of the kernel over all coalitions of the coin."""
    balanced: bool = False
    """Whether the pairs are such that few sets of three players look like one."""

    def __len__(self) -> int:
        return len(self.packed)

    def rows(self, part: slice) -> Bool[np.ndarray, "coalitions players"]:
        """Some of them."""
        return unpack(self.packed[part], self.players)

    @property
    def everything(self) -> bool:
        """Whether there are no others."""
        return len(self.packed) == 1 << min(self.players, 62)


def design(players: int, most: int, near: Float[np.ndarray, " sizes"], seed: int) -> Coalitions:
    """At most ``most`` different coalitions, the full and the empty one among them, for a kernel by size.

    All of them where there are no more; else pairs of complements, which cancel what even numbers of players do together: of a
    balanced code where there is a good one, otherwise drawn, with sizes spread evenly over those that count. Where the kernel
    is so narrow that the complements of near coalitions count next to nothing, near coalitions alone.
    """
    law = coins(players) * near
    average = float(law.sum())
    ends = np.array([[True] * players, [False] * players])
    if players <= 62 and 1 << players <= most:
        half = all_pairs(players) if players > 1 else np.zeros((0, players), bool)
        return _weighted(players, ends, half, law, average)
    size = np.arange(1, players // 2 + 1)
    both = np.stack([law[size], law[players - size]]) / np.where(2 * size == players, 2.0, 1.0)
    rng = generator(seed, "surrogate", players)
    wanted, there = max(most - 2, 0), (1 << players - 1) - 1
    if wanted > there or both.min(axis=0).sum() >= LOPSIDED * both.max(axis=0).sum():
        first = balanced_pairs(players, wanted // 2, rng)
        if first is not None:
            return _balanced(players, ends, first, law, near, average)
        packed = draw_pairs(_positive(np.sqrt((both**2).sum(axis=0))), players, wanted // 2, rng)[0]
        return _weighted(players, ends, unpack(packed, players), law, average)
    packed, drawn = draw_pairs(_positive(both.sum(axis=0)), players, wanted, rng)
    first = unpack(packed, players)
    near_share = np.divide(both[1], both.sum(axis=0), out=np.full(len(size), 0.5), where=both.sum(axis=0) > 0)[drawn - 1]
    first[_evenly(near_share, drawn, rng)] ^= True
    return _weighted(players, np.concatenate([ends, first]), first[:0], law, average)


def _positive(law: np.ndarray) -> np.ndarray:
    """A size that counts nothing is looked at last."""
    return np.maximum(law, law.max() * 1e-12)


def _evenly(share: np.ndarray, group: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Flags that are set in each group for its share of the members, to the nearest whole one."""
    order = np.argsort(group, kind="stable")
    flags = np.zeros(len(share), bool)
    start = rng.random()
    total = np.floor(np.cumsum(share[order]) + start)
    flags[order] = np.diff(total, prepend=np.floor(start)) > 0
    return flags


def _weighted(players: int, alone: np.ndarray, first: np.ndarray, law: np.ndarray, average: float) -> Coalitions:
    """Each size's share, spread over its coalitions."""
    rows = np.concatenate([alone, _complemented(first)])
    size = rows.sum(axis=1)
    weights = (law / np.maximum(np.bincount(size, minlength=players + 1), 1))[size]
    return _coalitions(rows, len(alone), weights, average, balanced=False)


def _balanced(players: int, ends: np.ndarray, first: np.ndarray, law: np.ndarray, near: np.ndarray, average: float) -> Coalitions:
    """Coalitions of a code each count by their kernel: the code holds every size as often as a coin gives it."""
    rows = _complemented(first)
    kernel = near[rows.sum(axis=1)]
    inner = law[1:players].sum() * kernel / kernel.sum()
    return _coalitions(np.concatenate([ends, rows]), 2, np.concatenate([law[[players, 0]], inner]), average, balanced=True)


def _complemented(first: np.ndarray) -> Bool[np.ndarray, "coalitions players"]:
    both = np.empty((2 * len(first), first.shape[1]), bool)
    both[0::2], both[1::2] = first, ~first
    return both


def _coalitions(rows: np.ndarray, single: int, weights: np.ndarray, average: float, *, balanced: bool) -> Coalitions:
    players, size = rows.shape[1], rows.sum(axis=1)
    seen = np.bincount(size, minlength=players + 1) / np.exp(np.minimum(_log_choose(players), 700)).round()
    chance = 1 - np.minimum(seen, 1.0)
    return Coalitions(players, np.packbits(rows, axis=1), single, weights / weights.sum(), chance[size], average, balanced)
