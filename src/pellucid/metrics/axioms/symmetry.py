"""Symmetry: how different the values of players are that do the same."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...core.declare import parameter
from ...core.measure import Ask, Direction, Group, Measured, Measurement
from ...core.view import Capability
from .toggled import COALITIONS, interchangeable


@dataclass(frozen=True)
class Symmetry:
    """Largest difference of the values of two interchangeable players, over the largest magnitude of all values.

    Players are interchangeable if each does the same to every coalition tried that has both or neither of them; the axiom says
    that their values are equal: 0 is right. Players without any effect are interchangeable, too. ``details["pairs"]`` is how
    many pairs there are, ``details["mean"]`` the mean of their differences. Undefined where there is no pair.

    Cost: two forward rows per player and background row; then, for each further coalition, one for each player that has a
    partner left. Shared with ``dummy`` and ``non-sensitivity``.

    Source: shapley1953value.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Linear(3, 1)
    >>> net.weight.data = torch.tensor([[2.0, 1.0, 3.0]])
    >>> e = pl.explain(net, torch.tensor([[1.0, 2.0, 1.0]]), target=0, method="saliency")
    >>> pl.evaluate(e, net, "symmetry")["symmetry"].values.round(4)  # the first two add 2 each, with gradients of 2 and 1
    array([0.3333])
    """

    name: ClassVar[str] = "symmetry"
    group: ClassVar[Group] = "axioms"
    summary: ClassVar[str] = "largest difference of the values of players that do the same"
    direction: ClassVar[Direction] = "lower"
    range: ClassVar[str] = "from 0 to 2"
    needs: ClassVar[frozenset[Capability]] = frozenset({"predict"})
    asks: ClassVar[frozenset[Ask]] = frozenset()
    cite: ClassVar[tuple[str, ...]] = ("shapley1953value",)

    coalitions: int = parameter(6, COALITIONS, least=2)

    def measure(self, m: Measured) -> Measurement:
        """One difference per sample."""
        pairs = interchangeable(m, self.coalitions)
        largest, mean = np.full(m.samples, np.nan), np.full(m.samples, np.nan)
        for sample, values in enumerate(m.values):
            first, second = np.nonzero(pairs[sample])
            scale = float(np.abs(values).max(initial=0.0))
            if len(first) and scale:
                gaps = np.abs(values[first] / scale - values[second] / scale)
                largest[sample], mean[sample] = gaps.max(), gaps.mean()
        return Measurement(largest, details={"pairs": pairs.sum(axis=(1, 2)), "mean": mean})
