"""Ablation-CAM: channels weighted by what the target loses without them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...core.declare import Attribution, Axiom, Passes, parameter
from ...core.view import Capability
from .grids import Reshape
from .layers import Read, without_gradients
from .masking import WithoutChannel, check_budget
from .weighting import RELU, RESHAPE, UPSAMPLE, UPSAMPLES, Drawing, NoEffect, Upsample, by_channel

NOTHING_LOST = NoEffect(
    "no-effect",
    "the target is the same without any channel of {layer}: the map of this layer says nothing. The target does not depend on "
    "it, or comes before it; name a layer in at= of which the target is computed.",
)


@dataclass(frozen=True)
class AblationCAM:
    """Activations of a layer, each channel weighted by the share of the target that is lost when the channel is set to zero.

    The weights ``(y - y_k) / |y|`` are in ``details["weights"]``: positive for what speaks for the target, also where the target
    itself is negative (the paper divides by ``y``, and means positive scores); where it is zero they are not divided. In a
    transformer a channel is set to zero in all tokens, those outside of the grid included. A channel that is zero everywhere
    costs no row.

    Cost: one forward row per sample and, from the layer on, one for each channel of each sample.

    Source: desai2020ablation.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.LazyLinear(2))
    >>> e = pl.explain(net, torch.rand(1, 3, 8, 8), target=0, method="ablation-cam")
    >>> e.values.shape, e.details["weights"].shape
    ((1, 8, 8), (1, 4))
    """

    name: ClassVar[str] = "ablation-cam"
    engine: ClassVar[str] = "map"
    summary: ClassVar[str] = "a layer's channels weighted by what the target loses without each"
    needs: ClassVar[frozenset[Capability]] = frozenset({"predict", "replace", "layers"})
    modalities: ClassVar[tuple[str, ...]] = ("image", "series", "volume")
    axioms: ClassVar[tuple[Axiom, ...]] = ()
    cite: ClassVar[tuple[str, ...]] = ("desai2020ablation",)
    rows: ClassVar[int] = 512

    relu: bool = parameter(True, RELU)
    upsample: Upsample = parameter("bilinear", UPSAMPLE, choices=UPSAMPLES)
    reshape: Reshape = parameter(None, RESHAPE)

    def attribute(self, passes: Passes) -> list[Attribution]:
        """Keep the layers in one pass over the samples, then put them back without one channel after the other."""
        drawing = Drawing(passes, self)
        for part, read, values in without_gradients(passes, self.reshape, self.name):
            without = [WithoutChannel(passes, layer, self.name) for layer in read]
            check_budget(passes, part, [each.present for each in without])
            lost = [_lost(passes, part, layer, each, values, len(read)) for layer, each in zip(read, without, strict=True)]
            for target, value in enumerate(values):
                scale = np.where(value != 0, np.abs(value), 1.0)[:, None]
                weights = [by_target[target] / scale for by_target in lost]
                heats = [by_channel(layer.activations, weight) for layer, weight in zip(read, weights, strict=True)]
                effects = [np.abs(weight).max(axis=1) for weight in weights]
                drawing.add(target, part, read, heats, {"weights": weights}, effects)
        return drawing.attributions(NOTHING_LOST, least=passes.rounding)


def _lost(
    passes: Passes, of: slice, read: Read, without: WithoutChannel, values: Sequence[np.ndarray], layers: int
) -> np.ndarray:
    """What each target of these samples loses without each channel, ``(targets, samples, channels)``."""
    owner, channel = np.nonzero(without.present)  # sample by sample: what lies before the layer then runs once a batch
    found = np.zeros((passes.targets, *without.present.shape))
    rows = of.start + owner
    for part, left in passes.predict(rows, lambda part: (without(owner[part], channel[part]),), at=[read.layer]):
        for target, value in enumerate(values):
            found[target, owner[part], channel[part]] = value[owner[part]] - left[target]
        passes.finished((part.stop - part.start) / len(owner) * (of.stop - of.start) / layers)
    return found
