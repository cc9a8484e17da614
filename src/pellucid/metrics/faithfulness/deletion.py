"""Deletion: how fast the target falls when the most important players go first."""

from dataclasses import dataclass
from typing import ClassVar

from ...core.declare import parameter
from ...core.measure import Ask, Direction, Group, Measured, Measurement
from ...core.view import Capability
from ..defined import where_moved
from .removal import STEPS, most_relevant_first, removed


@dataclass(frozen=True)
class Deletion:
    """Area under the target while players are removed, the largest attribution first, over the share removed.

    In the units of the target. The area of a good explanation is small. It depends on what "removed" means, and on where the
    target goes at all: compare explanations of the same samples under the same masker. Undefined where the target stays the
    same whatever is removed.

    Cost: ``steps`` forward rows per sample and background row.

    Source: petsiuk2018rise.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Linear(3, 1)
    >>> e = pl.explain(net, torch.tensor([[1.0, 2.0, 3.0]]), target=0)
    >>> pl.evaluate(e, net, "deletion")["deletion"].curve.y.shape
    (1, 4)
    """

    name: ClassVar[str] = "deletion"
    group: ClassVar[Group] = "faithfulness"
    summary: ClassVar[str] = "area under the target while the most important players are removed first"
    direction: ClassVar[Direction] = "lower"
    range: ClassVar[str] = "any, in units of the target"
    needs: ClassVar[frozenset[Capability]] = frozenset({"predict"})
    asks: ClassVar[frozenset[Ask]] = frozenset()
    cite: ClassVar[tuple[str, ...]] = ("petsiuk2018rise",)

    steps: int | None = parameter(16, STEPS, least=1)

    def measure(self, m: Measured) -> Measurement:
        """One curve per sample."""
        found = removed(m, most_relevant_first(m), self.steps)
        return Measurement(where_moved(m, found.y, found.area), curve=found.curve())
