"""Monotonicity: whether the target goes the way of the values while players are put back, the smallest value first."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...core.declare import parameter
from ...core.measure import Ask, Curve, Direction, Group, Measured, Measurement
from ...core.view import Capability
from ..defined import moved
from ..orderings import backwards, steps_along, without_first
from .removal import STEPS, most_relevant_first


@dataclass(frozen=True)
class Monotonicity:
    """Share of steps at which the target does not go against the values, players being put back the smallest value first.

    The paper asks of values that are not negative whether the target never falls, yes or no: here, whether the score is 1
    (``details["monotone"]``). With signs, a step goes against the values if the target falls and the sum of the values that
    come is not negative, or rises and it is negative. From 0 to 1; chance is about a half. Undefined where the target stays
    the same whatever is removed.

    Cost: ``steps`` forward rows per sample and background row; most of them are those of ``deletion``.

    Source: luss2021leveraging, arya2019explanation.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Linear(3, 1)
    >>> e = pl.explain(net, torch.tensor([[1.0, 2.0, 3.0]]), target=0, method="integrated-gradients")
    >>> pl.evaluate(e, net, "monotonicity")["monotonicity"].values
    array([1.])
    """

    name: ClassVar[str] = "monotonicity"
    group: ClassVar[Group] = "faithfulness"
    summary: ClassVar[str] = "share of steps at which the target goes the way of the values while players are put back"
    direction: ClassVar[Direction] = "higher"
    range: ClassVar[str] = "from 0 to 1"
    needs: ClassVar[frozenset[Capability]] = frozenset({"predict"})
    asks: ClassVar[frozenset[Ask]] = frozenset()
    cite: ClassVar[tuple[str, ...]] = ("luss2021leveraging", "arya2019explanation")

    steps: int | None = parameter(16, STEPS, least=1)

    def measure(self, m: Measured) -> Measurement:
        """Changes of the target from point to point, beside what the values say of them."""
        order, taken = most_relevant_first(m), steps_along(m.counts, self.steps)
        y = m.worth(without_first(order, m.counts[:, None] - taken))
        rounding = m.rounding * np.abs(y).max(axis=1, initial=0.0)[:, None]
        rises, came = np.diff(y, axis=1), np.diff(_sums(m, backwards(order, m.counts), taken), axis=1)
        against = np.where(came < 0, rises > rounding, rises < -rounding)
        steps = np.diff(taken, axis=1) > 0
        share = 1 - (against & steps).sum(axis=1) / np.maximum(steps.sum(axis=1), 1)
        return Measurement(
            np.where(moved(m, y), share, np.nan),
            curve=Curve(np.linspace(0, 1, y.shape[1]), y, "share of players put back, the smallest value first", "target"),
            details={"monotone": share == 1},
        )


def _sums(m: Measured, order: np.ndarray, taken: np.ndarray) -> np.ndarray:
    """Sums of the first values of an order."""
    listed = np.zeros_like(m.values)
    np.put_along_axis(listed, order, m.values, axis=1)
    return np.take_along_axis(np.cumsum(np.pad(listed, ((0, 0), (1, 0))), axis=1), taken, axis=1)
