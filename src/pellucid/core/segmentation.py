"""Pieces of images and series: cells of a grid, superpixels, segments of time. Each is a map of piece numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

import numpy as np

from .errors import InputError, nearest
from .extras import require
from .players import whole
from .types import Layout

Method = Literal["slic", "quickshift", "felzenszwalb"]


def spatial(shape: Sequence[int], layout: Layout) -> tuple[int, ...]:
    """The sizes in space of one image of this shape, the channel axis left out."""
    if layout not in get_args(Layout):
        raise InputError(f"layout= must be one of {', '.join(map(repr, get_args(Layout)))}; got {layout!r}.")
    if not isinstance(shape, Sequence) or len(shape) < 2 or not all(whole(size) and size > 0 for size in shape):
        raise InputError(
            f"shape= must be that of one sample, channels included, as {'(C, H, W)' if layout == 'NCHW' else '(H, W, C)'}; "
            f"got {shape!r}."
        )
    return tuple(shape[1:] if layout == "NCHW" else shape[:-1])


def with_channels(labels: np.ndarray, layout: Layout) -> np.ndarray:
    """A map of piece numbers with a channel axis of size 1."""
    return labels[None] if layout == "NCHW" else labels[..., None]


def cells(sizes: Sequence[int], cell: int | Sequence[int]) -> tuple[np.ndarray, tuple[tuple[int, ...], ...]]:
    """Numbers of the cells of a grid, ``sizes``, and the place of each cell; the last cells of an axis may be cut."""
    sides = tuple(cell) if isinstance(cell, Sequence) else (cell,) * len(sizes)
    if len(sides) != len(sizes) or not all(whole(side) and side >= 1 for side in sides):
        raise InputError(f"cell= must be a whole number of at least 1, or one for each of the {len(sizes)} axes; got {cell!r}.")
    counts = tuple(-(-size // side) for size, side in zip(sizes, sides, strict=True))
    numbers = np.zeros(tuple(sizes), np.intp)
    for axis, (size, side) in enumerate(zip(sizes, sides, strict=True)):
        step = math.prod(counts[axis + 1 :])
        numbers += (np.arange(size) // side * step).reshape(-1, *[1] * (len(sizes) - axis - 1))
    return numbers, tuple(tuple(map(int, place)) for place in np.ndindex(counts))


def segments(length: int, n: int) -> np.ndarray:
    """Numbers of ``n`` segments whose lengths differ by at most one step, ``(length,)``."""
    if not whole(length) or length < 1:
        raise InputError(f"length= must be a whole number of steps, at least 1; got {length!r}.")
    if not whole(n) or not 1 <= n <= length:
        raise InputError(f"n= must be 1 to {length}, the number of steps; got {n!r}.")
    return np.arange(length) * n // length


def superpixels(image: np.ndarray, n: int, method: Method, options: Mapping[str, Any]) -> np.ndarray:
    """Numbers of the superpixels of one image ``(height, width, channels)``, ``(height, width)``; about ``n`` of them."""
    if method not in get_args(Method):
        raise InputError(f"method= cannot be {method!r}.{nearest(str(method), get_args(Method))}")
    if not whole(n) or not 1 <= n <= image.shape[0] * image.shape[1]:
        raise InputError(f"n= must be 1 to {image.shape[0] * image.shape[1]}, the number of pixels; got {n!r}.")
    library = require("skimage.segmentation", "images", "Features.superpixels")
    if n == 1:
        return np.zeros(image.shape[:2], np.intp)
    shown = _scaled(image)
    try:
        found = {"slic": _slic, "quickshift": _quickshift, "felzenszwalb": _felzenszwalb}[method](
            library, shown, n, dict(options)
        )
    except TypeError as error:
        raise InputError(f"scikit-image's {method} does not take these options ({error}).") from error
    return np.unique(found, return_inverse=True)[1].reshape(found.shape)


def _slic(library: Any, image: np.ndarray, n: int, options: dict[str, Any]) -> np.ndarray:
    """SLIC joins small pieces to others, so it is asked for more until about ``n`` remain."""
    plain = {"compactness": 10.0 if image.shape[-1] == 3 else 0.1, "convert2lab": image.shape[-1] == 3}
    best, asked = np.empty(0, np.intp), n
    for _ in range(6):
        found = library.slic(image, n_segments=asked, start_label=0, channel_axis=-1, **{**plain, **options})
        count = len(np.unique(found))
        if not best.size or abs(count - n) < abs(len(np.unique(best)) - n):
            best = found
        if abs(count - n) <= n // 20:
            break
        asked = min(max(round(asked * n / count), 1), found.size)
    return best


def _quickshift(library: Any, image: np.ndarray, n: int, options: dict[str, Any]) -> np.ndarray:
    """The tree of each pixel's nearest denser pixel, cut at its longest links so that ``n`` pieces remain."""
    kernel = max(1.0, math.sqrt(image.shape[0] * image.shape[1] / n) / 6)
    plain = {"kernel_size": kernel, "ratio": 0.5, "convert2lab": image.shape[-1] == 3, "rng": 42}
    if "max_dist" in options:
        return library.quickshift(image, channel_axis=-1, **{**plain, **options})
    whole = {"max_dist": np.inf, "return_tree": True, "channel_axis": -1}
    _, parent, distance = library.quickshift(image, **{**plain, **options, **whole})
    parent, distance = np.asarray(parent).reshape(-1).astype(np.intp), np.asarray(distance).reshape(-1)
    roots = np.argsort(-distance, kind="stable")[:n]
    parent[roots] = roots
    while (parent != (further := parent[parent])).any():
        parent = further
    return parent.reshape(image.shape[:2])


def _felzenszwalb(library: Any, image: np.ndarray, n: int, options: dict[str, Any]) -> np.ndarray:
    """The scale is halved and doubled until there are about ``n`` pieces."""
    plain = {"min_size": max(1, image.shape[0] * image.shape[1] // (4 * n)), "sigma": 0.8}
    if "scale" in options:
        return library.felzenszwalb(image, channel_axis=-1, **{**plain, **options})
    low, high, best = 0.0, 20.0, np.empty(0, np.intp)
    for _ in range(9):
        exponent = (low + high) / 2
        found = library.felzenszwalb(image, scale=2.0**exponent, channel_axis=-1, **{**plain, **options})
        count = int(found.max()) + 1
        if not best.size or abs(count - n) < abs(int(best.max()) + 1 - n):
            best = found
        if count == n:
            break
        low, high = (exponent, high) if count > n else (low, exponent)
    return best


def _scaled(image: np.ndarray) -> np.ndarray:
    """The image in 0 to 1, as colours are compared."""
    if image.dtype == np.uint8:
        return image / 255.0
    image = image.astype(np.float64)
    if not np.isfinite(image).all():
        raise InputError("the image has entries that are NaN or infinite.")
    low, high = image.min(), image.max()
    return image if low >= 0 and high <= 1 else (image - low) / max(high - low, np.finfo(float).tiny)
