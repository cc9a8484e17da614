"""Grad-CAM: channels weighted by the mean of their gradient."""

from dataclasses import dataclass
from typing import ClassVar

from ...core.declare import Attribution, Axiom, Passes, parameter
from ...core.view import Capability
from .weighting import Upsample, maps, mean_over_space


@dataclass(frozen=True)
class GradCAM:
    """Activations of a convolutional layer, each channel weighted by the spatial mean of the target's gradient in it.

    The layer is the last one whose output has spatial extent, found by running the model; ``at=`` names another. Values are
    ``(samples, height, width)`` at the input's size, in units of the target; they say where, not which channel of the input.

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

    relu: bool = parameter(True, "keep only what speaks for the target")
    upsample: Upsample = parameter("bilinear", "how the map is brought to input size", choices=("bilinear", "nearest", "none"))

    def attribute(self, passes: Passes) -> list[Attribution]:
        """One pass that stops at the layer on its way back."""
        return maps(passes, lambda _, gradients: mean_over_space(gradients), self.relu, self.upsample, self.name)
