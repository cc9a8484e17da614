"""XGrad-CAM: channels weighted by their gradient where they are active."""

from dataclasses import dataclass
from typing import ClassVar

from array_api_compat import array_namespace

from ...core.declare import Attribution, Axiom, Passes, parameter
from ...core.types import Native
from ...core.view import Capability
from .grids import Reshape
from .weighting import RELU, RESHAPE, UPSAMPLE, UPSAMPLES, Upsample, gradient_maps, sum_over_space, weighted


@dataclass(frozen=True)
class XGradCAM:
    """Activations of a layer, each channel weighted by the mean of its gradient, positions counting as much as they are active.

    The weights ``sum(g A) / sum(A)`` are those for which the map comes closest to two axioms: it sums to what the layer
    contributes, and a channel's share is what its removal costs. They are meant for activations that are not negative; where a
    channel's activations cancel, its weight means little, and it is zero where they cancel exactly.

    Cost: one forward row and one backward row, from the output to the layer only, per sample.

    Source: fu2020axiom.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.LazyLinear(2))
    >>> pl.explain(net, torch.rand(1, 3, 8, 8), target=0, method="xgrad-cam").values.shape
    (1, 8, 8)
    """

    name: ClassVar[str] = "xgrad-cam"
    engine: ClassVar[str] = "map"
    summary: ClassVar[str] = "a layer's channels weighted by their gradient, averaged where they are active"
    needs: ClassVar[frozenset[Capability]] = frozenset({"gradient", "layers"})
    modalities: ClassVar[tuple[str, ...]] = ("image", "series", "volume")
    axioms: ClassVar[tuple[Axiom, ...]] = ()
    cite: ClassVar[tuple[str, ...]] = ("fu2020axiom",)

    relu: bool = parameter(True, RELU)
    upsample: Upsample = parameter("bilinear", UPSAMPLE, choices=UPSAMPLES)
    reshape: Reshape = parameter(None, RESHAPE)

    def attribute(self, passes: Passes) -> list[Attribution]:
        """One pass that stops at the layer on its way back."""
        return gradient_maps(passes, self, _heat)


def _heat(activations: Native, gradients: Native) -> Native:
    xp = array_namespace(activations)
    total = sum_over_space(activations)
    active = total != 0
    weights = xp.where(active, sum_over_space(gradients * activations) / xp.where(active, total, 1.0), 0.0)
    return weighted(activations, weights)
