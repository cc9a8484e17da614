"""Rounds of a play: how many pairs each has, looking at them in blocks of bounded memory, and what is known in the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from ..arrays.coalitions import ENTRIES
from ..core.types import GameValues
from .game import Game
from .pairs import Pairs

WATCHED = 8
"""Blocks of the whole budget, at least, where somebody watches."""
ROUNDING = 1e-7
"""What is rounding in a game that does not say it: that of a float32 model."""


@dataclass(frozen=True, eq=False)
class Estimate:
    """What a play gave for every sample and output: one value for each player, or for each set of players, and its error."""

    values: Float[np.ndarray, "samples outputs _"]
    standard_errors: Float[np.ndarray, "samples outputs _"]
    """Infinite where nothing is known of the error."""
    empty: Float[np.ndarray, "samples outputs"]
    """The value of the empty coalition."""
    total: Float[np.ndarray, "samples outputs"]
    """The value of the full coalition; Shapley values sum to ``total - empty``."""
    calls: Int[np.ndarray, " samples"]
    """Coalitions that were evaluated, the empty and the full one included."""
    error: Float[np.ndarray, "samples outputs"]
    """Estimated Euclidean norm of the error, relative to that of the values."""
    notes: tuple[str, ...] = ()
    """Sentences: why something was chosen, what is missing."""


def rounds(least: int, most: int, growth: float) -> list[int]:
    """Numbers of pairs after each round, each ``growth`` times the one before.

    >>> rounds(4, 20, 2.0)
    [4, 8, 16, 20]
    """
    ends = [min(least, most)]
    while ends[-1] < most:
        ends.append(min(max(int(growth * ends[-1]), ends[-1] + 1), most))
    return ends


class Seen:
    """What was looked at in each sample: how many coalitions, and the largest value among them."""

    def __init__(
        self, empty: Float[np.ndarray, "samples outputs"], full: Float[np.ndarray, "samples outputs"], rounding: float
    ) -> None:
        self.rounding, self.calls = rounding, np.full(len(empty), 2)
        self.largest = np.maximum(np.abs(empty), np.abs(full))

    def look(
        self,
        game: Game,
        design: Pairs,
        active: Int[np.ndarray, " active"],
        begin: int,
        end: int,
        keep: Callable[[slice, GameValues], None],
        watch: Callable[[int], bool] | None,
    ) -> tuple[int, bool]:
        """Look at the pairs from ``begin`` to ``end``; how far it came, and whether the watch said to end.

        ``keep`` gets each block of pairs, and the values ``(active, 2 pairs, outputs)`` of both members in turn.
        """
        step = max(ENTRIES // design.players // 2, 1)
        if watch is not None:
            step = max(min(step, -(-len(design) // WATCHED)), 1)
        for first in range(begin, end, step):
            last = min(first + step, end)
            found = game(design.coalitions(first, last), active)
            self.largest[active] = np.maximum(self.largest[active], np.abs(found).max(axis=1))
            self.calls[active] = 2 + 2 * last
            keep(slice(first, last), found)
            if watch is not None and watch(2 + 2 * last):
                return last, True
        return end, False

    def error(
        self,
        values: Float[np.ndarray, "active outputs _"],
        standard_errors: Float[np.ndarray, "active outputs _"],
        active: Int[np.ndarray, " active"],
    ) -> Float[np.ndarray, "active outputs"]:
        """Estimated norm of the error relative to that of the values; rounding is no error."""
        unit = np.where(self.largest > 0, self.largest, 1.0)[active, :, None]  # squares of very large or small values are none
        error, norm = (np.sqrt(((each / unit) ** 2).sum(axis=-1)) for each in (standard_errors, values))
        error = np.where(error > self.rounding, error, 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(error > 0, error / norm, 0.0)
