"""Interactions of a bare function of coalitions: what players do together that they do not do apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from ..core.errors import BudgetError, InputError, nearest
from ..core.types import Coalitions
from . import asked
from .banzhaf import EXACT_PLAYERS
from .game import Function
from .indices import check_index, check_order, members, sets_of
from .joint import joint
from .rounds import Estimate
from .shapley import DEFAULT

ESTIMATORS = ("auto", "exact", "gaussian-process")
_SAID = {"k-sii": "k-SII", "sii": "SII", "stii": "Shapley-Taylor", "fsii": "Faithful Shapley", "banzhaf": "Banzhaf"}


@dataclass(frozen=True, eq=False)
class Sets:
    """The interactions of all sets with the same number of players."""

    players: Int[np.ndarray, "sets size"]
    """Who is in each set, in lexicographic order."""
    values: Float[np.ndarray, "*outputs sets"]
    standard_errors: Float[np.ndarray, "*outputs sets"]


@dataclass(frozen=True, eq=False, repr=False)
class Interactions:
    """Interactions of a game, and what is known of their errors."""

    values: Float[np.ndarray, "*outputs players players"]
    """Main effects on the diagonal; each pair's interaction is halved, one half on either side of it."""
    standard_errors: Float[np.ndarray, "*outputs players players"]
    """Of the entries of ``values``: these give or take 1.96 of them are 95% intervals."""
    base_value: Float[np.ndarray, "*outputs"]
    """The value of the empty coalition."""
    total: Float[np.ndarray, "*outputs"]
    """The value of the full coalition."""
    error: Float[np.ndarray, "*outputs"]
    """Estimated Euclidean norm of the error of all interactions, relative to that of the interactions."""
    calls: int
    """Coalitions that were evaluated."""
    index: str
    """What an interaction is."""
    estimator: str
    """``"exact"`` or ``"gaussian-process"``."""
    notes: tuple[str, ...]
    """Sentences: why something was chosen, what is missing."""
    _orders: tuple[Sets, ...] = field(default=())

    def of(self, *players: int) -> Any:
        """The whole interaction of these players: a number, or one for each output.

        One player's is the main effect, which is not the Shapley value where the order is 2 or more.
        """
        values, at = self._find(players)
        return values.values[..., at][()]

    def standard_error(self, *players: int) -> Any:
        """The standard error of ``of(*players)``."""
        values, at = self._find(players)
        return values.standard_errors[..., at][()]

    def __getitem__(self, players: tuple[int, ...] | int) -> Any:
        """``interactions[0, 1]`` is ``interactions.of(0, 1)``."""
        return self.of(*(players if isinstance(players, tuple) else (players,)))

    def order(self, size: int) -> Sets:
        """The interactions of all sets of ``size`` players."""
        if isinstance(size, bool) or size not in range(1, len(self._orders) + 1):
            raise InputError(f"these are interactions of up to {len(self._orders)} players; there are none of order {size!r}.")
        return self._orders[size - 1]

    def top(self, n: int = 10, *, output: int | None = None) -> list[tuple[tuple[int, ...], float, float]]:
        """The largest by magnitude, of all orders: players, value and standard error.

        ``output`` says which, where a game has several.
        """
        if self.total.ndim and output is None:
            raise InputError(f"the game has {len(self.total)} outputs; say which one: top(n, output=0).")
        pick = (output,) if self.total.ndim else ()
        rows = [
            (tuple(who.tolist()), float(value), float(error))
            for each in self._orders
            for who, value, error in zip(each.players, each.values[pick], each.standard_errors[pick], strict=True)
        ]
        return sorted(rows, key=lambda row: -abs(row[1]))[:n]

    def _find(self, players: tuple[int, ...]) -> tuple[Sets, int]:
        count = self.values.shape[-1]
        sorted_ = sorted(players)
        if len(set(sorted_)) < len(sorted_) or not all(0 <= player < count for player in sorted_):
            raise InputError(f"{players} are not different players from 0 to {count - 1}.")
        sets = self.order(len(sorted_))
        return sets, int(np.flatnonzero((sets.players == sorted_).all(axis=1))[0])

    def __repr__(self) -> str:
        players, order = self.values.shape[-1], len(self._orders)
        of = "each player" if order == 1 else f"up to {order} of {players} players"
        lines = [f"{_SAID[self.index]} interactions of {of}, {self.estimator}, from {self.calls} coalitions"]
        for output in np.ndindex(self.total.shape):
            place = f"output {output[0]}: " if output else ""
            lines.append(f"  {place}{float(self.base_value[output]):.6g} with nobody, {float(self.total[output]):.6g} with all")
            for who, value, error in self.top(10, output=output[0] if output else None):
                lines.append(f"    {' x '.join(map(str, who)):<12} {value:+.6g} ± {error:.2g}")
            rest = sum(len(each.players) for each in self._orders) - 10
            if rest > 0:
                lines.append(f"    and {rest} smaller ones")
        return "\n".join([*lines, *(f"  {note}" for note in self.notes)])


