"""Eigen-CAM: the main direction of a layer's activations."""

from dataclasses import dataclass
from typing import ClassVar

from array_api_compat import array_namespace

from ...core.declare import Attribution, Axiom, Passes, parameter
from ...core.types import Native
from ...core.view import Capability
from .grids import Reshape
from .layers import without_gradients
from .projection import principal
from .weighting import RELU, RESHAPE, UPSAMPLE, UPSAMPLES, Drawing, Upsample


@dataclass(frozen=True)
class EigenCAM:
    """Activations of a layer projected on their first right singular vector: what the layer sees most of, whatever the target.

    Values are ``(samples, height, width)`` in units of the activations, and the same for every target. A singular vector has no
    sign of its own: it is turned so that the map is positive where the activations are strong (its sum, weighted with the length
    of the activations at each position, is not negative). Without centring, activations that are not negative give a map that
    is not negative. In a transformer whose attention is known by its class name, the layer is the last before its last
    attention.

    Cost: one forward row per sample.

    Source: muhammad2020eigencam.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.LazyLinear(2))
    >>> pl.explain(net, torch.rand(1, 3, 8, 8), target=0, method="eigen-cam").values.shape
    (1, 8, 8)
    """

    name: ClassVar[str] = "eigen-cam"
    engine: ClassVar[str] = "map"
    summary: ClassVar[str] = "first principal direction of a layer's activations; no target, no gradient"
    needs: ClassVar[frozenset[Capability]] = frozenset({"predict", "layers"})
    modalities: ClassVar[tuple[str, ...]] = ("image", "series", "volume")
    axioms: ClassVar[tuple[Axiom, ...]] = ()
    cite: ClassVar[tuple[str, ...]] = ("muhammad2020eigencam",)

    relu: bool = parameter(False, RELU)
    center: bool = parameter(False, "subtract each channel's mean before (the paper does not)")
    upsample: Upsample = parameter("bilinear", UPSAMPLE, choices=UPSAMPLES)
    reshape: Reshape = parameter(None, RESHAPE)

    def attribute(self, passes: Passes) -> list[Attribution]:
        """One forward pass that keeps the layer."""
        drawing = Drawing(passes, self)
        for part, read, _ in without_gradients(passes, self.reshape, self.name):
            heats = [principal(layer.activations, _lengths(layer.activations), self.center) for layer in read]
            drawing.add(0, part, read, heats)
            passes.finished(part.stop - part.start)
        return drawing.attributions() * passes.targets


def _lengths(activations: Native) -> Native:
    xp = array_namespace(activations)
    return xp.sqrt(xp.sum(activations**2, axis=1))
