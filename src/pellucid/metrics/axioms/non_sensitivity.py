"""Non-sensitivity: whether the players without value are those without effect."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...core.declare import parameter
from ...core.measure import Ask, Direction, Group, Measured, Measurement
from ...core.view import Capability
from ..defined import ROUNDING
from .toggled import COALITIONS, unused


@dataclass(frozen=True)
class NonSensitivity:
    """Number of players that have a value of 0 or no effect, but not both: the size of the symmetric difference of both sets.

    ``details["valued"]`` counts those with a value and without effect, ``details["missed"]`` those with an effect and without
    value. A value is 0 below a millionth of the largest; a player has no effect if it changes the target in no coalition tried
    (the paper's draws of the feature, as removal), see ``dummy``. Undefined where no player changes the target.

    Cost: as ``dummy``, and shared with it.

    Source: nguyen2020quantitative.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Linear(3, 1)
    >>> net.weight.data = torch.tensor([[1.0, 1.0, 0.0]])
    >>> e = pl.explain(net, torch.tensor([[1.0, 0.0, 1.0]]), target=0, method="saliency")
    >>> pl.evaluate(e, net, "non-sensitivity")["non-sensitivity"].values  # the second is 0 already: removal changes nothing
    array([1.])
    """

    name: ClassVar[str] = "non-sensitivity"
    group: ClassVar[Group] = "axioms"
    summary: ClassVar[str] = "number of players that have no value or no effect, but not both"
    direction: ClassVar[Direction] = "lower"
    range: ClassVar[str] = "from 0 to the number of players"
    needs: ClassVar[frozenset[Capability]] = frozenset({"predict"})
    asks: ClassVar[frozenset[Ask]] = frozenset()
    cite: ClassVar[tuple[str, ...]] = ("nguyen2020quantitative",)

    coalitions: int = parameter(6, COALITIONS, least=2)

    def measure(self, m: Measured) -> Measurement:
        """One number of players per sample."""
        idle, changes = unused(m, self.coalitions)
        exist = np.arange(m.players) < m.counts[:, None]
        magnitudes = np.abs(m.values)
        worthless = exist & (magnitudes <= ROUNDING * magnitudes.max(axis=1, keepdims=True, initial=0.0))
        valued, missed = (idle & ~worthless).sum(axis=1), (worthless & ~idle).sum(axis=1)
        return Measurement(np.where(changes, valued + missed, np.nan), details={"valued": valued, "missed": missed})
