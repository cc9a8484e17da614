"""The target along an ordering of the players: the curve that scores of removal are read off."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from ...core.measure import Curve, Measured
from ..orderings import Ranks, area, average, backwards, ranks, steps_along, without_first

STEPS = "model rows along the ordering, the sample itself not counted; one for each player if there are fewer"


@dataclass(frozen=True)
class Removal:
    """The target ``y`` where the first ``taken`` players of an order are gone, both ``(samples, points)``."""

    y: Float[np.ndarray, "samples points"]
    taken: Int[np.ndarray, "samples points"]

    @property
    def area(self) -> Float[np.ndarray, " samples"]:
        """Area under the curve over the share of players removed, by the trapezoidal rule."""
        return area(self.y, self.taken)

    @property
    def mean(self) -> Float[np.ndarray, " samples"]:
        """Mean over the points, the sample itself among them."""
        return average(self.y, self.taken)

    def curve(self, y: Float[np.ndarray, "samples points"] | None = None, label: str = "target") -> Curve:
        """The curve, or another one over the same shares."""
        return Curve(np.linspace(0, 1, self.y.shape[1]), self.y if y is None else y, "share of players removed", label)


def removed(m: Measured, order: Ranks, steps: int | None, policy: int = 0) -> Removal:
    """Remove players in this order, from none to all."""
    taken = steps_along(m.counts, steps)
    return Removal(m.worth(without_first(order, taken), policy), taken)


def most_relevant_first(m: Measured) -> Ranks:
    """The order of the explanation: the largest value first, signs counted."""
    return ranks(m.values, m.counts)


def least_relevant_first(m: Measured) -> Ranks:
    """The same order from its end."""
    return backwards(ranks(m.values, m.counts), m.counts)
