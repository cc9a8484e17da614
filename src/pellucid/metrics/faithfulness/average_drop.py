"""Average drop: how much of the target is lost when the input is dimmed by the explanation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from ...core.measure import Ask, Direction, Group, Measured, Measurement
from ...core.types import PerSample
from ...core.view import Capability
from ..entries import at_entries, check_blends


@dataclass(frozen=True)
class AverageDrop:
    """``max(0, f(x) - f(x times map)) / f(x)``: the share of the target that is lost under the explanation as a soft mask.

    The map is the positive part of the values over the largest of them, one number from 0 to 1 for each player; the input is
    multiplied by it, entries of no player stay. From 0 to 1 where the target is a probability, as in the paper (which gives the
    mean over samples in percent). A map that is near 1 everywhere loses nothing: see how many players have high values, too.
    Undefined where the target at the sample is not above 0, and where no value is.

    Cost: one forward row per sample.

    Source: chattopadhay2018gradcampp.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Softmax(1))
    >>> e = pl.explain(net, torch.arange(1.0, 5.0)[None], target=0)
    >>> bool(0 <= pl.evaluate(e, net, "average-drop")["average-drop"].values[0] <= 1)
    True
    """

    name: ClassVar[str] = "average-drop"
    group: ClassVar[Group] = "faithfulness"
    summary: ClassVar[str] = "share of the target that is lost when the input is multiplied by the map"
    direction: ClassVar[Direction] = "lower"
    range: ClassVar[str] = "from 0; to 1 for probabilities"
    needs: ClassVar[frozenset[Capability]] = frozenset({"predict"})
    asks: ClassVar[frozenset[Ask]] = frozenset()
    cite: ClassVar[tuple[str, ...]] = ("chattopadhay2018gradcampp",)

    def measure(self, m: Measured) -> Measurement:
        """One row per sample."""
        y, defined = dimmed(m, self.name)
        lost = np.maximum(m.value - y, 0) / np.where(defined, m.value, 1.0)
        return Measurement(np.where(defined, lost, np.nan), details={"target under the map": y})


def dimmed(m: Measured, metric: str) -> tuple[PerSample, np.ndarray]:
    """The target where the input is multiplied by the map, and where that says something."""
    check_blends(m, metric, "multiplies numbers by the map", "sufficiency, which removes players")
    mask = soft_mask(m.values)
    x = m.input()
    y = m.target_at(np.arange(m.samples), (x * at_entries(m, mask, nobody=1.0)).astype(x.dtype))
    return y, (m.value > 0) & mask.any(axis=1)


def soft_mask(values: Float[np.ndarray, "samples players"]) -> Float[np.ndarray, "samples players"]:
    """The positive part, over the largest value of the sample.

    >>> soft_mask(np.array([[-1.0, 1.0, 4.0]]))
    array([[0.  , 0.25, 1.  ]])
    """
    positive = np.maximum(values, 0)
    largest = positive.max(axis=1, initial=0.0)[:, None]
    return positive / np.where(largest > 0, largest, 1.0)
