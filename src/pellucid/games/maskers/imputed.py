"""Removed pixels computed from the kept ones of the same image: what such maskers share."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from array_api_compat import array_namespace
from jaxtyping import Bool, Float

from ...arrays.rows import take
from ...core.declare import Passes
from ...core.errors import InputError
from ...core.features import Features
from ...core.types import Native, Rows
from .entries import distinct, hard, native, refuse_tables, refuse_text, spatial_axes

Fill = Callable[[bytes, Bool[np.ndarray, "..."], Float[np.ndarray, "... layers"]], Float[np.ndarray, "... layers"]]
"""Of the mask's key, the mask, and images as layers: the layers with their removed pixels filled."""


class Imputed:
    """Rows whose removed pixels are computed from the kept ones, mask by mask; the mean of its own image where none is kept.

    Parameters
    ----------
    passes, leaf, features
        The images, and what is removed of them: all channels of a pixel together.
    masker
        Its name, for messages.
    axes
        How many axes of space it can fill.
    fill
        See ``Fill``. Images that share a mask are filled together.
    says
        What "removed" means.
    """

    draws, soft = 1, False

    def __init__(
        self,
        passes: Passes,
        leaf: str,
        features: Sequence[Features],
        masker: str,
        axes: tuple[int, ...],
        fill: Fill,
        says: str,
    ) -> None:
        given = passes.leaf(leaf)
        refuse_text(given, masker)
        refuse_tables(features, masker, "use maskers.Background(rows) or Conditional(rows).")
        self._axes = spatial_axes(passes, given, features)
        if len(self._axes) not in axes:
            raise InputError(f"{masker} is for images; {leaf!r} is {tuple(given.shape)}. Series have maskers.Interpolate().")
        for each in features:
            if any(size != 1 for axis, size in enumerate(each.labels.shape, 1) if axis not in self._axes):
                raise InputError(f"{masker} fills pixels, and these features own single channels of them; give labels for all.")
        self._passes, self._given, self._fill, self._masker = passes, given, fill, masker
        self.weights, self.says = np.ones(1), says

    def __call__(self, owner: Rows, masks: Native, draw: Rows) -> Native:
        """Images with the channels last, side by side."""
        del draw
        given, space = take(self._given, owner), tuple(range(1, len(self._axes) + 1))
        images = np.moveaxis(self._passes.host(given), self._axes, space)
        kept = np.moveaxis(hard(self._passes, masks, self._masker), self._axes, space)
        sizes = images.shape[1 : len(self._axes) + 1]
        kept, layers = kept.reshape(len(owner), *sizes, -1), images.reshape(len(owner), *sizes, -1)
        if (kept != kept[..., :1]).any():
            raise InputError(f"{self._masker} fills pixels, and these masks remove single channels of them; remove all together.")
        kept = kept[..., 0]
        keys, first, mask = distinct(kept)
        made = np.array(layers)
        for number, (key, row) in enumerate(zip(keys, first, strict=True)):
            rows = np.flatnonzero(mask == number)
            if kept[row].all():
                continue
            joined = np.moveaxis(layers[rows], 0, -2).reshape(*sizes, -1)
            filled = self._fill(key, kept[row], joined)
            made[rows] = np.moveaxis(filled.reshape(*sizes, len(rows), -1), -2, 0)
        back = np.moveaxis(made.reshape(images.shape), space, self._axes)
        return array_namespace(given).where(masks, given, native(back, self._given))


def flat_where_all_gone(kept: np.ndarray, layers: np.ndarray) -> np.ndarray | None:
    """Layers of their own means where nothing is kept, else ``None``."""
    if kept.any():
        return None
    return np.broadcast_to(layers.mean(axis=tuple(range(kept.ndim)), keepdims=True), layers.shape)
