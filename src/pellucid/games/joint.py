"""What sets of players are worth jointly, within a budget and to a tolerance: interactions of every sample and output at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Int

from ..arrays.coalitions import all_pairs, draw_pairs
from ..arrays.draws import generator
from ..core.errors import BudgetError, InputError
from ..core.types import GameValues
from .banzhaf import EXACT_PLAYERS
from .banzhaf import design as uniform
from .derivatives import from_pairs
from .game import Game
from .indices import sets_of, weights
from .pairs import Pairs, law, remembered
from .rounds import ROUNDING, Estimate, Seen, rounds
from .surrounding import Estimated, estimate

MOST_PAIRS = 4096
"""The most pairs from which interactions are estimated: time grows with their third power."""
LEAST = 4
"""Coalitions: the empty one, the full one and a pair."""
GROWTH = 2.0
"""Where a tolerance is given, a round brings the pairs to this factor of those so far."""


def joint(
    game: Game,
    index: str,
    order: int,
    *,
    budget: int,
    tolerance: float | None = None,
    seed: int = 0,
    watch: Callable[[int], bool] | None = None,
) -> Estimate:
    """Interactions of all samples of a game from at most ``budget`` coalitions each; exact where that is all of them.

    Parameters
    ----------
    game
        What coalitions are worth.
    index
        What an interaction is: a key of ``indices.INDICES``.
    order
        How many players an interaction has at most; no more than there are.
    budget
        The most coalitions for each sample, the empty and the full one included. No coalition is evaluated twice.
    tolerance
        Samples whose estimated relative error (of every output) is at most this stop, one by one.
    seed
        Of the draws; the same for all samples.
    watch
        Called after each block with the number of coalitions so far; if it says true, the play ends there.

    Returns
    -------
    Estimate
        Values of all sets of 1, 2, ... players, each size in lexicographic order.

    Raises
    ------
    BudgetError
        If there is no budget for the empty and the full coalition and a pair of others.
    InputError
        If values are too large for numbers.
    """
    players = game.players
    everything = (1 << players - 1) - 1
    if budget < fewest(players):
        raise BudgetError(
            f"interactions of {players} players need at least {fewest(players)} coalitions (the empty and the full one "
            f"included); the budget is {budget}."
        )
    pairs, notes = min((budget - 2) // 2, everything), list[str]()
    if pairs > MOST_PAIRS and (pairs < everything or players > EXACT_PLAYERS):
        pairs = MOST_PAIRS
        notes.append(
            f"From more than {2 * MOST_PAIRS + 2} coalitions interactions are not estimated; with a budget of 2**{players} they "
            f"are exact."
            if players <= EXACT_PLAYERS
            else f"From more than {2 * MOST_PAIRS + 2} coalitions interactions are not estimated."
        )
    by_size = [weights(index, order, size, players) for size in range(1, order + 1)]
    nobody_and_all = np.stack([np.zeros(players, bool), np.ones(players, bool)])
    everyone = np.arange(game.samples)
    empty, full = np.moveaxis(game(nobody_and_all, everyone), 1, 0)
    with np.errstate(over="ignore"):
        if not np.isfinite([full - empty, full + empty]).all():
            raise InputError("the game's values are too large: the difference or sum of two of them overflows.")
    known = _Known(empty, full, by_size, getattr(game, "rounding", ROUNDING))
    design = _all(players) if pairs == everything else _design(index, players, pairs, seed)
    seen = np.empty((2, len(design) + 1, *full.shape))
    seen[:, 0] = (full - empty) / 2, (full + empty) / 2
    active, begin = everyone, 0

    def keep(part: slice, found: GameValues) -> None:
        one, other = np.moveaxis(found[:, 0::2], 1, 0) / 2, np.moveaxis(found[:, 1::2], 1, 0) / 2
        rows = slice(1 + part.start, 1 + part.stop)
        seen[0, rows, active] = np.moveaxis(one - other, 1, 0)
        seen[1, rows, active] = np.moveaxis(one + other, 1, 0)

    for end in [len(design)] if tolerance is None else rounds(2 * players, len(design), GROWTH):
        begin, stopped = known.seen.look(game, design, active, begin, end, keep, watch)
        known.solve(design.beginning(begin), seen[:, : begin + 1], active)
        if tolerance is not None:
            active = active[(known.error[active] > tolerance).any(axis=1)]
        if stopped or not len(active):
            break
    return known.estimate(notes)


def fewest(players: int) -> int:
    """The smallest budget in coalitions with which there is an answer."""
    return min(LEAST, 1 << players)


class _Known:
    """What is known of each sample so far."""

    def __init__(self, empty: np.ndarray, full: np.ndarray, by_size: list[np.ndarray], rounding: float) -> None:
        self.empty, self.full, self.by_size = empty, full, by_size
        self.players = len(by_size[0])
        self.sets = sum(sets_of(self.players, size + 1) for size in range(len(by_size)))
        self.values = np.zeros((*full.shape, self.sets))
        self.standard_errors = np.zeros_like(self.values)
        self.seen, self.error = Seen(empty, full, rounding), np.zeros_like(full)
        self.short: str | None = None

    def solve(self, design: Pairs, seen: np.ndarray, active: Int[np.ndarray, " active"]) -> None:
        """Values of the active samples from the pairs so far; those of the others stay."""
        odd, even = (part[:, active].reshape(len(part), -1) for part in seen)
        if len(design) == (1 << self.players - 1) - 1 and self.players <= EXACT_PLAYERS:
            values = from_pairs(design.first(), odd, even, self.by_size)
            found = Estimated(values, np.zeros_like(values), True)
        else:
            members = np.concatenate([np.ones((1, self.players), bool), design.first()])
            found = estimate(members, odd, even, self.by_size)
            self.short = self._short(design, found)
        self.values[active] = values = found.values.reshape(len(active), -1, self.sets)
        self.standard_errors[active] = spread = found.standard_errors.reshape(values.shape)
        self.error[active] = self.seen.error(values, spread, active)

    def _short(self, design: Pairs, found: Estimated) -> str | None:
        """A sentence where there are fewer coalitions than unknowns."""
        unknown = 1 + self.sets
        if 2 * len(design) + 2 >= unknown and found.enough:
            return None
        return (
            f"{2 * len(design) + 2} coalitions do not tell {self.sets} values apart: those of the smallest games that "
            f"agree with what was seen are given, and the standard errors rest on the games' smoothness; {2 * unknown} "
            f"coalitions or more tell them apart."
        )

    def estimate(self, notes: list[str]) -> Estimate:
        """The record of it all."""
        said = (*notes, *([self.short] if self.short else []))
        return Estimate(self.values, self.standard_errors, self.empty, self.full, self.seen.calls, self.error, said)


def _all(players: int) -> Pairs:
    first = all_pairs(players)
    return Pairs(players, np.packbits(first, axis=1), first.sum(axis=1))


def _design(index: str, players: int, pairs: int, seed: int) -> Pairs:
    """Coalitions of all sizes alike; all coalitions alike, where an index takes them so."""
    return (uniform if index == "banzhaf" else _even)(players, pairs, seed)


def _drawn(players: int, pairs: int, seed: int) -> Pairs:
    return Pairs(players, *draw_pairs(law("leverage", players), players, pairs, generator(seed, "interactions", players)))


_even = remembered(_drawn)
