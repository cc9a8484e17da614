"""A game played within a budget, to a tolerance: coalitions in blocks, until every sample is known well enough."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from ..arrays.coalitions import ENTRIES
from ..core.errors import BudgetError
from .estimator import Estimator, Solution
from .estimators.exact import MOST_PLAYERS, from_table
from .game import Game
from .pairs import Pairs

GROWTH = 1.5
"""Where a tolerance is given, a round brings the pairs to this factor of those so far."""
WATCHED = 8
"""Blocks of the whole budget, at least, where somebody watches."""
FLOOR = 1e-7
"""Errors below this share of the largest value of any coalition are rounding (of a float32 model)."""


@dataclass(frozen=True, eq=False)
class Estimate:
    """Shapley values of every sample and output, and what is known of their errors."""

    values: Float[np.ndarray, "samples outputs players"]
    standard_errors: Float[np.ndarray, "samples outputs players"]
    """Infinite where nothing is known of the error."""
    empty: Float[np.ndarray, "samples outputs"]
    """The value of the empty coalition."""
    total: Float[np.ndarray, "samples outputs"]
    """The value of the full coalition; the values sum to ``total - empty``."""
    calls: Int[np.ndarray, " samples"]
    """Coalitions that were evaluated, the empty and the full one included."""
    error: Float[np.ndarray, "samples outputs"]
    """Estimated Euclidean norm of the error, relative to that of the values."""
    notes: tuple[str, ...] = ()
    """Sentences: why something was chosen, what is missing."""


def play(
    game: Game,
    estimator: Estimator,
    *,
    budget: int,
    tolerance: float | None = None,
    seed: int = 0,
    watch: Callable[[int], bool] | None = None,
) -> Estimate:
    """Estimate the Shapley values of all samples of a game from at most ``budget`` coalitions each.

    Parameters
    ----------
    game
        What coalitions are worth.
    estimator
        Which coalitions to look at, and what to make of them.
    budget
        The most coalitions for each sample, the empty and the full one included. No coalition is evaluated twice.
    tolerance
        Samples whose estimated relative error (of every output) is at most this stop, one by one; without it, the whole budget
        is spent.
    seed
        Of the draws; the same for all samples.
    watch
        Called after each block with the number of coalitions so far; if it says true, the play ends there.

    Returns
    -------
    Estimate

    Raises
    ------
    BudgetError
        If the budget is too small for the estimator.
    """
    players = game.players
    least = 2 if players == 1 else min(estimator.least(players), 1 << players)
    if budget < least:
        raise BudgetError(
            f"{estimator.name} needs at least {least} coalitions for {players} players (the empty and the full one included); "
            f"the budget is {budget}."
        )
    ends = np.zeros((2, players), bool)
    ends[1] = True
    everyone = np.arange(game.samples)
    empty, full = np.moveaxis(game(ends, everyone), 1, 0)
    known = _Known(empty, full)
    available = (1 << players - 1) - 1
    design = estimator.design(players, min((budget - 2) // 2, available), seed) if available else None
    if design is None or not len(design):
        return known.estimate(Solution((full - empty).reshape(-1, 1), np.zeros((full.size, 1))))
    rounds = [len(design)] if tolerance is None or design.together else _rounds(max((least - 2) // 2, 2 * players), len(design))
    odd = np.empty((len(design), *full.shape))
    active, begin = everyone, 0
    for end in rounds:
        begin, stopped = _evaluate(game, design, active, begin, end, odd, known, watch)
        known.solve(estimator, design.beginning(begin), odd[:begin], active)
        if tolerance is not None:
            active = active[(known.error[active] > tolerance).any(axis=1)]
        if stopped or not len(active):
            break
    return known.estimate()


class _Known:
    """What is known of each sample so far."""

    def __init__(self, empty: Float[np.ndarray, "samples outputs"], full: Float[np.ndarray, "samples outputs"]) -> None:
        self.empty, self.full = empty, full
        self.largest = np.maximum(np.abs(empty), np.abs(full))
        self.calls = np.full(len(empty), 2)
        self.error = np.zeros_like(full)
        self.values = self.standard_errors = np.empty(0)
        self.notes: dict[str, None] = {}

    def solve(self, estimator: Estimator, design: Pairs, odd: np.ndarray, active: Int[np.ndarray, " active"]) -> None:
        """Values of the active samples from the pairs so far; those of the others stay."""
        total = (self.full - self.empty)[active]
        columns = odd[:, active].reshape(len(odd), -1)
        everything = estimator.index == "shapley" and design.players <= MOST_PLAYERS and design.complete
        solve = from_table if everything else estimator.solve
        solution = solve(design, columns, total.ravel())
        if not self.values.size:
            self.values = np.empty((*self.full.shape, design.players))
            self.standard_errors = np.empty_like(self.values)
        shape = (len(active), -1, design.players)
        self.values[active] = values = solution.values.reshape(shape)
        self.standard_errors[active] = spread = solution.standard_errors.reshape(shape)
        self.error[active] = _relative(values, spread, self.largest[active])
        self.notes = dict.fromkeys(solution.notes)

    def estimate(self, solution: Solution | None = None) -> Estimate:
        """The record of it all."""
        values, spread = self.values, self.standard_errors
        if solution is not None:
            values, spread = (part.reshape(*self.full.shape, -1) for part in (solution.values, solution.standard_errors))
        return Estimate(values, spread, self.empty, self.full, self.calls, self.error, tuple(self.notes))


def _evaluate(
    game: Game,
    design: Pairs,
    active: Int[np.ndarray, " active"],
    begin: int,
    end: int,
    odd: Float[np.ndarray, "pairs samples outputs"],
    known: _Known,
    watch: Callable[[int], bool] | None,
) -> tuple[int, bool]:
    """Look at the pairs from ``begin`` to ``end``, in blocks; how far it came, and whether the watch said to end."""
    step = max(ENTRIES // design.players // 2, 1)
    if watch is not None:
        step = min(step, -(-len(design) // WATCHED))
    for first in range(begin, end, step):
        last = min(first + step, end)
        found = game(design.coalitions(first, last), active)
        known.largest[active] = np.maximum(known.largest[active], np.abs(found).max(axis=1))
        odd[first:last, active] = np.moveaxis(found[:, 0::2] - found[:, 1::2], 1, 0) / 2
        known.calls[active] = 2 + 2 * last
        if watch is not None and watch(2 + 2 * last):
            return last, True
    return end, False


def _rounds(least: int, most: int) -> list[int]:
    """Numbers of pairs after each round."""
    rounds = [min(least, most)]
    while rounds[-1] < most:
        rounds.append(min(max(int(GROWTH * rounds[-1]), rounds[-1] + 1), most))
    return rounds


def _relative(
    values: Float[np.ndarray, "samples outputs players"],
    spread: Float[np.ndarray, "samples outputs players"],
    largest: Float[np.ndarray, "samples outputs"],
) -> Float[np.ndarray, "samples outputs"]:
    error, norm = np.sqrt((spread**2).sum(axis=-1)), np.sqrt((values**2).sum(axis=-1))
    error = np.where(error > FLOOR * largest, error, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(error > 0, error / norm, 0.0)
