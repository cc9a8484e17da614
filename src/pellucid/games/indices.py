"""Interaction indices: what it means that players do more, or less, together than apart.

An index gives a set ``S`` of players a weighted sum of discrete derivatives: how much more all of ``S`` bring together than their
parts do, ``sum over L in S of (-1)**(|S|-|L|) v(T | L)``, when the others who are present are ``T``. The weights depend on the
size of ``T`` only. They follow from what the index makes of a unanimity game (worth 1 where all of ``R`` are present, else 0):
``share``, a number for ``|R|`` where ``R`` contains ``S``, and 0 elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from itertools import chain, combinations
from math import comb

import numpy as np
from jaxtyping import Float, Int

from ..core.errors import InputError, nearest

Share = Callable[[int, int, int], Fraction]
"""Of the index's order, the size of ``S`` and that of ``R``."""

BERNOULLI = (Fraction(1), Fraction(-1, 2), Fraction(1, 6), Fraction(0))
"""How k-SII hands the interactions of larger sets down to smaller ones."""


def _sii(order: int, size: int, union: int) -> Fraction:  # noqa: ARG001 (the same for all orders)
    return Fraction(1, union - size + 1)


def _k_sii(order: int, size: int, union: int) -> Fraction:
    more = union - size
    handed = range(min(order - size, more) + 1)
    return sum((comb(more, j) * BERNOULLI[j] / (more - j + 1) for j in handed), Fraction(0))


def _stii(order: int, size: int, union: int) -> Fraction:
    return Fraction(1, comb(union, order)) if size == order else Fraction(union == size)


def _fsii(order: int, size: int, union: int) -> Fraction:
    if union <= order:
        return Fraction(union == size)
    sign = (-1) ** (order - size)
    left = Fraction(comb(union - 1, order), comb(union + order - 1, order + size))
    return sign * Fraction(size, order + size) * comb(order, size) * left


def _banzhaf(order: int, size: int, union: int) -> Fraction:  # noqa: ARG001 (the same for all orders)
    return Fraction(1, 1 << union - size)


INDICES: dict[str, Share] = {"k-sii": _k_sii, "sii": _sii, "stii": _stii, "fsii": _fsii, "banzhaf": _banzhaf}
MOST = 3
"""The largest order."""


def check_index(index: str) -> None:
    """Refuse an index that does not exist."""
    if index not in INDICES:
        raise InputError(f"there is no interaction index {index!r}.{nearest(str(index), INDICES)}")


def check_order(order: int) -> None:
    """Refuse an order that is none."""
    if isinstance(order, bool) or not isinstance(order, (int, np.integer)) or not 1 <= order <= MOST:
        raise InputError(f"order must be 1, 2 or 3: how many players an interaction has at most; got {order!r}.")


@lru_cache(maxsize=64)
def weights(index: str, order: int, size: int, players: int) -> Float[np.ndarray, " others+1"]:
    """What a derivative of ``size`` players counts where 0, 1, ... of the others are present."""
    share = [INDICES[index](order, size, union) for union in range(size, players + 1)]
    for others in range(len(share) - 1, 0, -1):  # a set of unanimity games is told apart by differences
        for at in range(others):
            share[at] -= share[at + 1]
    return np.array([float(each) for each in share])


def sets_of(players: int, size: int) -> int:
    """How many sets of this size there are."""
    return comb(players, size)


def members(players: int, size: int) -> Int[np.ndarray, "sets size"]:
    """All sets of a size, in lexicographic order.

    >>> members(3, 2).tolist()
    [[0, 1], [0, 2], [1, 2]]
    """
    return np.fromiter(chain.from_iterable(combinations(range(players), size)), np.intp).reshape(-1, size)
