"""Shapley values of a bare function of coalitions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from ..core.errors import InputError
from ..core.types import Coalitions
from . import asked
from .estimator import Estimator
from .estimators import estimator as find
from .estimators.exact import Exact
from .play import play

DEFAULT = 2048
"""Coalitions of the default budget, besides two for each player."""
PATIENCE = 16
"""With a tolerance and no budget, at most this many times the default budget."""


@dataclass(frozen=True, eq=False, repr=False)
class Shapley:
    """Shapley values of a game, and what is known of their errors."""

    values: Float[np.ndarray, "*outputs players"]
    """What each player contributes; they sum to ``total - base_value``."""
    standard_errors: Float[np.ndarray, "*outputs players"]
    """``values`` give or take 1.96 of these is a 95% interval; infinite where nothing is known of the error."""
    base_value: Float[np.ndarray, "*outputs"]
    """The value of the empty coalition."""
    total: Float[np.ndarray, "*outputs"]
    """The value of the full coalition."""
    error: Float[np.ndarray, "*outputs"]
    """Estimated Euclidean norm of the error, relative to that of the values."""
    calls: int
    """Coalitions that were evaluated."""
    estimator: str
    """The estimator's name."""
    notes: tuple[str, ...]
    """Sentences: why something was chosen, what is missing."""

    def __repr__(self) -> str:
        players = self.values.shape[-1]
        lines = [f"Shapley values of {players} player{'s' * (players > 1)} by {self.estimator} from {self.calls} coalitions"]
        for output in np.ndindex(self.total.shape):
            place = f"output {output[0]}: " if output else ""
            lines.append(f"  {place}{float(self.base_value[output]):.6g} with nobody, {float(self.total[output]):.6g} with all")
            values, errors = self.values[output], self.standard_errors[output]
            order = np.argsort(-np.abs(values), kind="stable")[:10]
            lines += [f"    player {player:<4} {values[player]:+.6g} ± {errors[player]:.2g}" for player in order]
            if players > 10:
                lines.append(f"    and {players - 10} smaller ones")
        return "\n".join([*lines, *(f"  {note}" for note in self.notes)])


def shapley(
    game: Callable[[Coalitions], Any],
    players: int | None = None,
    *,
    estimator: str | Estimator = "auto",
    budget: int | None = None,
    tolerance: float | None = None,
    seed: int = 0,
) -> Shapley:
    """Shapley values of a game: what each player contributes on average over all orders in which they may join.

    Parameters
    ----------
    game
        Maps coalitions, bool ``(n, players)`` with ``True`` for players who are present, to their values: ``(n,)``, or
        ``(n, outputs)`` for several games played at once.
    players
        How many there are; may be left out if ``game.players`` says so.
    estimator
        A name (``"auto"``, ``"exact"``, ``"permutation"``, ``"kernel"``, ``"leverage"``, ``"odd-regression"``,
        ``"gaussian-process"``, ``"regression-msr"``, ``"owen"``), or an estimator with settings of its own. ``"auto"`` looks
        at every coalition where the budget allows, and says in ``notes`` what else it chose and why.
    budget
        The most coalitions that are evaluated, the empty and the full one included; none is evaluated twice. By default
        2048 and two for each player (all of them, for ``"exact"``); 16 times that where a tolerance is given.
    tolerance
        Stop when the estimated relative error ||error||2 / ||values||2 of every output is at most this. By default the whole
        budget is spent.
    seed
        Of the draws: the same seed gives the same bytes. The global random state is neither read nor changed.

    Returns
    -------
    Shapley
        ``values`` and ``standard_errors`` ``(players,)``, or ``(outputs, players)``; they sum to ``total - base_value``.

    Raises
    ------
    InputError
        If the game's values have the wrong shape, an argument is not valid, or there are too many players for ``"exact"``.
    BudgetError
        If the budget is too small for the estimator.
    NonFiniteError
        If the game gives NaN or infinity.

    Examples
    --------
    A left glove (player 0) sells only with a right one (players 1 and 2):

    >>> import numpy as np
    >>> s = shapley(lambda coalitions: coalitions[:, 0] * coalitions[:, 1:].any(axis=1) * 1.0, players=3)
    >>> np.round(s.values, 4).tolist()
    [0.6667, 0.1667, 0.1667]
    >>> s.calls
    8
    """
    chosen, played = find(estimator), asked.bare(game, players, "shapley")
    asked.check(budget, tolerance, seed)
    most = default_budget(budget, chosen, played.players, tolerance)
    found = play(played, chosen, budget=most, tolerance=tolerance, seed=int(seed))
    if np.isinf(found.total - found.empty).any():
        raise InputError("the game's values are too large: the difference of two of them overflows.")
    pick = (0, 0) if played.flat else (0,)
    return Shapley(
        values=found.values[pick],
        standard_errors=found.standard_errors[pick],
        base_value=found.empty[pick],
        total=found.total[pick],
        error=found.error[pick],
        calls=int(found.calls[0]),
        estimator=chosen.name,
        notes=found.notes,
    )


def default_budget(budget: int | None, chosen: Estimator, players: int, tolerance: float | None) -> int:
    """The budget in coalitions, where none was given too."""
    if budget is not None:
        return int(budget)
    if isinstance(chosen, Exact):
        return chosen.least(players)
    return (2 * players + DEFAULT) * (1 if tolerance is None else PATIENCE)
