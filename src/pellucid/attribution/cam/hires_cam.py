"""HiResCAM: every activation times its own gradient."""

from dataclasses import dataclass
from typing import ClassVar

from ...core.declare import Attribution, Axiom, Passes, parameter
from ...core.view import Capability
from .grids import Reshape
from .weighting import RELU, RESHAPE, UPSAMPLE, UPSAMPLES, Upsample, gradient_maps, weighted


@dataclass(frozen=True)
class HiResCAM:
    """Activation times gradient at each position of a layer, summed over channels: only places that the network used light up.

    Unlike Grad-CAM nothing is averaged over space. With ``relu=False`` and ``upsample="none"`` the map sums to the target less a
    constant wherever the rest of the network is linear, pooled or not; there it is the map of ``cam``.

    Cost: one forward row and one backward row, from the output to the layer only, per sample.

    Source: draelos2020use.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.LazyLinear(2))
    >>> pl.explain(net, torch.rand(1, 3, 8, 8), target=0, method="hires-cam").values.shape
    (1, 8, 8)
    """

    name: ClassVar[str] = "hires-cam"
    engine: ClassVar[str] = "map"
    summary: ClassVar[str] = "a layer's activations times their gradients, position by position"
    needs: ClassVar[frozenset[Capability]] = frozenset({"gradient", "layers"})
    modalities: ClassVar[tuple[str, ...]] = ("image", "series", "volume")
    axioms: ClassVar[tuple[Axiom, ...]] = ()
    cite: ClassVar[tuple[str, ...]] = ("draelos2020use",)

    relu: bool = parameter(True, RELU)
    upsample: Upsample = parameter("bilinear", UPSAMPLE, choices=UPSAMPLES)
    reshape: Reshape = parameter(None, RESHAPE)

    def attribute(self, passes: Passes) -> list[Attribution]:
        """One pass that stops at the layer on its way back."""
        return gradient_maps(passes, self, weighted)
