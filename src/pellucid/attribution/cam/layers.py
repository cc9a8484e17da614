"""Which layers a class activation map reads: those that the user named, or one that is found by running the model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from array_api_compat import array_namespace

from ...core.declare import AtInput, Passes
from ...core.errors import CapabilityError, InputError, LayerError
from ...core.targets import Layer
from ...core.types import Native
from ...core.view import LayerInfo
from .grids import Reading, Reshape, check_reshape, extent, reading_of

LOOKED_AT = 24
"""Token layers that are differentiated at once when the last one that counts is sought: two blocks of a transformer."""


@dataclass(frozen=True)
class Read:
    """One layer at some samples: activations and, by target, gradients, both ``(samples, channels, *spatial)``."""

    layer: Layer
    reading: Reading
    raw: Native
    activations: Native
    gradients: tuple[Native, ...] = ()


Values = tuple[np.ndarray, ...]
"""The targets at the samples."""

Parts = Iterator[tuple[slice, list[Read], Values]]
"""Layers and values for one part of the samples after the other: whoever goes through them keeps what it makes of a part."""


def with_gradients(passes: Passes, reshape: Reshape, method: str) -> Parts:
    """The layers in ``at=``, or the last that has positions and on whose positions the target depends; and the values."""
    reader = _Reader(passes, reshape, method)
    found = [] if passes.read else _with_positions(passes, reshape, method)
    if found and _is_tokens(found[-1], passes):
        yield from _last_that_counts(passes, found, reader, method)
        return
    layers = passes.read or (found[-1].layer,)
    for part, at in passes.at_input_parts(layers):
        yield part, reader(layers, at), at.values


def without_gradients(passes: Passes, reshape: Reshape, method: str) -> Parts:
    """The layers in ``at=``, or the last with positions (of tokens, the last before an attention reads them); and the values."""
    reader = _Reader(passes, reshape, method)
    layers: Sequence[Layer] = passes.read or [_before_attention(_with_positions(passes, reshape, method), passes).layer]
    for part, at in passes.forward(layers):
        yield part, reader(layers, at), at.values


def _last_that_counts(passes: Passes, found: Sequence[LayerInfo], reader: _Reader, method: str) -> Parts:
    """The last layer of tokens with a gradient.

    After the last attention of a transformer that reads its class token, the target depends on no other token: the gradient
    there is exactly zero. So the last token layers are differentiated together, and the last with a gradient is taken. Where a
    later part of the samples has one in a later layer, that one is read from there on (the earlier parts have none in it); where
    no sample has any, all parts come again, with the layers before.
    """
    for end in range(len(found), 0, -LOOKED_AT):
        layers = tuple(info.layer for info in found[max(end - LOOKED_AT, 0) : end])
        last, counts = 0, False
        for part, at in passes.at_input_parts(layers):
            read: list[Read] = []
            for index in reversed(range(last, len(layers))):
                read = reader([layers[index]], _one_of(at, index))
                if any(bool(array_namespace(g).any(g != 0)) for g in read[0].gradients):
                    last, counts = index, True
                    break
            values = at.values
            del at  # the other layers
            yield part, read, values
        if counts:
            return
    raise CapabilityError(
        f"{method}: the target has no gradient at the positions of any layer; it does not depend on them. Give another target, "
        "or name a layer in at=."
    )


def _one_of(at: AtInput, index: int) -> AtInput:
    return AtInput(at.values, tuple((gradients[index],) for gradients in at.gradients), (at.points[index],))


class _Reader:
    """Layers as a part of the samples gives them. How each is to be read is found at the first part."""

    def __init__(self, passes: Passes, reshape: Reshape, method: str) -> None:
        check_reshape(reshape, method)
        self._passes, self._reshape, self._method = passes, reshape, method
        self._readings: dict[Layer, Reading] = {}

    def __call__(self, layers: Sequence[Layer], at: AtInput) -> list[Read]:
        made = [self._read(layer, at, index) for index, layer in enumerate(layers)]
        if self._reshape is not None and not any(read.reading.grid or read.reading.function for read in made):
            told = ", ".join(f"{read.layer} {tuple(read.raw.shape[1:])}" for read in made)
            raise LayerError(
                f"{self._method}: reshape={tuple(self._reshape)} says how tokens lie on a grid, and no layer here gives tokens: "
                f"{told}."
            )
        return made

    def _read(self, layer: Layer, at: AtInput, index: int) -> Read:
        raw, samples = at.points[index], len(at.values[0])
        if layer not in self._readings:
            self._readings[layer] = reading_of(raw, samples, layer, self._passes, self._reshape, self._method)
        read = self._readings[layer]
        made = Read(layer, read, raw, read(raw), tuple(read(g[index]) for g in at.gradients if g))
        if made.activations.shape[0] != samples:
            raise LayerError(
                f"{self._method}: the output of {layer} is {tuple(raw.shape)}, and its first axis is not the {samples} samples."
            )
        return made


def _with_positions(passes: Passes, reshape: Reshape, method: str) -> list[LayerInfo]:
    """Layer calls with positions like the input's, in the order in which they ran."""
    if callable(reshape):
        raise InputError(f"{method}: reshape= as a function says how one layer is read; name that layer in at=.")
    check_reshape(reshape, method)
    infos, size = passes.layers(), passes.spatial_size()
    mixes = any(word in info.kind.lower() for info in infos for word in ("conv", "attention"))
    # Without a convolution or attention the axes of a feature need not be places; and inside an attention they may be heads.
    inside = tuple(info.name + sign for info in infos if "attention" in info.kind.lower() for sign in "./")
    placed = [mixes and info.name and not (len(info.shape) > 2 and info.name.startswith(inside)) for info in infos]
    extents = [extent(info, size, passes.channels_last, reshape) if has else () for info, has in zip(infos, placed, strict=True)]
    found = [info for info, extends in zip(infos, extents, strict=True) if max(extends, default=1) > 1]
    if found:
        return found
    seen = "; ".join(f"{info.layer} {info.shape}" for info in infos[-3:])
    raise CapabilityError(
        f"{method} needs a layer with channels and spatial extent, and "
        + ("no layer of this model has one" if mixes else "this model has no convolution; if a layer has both, name it in at=")
        + f" (last layers: {seen}). Methods that need none: saliency, integrated-gradients, smoothgrad."
    )


def _is_tokens(info: LayerInfo, passes: Passes) -> bool:
    return len(info.shape) == 2 and len(info.shape) != len(passes.spatial_size()) + 1


def _before_attention(found: Sequence[LayerInfo], passes: Passes) -> LayerInfo:
    """The last layer whose positions a class token can still read; without an attention that is known by name, the last."""
    attends = [at for at, info in enumerate(found) if "attention" in info.kind.lower()]
    if not _is_tokens(found[-1], passes) or not attends:
        return found[-1]
    inside = tuple(found[attends[-1]].name + sign for sign in "./")
    return next((info for info in reversed(found[: attends[-1]]) if not info.name.startswith(inside)), found[-1])
