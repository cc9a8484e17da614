"""IROF: how fast the target falls when the most important superpixels go first."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...core.declare import parameter
from ...core.features import Features
from ...core.measure import Ask, Curve, Direction, Group, Measured, Measurement
from ...core.view import Capability
from ..defined import where_moved
from ..entries import check_image
from ..orderings import area, ranks, steps_along, without_first


@dataclass(frozen=True)
class IROF:
    """Area over ``f(x without the first k superpixels) / f(x)``, the superpixel with the largest mean value first.

    Superpixels (SLIC) take the place of the players. At most 1 where the target is a probability: 1 if it is gone at once, 0 if
    it never falls. What "removed" means says ``masker=``; the paper takes the mean colour. For images; needs scikit-image.
    Undefined where the target at the sample is not above 0, where it stays the same, and where an image is one superpixel.

    Cost: one forward row per sample, superpixel and background row.

    Source: rieger2020irof.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 3), torch.nn.Softmax(1))
    >>> e = pl.explain(net, torch.rand(1, 1, 8, 8), target=0)
    >>> bool(pl.evaluate(e, net, "irof")["irof"].values[0] < 1)
    True
    """

    name: ClassVar[str] = "irof"
    group: ClassVar[Group] = "faithfulness"
    summary: ClassVar[str] = "area over the share of the target that is left while the most important superpixels go first"
    direction: ClassVar[Direction] = "higher"
    range: ClassVar[str] = "to 1; from 0 where the target does not rise"
    needs: ClassVar[frozenset[Capability]] = frozenset({"predict"})
    asks: ClassVar[frozenset[Ask]] = frozenset()
    cite: ClassVar[tuple[str, ...]] = ("rieger2020irof",)

    superpixels: int = parameter(50, "superpixels of an image, about", least=2)

    def measure(self, m: Measured) -> Measurement:
        """One curve per sample."""
        check_image(m, self.name, 4)
        x = m.input()
        pixels = x[0].size // x.shape[1 if m.layout == "NCHW" else -1]
        pieces: list[Features] = Features.superpixels(x, min(self.superpixels, pixels), layout=m.layout)
        pieced = m.regrouped(pieces)
        sizes = np.ones_like(pieced.values)
        for sample, each in enumerate(pieces):
            sizes[sample, : len(each)] = each.sizes
        taken = steps_along(pieced.counts, None)
        y = pieced.worth(without_first(ranks(pieced.values / sizes, pieced.counts), taken))
        defined = (m.value > 0) & pieced.usable
        left = y / np.where(defined, m.value, np.nan)[:, None]
        curve = Curve(np.linspace(0, 1, y.shape[1]), left, "share of superpixels removed", "share of the target left")
        return Measurement(where_moved(m, y, 1 - area(left, taken)), curve=curve, details={"superpixels": pieced.counts})
