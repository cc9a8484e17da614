"""What it means to remove features: a masker says it, and makes the rows that a model sees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from array_api_compat import array_namespace
from jaxtyping import Float

from ...arrays.rows import take
from ...core.declare import Passes
from ...core.errors import InputError
from ...core.features import Features
from ...core.types import Native, Rows


class Removal(Protocol):
    """A masker made ready for a batch of samples."""

    draws: int
    """Model rows for each mask: what stands in the place of the removed entries is averaged over."""
    weights: Float[np.ndarray, " draws"]
    """Their shares; they sum to 1."""
    soft: bool
    """Whether masks can be shares from 0 to 1; otherwise they are bool."""
    says: str
    """What "removed" means, for people: what removed features *are*, ``"set to 0"``."""

    def __call__(self, owner: Rows, masks: Native, draw: Rows) -> Native:
        """Rows of the leaf: for each its sample, its mask over the leaf's entries, and the number of its draw.

        Masks are bool (``True`` where the sample is kept) or, where ``soft`` is true, shares from 0 to 1. A removal can have
        ``lay(masks)``, which says how it wants the entries of a mask laid out; by default they are as in the leaf.
        """
        ...


class Masker(Protocol):
    """What a user gives as ``masker=``; a frozen record of its settings."""

    def prepare(self, passes: Passes, leaf: str, features: Sequence[Features]) -> Removal:
        """Make ready for the samples of a leaf; ``features`` holds one for all samples, or one for each."""
        ...


class Replacement:
    """Removed entries take values that are known beforehand, the same whatever else is removed.

    Parameters
    ----------
    passes
        The samples, and how they lie in memory.
    leaf
        The leaf that is masked.
    points
        Native ``(points, ...)``: what stands in the place of removed entries.
    index
        int ``(samples, draws)`` into ``points``.
    says
        What "removed" means.
    weights
        Shares of the draws; equal ones by default.
    soft
        Whether what lies between the sample and its replacement means anything; never so for whole numbers.
    """

    def __init__(
        self,
        passes: Passes,
        leaf: str,
        points: Native,
        index: np.ndarray,
        says: str,
        weights: np.ndarray | None = None,
        soft: bool = True,
    ) -> None:
        self.draws, self.says = index.shape[1], says
        self.weights = np.full(self.draws, 1 / self.draws) if weights is None else weights
        given = passes.leaf(leaf)
        self.soft = soft and bool(array_namespace(given).isdtype(given.dtype, "real floating"))
        woven = passes.memory_format == "channels-last" and given.ndim == 4 and not passes.channels_last
        self._shape = tuple(given.shape[1:]) if woven else None
        self._given, self._points, self._index = self.lay(given), self.lay(points), index

    def lay(self, entries: Native) -> Native:
        """Entries ``(rows, channels or 1, height, width)`` as ``(rows, height, width * channels)``, where the model gets
        channels-last images: they are then written once, in the order in which they lie there.
        """
        if self._shape is None:
            return entries
        xp = array_namespace(entries)
        last = xp.broadcast_to(xp.moveaxis(entries, 1, -1), (len(entries), *self._shape[1:], self._shape[0]))
        return xp.reshape(last, (len(entries), self._shape[1], -1))

    def __call__(self, owner: Rows, masks: Native, draw: Rows) -> Native:
        """The sample where the mask keeps it, the replacement elsewhere; soft masks blend both."""
        xp = array_namespace(self._given)
        given, instead = _rows(self._given, owner), _rows(self._points, self._index[owner, draw])
        if xp.isdtype(masks.dtype, "bool"):
            made = xp.where(masks, given, instead)
        elif not self.soft:
            raise InputError(f"masks from 0 to 1 would blend categories or whole numbers, and features here are {self.says}.")
        else:
            made = instead + masks * (given - instead)
        if self._shape is None:
            return made
        return xp.moveaxis(xp.reshape(made, (len(owner), *self._shape[1:], self._shape[0])), -1, 1)


def _rows(array: Native, rows: Rows) -> Native:
    """Rows by number; a single one, to be broadcast and not copied, where all are the same."""
    return array[int(rows[0]) : int(rows[0]) + 1, ...] if bool((rows == rows[0]).all()) else take(array, rows)
