"""Eigen-Grad-CAM: the main direction of activations times gradients."""

from dataclasses import dataclass
from typing import ClassVar

from array_api_compat import array_namespace

from ...core.declare import Attribution, Axiom, Passes, parameter
from ...core.types import Native
from ...core.view import Capability
from .grids import Reshape
from .projection import principal
from .weighting import RELU, RESHAPE, UPSAMPLE, UPSAMPLES, Upsample, gradient_maps


@dataclass(frozen=True)
class EigenGradCAM:
    """Like Eigen-CAM, of the activations times their gradients: the main direction among the contributions to the target.

    The map is turned so that it is positive where the contributions of all channels together are (its sum, weighted with the map
    of ``hires-cam``, is not negative).

    Cost: one forward row and one backward row, from the output to the layer only, per sample.

    Source: muhammad2020eigencam.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.LazyLinear(2))
    >>> pl.explain(net, torch.rand(1, 3, 8, 8), target=0, method="eigen-grad-cam").values.shape
    (1, 8, 8)
    """

    name: ClassVar[str] = "eigen-grad-cam"
    engine: ClassVar[str] = "map"
    summary: ClassVar[str] = "first principal direction of a layer's activations times gradients"
    needs: ClassVar[frozenset[Capability]] = frozenset({"gradient", "layers"})
    modalities: ClassVar[tuple[str, ...]] = ("image", "series", "volume")
    axioms: ClassVar[tuple[Axiom, ...]] = ()
    cite: ClassVar[tuple[str, ...]] = ("muhammad2020eigencam",)

    relu: bool = parameter(True, RELU)
    center: bool = parameter(False, "subtract each channel's mean before (the paper does not)")
    upsample: Upsample = parameter("bilinear", UPSAMPLE, choices=UPSAMPLES)
    reshape: Reshape = parameter(None, RESHAPE)

    def attribute(self, passes: Passes) -> list[Attribution]:
        """One pass that stops at the layer on its way back."""
        return gradient_maps(passes, self, self._heat)

    def _heat(self, activations: Native, gradients: Native) -> Native:
        shares = activations * gradients
        return principal(shares, array_namespace(shares).sum(shares, axis=1), self.center)
