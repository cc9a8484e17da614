"""Parameter randomisation: how much of the explanation is left when the network has new weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ...core.declare import parameter
from ...core.measure import Ask, Direction, Group, Measured, Measurement
from ...core.view import Capability
from .new_weights import DRAWS, ORDER, ORDERS, Order, similarity


@dataclass(frozen=True)
class ParameterRandomisation:
    """Rank correlation of the values with those that the same method gives for the network with new weights.

    Every weight is drawn from a normal distribution with the mean and standard deviation of its parameter. ``order`` says which
    layers have new weights: all, or one more at each stage from the output down (the paper's cascade) or from the input up, or
    each alone (the paper's independent test); then the score is the mean over the stages, and ``details["by stage"]`` has each.
    Values keep their signs. From -1 to 1; near 1 the explanation does not depend on what the network has learned, as that of an
    edge detector or the input itself. A gate, never a ranking: a method is not better for being nearer to 0, and maps with
    fewer players have wider intervals. The interval is that of the mean over all draws, by Student's t corrected for skewness.
    Undefined where all explanations of the new networks are constant.

    Cost: ``draws`` explanations anew per sample and stage; the last stage of a cascade is the one of ``"full"`` and shared.

    Source: adebayo2018sanity.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
    >>> e = pl.explain(net, torch.rand(2, 6), target=0, method="input-x-gradient")
    >>> score = pl.evaluate(e, net, "parameter-randomisation")["parameter-randomisation"]
    >>> bool((abs(score.values) <= 1).all())
    True
    """

    name: ClassVar[str] = "parameter-randomisation"
    group: ClassVar[Group] = "randomisation"
    summary: ClassVar[str] = "rank correlation with explanations of the network with new weights: a gate, no ranking"
    direction: ClassVar[Direction] = "lower"
    range: ClassVar[str] = "from -1 to 1"
    needs: ClassVar[frozenset[Capability]] = frozenset({"predict"})
    asks: ClassVar[frozenset[Ask]] = frozenset({"randomise"})
    cite: ClassVar[tuple[str, ...]] = ("adebayo2018sanity",)

    order: Order = parameter("full", ORDER, choices=ORDERS)
    draws: int = parameter(5, DRAWS, least=2)

    def measure(self, m: Measured) -> Measurement:
        """One mean per sample."""
        return similarity(m, m.values, m.randomised, self.order, self.draws)
