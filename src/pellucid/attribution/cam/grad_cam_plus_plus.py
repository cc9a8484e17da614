"""Grad-CAM++: channels weighted by their positive gradients, so that several objects of a class all count."""

from dataclasses import dataclass
from typing import ClassVar

from array_api_compat import array_namespace

from ...core.declare import Attribution, Axiom, Passes, parameter
from ...core.types import Native
from ...core.view import Capability
from .grids import Reshape
from .weighting import RELU, RESHAPE, UPSAMPLE, UPSAMPLES, Upsample, gradient_maps, sum_over_space, weighted


@dataclass(frozen=True)
class GradCAMPlusPlus:
    """Like Grad-CAM, with each position's positive gradient weighted so that every occurrence of the class counts.

    The weights are those of the paper for a target of the form exp(score), whose second and third derivatives are powers of
    the first: ``g^2 / (2 g^2 + g^3 sum(A))``.

    Cost: one forward row and one backward row, from the output to the layer only, per sample.

    Source: chattopadhay2018gradcampp.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.LazyLinear(2))
    >>> pl.explain(net, torch.rand(1, 3, 8, 8), target=0, method="grad-cam++").values.shape
    (1, 8, 8)
    """

    name: ClassVar[str] = "grad-cam++"
    engine: ClassVar[str] = "map"
    summary: ClassVar[str] = "a layer's channels weighted by their positive gradients, position by position"
    needs: ClassVar[frozenset[Capability]] = frozenset({"gradient", "layers"})
    modalities: ClassVar[tuple[str, ...]] = ("image", "series", "volume")
    axioms: ClassVar[tuple[Axiom, ...]] = ()
    cite: ClassVar[tuple[str, ...]] = ("chattopadhay2018gradcampp",)

    relu: bool = parameter(True, RELU)
    upsample: Upsample = parameter("bilinear", UPSAMPLE, choices=UPSAMPLES)
    reshape: Reshape = parameter(None, RESHAPE)

    def attribute(self, passes: Passes) -> list[Attribution]:
        """One pass that stops at the layer on its way back."""
        return gradient_maps(passes, self, _heat)


def _heat(activations: Native, gradients: Native) -> Native:
    xp = array_namespace(gradients)
    # g^2 / (2 g^2 + g^3 S) = 1 / (2 + g S): written so that small gradients do not underflow when they are squared.
    below = 2 + gradients * sum_over_space(activations)
    alive = (gradients != 0) & (below != 0)
    alpha = xp.where(alive, 1 / xp.where(alive, below, 1.0), 0.0)
    return weighted(activations, sum_over_space(alpha * xp.clip(gradients, 0, None)))
