"""Average sensitivity: the mean change of the explanation close to the sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from ...core.declare import parameter
from ...core.measure import Ask, Direction, Group, Measured, Measurement
from ...core.view import Capability
from ..nearby import COPIES, RADIUS, SPREAD, average, copies
from .max_sensitivity import sensitivities


@dataclass(frozen=True)
class AverageSensitivity:
    """Mean ``|values(x') - values(x)| / |values(x)|`` (Euclidean lengths) over copies x' of the sample that are close to it.

    As ``max-sensitivity``, on the same copies, with the mean in the place of the maximum. From 0. The interval is that of the
    mean over all copies of the cube that keep the prediction, by Student's t corrected for skewness. Undefined where no copy
    keeps the prediction. For floating inputs without categories.

    Cost: ``copies`` explanations anew per sample, shared by all metrics of robustness.

    Source: yeh2019infidelity; bhatt2020evaluating (the mean).

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
    >>> e = pl.explain(net, torch.arange(1.0, 7.0)[None], target=0, method="saliency")
    >>> scores = pl.evaluate(e, net, ["average-sensitivity", "max-sensitivity"])
    >>> bool(scores["average-sensitivity"].values[0] <= scores["max-sensitivity"].values[0])
    True
    """

    name: ClassVar[str] = "average-sensitivity"
    group: ClassVar[Group] = "robustness"
    summary: ClassVar[str] = "mean relative change of the explanation close to the sample"
    direction: ClassVar[Direction] = "lower"
    range: ClassVar[str] = "from 0"
    needs: ClassVar[frozenset[Capability]] = frozenset({"predict"})
    asks: ClassVar[frozenset[Ask]] = frozenset({"explain"})
    cite: ClassVar[tuple[str, ...]] = ("yeh2019infidelity", "bhatt2020evaluating")

    radius: float = parameter(0.05, RADIUS, above=0)
    spread: Any = parameter(None, SPREAD)
    copies: int = parameter(20, COPIES, least=2)

    def measure(self, m: Measured) -> Measurement:
        """One mean per sample."""
        near = copies(m, self.name, self.radius, self.spread, self.copies)
        return average(sensitivities(near), near, self.radius, self.spread)
