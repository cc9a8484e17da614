"""What an estimator of Shapley values is: a design, and a solver of what the design's coalitions turned out to be worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
from jaxtyping import Float

from .pairs import Pairs

Odd = Float[np.ndarray, "pairs columns"]
"""Half the difference between both members of each pair; a column is one output of one sample."""

Total = Float[np.ndarray, " columns"]
"""What the full coalition is worth more than the empty one."""

ByPlayer = Float[np.ndarray, "columns players"]


@dataclass(frozen=True, eq=False)
class Solution:
    """What a solver makes of the values so far."""

    values: ByPlayer
    standard_errors: ByPlayer
    """Infinite where the values so far say nothing of the error."""
    notes: tuple[str, ...] = ()
    """Sentences for the user."""


class Estimator(Protocol):
    """A way to estimate Shapley values; a frozen record of its settings."""

    name: ClassVar[str]
    index: ClassVar[str]
    """What is estimated: ``"shapley"`` or ``"owen"``."""

    def least(self, players: int) -> int:
        """The fewest coalitions, the empty and the full one included, that give an answer."""
        ...

    def design(self, players: int, pairs: int, seed: int) -> Pairs:
        """At most so many pairs to look at, in order."""
        ...

    def solve(self, pairs: Pairs, odd: Odd, total: Total) -> Solution:
        """Values and standard errors of all columns at once."""
        ...
