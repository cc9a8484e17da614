"""CAM: the map that a network with global average pooling and one linear layer computes by itself."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...arrays.rows import row_norms, row_sums
from ...core.declare import Attribution, Axiom, Passes, parameter
from ...core.errors import CapabilityError
from ...core.types import Native
from ...core.view import Capability
from .grids import Reshape
from .layers import Read, with_gradients
from .weighting import RELU, RESHAPE, UPSAMPLE, UPSAMPLES, Drawing, Upsample, mean_over_space, weighted

TOLERANCE = 1e-3
"""Share by which gradients of one channel may differ, and the map's sum miss what it must be."""
HALF = 2.0**-7
"""Rounding of a target that was computed in half precision, relative to its size."""


@dataclass(frozen=True)
class CAM:
    """Activations of a layer, each channel weighted by the target's weight in the one linear layer after global pooling.

    Values are in units of the target: at the layer (``upsample="none"``) a map sums to the target less the bias, which is in
    ``details["bias"]``. Where the pooling is an average, the paper's map is this one times the number of positions.

    It is only defined where the rest of the network is global pooling and one linear layer. That is looked at, not assumed: the
    gradient of a channel must be the same at all positions, and the map must sum to what the layer contributes. Other networks
    are refused; ``hires-cam`` and ``grad-cam`` are the same map here and are defined everywhere.

    Cost: one forward row and one backward row per sample, and one more forward row with the layer at zero.

    Source: zhou2016learning.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> head = torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(4, 2)
    >>> net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), *head)
    >>> pl.explain(net, torch.rand(1, 3, 8, 8), target=0, method="cam").values.shape
    (1, 8, 8)
    """

    name: ClassVar[str] = "cam"
    engine: ClassVar[str] = "map"
    summary: ClassVar[str] = "a layer's channels weighted by the classifier after global average pooling"
    needs: ClassVar[frozenset[Capability]] = frozenset({"predict", "gradient", "replace", "layers"})
    modalities: ClassVar[tuple[str, ...]] = ("image", "series", "volume")
    axioms: ClassVar[tuple[Axiom, ...]] = ()
    cite: ClassVar[tuple[str, ...]] = ("zhou2016learning",)

    relu: bool = parameter(False, RELU)
    upsample: Upsample = parameter("bilinear", UPSAMPLE, choices=UPSAMPLES)
    reshape: Reshape = parameter(None, RESHAPE)

    def attribute(self, passes: Passes) -> list[Attribution]:
        """Gradients at the layer, and the target where the layer is zero."""
        drawing = Drawing(passes, self)
        for part, read, values in with_gradients(passes, self.reshape, self.name):
            biases = [_with_zeros(passes, layer, part) for layer in read]
            for target in range(passes.targets):
                heats = [weighted(layer.activations, mean_over_space(layer.gradients[target])) for layer in read]
                bias = [by_target[target] for by_target in biases]
                for layer, heat, constant in zip(read, heats, bias, strict=True):
                    _check(passes, layer, layer.gradients[target], passes.host(row_sums(heat)), values[target], constant)
                drawing.add(target, part, read, heats, {"bias": bias})
            passes.finished(part.stop - part.start)
        return drawing.attributions()


def _with_zeros(passes: Passes, layer: Read, of: slice) -> np.ndarray:
    """The targets of these samples where the output of the layer is zero, ``(targets, samples)``."""
    rows = np.arange(of.start, of.stop)
    found = np.zeros((passes.targets, len(rows)))
    for part, values in passes.predict(rows, lambda part: (0 * layer.raw[part],), at=[layer.layer]):
        found[:, part] = values
    return found


def _check(passes: Passes, layer: Read, gradients: Native, total: np.ndarray, value: np.ndarray, bias: np.ndarray) -> None:
    """Refuse a network whose rest is not pooling and one linear layer; ``total`` is the map's sum."""
    uneven = passes.host(row_norms(gradients - mean_over_space(gradients))) > TOLERANCE * passes.host(row_norms(gradients))
    size = np.abs(value) + np.abs(bias)
    rounding = HALF * size if _is_half(np.append(value, bias)) else 1e-6 * size
    missed = np.abs(value - bias - total) > TOLERANCE * np.abs(total) + rounding
    why = "positions of a channel count differently" if uneven.any() else "what follows is not linear" if missed.any() else ""
    if why:
        raise CapabilityError(
            f"cam is defined where only global average pooling and one linear layer follow, and after {layer.layer} {why}. "
            "Methods that need no such network: hires-cam, grad-cam. A network that ends in a softmax is explained at its "
            "logits, or name another layer in at=."
        )


def _is_half(values: np.ndarray) -> bool:
    """Whether all of these numbers end in zeros, as those of half precision do."""
    return not (values.astype(np.float32).view(np.uint32) & 0x1FFF).any()
