"""Efficient parameter randomisation: how much more complex the explanation is when the network has new weights."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from ...core.declare import parameter
from ...core.measure import Ask, Direction, Group, Measured, Measurement
from ...core.types import PerSample
from ...core.view import Capability
from .new_weights import DRAWS, over_draws


@dataclass(frozen=True)
class EfficientParameterRandomisation:
    """``(H(values with new weights) - H(values)) / H(values)`` (eMPRT), ``H`` being the entropy of a histogram of the values.

    A network that has learned nothing spreads its explanations over everything: their complexity should rise. All layers have
    new weights, drawn as for ``parameter-randomisation``, and no similarity is needed. From -1, 0 where nothing changes. The
    histogram has ``bins`` of equal width between the least and the largest value; by default ``ceil(log2 players) + 1``, by
    Sturges' rule, as there are fewer players than the pixels for which the paper takes 100. A gate, never a ranking. The
    interval is that of the mean over all draws, by Student's t corrected for skewness. An explanation of a new network that is
    constant has entropy 0. Undefined where ``H(values)`` is 0.

    Cost: ``draws`` explanations anew per sample, shared with ``parameter-randomisation``.

    Source: hedstrom2024sanity.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
    >>> e = pl.explain(net, torch.rand(2, 6), target=0, method="input-x-gradient")
    >>> name = "efficient-parameter-randomisation"
    >>> bool((pl.evaluate(e, net, name)[name].values >= -1).all())
    True
    """

    name: ClassVar[str] = "efficient-parameter-randomisation"
    group: ClassVar[Group] = "randomisation"
    summary: ClassVar[str] = "relative rise of the explanation's complexity when the network has new weights: a gate, no ranking"
    direction: ClassVar[Direction] = "higher"
    range: ClassVar[str] = "from -1"
    needs: ClassVar[frozenset[Capability]] = frozenset({"predict"})
    asks: ClassVar[frozenset[Ask]] = frozenset({"randomise"})
    cite: ClassVar[tuple[str, ...]] = ("hedstrom2024sanity",)

    draws: int = parameter(5, DRAWS, least=2)
    bins: int | None = parameter(None, "bins of the histogram", least=2)

    def measure(self, m: Measured) -> Measurement:
        """One mean per sample."""
        before = self._of(m, m.values)
        after = np.array([self._of(m, m.randomised(draw)) for draw in range(self.draws)])
        rises = (after - before) / np.where(before > 0, before, 1.0)
        values, bounds = over_draws(np.where(before > 0, rises, np.nan), least=-1.0)
        return Measurement(values, bounds, details={"entropy": before, "entropy with new weights": after.T})

    def _of(self, m: Measured, values: Float[np.ndarray, "samples players"]) -> PerSample:
        return np.array([histogram_entropy(row[:count], self.bins) for row, count in zip(values, m.counts, strict=True)])


def histogram_entropy(values: Float[np.ndarray, " players"], bins: int | None = None) -> float:
    """Entropy, in nats, of the shares of the values that fall into bins of equal width; NaN where they are not finite.

    >>> round(histogram_entropy(np.array([0.0, 0.1, 0.9, 1.0]), bins=2) / math.log(2), 6)
    1.0
    """
    if not len(values) or not np.isfinite(values).all():
        return math.nan
    if not np.ptp(values):
        return 0.0
    counted = np.histogram(values, bins or math.ceil(math.log2(len(values))) + 1)[0]
    shares = counted[counted > 0] / len(values)
    return float(np.sum(shares * -np.log(shares)))
