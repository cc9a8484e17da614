"""ROAD: removal without a trace, from both ends of the order."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...core.declare import parameter
from ...core.measure import Ask, Curve, Direction, Group, Measured, Measurement
from ...core.view import Capability
from ...games.maskers import NoisyLinear
from ..defined import where_moved
from ..entries import check_image
from ..orderings import without_first
from .removal import least_relevant_first, most_relevant_first

SHARES = np.arange(1, 10) / 10


@dataclass(frozen=True)
class ROAD:
    """Remove and debias: mean over shares from 10 to 90% of ``(f(without the least) - f(without the most relevant)) / 2``.

    What is removed is imputed from the pixels around with a little noise (``pl.maskers.NoisyLinear``), whatever ``masker=`` says,
    so that the shape of what is gone says little. In units of the target; a random order has 0 on average. The paper reports
    accuracies over a data set at each share, from either end: here it is the target, for each sample, and both curves are in
    ``details``. For images. Undefined where the target stays the same.

    Cost: 18 forward rows per sample; for each mask one sparse system, factorised once for all channels and samples.

    Source: rong2022consistent.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(72, 3))
    >>> e = pl.explain(net, torch.rand(1, 1, 8, 8), target=0)
    >>> pl.evaluate(e, net, "road")["road"].curve.x.tolist()
    [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
    """

    name: ClassVar[str] = "road"
    group: ClassVar[Group] = "faithfulness"
    summary: ClassVar[str] = "gain of removing the least instead of the most important pixels, imputed from those around"
    direction: ClassVar[Direction] = "higher"
    range: ClassVar[str] = "any, in units of the target"
    needs: ClassVar[frozenset[Capability]] = frozenset({"predict"})
    asks: ClassVar[frozenset[Ask]] = frozenset()
    cite: ClassVar[tuple[str, ...]] = ("rong2022consistent",)

    noise: float = parameter(0.01, "standard deviation of the noise on imputed pixels, in the units of the input", least=0)

    def measure(self, m: Measured) -> Measurement:
        """Two curves per sample."""
        check_image(m, self.name, 3)
        policy = m.policy(NoisyLinear(self.noise))
        taken = np.rint(SHARES * m.counts[:, None]).astype(int)
        orders = most_relevant_first(m), least_relevant_first(m)
        y = m.worth(np.concatenate([without_first(order, taken) for order in orders], axis=1), policy)
        most, least = y[:, : len(SHARES)], y[:, len(SHARES) :]
        gain = (least - most) / 2
        return Measurement(
            where_moved(m, y, gain.mean(axis=1)),
            curve=Curve(SHARES, gain, "share of players removed", "gain of the target"),
            details={"most relevant first": most, "least relevant first": least},
        )
