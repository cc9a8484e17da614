"""How a layer's output is read: channels over positions, from feature maps of convolutions and from tokens of transformers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from array_api_compat import array_namespace

from ...core.declare import Passes
from ...core.errors import InputError, LayerError
from ...core.targets import Layer
from ...core.types import Native
from ...core.view import LayerInfo

Reshape = Any
"""``None``, the sizes of a token grid, or a function from a layer's output to ``(samples, channels, *spatial)``."""

MOST_LEADING = 16
"""Tokens before the grid (class token, registers) beyond which a fit is taken for chance."""


@dataclass(frozen=True)
class Reading:
    """One layer's output as ``(samples, channels, *spatial)``.

    ``axis`` is that of the channels in the output as the layer gives it. Tokens have a ``grid``, and ``leading`` ones that lie
    nowhere. A ``function`` of the user's stands for all three.
    """

    axis: int
    grid: tuple[int, ...] | None = None
    leading: int = 0
    function: Callable[[Native], Native] | None = None

    def __call__(self, output: Native) -> Native:
        """Channels first, then positions; outputs and gradients are read alike."""
        if self.function is not None:
            return self.function(output)
        xp = array_namespace(output)
        if self.grid is not None:
            output = xp.reshape(output[:, self.leading :, :], (output.shape[0], *self.grid, output.shape[2]))
            return xp.moveaxis(output, -1, 1)
        return xp.moveaxis(output, self.axis, 1)


def check_reshape(reshape: Reshape, method: str) -> None:
    """Refuse what is neither sizes of a grid nor a function."""
    sizes = isinstance(reshape, (tuple, list)) and all(type(length) is int and length > 0 for length in reshape)
    if not (reshape is None or callable(reshape) or (sizes and reshape)):
        raise InputError(
            f"{method}: reshape= takes the sizes of the grid on which tokens lie, (rows, columns), or a function; got "
            f"{reshape!r}."
        )


def reading_of(output: Native, samples: int, layer: Layer, passes: Passes, reshape: Reshape, method: str) -> Reading:
    """How to read the output of a layer, seen at so many samples.

    Raises
    ------
    LayerError
        If it is neither a feature map nor tokens that fill one grid, with what to say instead.
    """
    shape, size = tuple(int(length) for length in output.shape), passes.spatial_size()
    if callable(reshape):
        read = Reading(-1, function=reshape)
        made = tuple(getattr(read(output), "shape", ()))
        if len(made) < 3 or made[0] != samples:
            raise LayerError(
                f"{method}: reshape= made {made} of the output of {layer}, {shape}; it must give (samples, channels, *spatial)."
            )
        return read
    if len(shape) < 3:
        raise LayerError(f"{layer} has output shape {shape[1:]}: no channels with spatial extent to weigh.")
    if shape[0] != samples:
        raise LayerError(f"{method}: the output of {layer} is {shape}, and its first axis is not the {samples} samples.")
    read = reading(shape[1:], size, passes.channels_last, reshape)
    if read is not None and read.axis == -1 and not passes.channels_last and shape[1:] in feature_maps(passes.layers()):
        read = Reading(1)
    if read is None and reshape is not None:
        raise LayerError(
            f"{method}: reshape={tuple(reshape)} is a grid of {math.prod(reshape)} tokens, and {layer} gives {shape[1:]}."
        )
    if read is None:
        raise LayerError(
            f"{method}: the output of {layer} is {shape[1:]}. {shape[1]} tokens fill no grid of square patches with the aspect "
            f"of the input ({' x '.join(map(str, size))}), or more than one. Give the sizes of the grid, reshape=(rows, "
            "columns), or a function that makes (samples, channels, *spatial) of the output."
        )
    return read


def reading(shape: Sequence[int], size: Sequence[int], channels_last: bool, reshape: Reshape) -> Reading | None:
    """How to read an output of this shape, samples left out; ``None`` if nothing fits."""
    if reshape is not None and len(shape) == 2:
        leading = shape[0] - math.prod(reshape)
        return Reading(2, tuple(map(int, reshape)), leading) if leading >= 0 else None
    if len(shape) == 2 and len(size) > 1:  # in volumes patches are seldom cubes
        found = token_grid(shape[0], size) if len(size) == 2 else None
        return None if found is None else Reading(2, *found)
    if not channels_last and len(shape) == 3 and len(size) == 2 and _backwards(shape, size):
        return Reading(-1)
    return Reading(-1 if channels_last else 1) if len(shape) > 1 else None


def feature_maps(infos: Sequence[LayerInfo]) -> set[tuple[int, ...]]:
    """Shapes that convolutions, their norms and pooling give: channels come first there, whatever the sizes look like."""
    return {info.shape for info in infos if any(word in info.kind.lower() for word in ("conv", "batchnorm", "pool"))}


def extent(info: LayerInfo, size: Sequence[int], channels_last: bool, reshape: Reshape) -> tuple[int, ...]:
    """Positions of a layer call with as many spatial axes as the input; empty if it has none."""
    tokens = len(info.shape) == 2 and not info.kind.lower().endswith("1d") and (reshape is not None or len(size) > 1)
    if not size or not (tokens or len(info.shape) == len(size) + 1):
        return ()
    read = reading(info.shape, size, channels_last, reshape)
    if read is None:
        return ()
    if read.grid is not None:
        return read.grid if len(read.grid) == len(size) else ()
    return tuple(info.shape[:-1] if read.axis == -1 else info.shape[1:])


def token_grid(tokens: int, size: Sequence[int]) -> tuple[tuple[int, ...], int] | None:
    """The grid that so many tokens fill, and how many tokens lead it; ``None`` if there is none, or no single one.

    Patches are squares of the input. One class token before the grid, or none, is usual; then a margin of the input may be left
    over. More tokens before it are taken only where patches tile the input exactly.

    >>> token_grid(197, (224, 224)), token_grid(201, (224, 224)), token_grid(96, (64, 96))
    (((14, 14), 1), ((14, 14), 5), ((8, 12), 0))
    >>> token_grid(26, (12, 12)) is None
    True
    """
    for exact, most in ((True, 1), (False, 1), (True, MOST_LEADING)):
        fits = {
            (lead, grid)
            for grid in _grids(size, exact)
            if max(grid) > 1 and 0 <= (lead := tokens - math.prod(grid)) <= min(most, math.prod(grid) // 2)
        }
        if fits:
            lead, grid = min(fits)
            return (grid, lead) if len(fits) == 1 else None
    return None


def _grids(size: Sequence[int], exact: bool) -> Iterator[tuple[int, ...]]:
    """Grids of square patches, those that tile the input or those that leave a margin."""
    for patch in range(1, min(size) + 1):
        if all(length % patch == 0 for length in size) == exact:
            yield tuple(length // patch for length in size)


def _backwards(shape: Sequence[int], size: Sequence[int]) -> bool:
    """Whether an image's channels come last in this layer although the model takes them first (windowed transformers)."""

    def stretch(height: int, width: int) -> float:
        return abs(math.log((height / size[0]) / (width / size[1])))

    return stretch(shape[1], shape[2]) > math.log(1.5) and stretch(shape[0], shape[1]) < math.log(1.1)
