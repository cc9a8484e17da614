"""From layers to maps: channels summed with weights, brought to input size, several layers joined, part after part."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

import numpy as np
from array_api_compat import array_namespace

from ...arrays.resample import Interpolation, resize
from ...arrays.rows import flat
from ...core.declare import Attribution, Passes
from ...core.errors import InputError, LayerError
from ...core.records import Finding
from ...core.targets import Layer
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
    drawing = Drawing(passes, method)
    for part, read, _ in with_gradients(passes, method.reshape, method.name):
        for target in range(passes.targets):
            heats = [heat(layer.activations, layer.gradients[target]) for layer in read]
            drawing.add(target, part, read, heats, effects=[largest(passes, layer.gradients[target]) for layer in read])
        passes.finished(part.stop - part.start)
    return drawing.attributions(NO_GRADIENT)


class Drawing:
    """The maps of all samples, put together part after part, so that nothing but maps is held of a part that is done."""

    def __init__(self, passes: Passes, method: Drawn) -> None:
        self._passes, self._method = passes, method
        self._blocks: list[list[_Block]] = [[] for _ in range(passes.targets)]

    def add(
        self,
        target: int,
        part: slice,
        read: Sequence[Read],
        heats: Sequence[Native],
        details: Mapping[str, Sequence[Native]] | None = None,
        effects: Sequence[np.ndarray] = (),
    ) -> None:
        """The maps of these samples at these layers, for one target.

        Parameters
        ----------
        details
            Arrays by name and layer, for the record.
        effects
            By layer, how much of an effect it has on the target, ``(samples,)``.
        """
        if part.start == 0:  # a search for a layer that found none begins anew
            self._blocks[target].clear()
        named = {
            name if len(read) == 1 else f"{name} of {layer.layer}": array
            for name, arrays in (details or {}).items()
            for layer, array in zip(read, arrays, strict=True)
        }
        heat = _joined(self._passes, self._method, read, heats)
        self._blocks[target].append(_Block(tuple(layer.layer for layer in read), heat, named, effects))

    def attributions(self, without_effect: NoEffect | None = None, least: float = 0.0) -> list[Attribution]:
        """One for each target that has maps, with findings where a layer has no more than the ``least`` effect."""
        return [self._attribution(blocks, without_effect, least) for blocks in self._blocks if blocks]

    def _attribution(self, blocks: Sequence[_Block], without_effect: NoEffect | None, least: float) -> Attribution:
        last = blocks[-1]
        blocks = [block if block.layers == last.layers else block.nothing_at(last) for block in blocks]
        xp = array_namespace(last.heat)
        findings: list[Finding] = []
        for number, layer in enumerate(last.layers if without_effect else ()):
            without = np.flatnonzero(np.concatenate([block.effects[number] for block in blocks]) <= least)
            if without_effect and len(without):
                sentence = without_effect.sentence.format(layer=layer)
                findings.append(Finding(without_effect.kind, sentence, tuple(map(int, without)), {}, self._passes.samples))
        return Attribution(
            [xp.concat([block.heat for block in blocks]) if len(blocks) > 1 else last.heat],
            over="spatial",
            layers=last.layers,
            details={
                name: array_namespace(array).concat([block.details[name] for block in blocks])
                for name, array in last.details.items()
            },
            evidence=tuple(findings),
        )


@dataclass(frozen=True)
class NoEffect:
    """What is said of a ``{layer}`` that has no effect on the target."""

    kind: str
    sentence: str


NO_GRADIENT = NoEffect(
    "zero-gradient",
    "the target has no gradient at any position of {layer}: the map of this layer says nothing. Where the rest of the network "
    "reads one token only, name a layer before its last attention in at=.",
)


@dataclass(frozen=True)
class _Block:
    """One part of the samples: their maps, and what goes with them."""

    layers: tuple[Layer, ...]
    heat: Native
    details: Mapping[str, Native]
    effects: Sequence[np.ndarray]

    def nothing_at(self, other: _Block) -> _Block:
        """The same samples where another layer is read, on which their targets do not depend."""
        xp = array_namespace(other.heat)
        rows = self.heat.shape[0]
        heat = xp.zeros((rows, *other.heat.shape[1:]), dtype=other.heat.dtype, device=other.heat.device)
        return _Block(other.layers, heat, self.details, [np.zeros(rows) for _ in other.effects])


def _joined(passes: Passes, method: Drawn, read: Sequence[Read], heats: Sequence[Native]) -> Native:
    """The maps of the layers as one.

    A single map keeps its units. Those of several layers are brought to input size, each divided by its largest magnitude (of
    each sample), and averaged.
    """
    heats = [shown(heat, layer, passes, method) for heat, layer in zip(heats, read, strict=True)]
    sizes = {tuple(heat.shape[1:]) for heat in heats}
    if len(sizes) > 1:
        told = ", ".join(" x ".join(map(str, size)) for size in sorted(sizes))
        raise InputError(
            f"{method.name}: upsample='none' leaves the maps of these layers at different sizes, {told}, so they cannot be "
            "joined; choose 'bilinear' or 'nearest'."
        )
    return heats[0] if len(heats) == 1 else sum(map(_scaled, heats[1:]), _scaled(heats[0])) / len(heats)


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


def largest(passes: Passes, gradients: Native) -> np.ndarray:
    """The largest magnitude of each sample."""
    return passes.host(array_namespace(gradients).max(abs(flat(gradients)), axis=1))


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
