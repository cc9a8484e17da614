"""LayerCAM: every activation times its positive gradient, for layers of any depth."""

from dataclasses import dataclass
from typing import ClassVar

from array_api_compat import array_namespace

from ...core.declare import Attribution, Axiom, Passes, parameter
from ...core.types import Native
from ...core.view import Capability
from .grids import Reshape
from .weighting import RELU, RESHAPE, UPSAMPLE, UPSAMPLES, Upsample, gradient_maps, weighted


@dataclass(frozen=True)
class LayerCAM:
    """Activations of a layer, each weighted by its own gradient where that is positive.

    Weights by position keep what is fine in shallow layers: name them in ``at=``, alone or joined with deeper ones.

    Cost: one forward row and one backward row, from the output to the layer only, per sample.

    Source: jiang2021layercam.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.LazyLinear(2))
    >>> pl.explain(net, torch.rand(1, 3, 8, 8), target=0, method="layer-cam").values.shape
    (1, 8, 8)
    """

    name: ClassVar[str] = "layer-cam"
    engine: ClassVar[str] = "map"
    summary: ClassVar[str] = "a layer's activations times their positive gradients, position by position"
    needs: ClassVar[frozenset[Capability]] = frozenset({"gradient", "layers"})
    modalities: ClassVar[tuple[str, ...]] = ("image", "series", "volume")
    axioms: ClassVar[tuple[Axiom, ...]] = ()
    cite: ClassVar[tuple[str, ...]] = ("jiang2021layercam",)

    relu: bool = parameter(True, RELU)
    upsample: Upsample = parameter("bilinear", UPSAMPLE, choices=UPSAMPLES)
    reshape: Reshape = parameter(None, RESHAPE)

    def attribute(self, passes: Passes) -> list[Attribution]:
        """One pass that stops at the layer on its way back."""
        return gradient_maps(passes, self, _heat)


def _heat(activations: Native, gradients: Native) -> Native:
    return weighted(activations, array_namespace(gradients).clip(gradients, 0, None))
