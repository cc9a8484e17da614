"""What is asked of a bare function, checked before it is called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.errors import InputError
from ..core.types import Coalitions
from .game import Function


def bare(game: Callable[[Coalitions], Any], players: int | None, verb: str) -> Function:
    """The function as a game; it may say itself how many players it has."""
    players = getattr(game, "players", None) if players is None else players
    if players is None:
        raise InputError(f"say how many players the game has: {verb}(game, players=10).")
    return Function(game, players)


def check(budget: int | None, tolerance: float | None, seed: int) -> None:
    """Refuse a budget, a tolerance or a seed that means nothing."""
    if tolerance is not None and not (isinstance(tolerance, (int, float)) and tolerance > 0):
        raise InputError(f"tolerance must be a positive number; got {tolerance!r}.")
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise InputError(f"seed must be a whole number, at least 0; got {seed!r}.")
    if budget is not None and (isinstance(budget, bool) or not isinstance(budget, (int, np.integer)) or budget < 2):
        raise InputError(f"budget must be a whole number of coalitions, at least 2; got {budget!r}.")
