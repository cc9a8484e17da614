"""From layers to a map: channels summed with weights, brought to input size, and several layers joined."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Literal, Protocol

import numpy as np
from array_api_compat import array_namespace

from ...arrays.resample import Interpolation, resize
from ...arrays.rows import flat
from ...core.declare import Attribution, Passes
from ...core.errors import InputError, LayerError
from ...core.records import Finding
from ...core.types import Native
from .grids import Reshape
from .layers import Read, with_gradients

Upsample = Interpolation | Literal["none"]

# What the parameters that these methods share mean.
RELU = "keep only what speaks for the target"
UPSAMPLE = "how the map is brought to input size"
UPSAMPLES = ("bilinear", "nearest", "none")
RESHAPE = (
    "how tokens lie on a grid: its sizes, or a function from the layer's output to (samples, channels, *spatial); found from "
    "their number where it is None"
)


class Drawn(Protocol):
    """What the map of every method here is drawn with."""

    name: ClassVar[str]

    @property
    def relu(self) -> bool:
        """Keep only what speaks for the target."""
        ...

    @property
    def upsample(self) -> Upsample:
        """How the map is brought to the input's size; ``"none"`` leaves it at the layer's."""
        ...

    @property
    def reshape(self) -> Reshape:
        """How tokens lie on a grid."""
        ...


def gradient_maps(passes: Passes, method: Drawn, heat: Callable[[Native, Native], Native]) -> list[Attribution]:
    """One map per target from activations and gradients at the layers.

    Parameters
    ----------
    heat
        ``heat(activations, gradients)``, both ``(samples, channels, *spatial)``, gives ``(samples, *spatial)``.
    """
    read, _ = with_gradients(passes, method.reshape, method.name)
    attributions: list[Attribution] = []
    for target in range(passes.targets):
        heats = [heat(layer.activations, layer.gradients[target]) for layer in read]
        attributions.append(joined(passes, method, read, heats, evidence=flat_layers(passes, read, target)))
    passes.finished(passes.samples)
    return attributions


def joined(
    passes: Passes,
    method: Drawn,
    read: Sequence[Read],
    heats: Sequence[Native],
    details: Mapping[str, Sequence[Native]] | None = None,
    evidence: tuple[Finding, ...] = (),
) -> Attribution:
    """The maps of the layers as one.

    A single map keeps its units. Those of several layers are brought to input size, each divided by its largest magnitude (of
    each sample), and averaged. ``details`` are arrays by name and layer, for the record.
    """
    heats = [shown(heat, layer, passes, method) for heat, layer in zip(heats, read, strict=True)]
    sizes = {tuple(heat.shape[1:]) for heat in heats}
    if len(sizes) > 1:
        told = ", ".join(" x ".join(map(str, size)) for size in sorted(sizes))
        raise InputError(
            f"{method.name}: upsample='none' leaves the maps of these layers at different sizes, {told}, so they cannot be "
            "joined; choose 'bilinear' or 'nearest'."
        )
    heat = heats[0] if len(heats) == 1 else sum(map(_scaled, heats[1:]), _scaled(heats[0])) / len(heats)
    named = {
        name if len(read) == 1 else f"{name} of {layer.layer}": array
        for name, arrays in (details or {}).items()
        for layer, array in zip(read, arrays, strict=True)
    }
    return Attribution([heat], over="spatial", layers=tuple(layer.layer for layer in read), details=named, evidence=evidence)


def shown(heat: Native, read: Read, passes: Passes, method: Drawn) -> Native:
    """A map ``(samples, *spatial)`` clipped and brought to input size, as the method's parameters say."""
    if method.relu:
        heat = array_namespace(heat).clip(heat, 0, None)
    if method.upsample == "none":
        return heat
    check_axes(read, passes, method.name, ", or upsample='none'")
    return resize(heat, passes.spatial_size(), method.upsample)


def check_axes(read: Read, passes: Passes, method: str, otherwise: str = "") -> None:
    """Refuse a layer whose positions are not those of the input."""
    axes, size = read.activations.ndim - 2, passes.spatial_size()
    if axes != len(size):
        raise LayerError(
            f"{method}: the output of {read.layer} has {axes} spatial axes, the input {len(size)}; choose a layer that keeps the "
            f"input's axes{otherwise}."
        )


def flat_layers(passes: Passes, read: Sequence[Read], target: int) -> tuple[Finding, ...]:
    """What must be said of layers at whose positions the target has no gradient."""
    findings: list[Finding] = []
    for layer in read:
        gradients = layer.gradients[target]
        zero = passes.host(array_namespace(gradients).max(abs(flat(gradients)), axis=1)) == 0
        if zero.any():
            sentence = (
                f"the target has no gradient at any position of {layer.layer}: the map of this layer says nothing. Where the "
                "rest of the network reads one token only, name a layer before its last attention in at=."
            )
            findings.append(Finding("zero-gradient", sentence, tuple(map(int, np.flatnonzero(zero))), {}, passes.samples))
    return tuple(findings)


def weighted(activations: Native, weights: Native) -> Native:
    """Channels summed with weights that broadcast against them."""
    return array_namespace(activations).sum(weights * activations, axis=1)


def by_channel(activations: Native, weights: np.ndarray) -> Native:
    """Channels summed with one weight each, ``(samples, channels)`` on the host."""
    xp = array_namespace(activations)
    native = xp.asarray(weights, dtype=activations.dtype, device=activations.device)
    return weighted(activations, xp.reshape(native, (*weights.shape, *[1] * (activations.ndim - 2))))


def sum_over_space(array: Native) -> Native:
    """Sum over all spatial axes, which stay with length 1."""
    return array_namespace(array).sum(array, axis=tuple(range(2, array.ndim)), keepdims=True)


def mean_over_space(array: Native) -> Native:
    """Mean over all spatial axes, which stay with length 1."""
    return array_namespace(array).mean(array, axis=tuple(range(2, array.ndim)), keepdims=True)


def _scaled(heat: Native) -> Native:
    """Each sample's map divided by its largest magnitude; a map of zeros stays."""
    xp = array_namespace(heat)
    most = xp.max(abs(heat), axis=tuple(range(1, heat.ndim)), keepdims=True)
    return heat / xp.where(most > 0, most, 1.0)
