"""Where a score is undefined because nothing that it compares moves."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from ..core.measure import Measured

ROUNDING = 1e-6
"""The share of the largest magnitude below which differences of attributions are rounding."""


def moved(m: Measured, y: Float[np.ndarray, "samples points"]) -> Bool[np.ndarray, " samples"]:
    """Whether the target at any of the points differs from that at the sample by more than rounding."""
    change = np.abs(y - m.value[:, None]).max(axis=1, initial=0.0)
    largest = np.maximum(np.abs(y).max(axis=1, initial=0.0), np.abs(m.value))
    return change > m.rounding * largest


def where_moved(
    m: Measured, y: Float[np.ndarray, "samples points"], values: Float[np.ndarray, " samples"]
) -> Float[np.ndarray, " samples"]:
    """The values; NaN where the target stays the same at all of the points."""
    return np.where(moved(m, y), values, np.nan)


def settled(values: Float[np.ndarray, "*maps values"]) -> Float[np.ndarray, "*maps values"]:
    """Finite values in steps of rounding of their map, so that those that differ by no more are mostly equal; 0 for zeros.

    >>> settled(np.array([1.0, 1.0 + 1e-9, 0.0]))
    array([1000000., 1000000.,       0.])
    """
    largest = np.abs(values).max(axis=-1, initial=0.0, keepdims=True)
    return np.rint(values / np.where(largest > 0, largest, 1.0) / ROUNDING)


def constant(values: Float[np.ndarray, " cases"]) -> bool:
    """Whether attributions (or sums of them) differ by no more than rounding."""
    return not len(values) or float(np.ptp(values)) <= ROUNDING * float(np.abs(values).max())
