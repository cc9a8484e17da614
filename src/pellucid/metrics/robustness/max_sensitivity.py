"""Max-sensitivity: the largest change of the explanation close to the sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float

from ...core.declare import parameter
from ...core.measure import Ask, Direction, Group, Measured, Measurement
from ...core.view import Capability
from ..nearby import COPIES, RADIUS, SPREAD, Copies, copies, largest


@dataclass(frozen=True)
class MaxSensitivity:
    """Largest ``|values(x') - values(x)| / |values(x)|`` (Euclidean lengths) over copies x' of the sample that are close to it.

    Copies are drawn uniformly from the cube within ``radius`` times ``spread``; those with another prediction do not count, and
    the share that does is in ``details["kept"]``. From 0: the explanation is the same everywhere. The paper's maximum is over
    the whole cube, so this is what was found of it, and has no interval; and it is divided by the length of the values, so that
    methods with other units can be compared. Undefined where no copy keeps the prediction. For floating inputs without
    categories.

    Cost: ``copies`` explanations anew per sample, shared by all metrics of robustness.

    Source: yeh2019infidelity.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Linear(6, 1)  # whose gradient is the same everywhere
    >>> e = pl.explain(net, torch.arange(1.0, 7.0)[None], target=0, method="saliency")
    >>> pl.evaluate(e, net, "max-sensitivity")["max-sensitivity"].values.tolist()
    [0.0]
    """

    name: ClassVar[str] = "max-sensitivity"
    group: ClassVar[Group] = "robustness"
    summary: ClassVar[str] = "largest relative change of the explanation close to the sample"
    direction: ClassVar[Direction] = "lower"
    range: ClassVar[str] = "from 0"
    needs: ClassVar[frozenset[Capability]] = frozenset({"predict"})
    asks: ClassVar[frozenset[Ask]] = frozenset({"explain"})
    cite: ClassVar[tuple[str, ...]] = ("yeh2019infidelity",)

    radius: float = parameter(0.05, RADIUS, above=0)
    spread: Any = parameter(None, SPREAD)
    copies: int = parameter(20, COPIES, least=1)

    def measure(self, m: Measured) -> Measurement:
        """One maximum per sample."""
        near = copies(m, self.name, self.radius, self.spread, self.copies)
        return largest(sensitivities(near), near, self.radius, self.spread)


def sensitivities(near: Copies) -> Float[np.ndarray, "samples copies"]:
    """Relative changes of the values at each copy."""
    lengths = np.linalg.norm(near.m.values, axis=1)
    return near.changes() / np.where(lengths > 0, lengths, 1.0)[:, None]
