"""Dummy: how much attribution goes to players that change nothing."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...core.declare import parameter
from ...core.measure import Ask, Direction, Group, Measured, Measurement
from ...core.view import Capability
from .toggled import COALITIONS, unused


@dataclass(frozen=True)
class Dummy:
    """Sum of the magnitudes of players that change the target in no coalition tried, over the sum of all magnitudes.

    The axiom says that a player without any effect has no value: 0 is right. A player is tried by adding it to coalitions that
    lack it, and taking it from those that have it; with more coalitions fewer pass for dummies. ``details["dummies"]`` is how
    many did. It depends on what "removed" means: a pixel that is 0 changes nothing where removed pixels are 0. Undefined where
    every player changes the target, or none does.

    Cost: two forward rows per player and background row; then, for each further coalition, one for each player that passes
    for a dummy. Shared with ``symmetry`` and ``non-sensitivity``.

    Source: shapley1953value.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Linear(3, 1)
    >>> net.weight.data = torch.tensor([[1.0, 1.0, 0.0]])
    >>> e = pl.explain(net, torch.ones(1, 3), target=0, method="input-x-gradient")
    >>> pl.evaluate(e, net, "dummy")["dummy"].values
    array([0.])
    """

    name: ClassVar[str] = "dummy"
    group: ClassVar[Group] = "axioms"
    summary: ClassVar[str] = "share of the attribution that goes to players without any effect"
    direction: ClassVar[Direction] = "lower"
    range: ClassVar[str] = "from 0 to 1"
    needs: ClassVar[frozenset[Capability]] = frozenset({"predict"})
    asks: ClassVar[frozenset[Ask]] = frozenset()
    cite: ClassVar[tuple[str, ...]] = ("shapley1953value",)

    coalitions: int = parameter(6, COALITIONS, least=2)

    def measure(self, m: Measured) -> Measurement:
        """One share per sample."""
        dummies, changes = unused(m, self.coalitions)
        magnitudes = np.abs(m.values)
        whole = magnitudes.sum(axis=1)
        share = np.divide((magnitudes * dummies).sum(axis=1), whole, out=np.full(m.samples, np.nan), where=whole > 0)
        values = np.where(changes & dummies.any(axis=1), share, np.nan)
        return Measurement(values, details={"dummies": dummies.sum(axis=1)})
