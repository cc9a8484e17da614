"""95% intervals of means over samples, by bootstrap."""

from __future__ import annotations

import numpy as np

from ..core.types import PerSample
from .draws import drawn

RESAMPLES = 1000
LEVEL = 0.95


def mean_interval(values: PerSample, seed: int = 0) -> tuple[float, float]:
    """Percentiles of the means of resampled samples, those without a value left out; NaN for fewer than two.

    >>> low, high = mean_interval(np.array([0.0, 1.0, 0.0, 1.0]))
    >>> low < 0.5 < high
    True
    """
    told = values[~np.isnan(values)]
    if len(told) < 2:
        return np.nan, np.nan
    rows = drawn(seed, "bootstrap", len(told)).integers(0, len(told), (RESAMPLES, len(told)))
    low, high = np.quantile(told[rows].mean(axis=1), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def beats(values: PerSample, control: PerSample, seed: int = 0) -> bool | None:
    """Whether the mean difference, sample by sample, is above 0 with its whole interval; ``None`` for fewer than two."""
    low, _ = mean_interval(values - control, seed)
    return None if np.isnan(low) else low > 0
