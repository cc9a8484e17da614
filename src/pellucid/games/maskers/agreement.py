"""Categories given others: the rows that agree on what is kept, or agree most."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from .drawn import Uniforms
from .entries import distinct

BLOCK = 1 << 22
"""Entries of a table of coalitions by rows."""


class Agreement:
    """Draws among the rows that agree with the sample on the kept columns.

    Where fewer rows agree than there are draws, those that differ in one column are taken in, then those that differ in two,
    until there are enough.

    Parameters
    ----------
    rows
        ``(rows, columns)`` of codes.
    shares
        What a difference counts, by column: less for those of a one-hot group, of which two always differ.
    draws, seed
        How many rows are drawn, and the key.
    """

    def __init__(self, rows: np.ndarray, shares: Float[np.ndarray, " columns"], draws: int, seed: int) -> None:
        self._rows, self._shares = rows, shares
        self._least, self._uniforms = min(draws, len(rows)), Uniforms(draws, seed)

    def __call__(self, samples: np.ndarray, owner: np.ndarray, kept: np.ndarray, draw: np.ndarray) -> np.ndarray:
        """All coalitions of a sample are counted in one product."""
        chosen = np.empty(len(owner), int)
        for sample in np.unique(owner):
            rows = np.flatnonzero(owner == sample)
            keys, first, mask = distinct(kept[rows])
            same = (self._rows == samples[sample]) | (np.isnan(self._rows) & np.isnan(samples[sample]))
            differs = np.where(same, 0.0, self._shares).astype(np.float32).T
            step = max(BLOCK // len(self._rows), 1)
            for start in range(0, len(keys), step):
                here = np.flatnonzero((mask >= start) & (mask < start + step))
                distance = kept[rows][first[start : start + step]].astype(np.float32) @ differs
                limit = np.partition(distance, self._least - 1, axis=1)[:, self._least - 1]
                taken, number = np.nonzero(distance <= limit[:, None])
                count = np.bincount(taken, minlength=len(distance))
                begin, at = np.cumsum(count) - count, mask[here] - start
                share = np.stack([self._uniforms(key) for key in keys[start : start + step]])[at, draw[rows[here]]]
                chosen[rows[here]] = number[begin[at] + (share * count[at]).astype(int)]
        return self._rows[chosen]
