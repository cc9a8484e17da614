"""Inputs seen through the channels of a layer, and layers without one of their channels, made batch by batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from array_api_compat import array_namespace

from ...arrays.resample import extremes, matrices, stretched
from ...arrays.rows import take
from ...core.declare import Passes
from ...core.errors import LayerError
from ...core.types import Native, Rows
from .layers import Read


def rows_of(array: Native, owner: Rows) -> Native:
    """Rows by number; a single one, to be broadcast and not copied, where all are the same."""
    return array[int(owner[0]) : int(owner[0]) + 1, ...] if bool((owner == owner[0]).all()) else take(array, owner)


def varying(passes: Passes, activations: Native) -> np.ndarray:
    """Which channels ``(samples, channels)`` are not the same, up to rounding, at all positions."""
    xp = array_namespace(activations)
    lines = xp.reshape(activations, (*activations.shape[:2], -1))
    low, high = passes.host(xp.min(lines, axis=2)), passes.host(xp.max(lines, axis=2))
    return high - low > 8 * float(xp.finfo(activations.dtype).eps) * np.maximum(np.abs(low), np.abs(high))


def check_budget(passes: Passes, part: slice, channels: Sequence[np.ndarray], more: int = 0) -> None:
    """Refuse if one of these samples needs more rows than it has left: one for each of its channels, and ``more``."""
    rows, needed = np.arange(part.start, part.stop), np.concatenate(channels, axis=1).sum(axis=1) + more
    if (passes.allowances(rows) < needed).any():
        passes.refuse_budget(int(needed.max()), rows)


class MaskedInput:
    """One part of the samples times channels of a layer, each resized to the input and scaled to 0 ... 1.

    Resizing is linear, so that channels are scaled while they are small; what is left for a batch is two small matrix products
    and one multiplication. Where the model gets its channels last, the last product writes every value once per channel of the
    input, in the order in which they lie there: no copy follows.
    """

    def __init__(self, passes: Passes, part: slice, activations: Native) -> None:
        xp, size = array_namespace(activations), passes.spatial_size()
        self._input = passes.leaf(passes.spatial_leaf())[part]
        self._size, self._channels_last = size, passes.channels_last
        self._per_sample = int(activations.shape[1])
        maps = xp.reshape(activations, (-1, *activations.shape[2:]))
        low, high = extremes(maps, size)
        column = (-1, *[1] * len(size))
        width = xp.reshape(xp.where(high > low, high - low, 1.0), column)
        self._masks = (maps - xp.reshape(low, column)) / width
        self._by = matrices(maps.shape[1:], size, "bilinear", maps)
        self._woven = passes.channels_last or (passes.memory_format == "channels-last" and len(size) == 2)
        if self._woven:
            last = self._input if passes.channels_last else xp.moveaxis(self._input, 1, -1)
            self._colours = int(last.shape[-1])
            self._input = xp.reshape(last, (*last.shape[:-2], -1))
            self._by[-1] = xp.repeat(self._by[-1], self._colours, axis=0)

    def __call__(self, owner: Rows, channel: Rows) -> Native:
        """Masked inputs: for each row its sample, counted within the part, and the channel that masks it."""
        masks = stretched(take(self._masks, owner * self._per_sample + channel), self._by)
        xp = array_namespace(masks)
        given = rows_of(self._input, owner)
        if not self._woven:
            return given * xp.expand_dims(masks, axis=1)
        masks *= given
        masks = xp.reshape(masks, (len(owner), *self._size, self._colours))
        return masks if self._channels_last else xp.moveaxis(masks, -1, 1)


class WithoutChannel:
    """A layer's output, as the layer gives it, with one channel at zero; ``present`` says which channels are not zero anyway.

    Samples are those of one part, and counted within it.
    """

    def __init__(self, passes: Passes, read: Read, method: str) -> None:
        xp, self._raw = array_namespace(read.raw), read.raw
        count = int(read.activations.shape[1])
        axes = [axis for axis in range(1, read.raw.ndim) if read.raw.shape[axis] == count]
        if read.reading.function is not None and len(axes) != 1:
            raise LayerError(
                f"{method}: reshape= makes {count} channels of the output of {read.layer}, {tuple(read.raw.shape)}, and "
                f"{len(axes)} of its axes have that length: which channel to set to zero there is not known. Give reshape= as "
                "the sizes of the grid."
            )
        self._axis = axes[0] if read.reading.function is not None else read.reading.axis % read.raw.ndim
        lines = xp.reshape(xp.moveaxis(read.raw, self._axis, 1), (read.raw.shape[0], count, -1))
        self.present = passes.host(xp.max(abs(lines), axis=2)) > 0

    def __call__(self, owner: Rows, channel: Rows) -> Native:
        """For each row the output of its sample without its channel."""
        given = rows_of(self._raw, owner)
        kept = np.ones((len(owner), self.present.shape[1]))
        kept[np.arange(len(owner)), channel] = 0
        shape = [len(owner), *[1] * (self._raw.ndim - 1)]
        shape[self._axis] = kept.shape[1]
        xp = array_namespace(given)
        return given * xp.asarray(kept.reshape(shape), dtype=given.dtype, device=given.device)
