"""Smooth random masks: a coarse grid of cells that are present or absent, shifted and interpolated to full size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from array_api_compat import array_namespace

from ..core.types import Native
from .draws import generator
from .rows import take

BLOCK = 256
"""Masks drawn at a time; a mask is the same however many are drawn."""


class GridMasks:
    """Masks over positions, made when they are asked for.

    Each is a grid with one cell more than ``cells`` along every axis, bilinearly interpolated and seen through a window at a
    random shift of less than one cell. Odd masks are the complements of the even ones before them where cells are as often
    present as not.

    Parameters
    ----------
    sizes
        Positions along each axis.
    cells
        Cells along each axis; at most one per position.
    probability
        How often a cell is present.
    seed
        Key of the draws.
    """

    def __init__(self, sizes: Sequence[int], cells: int, probability: float, seed: int) -> None:
        self.sizes, self.paired = tuple(sizes), probability == 0.5
        self._cells = [min(cells, size) for size in sizes]
        self._sides = [-(-size // count) for size, count in zip(sizes, self._cells, strict=True)]
        self._probability, self._seed = probability, seed
        self._drawn: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self._interpolations: list[Native] = []

    def __call__(self, numbers: np.ndarray, like: Native) -> Native:
        """Masks by number, ``(numbers, *sizes)`` from 0 to 1, on the device and in the dtype of ``like``."""
        xp = array_namespace(like)
        if not self._interpolations:
            self._interpolations = [
                xp.asarray(_interpolation(size, count, side), dtype=like.dtype, device=getattr(like, "device", None))
                for size, count, side in zip(self.sizes, self._cells, self._sides, strict=True)
            ]
        grids, shifts = self._grids(numbers)
        masks = xp.asarray(grids, dtype=like.dtype, device=getattr(like, "device", None))
        for axis, (by, size) in enumerate(zip(self._interpolations, self.sizes, strict=True)):
            moved = xp.moveaxis(masks, axis + 1, -1)
            lines = xp.reshape(moved, (len(numbers), -1, moved.shape[-1]))
            full = lines @ xp.matrix_transpose(take(by, shifts[:, axis]))
            masks = xp.moveaxis(xp.reshape(full, (*moved.shape[:-1], size)), -1, axis + 1)
        return masks

    def _grids(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Cells ``(numbers, ...)`` and shifts ``(numbers, axes)``."""
        drawn = numbers // 2 if self.paired else numbers
        grids = np.empty((len(numbers), *(count + 1 for count in self._cells)))
        shifts = np.empty((len(numbers), len(self.sizes)), int)
        for block in np.unique(drawn // BLOCK):
            own = drawn // BLOCK == block
            cells, moves = self._block(int(block))
            grids[own], shifts[own] = cells[drawn[own] % BLOCK], moves[drawn[own] % BLOCK]
        if self.paired:
            odd = numbers % 2 == 1
            grids[odd] = 1 - grids[odd]
        return grids, shifts

    def _block(self, block: int) -> tuple[np.ndarray, np.ndarray]:
        if block not in self._drawn:
            rng = generator(self._seed, "grid masks", block)
            cells = rng.random((BLOCK, *(count + 1 for count in self._cells))) < self._probability
            moves = np.stack([rng.integers(0, side, BLOCK) for side in self._sides], axis=1)
            if len(self._drawn) > 8:
                self._drawn.clear()
            self._drawn[block] = cells.astype(float), moves
        return self._drawn[block]


def _interpolation(size: int, cells: int, side: int) -> np.ndarray:
    """For each shift the matrix ``(size, cells + 1)`` that interpolates linearly between the cells' corners."""
    matrices = np.zeros((side, size, cells + 1))
    for shift in range(side):
        at = np.minimum((np.arange(size) + shift) / side, cells)
        low = np.minimum(at.astype(int), cells - 1)
        matrices[shift, np.arange(size), low] += 1 - (at - low)
        matrices[shift, np.arange(size), low + 1] += at - low
    return matrices
