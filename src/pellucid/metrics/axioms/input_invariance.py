"""Input invariance: whether the values move when only the numbers of the input do."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...core.declare import parameter
from ...core.measure import Ask, Direction, Group, Measured, Measurement
from ...core.view import Capability
from ..entries import check_blends


@dataclass(frozen=True)
class InputInvariance:
    """``||values for g at x + shift - values for f at x|| / ||values for f at x||``, where ``g(x + shift) = f(x)`` everywhere.

    g is a copy of the model that takes the shift off again before its first layer. Both models do the same to all samples, so
    their explanations should be equal: 0 is right. A method with a fixed baseline, or that multiplies by the input, fails
    unless its baseline moves along. Undefined where the input is no plain numbers (refused), and where the values are not finite.

    Cost: one more explanation.

    Source: kindermans2019reliability.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Linear(3, 1)
    >>> x = torch.tensor([[1.0, 2.0, 4.0]])
    >>> gradient, product = (pl.explain(net, x, target=0, method=name) for name in ("saliency", "input-x-gradient"))
    >>> pl.evaluate(gradient, net, "input-invariance")["input-invariance"].values
    array([0.])
    >>> bool(pl.evaluate(product, net, "input-invariance")["input-invariance"].values[0] > 0.1)
    True
    """

    name: ClassVar[str] = "input-invariance"
    group: ClassVar[Group] = "axioms"
    summary: ClassVar[str] = "relative change of the values under a shift of the input that the model takes off again"
    direction: ClassVar[Direction] = "lower"
    range: ClassVar[str] = "from 0"
    needs: ClassVar[frozenset[Capability]] = frozenset({"predict"})
    asks: ClassVar[frozenset[Ask]] = frozenset({"shift"})
    cite: ClassVar[tuple[str, ...]] = ("kindermans2019reliability",)

    shift: float = parameter(1.0, "what is added to every number of the input, in its units")

    def measure(self, m: Measured) -> Measurement:
        """One relative change per sample."""
        check_blends(m, self.name, "adds to the numbers of the input", "completeness or dummy")
        changed = m.shifted(self.shift)
        lengths = np.linalg.norm(m.values, axis=1)
        gaps = np.linalg.norm(changed - m.values, axis=1)
        return Measurement(np.divide(gaps, lengths, out=np.full(m.samples, np.nan), where=lengths > 0))
