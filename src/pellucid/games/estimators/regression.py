"""Weighted regression on pairs: the additive game nearest to the one at hand, under the Shapley kernel.

In the coding ``+1/2`` for present and ``-1/2`` for absent, the odd part of an additive game is linear without a constant, so each
pair is one row. That the values sum to ``total`` is met by projection: rows and values are taken relative to equal shares.

Each size's share of the Shapley kernel is spread over the pairs of that size that were drawn, so the solution is that of all
coalitions with the unseen ones replaced by others of their size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ...arrays.coalitions import blocks, pairs_of_size
from ..estimator import Odd, Solution, Total
from ..pairs import Pairs, law

SMALLEST = 1e-10
"""Directions with less than this share of the largest eigenvalue are missing from the design."""


LEAST = 4
"""One pair, and the two ends."""


def full_rank(players: int) -> int:
    """Coalitions for as many pairs as there are unknowns, and the two ends."""
    return 2 * players


@dataclass(frozen=True, eq=False)
class Weights:
    """What each pair counts."""

    weight: Float[np.ndarray, " pairs"]
    """Its share of the Shapley kernel."""
    unseen: Float[np.ndarray, " pairs"]
    """The share of its size's pairs that the design leaves out: where it is 0, nothing is left to chance."""


def weights(pairs: Pairs) -> Weights:
    """Each size's share of the kernel, spread over its pairs."""
    count = np.bincount(pairs.size, minlength=pairs.players // 2 + 1)[1:]
    shares = law("kernel", pairs.players)
    each = np.where(count > 0, shares / shares.sum() / np.maximum(count, 1), 0.0)
    # Whole numbers of any size: there are more coalitions of a thousand players than a float can say.
    unseen = np.array([1 - int(seen) / pairs_of_size(pairs.players, size + 1) for size, seen in enumerate(count)])
    small = np.minimum(pairs.size, pairs.players - pairs.size) - 1
    return Weights(each[small], unseen[small])


def coded(pairs: Pairs, part: slice) -> Float[np.ndarray, "pairs players"]:
    """Rows of +1/2 and -1/2, less their mean: the part that equal shares do not explain."""
    rows = pairs.first(part.start, part.stop) - 0.5
    return rows - rows.mean(axis=1, keepdims=True)


def solve(pairs: Pairs, odd: Odd, total: Total) -> Solution:
    """Values and sandwich standard errors (HC3, finite population) of all columns, factorised once."""
    players, given = pairs.players, weights(pairs)
    parts = blocks(len(pairs), players)
    gram, right = np.zeros((players, players)), np.zeros((players, len(total)))
    for part in parts:
        rows, weight = coded(pairs, part), given.weight[part, None]
        gram += rows.T @ (weight * rows)
        right += rows.T @ (weight * _rest(pairs, part, odd, total))
    inverse, missing = _inverse(gram)
    beta = inverse @ right
    squares = np.zeros((players, len(total)))
    for part in parts:
        rows, weight = coded(pairs, part), given.weight[part, None]
        lever = (weight * rows) @ inverse
        own = np.minimum((lever * rows).sum(axis=1, keepdims=True), 1 - 1e-6)
        left = (_rest(pairs, part, odd, total) - rows @ beta) / (1 - own)
        squares += (lever**2).T @ (given.unseen[part, None] * left**2)
    values = beta + total / players
    notes = ()
    if missing:
        notes = (
            f"{len(pairs)} pairs of coalitions do not tell {players} players apart: {missing} of {players - 1} directions are "
            f"missing, and the smallest values that agree with what was seen are given; {full_rank(players)} coalitions or "
            f"more tell them apart.",
        )
        squares += np.inf
    return Solution(values.T, np.sqrt(squares).T, notes)


def _rest(pairs: Pairs, part: slice, odd: Odd, total: Total) -> Float[np.ndarray, "pairs columns"]:
    """The odd part that equal shares do not explain."""
    level = pairs.first(part.start, part.stop).mean(axis=1, keepdims=True) - 0.5
    return odd[part] - level * total


def _inverse(gram: Float[np.ndarray, "n n"]) -> tuple[Float[np.ndarray, "n n"], int]:
    """The inverse on the space of values that sum to 0, and how many directions of it are missing."""
    players = len(gram)
    try:
        found = np.linalg.inv(gram + gram.trace() / players**2) - 1 / gram.trace()
        if np.abs(found).max() * np.abs(gram).max() < 1 / SMALLEST:
            return found, 0
    except np.linalg.LinAlgError:
        pass
    scale, axes = np.linalg.eigh(gram)
    seen = scale > SMALLEST * scale.max()
    return (axes[:, seen] / scale[seen]) @ axes[:, seen].T, players - 1 - int(seen.sum())
