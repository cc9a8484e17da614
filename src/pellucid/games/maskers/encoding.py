"""Rows of a table as points between which distances mean something, and the same for images and series."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from ...core.players import CATEGORIES, Column


class Encoding:
    """Numbers in units of their standard deviation, categories as one column per level, missing numbers as a flag.

    Parameters
    ----------
    rows
        ``(rows, columns)`` from which means, deviations and levels are taken.
    columns
        What they are; all continuous where that is not said.

    Attributes
    ----------
    source
        For each encoded column, the column that it comes from.
    """

    def __init__(self, rows: Float[np.ndarray, "rows columns"], columns: Sequence[Column] | None) -> None:
        width = rows.shape[1]
        coded = [columns is not None and columns[at].kind in CATEGORIES for at in range(width)]
        self._numbers = np.array([at for at in range(width) if not coded[at]], int)
        self._coded = [at for at in range(width) if coded[at]]
        self._levels = [np.unique(rows[:, at]) for at in self._coded]
        numbers = rows[:, self._numbers]
        present = ~np.isnan(numbers)
        self._holes = np.flatnonzero(~present.all(axis=0))
        count = np.maximum(present.sum(axis=0), 1)
        self._mean = np.where(present, numbers, 0).sum(axis=0, dtype=np.float64) / count
        spread = np.sqrt((np.where(present, numbers - self._mean, 0) ** 2).sum(axis=0, dtype=np.float64) / count)
        constant = spread <= 1e-12 * np.abs(self._mean)
        self._scale = np.where(constant, 0.0, 1 / np.where(constant, 1.0, spread))
        parts = [self._numbers, self._numbers[self._holes]]
        parts += [np.full(len(levels), at) for at, levels in zip(self._coded, self._levels, strict=True)]
        self.source: Int[np.ndarray, " encoded"] = np.concatenate(parts)

    def __call__(self, rows: Float[np.ndarray, "rows columns"]) -> Float[np.ndarray, "rows encoded"]:
        """Encoded rows, float32."""
        numbers = (rows[:, self._numbers] - self._mean) * self._scale
        holes = np.isnan(numbers[:, self._holes])
        parts = [np.nan_to_num(numbers, nan=0.0), holes]
        # two levels that differ are as far apart as numbers by one standard deviation
        parts += [(rows[:, at, None] == levels) * np.sqrt(0.5) for at, levels in zip(self._coded, self._levels, strict=True)]
        return np.concatenate(parts, axis=1, dtype=np.float32)
