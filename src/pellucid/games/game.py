"""What a game is: coalitions of players in, numbers out; the same players for several samples side by side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from jaxtyping import Float

from ..core.errors import InputError, NonFiniteError
from ..core.tree import on_host
from ..core.types import Coalitions, GameValues


class Game(Protocol):
    """The values of coalitions, for one or several samples that share their players.

    ``players`` take part in each sample's game; ``outputs`` are the numbers that one evaluation gives. A game can have
    ``rounding``: the share of the largest value below which differences mean nothing; by default that of a float32 model.
    """

    @property
    def players(self) -> int:
        """Who takes part."""
        ...

    @property
    def samples(self) -> int:
        """Games side by side."""
        ...

    @property
    def outputs(self) -> int:
        """Numbers that one evaluation gives."""
        ...

    def __call__(self, coalitions: Coalitions, samples: np.ndarray) -> GameValues:
        """Values ``(len(samples), coalitions, outputs)``; in a coalition, ``True`` stands for a player who is present."""
        ...


class Function:
    """A user's function of coalitions as a game of one sample; its calls are counted in ``rows``.

    ``function`` maps bool ``(n, players)`` to ``(n,)`` or ``(n, outputs)``.
    """

    samples = 1

    def __init__(self, function: Callable[[Coalitions], Any], players: int) -> None:
        if isinstance(players, bool) or not isinstance(players, (int, np.integer)) or players < 1:
            raise InputError(f"players must be a whole number, at least 1; got {players!r}.")
        if not callable(function):
            raise InputError(f"a game is a function of coalitions, bool (n, players); got {function!r}.")
        self.players, self.rows = int(players), 0
        self._function = function
        self.rounding = 0.0
        """Sixteen units in the last place of the function's numbers, of the kind with the fewest places that it gave."""
        self._outputs: int | None = None
        self.flat = False
        """Whether the function gives one number, and no axis of outputs."""

    @property
    def outputs(self) -> int:
        """Known after the first call."""
        assert self._outputs is not None, "the game has not been played yet"
        return self._outputs

    def __call__(self, coalitions: Coalitions, samples: np.ndarray) -> GameValues:  # noqa: ARG002 (there is one)
        """Call the function once for all of them."""
        given = self._function(coalitions.copy())
        self.rows += len(coalitions)
        values = self._numbers(given)
        if values.ndim not in (1, 2) or len(values) != len(coalitions):
            raise InputError(
                f"the game got bool {coalitions.shape} and gave {values.shape}; it must give ({len(coalitions)},) or "
                f"({len(coalitions)}, outputs): one number, or one row, for each coalition."
            )
        if not values.size:
            raise InputError(f"the game gave {values.shape}: no outputs; it must give one number at least for each coalition.")
        if not np.isfinite(values).all():
            where = int(np.argwhere(~np.isfinite(values.reshape(len(values), -1)).all(axis=1))[0, 0])
            raise NonFiniteError(f"the game gave NaN or infinity for the coalition {np.flatnonzero(coalitions[where]).tolist()}.")
        self.flat = values.ndim == 1
        values = values.reshape(len(coalitions), -1)
        if self._outputs not in (None, values.shape[1]):
            raise InputError(f"the game gave {self._outputs} outputs before, and now {values.shape[1]}.")
        self._outputs = values.shape[1]
        return values[None]

    def _numbers(self, given: Any) -> Float[np.ndarray, "..."]:
        """What the function gave, of whatever framework, as float64."""
        try:
            numbers = on_host(given)
            values = numbers.astype(float) if numbers.dtype.kind in "biufO" else None
        except (TypeError, ValueError) as error:
            raise InputError(f"the game gave what is no array of numbers ({error}).") from error
        if values is None:
            raise InputError(f"the game gave {numbers.dtype} and not numbers.")
        kind = numbers.dtype if numbers.dtype.kind == "f" else values.dtype
        self.rounding = max(self.rounding, 16 * float(np.finfo(kind).eps))
        return values
