"""Focus: how much of the positive attribution on a mosaic lies on its images of the target class."""

from dataclasses import dataclass
from typing import ClassVar

from ...core.measure import Ask, Direction, Group, Measured, Measurement
from ...core.view import Capability
from .localising import located, positive_share


@dataclass(frozen=True)
class Focus:
    """Positive attribution on the images of the target class in a mosaic, over the positive attribution on the whole mosaic.

    The paper's mosaics are two by two images, two of them of the class that is explained; ``masks=`` marks those. The number is
    then that of ``relevance-mass`` without ``magnitudes``, by the same formula: what is new in the paper are the samples, in
    which nothing is out of distribution but its neighbours. Chance is one half on such mosaics (``details["sought"]`` in
    general). ``features=`` should have no player that reaches over several images. Undefined where the mask is empty, and where
    no value is positive.

    Cost: no model rows.

    Source: ariasduart2022focus.

    Examples
    --------
    >>> import numpy as np, pellucid as pl
    >>> model = pl.wrap(lambda mosaic: mosaic[:, 0, :2, :2].sum((1, 2)) + 0.5 * mosaic[:, 0, 2:, :2].sum((1, 2)))
    >>> cells = pl.Features.grid((1, 4, 4), cell=2)
    >>> e = pl.explain(model, np.ones((1, 1, 4, 4)), target=0, method="leave-one-out", features=cells)
    >>> masks = np.zeros((1, 4, 4), bool)
    >>> masks[:, :2, :2] = masks[:, 2:, 2:] = True
    >>> pl.evaluate(e, model, "focus", masks=masks)["focus"].values.round(3)
    array([0.667])
    """

    name: ClassVar[str] = "focus"
    group: ClassVar[Group] = "localisation"
    summary: ClassVar[str] = "share of the positive attribution on a mosaic that lies on images of the target class"
    direction: ClassVar[Direction] = "higher"
    range: ClassVar[str] = "from 0 to 1"
    needs: ClassVar[frozenset[Capability]] = frozenset()
    asks: ClassVar[frozenset[Ask]] = frozenset({"truth"})
    cite: ClassVar[tuple[str, ...]] = ("ariasduart2022focus",)

    def measure(self, m: Measured) -> Measurement:
        """One share per mosaic."""
        return located(m, False, positive_share)
