"""Score-CAM: each channel masks the input, and weighs what the model then says."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from ...core.declare import Attribution, Axiom, Passes, parameter
from ...core.view import Capability
from .grids import Reshape
from .layers import Read, without_gradients
from .masking import MaskedInput, varying
from .weighting import RELU, RESHAPE, UPSAMPLE, UPSAMPLES, Upsample, by_channel, check_axes, joined


@dataclass(frozen=True)
class ScoreCAM:
    """Activations of a layer, each channel weighted by the target's value when the input is seen through that channel alone.

    A channel becomes a mask: brought to the input's size and scaled to 0 ... 1 for each sample. The weights, in
    ``details["weights"]``, are the softmax over channels of the target at input times mask, so give it a logit; of the
    ``"increase"`` over an input of zeros they are the plain difference. A channel that is the same everywhere masks nothing: it
    has no weight and costs no row.

    Cost: one forward row per sample and one for each channel of each sample.

    Source: wang2020scorecam.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.LazyLinear(2))
    >>> e = pl.explain(net, torch.rand(1, 3, 8, 8), target=0, method="score-cam")
    >>> e.values.shape, round(float(e.details["weights"].sum()), 6)
    ((1, 8, 8), 1.0)
    """

    name: ClassVar[str] = "score-cam"
    engine: ClassVar[str] = "map"
    summary: ClassVar[str] = "a layer's channels weighted by what the model says of the input seen through each"
    needs: ClassVar[frozenset[Capability]] = frozenset({"predict", "layers"})
    modalities: ClassVar[tuple[str, ...]] = ("image", "series", "volume")
    axioms: ClassVar[tuple[Axiom, ...]] = ()
    cite: ClassVar[tuple[str, ...]] = ("wang2020scorecam",)
    rows: ClassVar[int] = 512

    weights: Literal["softmax", "increase"] = parameter(
        "softmax", "what a channel's value becomes as its weight", choices=("softmax", "increase")
    )
    relu: bool = parameter(True, RELU)
    upsample: Upsample = parameter("bilinear", UPSAMPLE, choices=UPSAMPLES)
    reshape: Reshape = parameter(None, RESHAPE)

    def attribute(self, passes: Passes) -> list[Attribution]:
        """Keep the layers in one pass over the samples, then run every masked input."""
        read, _ = without_gradients(passes, self.reshape, self.name)
        varies = [varying(passes, layer.activations) for layer in read]
        needed = sum(int(each.sum(axis=1).max()) for each in varies) + (self.weights == "increase")
        if passes.allowance() < needed:
            passes.refuse_budget(needed)
        black = self._black(passes)
        weights = [self._weights(passes, layer, mask, black, len(read)) for layer, mask in zip(read, varies, strict=True)]
        attributions: list[Attribution] = []
        for target in range(passes.targets):
            own = [by_target[target] for by_target in weights]
            heats = [by_channel(layer.activations, weight) for layer, weight in zip(read, own, strict=True)]
            attributions.append(joined(passes, self, read, heats, {"weights": own}))
        return attributions

    def _black(self, passes: Passes) -> np.ndarray:
        """The targets at inputs of zeros, ``(targets, samples)``; not run where the softmax would lose it."""
        found, leaf = np.zeros((passes.targets, passes.samples)), passes.spatial_leaf()
        if self.weights == "increase":
            for part, values in passes.predict(np.arange(passes.samples), lambda part: (0 * passes.leaf(leaf)[part],), at=[leaf]):
                found[:, part] = values
        return found

    def _weights(self, passes: Passes, read: Read, varies: np.ndarray, black: np.ndarray, layers: int) -> np.ndarray:
        """Weights ``(targets, samples, channels)``."""
        check_axes(read, passes, self.name)
        owner, channel = np.nonzero(varies)
        masked = MaskedInput(passes, read.activations)
        scores = np.full((passes.targets, *varies.shape), -np.inf)
        for part, values in passes.predict(owner, lambda part: (masked(owner[part], channel[part]),), at=[passes.spatial_leaf()]):
            scores[:, owner[part], channel[part]] = values
            passes.finished((part.stop - part.start) / len(owner) * passes.samples / layers)
        if self.weights == "increase":
            return np.where(varies, scores - black[:, :, None], 0.0)
        best = np.max(scores, axis=2, keepdims=True, initial=-1e300)
        shares = np.where(varies, np.exp(scores - best), 0.0)
        total = shares.sum(axis=2, keepdims=True)
        return np.divide(shares, total, out=np.zeros_like(shares), where=total > 0)
