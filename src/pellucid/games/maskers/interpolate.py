"""Removed steps of a series are interpolated between the kept ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from array_api_compat import array_namespace
from jaxtyping import Bool

from ...arrays.rows import take
from ...core.declare import Passes
from ...core.errors import InputError
from ...core.features import Features
from ...core.types import Native, Rows
from .entries import hard, is_whole, refuse_tables, refuse_text, spatial_axes
from .masker import Removal


@dataclass(frozen=True)
class Interpolate:
    """Removed steps of a series lie on a straight line between the nearest kept ones; at the ends they repeat the nearest.

    Where no step is kept, a channel is its own mean.

    Raises
    ------
    InputError
        For tables, images, texts and whole numbers.

    Notes
    -----
    Cost: one model row for each mask.

    Examples
    --------
    >>> import pellucid as pl
    >>> pl.maskers.Interpolate()
    Interpolate()
    """

    def prepare(self, passes: Passes, leaf: str, features: Sequence[Features]) -> Removal:
        """Steps are those of the last axis, or of the one before where channels are last."""
        given = passes.leaf(leaf)
        refuse_text(given, "Interpolate")
        refuse_tables(features, "Interpolate", "use maskers.Background(rows) or Conditional(rows).")
        axes = spatial_axes(passes, given, features)
        if given.ndim not in (2, 3) or len(axes) != 1:
            raise InputError(
                f"Interpolate is for series, (samples, channels, steps) or (samples, steps); {leaf!r} is {tuple(given.shape)}. "
                "Use maskers.NoisyLinear() or Inpaint() for images."
            )
        if is_whole(given):
            raise InputError(f"Interpolate would make fractions of the whole numbers in {leaf!r} ({given.dtype}).")
        return Interpolated(passes, leaf, axes[0])


class Interpolated:
    """Rows whose removed steps are interpolated along an axis."""

    draws, soft = 1, False
    says = "interpolated in time between the nearest kept steps"

    def __init__(self, passes: Passes, leaf: str, axis: int) -> None:
        self._passes, self._given, self._axis, self.weights = passes, passes.leaf(leaf), axis, np.ones(1)
        xp = array_namespace(self._given)
        self._mean = xp.mean(self._given, axis=axis, keepdims=True)

    def __call__(self, owner: Rows, masks: Native, draw: Rows) -> Native:
        """A share of the kept step before, the rest of the one after."""
        del draw
        xp, axis = array_namespace(self._given), self._axis
        given = take(self._given, owner)
        kept = np.moveaxis(hard(self._passes, masks, "Interpolate"), axis, -1)
        before, after, share = _neighbours(np.broadcast_to(kept, (*kept.shape[:-1], given.shape[axis])))

        def laid(array: np.ndarray) -> Native:
            array = np.moveaxis(array, -1, axis)
            like = given.dtype if array.dtype.kind == "f" else None
            made = xp.asarray(np.ascontiguousarray(array), dtype=like, device=getattr(given, "device", None))
            return xp.broadcast_to(made, given.shape)

        low = xp.take_along_axis(given, laid(before), axis=axis)
        high = xp.take_along_axis(given, laid(after), axis=axis)
        lines = low + laid(share) * (high - low)
        some = laid(np.broadcast_to(kept.any(axis=-1, keepdims=True), before.shape).astype(float)) > 0
        return xp.where(masks, given, xp.where(some, lines, take(self._mean, owner)))


def _neighbours(kept: Bool[np.ndarray, "... steps"]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each step the kept ones before and after (at the ends, the same one twice), and how far between them it is."""
    step, last = np.broadcast_to(np.arange(kept.shape[-1]), kept.shape), kept.shape[-1] - 1
    before = np.maximum.accumulate(np.where(kept, step, -1), axis=-1)
    after = np.minimum.accumulate(np.where(kept, step, last + 1)[..., ::-1], axis=-1)[..., ::-1]
    first, second = np.where(before < 0, after, before), np.where(after > last, before, after)
    share = (step - first) / np.maximum(second - first, 1)
    return np.clip(first, 0, last), np.clip(second, 0, last), np.where(second > first, share, 0.0)
