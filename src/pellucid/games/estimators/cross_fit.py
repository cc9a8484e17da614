"""Cross-fitting: a proxy's own Shapley values, corrected by what it misses on pairs that it was not fitted to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

import numpy as np
from jaxtyping import Bool, Float, Int

from ...arrays.coalitions import blocks
from ..estimator import Odd, Solution, Total
from ..pairs import Pairs
from . import regression

FOLDS = 5
Correction = Literal["regression", "msr"]


class Proxy(Protocol):
    """The odd part of a game that stands for the one at hand, one column for each output of each sample."""

    @property
    def shapley(self) -> Float[np.ndarray, "players columns"]:
        """Its Shapley values."""
        ...

    def at(self, rows: Bool[np.ndarray, "rows players"]) -> Float[np.ndarray, "rows columns"]:
        """Its odd part at these coalitions."""
        ...


Fit = Callable[[Pairs, Odd, Total], Proxy]


def solve(pairs: Pairs, odd: Odd, total: Total, fit: Fit, correction: Correction) -> Solution:
    """Fit on all folds but one, look at what is missed on that one; the mean of the proxies' values, plus what is missed.

    Sizes that are known whole leave nothing to chance: there, what the mean of the proxies misses is looked at. Where regression
    corrects, it finds the additive part better than any proxy: the proxies' own is taken out.
    """
    folds = min(FOLDS, len(pairs))
    if folds < 2:
        return regression.solve(pairs, odd, total)
    turn = _turns(pairs.size) % folds
    rows, everyone, given = pairs.first(), np.ones((1, pairs.players), bool), regression.weights(pairs)
    whole = np.flatnonzero(given.unseen == 0)
    project = _additive(rows, given.weight) if correction == "regression" else None
    missed, shapley, ends = odd.copy(), np.zeros((pairs.players, len(total))), np.zeros(len(total))
    for fold in range(folds):
        inside, outside = np.flatnonzero(turn != fold), np.flatnonzero((turn == fold) & (given.unseen > 0))
        proxy = fit(Pairs(pairs.players, pairs.packed[inside], pairs.size[inside]), odd[inside], total)
        found = proxy.at(rows)
        additive = np.zeros_like(shapley) if project is None else project @ found
        found -= (rows - 0.5) @ additive
        missed[outside] -= found[outside]
        missed[whole] -= found[whole] / folds
        shapley += (proxy.shapley - additive) / folds
        ends += (2 * proxy.at(everyone)[0] - additive.sum(axis=0)) / folds
    solved = (reused if project is None else regression.solve)(pairs, missed, total - ends)
    return Solution(shapley.T + solved.values, solved.standard_errors, solved.notes)


def _additive(rows: Bool[np.ndarray, "pairs players"], weight: Float[np.ndarray, " pairs"]) -> Float[np.ndarray, "players pairs"]:
    """The additive game nearest to values at these rows, as a matrix."""
    coded = rows - 0.5
    return np.linalg.pinv((coded.T * weight) @ coded, hermitian=True) @ (coded.T * weight)


def reused(pairs: Pairs, odd: Odd, total: Total) -> Solution:
    """Shapley's formula with each size's pairs standing for all of that size: every value is used for every player.

    What the values then lack to ``total`` is shared equally. Sizes that were not drawn count as if they had nothing to add.
    """
    players, unseen = pairs.players, regression.weights(pairs).unseen
    count = np.bincount(pairs.size, minlength=players // 2 + 1)
    values, squares = np.zeros((players, len(total))), np.zeros((players, len(total)))
    for part in blocks(len(pairs), players):
        size = pairs.size[part, None]
        # Shapley's weight of a coalition, times how many of its size there are, over how many were seen.
        stands = np.where(2 * size == players, 1, 2) / count[size]
        weight = stands * np.where(pairs.first(part.start, part.stop), 1 / size, -1 / (players - size))
        chance = unseen[part, None] * count[size] / np.maximum(count[size] - 1, 1)
        values += weight.T @ odd[part]
        squares += (weight**2).T @ (chance * odd[part] ** 2)
    values += (total - values.sum(axis=0)) / players
    missing = np.count_nonzero(count[1:] == 0)
    notes = (
        (f"{missing} of {players // 2} sizes of coalitions were not looked at: their part is the proxy's alone.",)
        if missing
        else ()
    )
    return Solution(values.T, np.sqrt(squares).T, notes)


def _turns(size: Int[np.ndarray, " pairs"]) -> Int[np.ndarray, " pairs"]:
    """Numbers that go round within each size, so that every fold has its part of every size."""
    turn = np.empty(len(size), np.intp)
    turn[np.argsort(size, kind="stable")] = np.arange(len(size))
    return turn