def interactions(
    game: Callable[[Coalitions], Any],
    players: int | None = None,
    *,
    order: int = 2,
    index: str = "k-sii",
    estimator: str = "auto",
    budget: int | None = None,
    tolerance: float | None = None,
    seed: int = 0,
) -> Interactions:
    """Interactions of the players of a game: what sets of them do together that their parts do not do apart.

    Parameters
    ----------
    game
        Maps coalitions, bool ``(n, players)`` with ``True`` for players who are present, to their values: ``(n,)``, or
        ``(n, outputs)`` for several games played at once.
    players
        How many there are; may be left out if ``game.players`` says so.
    order
        How many players an interaction has at most: 1, 2 or 3.
    index
        ``"k-sii"`` (Shapley interactions of all orders that sum to ``total - base_value``), ``"sii"`` (Shapley interactions,
        the mean over what others are present), ``"stii"`` (Shapley-Taylor: what a set brings to nobody, and at the highest order
        all the rest), ``"fsii"`` (faithful Shapley: the polynomial nearest to the game), both summing too, or ``"banzhaf"``
        (all coalitions of others alike).
    estimator
        ``"exact"`` looks at all coalitions; ``"gaussian-process"`` averages over the smooth games that agree with those that were
        seen; ``"auto"`` is exact where the budget holds all coalitions.
    budget
        The most coalitions that are evaluated, the empty and the full one included; none is evaluated twice. By default
        2048 and two for each player (all of them, for ``"exact"``). From more than 8,194 of them nothing is estimated.
    tolerance
        Stop when the estimated relative error ||error||2 / ||interactions||2 of every output is at most this. By default the
        whole budget is spent.
    seed
        Of the draws: the same seed gives the same bytes. The global random state is neither read nor changed.

    Returns
    -------
    Interactions
        ``values`` and ``standard_errors`` ``(players, players)``, or ``(outputs, players, players)``: main effects on the
        diagonal, half of each pair's interaction on either side. ``of(i, j)`` is a whole interaction, ``order(3)`` holds triples.

    Raises
    ------
    InputError
        If the game's values have the wrong shape, an argument is not valid, the order exceeds the number of players, or there are
        too many players for ``"exact"``.
    BudgetError
        If the budget is too small.
    NonFiniteError
        If the game gives NaN or infinity.

    Notes
    -----
    Source: grabisch1999axiomatic (SII, Banzhaf), bordt2023shapley (k-SII), sundararajan2020shapley (STII), tsai2023faith (FSII),
    rasmussen2006gaussian (estimation). Estimating takes time with the third power of the number of coalitions.

    Examples
    --------
    Two players who earn 1 each, and 3 more together:

    >>> import numpy as np
    >>> game = lambda coalitions: coalitions @ [1.0, 1.0, 0.0] + 3.0 * coalitions[:, 0] * coalitions[:, 1]
    >>> found = interactions(game, players=3)
    >>> round(float(found.of(0, 1)), 4), round(float(found.of(0)), 4), float(found.of(0, 2))
    (3.0, 1.0, 0.0)
    >>> np.round(found.values, 4).tolist()
    [[1.0, 1.5, 0.0], [1.5, 1.0, 0.0], [0.0, 0.0, 0.0]]
    """
    played = asked.bare(game, players, "interactions")
    check_index(index)
    check_order(order)
    if order > played.players:
        raise InputError(f"order={order} asks for interactions of {order} players; the game has {played.players}.")
    if estimator not in ESTIMATORS:
        raise InputError(f"there is no estimator of interactions {estimator!r}.{nearest(str(estimator), ESTIMATORS)}")
    asked.check(budget, tolerance, seed)
    most = _budget(budget, estimator, played.players)
    found = joint(played, index, int(order), budget=most, tolerance=tolerance, seed=int(seed))
    return _record(found, played, index, int(order))


def by_size(values: Float[np.ndarray, "... sets"], players: int, order: int) -> list[Float[np.ndarray, "... sets"]]:
    """The values of the sets of 1, 2, ... players."""
    ends = np.cumsum([sets_of(players, size) for size in range(1, order + 1)])
    return np.split(values, ends[:-1], axis=-1)


def matrix(values: Float[np.ndarray, "... sets"], players: int, order: int) -> Float[np.ndarray, "... players players"]:
    """Main effects on the diagonal, half of each pair's interaction on either side of it."""
    parts = by_size(values, players, order)
    square = np.zeros((*values.shape[:-1], players, players))
    everyone = np.arange(players)
    square[..., everyone, everyone] = parts[0]
    if order > 1:
        one, other = members(players, 2).T
        square[..., one, other] = square[..., other, one] = parts[1] / 2
    return square


def _record(found: Estimate, played: Function, index: str, order: int) -> Interactions:
    pick = (0, 0) if played.flat else (0,)
    players, calls = played.players, int(found.calls[0])
    values, errors = found.values[pick], found.standard_errors[pick]
    exact = calls == 1 << players
    notes = found.notes
    parts = zip(by_size(values, players, order), by_size(errors, players, order), strict=True)
    return Interactions(
        values=matrix(values, players, order),
        standard_errors=matrix(errors, players, order),
        base_value=found.empty[pick],
        total=found.total[pick],
        error=found.error[pick],
        calls=calls,
        index=index,
        estimator="exact" if exact else "gaussian-process",
        notes=notes,
        _orders=tuple(Sets(members(players, size), *part) for size, part in enumerate(parts, start=1)),
    )


def _budget(budget: int | None, estimator: str, players: int) -> int:
    if estimator != "exact":
        return int(budget) if budget is not None else 2 * players + DEFAULT
    if players > EXACT_PLAYERS:
        raise InputError(
            f"exact would look at 2**{players} coalitions; {EXACT_PLAYERS} players are the most. Let estimator='auto' estimate "
            f"the interactions, or group players."
        )
    if budget is not None and budget < 1 << players:
        raise BudgetError(f"exact looks at {1 << players} coalitions of {players} players; the budget is {budget}.")
    return 1 << players
