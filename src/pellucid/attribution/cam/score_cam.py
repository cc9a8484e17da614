"""Score-CAM: each channel masks the input, and weighs what the model then says."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from ...core.declare import Attribution, Axiom, Passes, parameter
from ...core.view import Capability
from .grids import Reshape
from .layers import Read, without_gradients
from .masking import MaskedInput, check_budget, varying
from .weighting import RELU, RESHAPE, UPSAMPLE, UPSAMPLES, Drawing, NoEffect, Upsample, by_channel, check_axes

NOTHING_CHANGED = NoEffect(
    "no-effect",
    "the target is the same whichever channel of {layer} the input is seen through, or no channel makes a mask: the map of this "
    "layer says nothing of the target. Name another layer in at=, or a target that depends on the input.",
)


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
        drawing = Drawing(passes, self)
        for part, read, _ in without_gradients(passes, self.reshape, self.name):
            varies = [varying(passes, layer.activations) for layer in read]
            check_budget(passes, part, varies, more=int(self.weights == "increase"))
            black = self._black(passes, part)
            scores = [_scores(passes, self.name, part, layer, mask, len(read)) for layer, mask in zip(read, varies, strict=True)]
            for target in range(passes.targets):
                own = [each[target] for each in scores]
                weights = [self._weights(each, black[target][:, None]) for each in own]
                heats = [by_channel(layer.activations, weight) for layer, weight in zip(read, weights, strict=True)]
                effects = [_change(each, black[target] if self.weights == "increase" else None) for each in own]
                drawing.add(target, part, read, heats, {"weights": weights}, effects)
        return drawing.attributions(NOTHING_CHANGED, least=passes.rounding)

    def _black(self, passes: Passes, of: slice) -> np.ndarray:
        """The targets at inputs of zeros, ``(targets, samples)``; not run where the softmax would lose it."""
        rows, leaf = np.arange(of.start, of.stop), passes.spatial_leaf()
        found = np.zeros((passes.targets, len(rows)))
        if self.weights == "increase":
            for part, values in passes.predict(rows, lambda part: (0 * passes.leaf(leaf)[of][part],), at=[leaf]):
                found[:, part] = values
        return found

    def _weights(self, scores: np.ndarray, black: np.ndarray) -> np.ndarray:
        """Weights ``(samples, channels)``; zero where there is no score."""
        if self.weights == "increase":
            return np.where(np.isnan(scores), 0.0, scores - black)
        best = np.fmax.reduce(scores, axis=1, keepdims=True, initial=-1e300)
        shares = np.where(np.isnan(scores), 0.0, np.exp(scores - best))
        total = shares.sum(axis=1, keepdims=True)
        return np.divide(shares, total, out=np.zeros_like(shares), where=total > 0)


def _scores(passes: Passes, method: str, of: slice, read: Read, varies: np.ndarray, layers: int) -> np.ndarray:
    """The targets of these samples seen through each channel, ``(targets, samples, channels)``; NaN where it makes no mask."""
    check_axes(read, passes, method)
    owner, channel = np.nonzero(varies)
    masked = MaskedInput(passes, of, read.activations)
    scores = np.full((passes.targets, *varies.shape), np.nan)
    rows, leaf = of.start + owner, passes.spatial_leaf()
    for part, values in passes.predict(rows, lambda part: (masked(owner[part], channel[part]),), at=[leaf]):
        scores[:, owner[part], channel[part]] = values
        passes.finished((part.stop - part.start) / len(owner) * (of.stop - of.start) / layers)
    return scores


def _change(scores: np.ndarray, black: np.ndarray | None) -> np.ndarray:
    """How far scores differ among each other and from ``black``, relative to them, ``(samples,)``.

    One score alone tells no difference; none at all, that there is none.
    """
    every = scores if black is None else np.column_stack([scores, black])
    masks, compared = (~np.isnan(scores)).sum(axis=1), (~np.isnan(every)).sum(axis=1)
    low, high = np.fmin.reduce(every, axis=1), np.fmax.reduce(every, axis=1)
    size = np.maximum(np.abs(low), np.abs(high))
    change = np.divide(high - low, size, out=np.zeros(len(size)), where=size > 0)
    return np.where(masks == 0, 0.0, np.where(compared == 1, np.inf, change))
