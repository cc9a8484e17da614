"""Effective complexity: how many of the strongest players suffice for the prediction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...core.declare import parameter
from ...core.measure import Ask, Curve, Direction, Group, Measured, Measurement
from ...core.view import Capability
from ..defined import where_moved
from ..orderings import Ranks, ranks, steps_along, with_first


@dataclass(frozen=True)
class EffectiveComplexity:
    """The fewest players, by magnitude of their values, that keep the target while all others are removed.

    The smallest k with ``|f(x) - f(the k strongest players alone)| <= tolerance * |f(x) - f(no player)|``. The paper's loss is
    the change of the target, and what it draws for the other features is what the masker puts there; its bound is relative to
    what removing everything does, because targets have units. (Quantus gives this name to the number of values above a
    threshold, which asks no model.) From 1 to the number of players; ``details["share"]`` is the share of them. Sought first
    at ``steps`` numbers of players, then at all between the last that is too few and the first that suffices: a target that is
    near only in between is missed, which ``steps=None`` is not. Undefined where removing all players does not change the target.

    Cost: about ``steps + players / steps`` forward rows per sample and background row.

    Source: nguyen2020quantitative.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Linear(4, 1)
    >>> _ = torch.nn.init.constant_(net.weight, 1.0)
    >>> e = pl.explain(net, torch.tensor([[9.0, 0.1, 9.0, 0.1]]), target=0, method="input-x-gradient")
    >>> pl.evaluate(e, net, "effective-complexity")["effective-complexity"].values
    array([2.])
    """

    name: ClassVar[str] = "effective-complexity"
    group: ClassVar[Group] = "complexity"
    summary: ClassVar[str] = "how many of the strongest players suffice for the prediction"
    direction: ClassVar[Direction] = "lower"
    range: ClassVar[str] = "from 1 to the number of players"
    needs: ClassVar[frozenset[Capability]] = frozenset({"predict"})
    asks: ClassVar[frozenset[Ask]] = frozenset()
    cite: ClassVar[tuple[str, ...]] = ("nguyen2020quantitative",)

    tolerance: float = parameter(0.1, "change that does not matter, as a share of what removing everything does", least=0, most=1)
    steps: int | None = parameter(16, "numbers of players that are tried first; all if None", least=1)

    def measure(self, m: Measured) -> Measurement:
        """One number of players per sample."""
        order = ranks(np.abs(m.values), m.counts)
        taken = steps_along(m.counts, self.steps)
        y = m.worth(with_first(order, taken))
        allowed = self.tolerance * np.abs(m.value - m.empty())
        enough = (np.abs(y - m.value[:, None]) <= allowed[:, None]) & (taken > 0)
        first = np.argmax(enough, axis=1)[:, None]
        most = np.take_along_axis(taken, first, axis=1)
        least = np.take_along_axis(taken, np.maximum(first - 1, 0), axis=1) + 1
        fewest = _fewest(m, order, least, most, allowed)
        values = where_moved(m, m.empty()[:, None], fewest.astype(np.float64))
        curve = Curve(np.linspace(0, 1, y.shape[1]), y, "share of players kept, the strongest first", "target")
        return Measurement(values, curve=curve, details={"share": values / np.maximum(m.counts, 1)})


def _fewest(m: Measured, order: Ranks, least: np.ndarray, most: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """The first number from ``least`` to ``most`` that suffices; ``most`` does."""
    tried = np.minimum(least + np.arange(int((most - least).max(initial=0)) + 1), most)
    y = m.worth(with_first(order, tried))
    enough = (np.abs(y - m.value[:, None]) <= allowed[:, None]) | (tried == most)
    return np.take_along_axis(tried, np.argmax(enough, axis=1)[:, None], axis=1)[:, 0]
