"""Class activation maps: activations of a layer, summed over channels with weights, brought to input size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from array_api_compat import array_namespace

from ...arrays.resample import Interpolation, resize
from ...core.declare import Attribution, Passes
from ...core.errors import CapabilityError, LayerError
from ...core.targets import Layer
from ...core.types import Native
from ...core.view import LayerInfo

Upsample = Interpolation | Literal["none"]


def maps(
    passes: Passes, weigh: Callable[[Native, Native], Native], relu: bool, upsample: Upsample, method: str
) -> list[Attribution]:
    """One map per target.

    Parameters
    ----------
    weigh
        ``weigh(activations, gradients)``, both ``(samples, channels, *spatial)``, gives weights that broadcast against them.
    relu
        Keep only what speaks for the target.
    upsample
        How the map is brought to the input's size; ``"none"`` leaves it at the layer's.
    """
    size = passes.spatial_size()
    layer = passes.read[0] if passes.read else last_spatial(passes.layers(), size, passes.channels_last, method)
    at = passes.at_input([layer])
    attributions = []
    for (gradients,) in at.gradients:
        activations, gradients = (_channels_first(array, layer, passes) for array in (at.points[0], gradients))
        xp = array_namespace(activations)
        heat = xp.sum(weigh(activations, gradients) * activations, axis=1)
        if relu:
            heat = xp.clip(heat, 0, None)
        if upsample != "none":
            if len(size) != heat.ndim - 1:
                raise LayerError(
                    f"{method}: the output of {layer} has {heat.ndim - 1} spatial axes, the input {len(size)}; "
                    "choose a layer that keeps the input's axes, or upsample='none'."
                )
            heat = resize(heat, size, upsample)
        attributions.append(Attribution([heat], over="spatial", layers=(layer,)))
    return attributions


def last_spatial(layers: tuple[LayerInfo, ...], size: tuple[int, ...], channels_last: bool, method: str) -> Layer:
    """The last layer call with as many spatial axes as the input, and extent in them, in the order in which layers ran."""
    convolves = any("conv" in info.kind.lower() for info in layers)  # else the axes of a feature need not be places
    for info in reversed(layers if convolves else ()):
        spatial = info.shape[:-1] if channels_last else info.shape[1:]
        if info.name and len(spatial) == len(size) > 0 and max(spatial) > 1:
            return info.layer
    seen = "; ".join(f"{info.layer} {info.shape}" for info in layers[-3:])
    raise CapabilityError(
        f"{method} needs a layer with channels and spatial extent, and "
        + (
            "no layer of this model has one"
            if convolves
            else "this model has no convolution; if a layer has both, name it in at="
        )
        + f" (last layers: {seen}). Methods that need none: saliency, integrated-gradients, smoothgrad."
    )


def _channels_first(array: Native, layer: Layer, passes: Passes) -> Native:
    if array.ndim < 3:
        raise LayerError(f"{layer} has output shape {tuple(array.shape[1:])}: no channels with spatial extent to weigh.")
    return array_namespace(array).moveaxis(array, -1, 1) if passes.channels_last else array


def mean_over_space(array: Native) -> Native:
    """Mean over all spatial axes, which stay with length 1."""
    return array_namespace(array).mean(array, axis=tuple(range(2, array.ndim)), keepdims=True)
