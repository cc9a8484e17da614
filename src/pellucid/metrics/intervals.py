"""95% intervals of what is estimated from draws without replacement.

Where all cases were drawn nothing is left to chance, and an interval has no length: variances are multiplied by one less the
share of the cases that were drawn.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
from jaxtyping import Float

from .defined import constant

LEVEL = 0.95

MOST = 1 << 20
"""Ranks that are made at a time."""

Cases = Float[np.ndarray, " cases"]


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


def correlation(
    x: Cases, y: Cases, share: float = 0.0, *, ranked: bool = False, still: float = 0.0
) -> tuple[float, float, float]:
    """Pearson's correlation, or Spearman's (``ranked``, ties share their mean rank), and its interval.

    The interval is the jackknife's on Fisher's scale, which asks for no distribution: the correlations without each case in turn,
    ``z = artanh(r)``, variance ``(n - 1) / n sum (z_i - mean z)^2``, Student's t. NaN where either side is constant (``y`` within
    ``still``), or there are fewer than three cases.
    """
    if len(x) < 3 or constant(x) or float(np.ptp(y)) <= still:
        return np.nan, np.nan, np.nan
    r = float(_pearson(_stats().rankdata(x)[None], _stats().rankdata(y)[None])[0] if ranked else _pearson(x[None], y[None])[0])
    without = np.arctanh(_clipped(_without_each(x, y, ranked)))
    squares = (len(x) - 1) / len(x) * np.sum((without - without.mean()) ** 2)
    reach = _quantile(len(x) - 1) * np.sqrt(squares * max(1 - share, 0.0))
    centre = np.arctanh(_clipped(np.array(r)))
    return r, min(float(np.tanh(centre - reach)), r), max(float(np.tanh(centre + reach)), r)


def _without_each(x: Cases, y: Cases, ranked: bool) -> Cases:
    """The correlation of all cases but one, for each."""
    if not ranked:
        return _pearson_without_each(x, y)
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


def _pearson_without_each(x: Cases, y: Cases) -> Cases:
    """From sums less what the case adds to them."""
    x, y = x - x.mean(), y - y.mean()
    n = len(x) - 1
    products = x @ y - x * y - x * y / n  # the others sum to minus the case
    one, other = (each @ each - each * each * (1 + 1 / n) for each in (x, y))
    varies = (one > 1e-12 * (x @ x)) & (other > 1e-12 * (y @ y))
    return np.clip(np.divide(products, np.sqrt(np.where(varies, one * other, 1.0)), out=np.zeros_like(x), where=varies), -1, 1)


def _pearson(x: Float[np.ndarray, "rows cases"], y: Float[np.ndarray, "rows cases"]) -> Float[np.ndarray, " rows"]:
    """Row by row; 0 where a side is constant, as some are once a case is left out."""
    x, y = (each - each.mean(axis=1, keepdims=True) for each in (x, y))
    lengths = np.sqrt((x * x).sum(axis=1) * (y * y).sum(axis=1))
    products = (x * y).sum(axis=1)
    return np.clip(np.divide(products, lengths, out=np.zeros_like(products), where=lengths > 0), -1, 1)


def _clipped(r: np.ndarray) -> np.ndarray:
    return np.clip(r, -1 + 1e-12, 1 - 1e-12)


def _quantile(freedom: int) -> float:
    return float(_stats().t.ppf((1 + LEVEL) / 2, freedom))
