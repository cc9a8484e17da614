"""Localisation AUC: how well values tell players that should be found from others."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...core.declare import parameter
from ...core.measure import Ask, Direction, Group, Measured, Measurement
from ...core.view import Capability
from .localising import MAGNITUDES, Sought, Values, located


@dataclass(frozen=True)
class LocalisationAUC:
    """Probability that a player that should be found has a larger value than one that should not; ties count one half.

    That is the area under the receiver operating characteristic of the values as a classifier of players. 0.5 is chance.
    Undefined where the mask is empty, or has all players.

    Cost: no model rows.

    Source: fawcett2006introduction.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Linear(3, 1)
    >>> _ = torch.nn.init.constant_(net.weight, 1.0)
    >>> e = pl.explain(net, torch.tensor([[1.0, 2.0, 3.0]]), target=0, method="input-x-gradient")
    >>> pl.evaluate(e, net, "localisation-auc", masks=[[False, True, False]])["localisation-auc"].values
    array([0.5])
    """

    name: ClassVar[str] = "localisation-auc"
    group: ClassVar[Group] = "localisation"
    summary: ClassVar[str] = "area under the ROC curve of values that tell what should be found from the rest"
    direction: ClassVar[Direction] = "higher"
    range: ClassVar[str] = "from 0 to 1, 0.5 by chance"
    needs: ClassVar[frozenset[Capability]] = frozenset()
    asks: ClassVar[frozenset[Ask]] = frozenset({"truth"})
    cite: ClassVar[tuple[str, ...]] = ("fawcett2006introduction",)

    magnitudes: bool = parameter(False, MAGNITUDES)

    def measure(self, m: Measured) -> Measurement:
        """One area per sample."""
        return located(m, self.magnitudes, _area, ranked=True)


def _area(values: Values, inside: Sought) -> float:
    others = np.sort(values[~inside])
    if not len(others):
        return float("nan")
    below, upto = (np.searchsorted(others, values[inside], side) for side in ("left", "right"))
    return float((below + upto).mean() / (2 * len(others)))
