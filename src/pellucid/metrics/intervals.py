"""95% intervals of what is estimated from draws without replacement.

Where all cases were drawn nothing is left to chance, and an interval has no length: variances are multiplied by one less the
share of the cases that were drawn.
"""

from __future__ import annotations

import importlib
from functools import cache
from typing import Any

import numpy as np
from jaxtyping import Float

from ..core.types import PerSample
from .defined import constant

LEVEL = 0.95

MOST = 1 << 20
"""Ranks that are made at a time."""

Cases = Float[np.ndarray, " cases"]
Rows = Float[np.ndarray, "rows cases"]


def _stats() -> Any:
    """Imported when it is first needed: the catalog is read by the command line, and scipy.stats is slow to import."""
    return importlib.import_module("scipy.stats")


def mean(values: Cases, share: float = 0.0) -> tuple[float, float, float]:
    """The mean of the cases, and its interval by Student's t, corrected for skewness.

    Means of squares and magnitudes are skewed, and a symmetric interval is too low for them. The statistic is therefore made
    symmetric first, by the cubic ``t + k t^2 / 3 + k^2 t^3 / 27 + k / 6`` of Hall (1992), ``k`` being the skewness of the mean.
    """
    centre, count = float(values.mean()), len(values)
    if count < 2:
        return centre, *((centre, centre) if share >= 1 else (-np.inf, np.inf))
    spread = float(values.std(ddof=1))
    if share >= 1 or not spread:
        return centre, centre, centre
    error = spread * np.sqrt((1 - share) / count)
    skew = float(((values - centre) ** 3).mean()) / spread**3 * (1 - 2 * share) / np.sqrt((1 - share) * count)
    low, high = (_symmetric(sign * _quantile(count - 1), skew) for sign in (1, -1))
    return centre, min(centre - error * low, centre), max(centre - error * high, centre)


def _symmetric(quantile: float, skew: float) -> float:
    """Where the cubic takes this value."""
    return quantile if abs(skew) < 1e-9 else float(3 / skew * (np.cbrt(1 + skew * (quantile - skew / 6)) - 1))


def correlations(
    x: Rows, y: Rows, share: float = 0.0, *, ranked: bool = False, still: PerSample | float = 0.0
) -> Float[np.ndarray, "rows 3"]:
    """Pearson's correlation, or Spearman's (``ranked``, ties share their mean rank), of each row, and its interval.

    The interval is the jackknife's on Fisher's scale, which asks for no distribution: the correlations without each case in turn,
    ``z = artanh(r)``, variance ``(n - 1) / n sum (z_i - mean z)^2``, Student's t. NaN where either side is constant (``y`` within
    ``still``), or there are fewer than three cases.
    """
    found, count = np.full((len(x), 3), np.nan), x.shape[1]
    if count < 3:
        return found
    varies = ~np.array([constant(row) for row in x], bool) & (np.ptp(y, axis=1) > still)
    if not varies.any():
        return found
    x, y = x[varies], y[varies]
    r = _pearson(*(_stats().rankdata(each, axis=1) for each in (x, y))) if ranked else _pearson(x, y)
    left = np.array([_ranked_without_each(*each) for each in zip(x, y, strict=True)]) if ranked else _pearson_without_each(x, y)
    without = np.arctanh(_clipped(left))
    squares = (count - 1) / count * ((without - without.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
    reach = _quantile(count - 1) * np.sqrt(squares * max(1 - share, 0.0))
    centre = np.arctanh(_clipped(r))
    found[varies] = np.stack([r, np.minimum(np.tanh(centre - reach), r), np.maximum(np.tanh(centre + reach), r)], axis=1)
    return found


def _ranked_without_each(x: Cases, y: Cases) -> Cases:
    """The rank correlation of all cases but one, for each."""
    found, rows = np.empty(len(x)), max(MOST // len(x), 1)
    ranks = _stats().rankdata(x), _stats().rankdata(y)
    for start in range(0, len(x), rows):
        part = np.arange(start, min(start + rows, len(x)))
        others = part[:, None] != np.arange(len(x))
        left: list[np.ndarray] = []
        for each, rank in zip((x, y), ranks, strict=True):  # ranks above the case that is left out move down
            lower = rank - (each[part, None] < each) - 0.5 * (each[part, None] == each)
            left.append(lower[others].reshape(len(part), -1))
        found[part] = _pearson(*left)
    return found


def _pearson_without_each(x: Rows, y: Rows) -> Rows:
    """The correlation of all cases but one, for each: from sums less what the case adds to them."""
    x, y = (each - each.mean(axis=1, keepdims=True) for each in (x, y))
    n = x.shape[1] - 1

    def left(one: Rows, other: Rows) -> tuple[Rows, Rows]:
        products = one * other
        whole = products.sum(axis=1, keepdims=True)
        return whole - products - products / n, whole  # the others sum to minus the case

    (both, _), (one, first), (other, second) = left(x, y), left(x, x), left(y, y)
    varies = (one > 1e-12 * first) & (other > 1e-12 * second)
    return np.clip(np.divide(both, np.sqrt(np.where(varies, one * other, 1.0)), out=np.zeros_like(x), where=varies), -1, 1)


def _pearson(x: Rows, y: Rows) -> Float[np.ndarray, " rows"]:
    """Row by row; 0 where a side is constant, as some are once a case is left out."""
    x, y = (each - each.mean(axis=1, keepdims=True) for each in (x, y))
    lengths = np.sqrt((x * x).sum(axis=1) * (y * y).sum(axis=1))
    products = (x * y).sum(axis=1)
    return np.clip(np.divide(products, lengths, out=np.zeros_like(products), where=lengths > 0), -1, 1)


def _clipped(r: np.ndarray) -> np.ndarray:
    return np.clip(r, -1 + 1e-12, 1 - 1e-12)


@cache
def _quantile(freedom: int) -> float:
    return float(_stats().t.ppf((1 + LEVEL) / 2, freedom))
