"""A game played within a budget, to a tolerance: coalitions in blocks, until every sample is known well enough."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int

from ..arrays.threads import few_threads
from ..core.errors import BudgetError
from ..core.types import GameValues
from .estimator import Estimator, Solution
from .estimators.exact import MOST_PLAYERS, from_table
from .game import Game
from .pairs import Pairs
from .rounds import ROUNDING, Estimate, Seen, rounds

GROWTH = 1.5
"""Where a tolerance is given, a round brings the pairs to this factor of those so far."""


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
    least = fewest(estimator, players)
    if budget < least:
        raise BudgetError(
            f"{estimator.name} needs at least {least} coalitions for {players} players (the empty and the full one included); "
            f"the budget is {budget}."
        )
    nobody_and_all = np.stack([np.zeros(players, bool), np.ones(players, bool)])
    everyone = np.arange(game.samples)
    empty, full = np.moveaxis(game(nobody_and_all, everyone), 1, 0)
    known = _Known(empty, full, getattr(game, "rounding", ROUNDING))
    available = (1 << players - 1) - 1
    design = estimator.design(players, min((budget - 2) // 2, available), seed) if available else None
    if design is None or not len(design):
        return known.estimate(Solution((full - empty).reshape(-1, 1), np.zeros((full.size, 1))))
    whole = tolerance is None or design.together
    ends = [len(design)] if whole else rounds(max((least - 2) // 2, 2 * players), len(design), GROWTH)
    odd = np.empty((len(design), *full.shape))
    active, begin = everyone, 0

    def keep(part: slice, found: GameValues) -> None:
        odd[part, active] = np.moveaxis(found[:, 0::2] - found[:, 1::2], 1, 0) / 2

    for end in ends:
        begin, stopped = known.seen.look(game, design, active, begin, end, keep, watch)
        known.solve(estimator, design.beginning(begin), odd[:begin], active)
        if tolerance is not None:
            active = active[(known.error[active] > tolerance).any(axis=1)]
        if stopped or not len(active):
            break
    return known.estimate()


def fewest(estimator: Estimator, players: int) -> int:
    """The smallest budget in coalitions with which an estimator gives an answer."""
    return 2 if players == 1 else min(estimator.least(players), 1 << players)


class _Known:
    """What is known of each sample so far."""

    def __init__(
        self, empty: Float[np.ndarray, "samples outputs"], full: Float[np.ndarray, "samples outputs"], rounding: float
    ) -> None:
        self.empty, self.full = empty, full
        self.seen = Seen(empty, full, rounding)
        self.error = np.zeros_like(full)
        self.values = self.standard_errors = np.empty(0)
        self.notes: dict[str, None] = {}

    def solve(self, estimator: Estimator, design: Pairs, odd: np.ndarray, active: Int[np.ndarray, " active"]) -> None:
        """Values of the active samples from the pairs so far; those of the others stay."""
        total = (self.full - self.empty)[active].reshape(-1)
        columns = odd[:, active].reshape(len(odd), -1)
        unit = _unit(np.maximum(np.maximum(columns.max(axis=0), -columns.min(axis=0)), np.abs(total)))
        columns /= unit
        everything = estimator.index == "shapley" and design.players <= MOST_PLAYERS and design.complete
        solve = from_table if everything else estimator.solve
        with few_threads(len(design)):
            solution = solve(design, columns, total / unit)
        if not self.values.size:
            self.values = np.empty((*self.full.shape, design.players))
            self.standard_errors = np.empty_like(self.values)
        shape = (len(active), -1, design.players)
        self.values[active] = values = (solution.values * unit[:, None]).reshape(shape)
        self.standard_errors[active] = spread = (solution.standard_errors * unit[:, None]).reshape(shape)
        self.error[active] = self.seen.error(values, spread, active)
        self.notes = dict.fromkeys(solution.notes)

    def estimate(self, solution: Solution | None = None) -> Estimate:
        """The record of it all."""
        values, spread = self.values, self.standard_errors
        if solution is not None:
            values, spread = (part.reshape(*self.full.shape, -1) for part in (solution.values, solution.standard_errors))
        return Estimate(values, spread, self.empty, self.full, self.seen.calls, self.error, tuple(self.notes))


def _unit(largest: Float[np.ndarray, " columns"]) -> Float[np.ndarray, " columns"]:
    """A power of two near the largest value of each column: in it squares neither overflow nor vanish, and nothing is rounded."""
    return np.ldexp(1.0, np.where(largest > 0, np.clip(np.frexp(largest)[1], -1000, 1000), 0))
