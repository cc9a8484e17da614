"""Pixel-flipping: the mean target while players are removed one by one, the most important first."""

from dataclasses import dataclass
from typing import ClassVar

from ...core.declare import parameter
from ...core.measure import Ask, Direction, Group, Measured, Measurement
from ...core.view import Capability
from ..defined import where_moved
from ..orderings import average
from .removal import STEPS, most_relevant_first, removed


@dataclass(frozen=True)
class PixelFlipping:
    """Mean of the target after each flip, ``(1 / L) sum_k f(x without its k most relevant players)``, k from 1 to L.

    In the units of the target. The paper shows the curve, which is kept here, and gives no number for it; the mean of its
    points after the sample itself is that number. ``deletion`` is the area under the same curve at fewer points. Undefined
    where the target stays the same whatever is removed.

    Cost: one forward row per sample, player and background row, or ``steps``.

    Source: bach2015pixel.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Linear(3, 1)
    >>> e = pl.explain(net, torch.tensor([[1.0, 2.0, 3.0]]), target=0)
    >>> pl.evaluate(e, net, "pixel-flipping")["pixel-flipping"].curve.y.shape
    (1, 4)
    """

    name: ClassVar[str] = "pixel-flipping"
    group: ClassVar[Group] = "faithfulness"
    summary: ClassVar[str] = "mean target while players are removed one by one, the most important first"
    direction: ClassVar[Direction] = "lower"
    range: ClassVar[str] = "any, in units of the target"
    needs: ClassVar[frozenset[Capability]] = frozenset({"predict"})
    asks: ClassVar[frozenset[Ask]] = frozenset()
    cite: ClassVar[tuple[str, ...]] = ("bach2015pixel",)

    steps: int | None = parameter(None, STEPS + "; every player by default", least=1)

    def measure(self, m: Measured) -> Measurement:
        """One curve per sample."""
        found = removed(m, most_relevant_first(m), self.steps)
        flipped = average(found.y[:, 1:], found.taken[:, 1:] - 1) if found.y.shape[1] > 1 else m.value
        return Measurement(where_moved(m, found.y, flipped), curve=found.curve())
