"""A piecewise linear network as a sum: its input times its gradient, and every bias times the gradient where it is added."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from array_api_compat import array_namespace

from ...core.declare import AtInput, Passes
from ...core.errors import CapabilityError, InputError, LayerError
from ...core.targets import Layer
from ...core.types import Native
from ...core.view import LayerInfo, Place
from .grids import Reading, Reshape, check_reshape, reading


@dataclass(frozen=True)
class Source:
    """Where one summand comes from.

    ``bias`` is shaped to multiply the gradient at ``place``; at a start it is ``None``, and what is there multiplies it.
    ``reading`` is ``None`` where terms have no position.
    """

    place: Place
    bias: Native | None
    reading: Reading | None


def sources(passes: Passes, reshape: Reshape, method: str) -> list[Source]:
    """The starts (the inputs, or the layer in ``at=``) and every layer call after them that adds a constant."""
    check_reshape(reshape, method)
    if not passes.spatial_size():
        raise CapabilityError(
            f"{method} draws over positions, and this input has none. Methods that need none: saliency, integrated-gradients."
        )
    if callable(reshape) or len(passes.read) > 1:
        raise InputError(f"{method} reads many layers: reshape= takes the sizes of a grid, at= one layer to start from.")
    infos = {(info.name, info.call): (number, info) for number, info in enumerate(passes.layers())}
    channels = -1 if passes.channels_last else 1
    begin = -1
    if passes.read:
        begin, info = infos.get((passes.read[0].name, passes.read[0].call or 1), (-1, None))
        shape = info.shape if info else ()
        found = [Source(passes.read[0], None, _reading(shape, channels, passes, reshape))]
    else:
        axes = passes.leaf(passes.spatial_leaf()).ndim
        drawn = [isinstance(place, str) and passes.leaf(place).ndim == axes for place in passes.input_places()]
        found = [
            Source(place, None, Reading(channels) if has_positions else None)
            for place, has_positions in zip(passes.input_places(), drawn, strict=True)
        ]
    for layer, bias in passes.biases():
        number, info = infos[layer.name, layer.call or 1]
        if number > begin:
            found.append(_source(layer, info, bias, channels, passes, reshape))
    return found


def decomposed(passes: Passes, found: Sequence[Source]) -> Iterator[tuple[slice, int, np.ndarray, list[Native]]]:
    """For each part of the samples and each target: its values there, and the terms by source, with the shape of the place."""
    for part, at in passes.at_input_parts([source.place for source in found]):
        _check_rows(found, at, part)
        for target, gradients in enumerate(at.gradients):
            terms = [
                point * gradient if source.bias is None else gradient * source.bias
                for source, point, gradient in zip(found, at.points, gradients, strict=True)
            ]
            yield part, target, at.values[target], terms
        del at


def _check_rows(found: Sequence[Source], given: AtInput, part: slice) -> None:
    for source, output in zip(found, given.gradients[0], strict=True):
        if output.shape[0] != part.stop - part.start:
            raise LayerError(
                f"the output of {source.place} is {tuple(output.shape)}, and its first axis is not the samples: its bias cannot "
                "be attributed to them. Where the model has a switch for it (batch_first=True), set it; or name a later layer in "
                "at=."
            )


def _source(layer: Layer, info: LayerInfo, bias: Native, channels: int, passes: Passes, reshape: Reshape) -> Source:
    dense = any(word in info.kind.lower() for word in ("linear", "dense"))  # they act on the last axis, wherever they are
    axis = -1 if dense else channels
    shape = [1] * (len(info.shape) + 1)
    shape[axis] = -1
    read = _reading(info.shape, axis, passes, reshape)
    return Source(layer, array_namespace(bias).reshape(bias, tuple(shape)), read)


def _reading(shape: tuple[int, ...], channels: int, passes: Passes, reshape: Reshape) -> Reading | None:
    """How terms of this shape lie over the input; ``None`` if they have no position there."""
    size = passes.spatial_size()
    if len(shape) == len(size) + 1 and not (reshape is not None and len(shape) == 2):
        return Reading(channels)
    read = reading(shape, size, passes.channels_last, reshape) if len(shape) == 2 else None
    return read if read is not None and read.grid is not None and len(read.grid) == len(size) else None
