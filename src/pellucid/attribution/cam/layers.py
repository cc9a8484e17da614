"""Which layers a class activation map reads: those that the user named, or one that is found by running the model."""

from __future__ import annotations

from collections.abc import Sequence
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
    """One layer at the samples: activations and, by target, gradients, both ``(samples, channels, *spatial)``."""

    layer: Layer
    reading: Reading
    raw: Native
    activations: Native
    gradients: tuple[Native, ...] = ()


Values = tuple[np.ndarray, ...]
"""The targets at the samples."""


def with_gradients(passes: Passes, reshape: Reshape, method: str) -> tuple[list[Read], Values]:
    """The layers in ``at=``, or the last that has positions and on whose positions the target depends; and the values.

    After the last attention of a transformer that reads its class token, the target depends on no other token: the gradient
    there is exactly zero. So the last token layers are differentiated together, and the last with a gradient is taken.
    """
    found = [] if passes.read else _with_positions(passes, reshape, method)
    if not found or not _is_tokens(found[-1], passes):
        layers = passes.read or (found[-1].layer,)
        at = passes.at_input(layers)
        return _read(passes, layers, at, reshape, method), at.values
    for end in range(len(found), 0, -LOOKED_AT):
        layers = tuple(info.layer for info in found[max(end - LOOKED_AT, 0) : end])
        at = passes.at_input(layers)
        for index in reversed(range(len(layers))):
            picked = AtInput(at.values, tuple((g[index],) for g in at.gradients), (at.points[index],))
            (read,) = _read(passes, [layers[index]], picked, reshape, method)
            if any(bool(array_namespace(g).any(g != 0)) for g in read.gradients):
                return [read], at.values
    raise CapabilityError(
        f"{method}: the target has no gradient at the positions of any layer; it does not depend on them. Give another target, "
        "or name a layer in at=."
    )


def without_gradients(passes: Passes, reshape: Reshape, method: str) -> tuple[list[Read], Values]:
    """The layers in ``at=``, or the last with positions (of tokens, the last before an attention reads them); and the values."""
    layers: Sequence[Layer] = passes.read or [_before_attention(_with_positions(passes, reshape, method), passes).layer]
    at = passes.forward(layers)
    return _read(passes, layers, at, reshape, method), at.values


def _read(passes: Passes, layers: Sequence[Layer], at: AtInput, reshape: Reshape, method: str) -> list[Read]:
    check_reshape(reshape, method)
    made: list[Read] = []
    for index, (layer, raw) in enumerate(zip(layers, at.points, strict=True)):
        read = reading_of(raw, layer, passes, reshape, method)
        made.append(Read(layer, read, raw, read(raw), tuple(read(g[index]) for g in at.gradients if g)))
    if reshape is not None and not any(read.reading.grid or read.reading.function for read in made):
        told = ", ".join(f"{read.layer} {tuple(read.raw.shape[1:])}" for read in made)
        raise LayerError(
            f"{method}: reshape={tuple(reshape)} says how tokens lie on a grid, and no layer here gives tokens: {told}."
        )
    return made


def _with_positions(passes: Passes, reshape: Reshape, method: str) -> list[LayerInfo]:
    """Layer calls with positions like the input's, in the order in which they ran."""
    if callable(reshape):
        raise InputError(f"{method}: reshape= as a function says how one layer is read; name that layer in at=.")
    check_reshape(reshape, method)
    infos, size = passes.layers(), passes.spatial_size()
    mixes = any(word in info.kind.lower() for info in infos for word in ("conv", "attention"))
    # Without a convolution or attention the axes of a feature need not be places.
    extents = [extent(info, size, passes.channels_last, reshape) if mixes and info.name else () for info in infos]
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
    inside = found[attends[-1]].name + "."
    return next((info for info in reversed(found[: attends[-1]]) if not info.name.startswith(inside)), found[-1])
