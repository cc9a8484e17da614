"""What a game is: coalitions of players in, numbers out; the same players for several samples side by side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from ..core.errors import InputError, NonFiniteError
from ..core.types import Coalitions, GameValues


class Game(Protocol):
    """The values of coalitions, for one or several samples that share their players.

    ``players`` take part in each sample's game; ``outputs`` are the numbers that one evaluation gives.
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
        self.players, self.rows = int(players), 0
        self._function = function
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
        values = np.asarray(self._function(coalitions.copy()), float)
        self.rows += len(coalitions)
        if values.ndim not in (1, 2) or len(values) != len(coalitions):
            raise InputError(
                f"the game got bool {coalitions.shape} and gave {values.shape}; it must give ({len(coalitions)},) or "
                f"({len(coalitions)}, outputs): one number, or one row, for each coalition."
            )
        if not np.isfinite(values).all():
            where = int(np.argwhere(~np.isfinite(values.reshape(len(values), -1)).all(axis=1))[0, 0])
            raise NonFiniteError(f"the game gave NaN or infinity for the coalition {np.flatnonzero(coalitions[where]).tolist()}.")
        self.flat = values.ndim == 1
        values = values.reshape(len(coalitions), -1)
        if self._outputs not in (None, values.shape[1]):
            raise InputError(f"the game gave {self._outputs} outputs before, and now {values.shape[1]}.")
        self._outputs = values.shape[1]
        return values[None]
