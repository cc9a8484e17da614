"""Grad-CAM: channels weighted by the mean of their gradient."""

from dataclasses import dataclass
from typing import ClassVar

from ...core.declare import Attribution, Axiom, Passes, parameter
from ...core.view import Capability
from .grids import Reshape
from .weighting import RELU, RESHAPE, UPSAMPLE, UPSAMPLES, Upsample, gradient_maps, mean_over_space, weighted


@dataclass(frozen=True)
class GradCAM:
    """Activations of a convolutional layer, each channel weighted by the spatial mean of the target's gradient in it.

    The layer is the last one whose output has spatial extent, found by running the model (in a transformer, the last whose
    tokens the target still depends on); ``at=`` names another, or several. Values are ``(samples, height, width)`` at the input's
    size, in units of the target; they say where, not which channel of the input. Maps of several layers are each divided by
    their largest magnitude and averaged.

    Cost: one forward row and one backward row, from the output to the layer only, per sample.

    Source: selvaraju2017gradcam.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.LazyLinear(2))
    >>> pl.explain(net, torch.rand(1, 3, 8, 8), target=0, method="grad-cam").values.shape
    (1, 8, 8)
    """

    name: ClassVar[str] = "grad-cam"
    engine: ClassVar[str] = "map"
    summary: ClassVar[str] = "a layer's channels weighted by their mean gradient"
    needs: ClassVar[frozenset[Capability]] = frozenset({"gradient", "layers"})
    modalities: ClassVar[tuple[str, ...]] = ("image", "series", "volume")
    axioms: ClassVar[tuple[Axiom, ...]] = ()
    cite: ClassVar[tuple[str, ...]] = ("selvaraju2017gradcam",)

    relu: bool = parameter(True, RELU)
    upsample: Upsample = parameter("bilinear", UPSAMPLE, choices=UPSAMPLES)
    reshape: Reshape = parameter(None, RESHAPE)

    def attribute(self, passes: Passes) -> list[Attribution]:
        """One pass that stops at the layer on its way back."""
        return gradient_maps(passes, self, lambda a, g: weighted(a, mean_over_space(g)))
