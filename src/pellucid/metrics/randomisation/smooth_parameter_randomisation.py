"""Smooth parameter randomisation: the same test, on explanations whose noise was averaged away first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ...core.declare import parameter
from ...core.measure import Ask, Direction, Group, Measured, Measurement
from ...core.view import Capability
from ..nearby import COPIES, RADIUS, SPREAD, copies
from .new_weights import DRAWS, ORDER, ORDERS, Order, similarity


@dataclass(frozen=True)
class SmoothParameterRandomisation:
    """``parameter-randomisation`` (sMPRT), each explanation being the mean over copies of the sample that are close to it.

    Explanations of networks with new weights are often noisy, and noise alone makes a correlation small. Copies are those of
    ``max-sensitivity``, uniform in a cube where the paper's are Gaussian; all of them count, whatever their prediction. From -1
    to 1; a gate, never a ranking. The interval is that of the mean over all draws of the weights, by Student's t corrected for
    skewness. Undefined where all explanations of the new networks are constant. For floating inputs without categories.

    Cost: ``copies`` times (``draws`` times stages + 1) explanations anew per sample; those of the trained network are shared
    with the metrics of robustness.

    Source: hedstrom2024sanity; adebayo2018sanity (the test).

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
    >>> e = pl.explain(net, torch.rand(2, 6), target=0, method="input-x-gradient")
    >>> name = "smooth-parameter-randomisation"
    >>> bool((abs(pl.evaluate(e, net, name)[name].values) <= 1).all())
    True
    """

    name: ClassVar[str] = "smooth-parameter-randomisation"
    group: ClassVar[Group] = "randomisation"
    summary: ClassVar[str] = "rank correlation of averages over close inputs with those of the network with new weights: a gate"
    direction: ClassVar[Direction] = "lower"
    range: ClassVar[str] = "from -1 to 1"
    needs: ClassVar[frozenset[Capability]] = frozenset({"predict"})
    asks: ClassVar[frozenset[Ask]] = frozenset({"explain", "randomise"})
    cite: ClassVar[tuple[str, ...]] = ("hedstrom2024sanity", "adebayo2018sanity")

    order: Order = parameter("full", ORDER, choices=ORDERS)
    draws: int = parameter(5, DRAWS, least=2)
    radius: float = parameter(0.05, RADIUS, above=0)
    spread: Any = parameter(None, SPREAD)
    copies: int = parameter(10, COPIES, least=1)

    def measure(self, m: Measured) -> Measurement:
        """One mean per sample."""
        near = copies(m, self.name, self.radius, self.spread, self.copies)

        def explained(draw: int, layers: tuple[str, ...]) -> np.ndarray:
            return near.over(lambda owner, points: m.randomised_at(draw, layers, owner, points)).mean(axis=1)

        return similarity(m, near.explained().mean(axis=1), explained, self.order, self.draws)
