"""How far two attributions of the same samples agree on their k strongest values: one number per sample, and intervals of means.

Strength is magnitude. Each measure is a share of k, from 0 to 1: values that both maps have among their k strongest (feature
agreement), with equal signs (sign agreement), at equal ranks (rank agreement), or both (signed-rank agreement). The last three
are at most the first. Ties share their places, in both maps alike, so that a map agrees with itself. NaN, and never 0, where a
map has fewer than k values, magnitudes that are all alike, or values that are not finite.

Source: krishna2022disagreement.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ..core.errors import InputError
from ..core.types import PerSample
from . import intervals
from .agreement import Maps, check_top, pairs
from .defined import constant, settled
from .strongest import membership, places

Values = Float[np.ndarray, " values"]


@dataclass(frozen=True)
class MeanAgreement:
    """The mean over the samples where a measure is defined, its 95% interval, and how many samples these are."""

    mean: float
    low: float
    high: float
    samples: int


def feature_agreement(one: Maps, other: Maps, k: int) -> PerSample:
    """Share of the k strongest values of a map that are among the k strongest of the other.

    >>> feature_agreement([np.array([5.0, -4.0, 1.0])], [np.array([-5.0, 1.0, 4.0])], k=2).tolist()
    [0.5]
    """
    return _measured(one, other, k, _shared)


def sign_agreement_at(one: Maps, other: Maps, k: int) -> PerSample:
    """Share of them that also have the same sign; 0 is a sign of its own.

    >>> sign_agreement_at([np.array([5.0, -4.0, 1.0])], [np.array([-5.0, -4.0, 1.0])], k=2).tolist()
    [0.5]
    """
    return _measured(one, other, k, lambda a, b, k: _shared(a, b, k) * (np.sign(a) == np.sign(b)))


def rank_agreement(one: Maps, other: Maps, k: int) -> PerSample:
    """Share of the first k ranks that have the same value in both maps.

    >>> rank_agreement([np.array([5.0, -4.0, 1.0])], [np.array([-5.0, 1.0, 4.0])], k=2).tolist()
    [0.5]
    """
    return _measured(one, other, k, _at_equal_ranks)


def signed_rank_agreement(one: Maps, other: Maps, k: int) -> PerSample:
    """Share of the first k ranks that have the same value in both maps, with the same sign.

    >>> signed_rank_agreement([np.array([5.0, -4.0, 1.0])], [np.array([-5.0, -4.0, 1.0])], k=2).tolist()
    [0.5]
    """
    return _measured(one, other, k, lambda a, b, k: _at_equal_ranks(a, b, k) * (np.sign(a) == np.sign(b)))


def mean_agreement(values: PerSample, least: float = 0.0, most: float = 1.0) -> MeanAgreement:
    """The mean of a measure over samples, with a 95% interval for samples like these.

    By Student's t corrected for skewness (``intervals.mean``), cut at the ends of the measure's range. From fewer than two
    samples nothing follows: the interval is the whole range. Where all samples have the same number, an interval from their
    spread would have no length: at a confidence of 95% such samples are then at least ``0.05^(1/n)`` of all, and the rest can
    be anywhere in the range.

    Parameters
    ----------
    values
        One number per sample; NaN is left out.
    least, most
        Range of the measure: 0 to 1 for shares, -1 to 1 for correlations.

    Examples
    --------
    >>> found = mean_agreement(np.array([0.4, 0.6, np.nan, 0.5, 0.5]))
    >>> found.samples, round(found.mean, 3), round(found.low, 2), round(found.high, 2)
    (4, 0.5, 0.37, 0.63)
    """
    known = np.asarray(values, np.float64)
    known = known[~np.isnan(known)]
    if known.size and not least <= float(known.min()) <= float(known.max()) <= most:
        raise InputError(f"values of a measure from {least:g} to {most:g} are {known.min():g} to {known.max():g}.")
    if not known.size:
        return MeanAgreement(np.nan, np.nan, np.nan, 0)
    mean, low, high = intervals.mean(known)
    if len(known) > 1 and not np.ptp(known):
        rest = 1 - (1 - intervals.LEVEL) ** (1 / len(known))
        low, high = mean - rest * (mean - least), mean + rest * (most - mean)
    return MeanAgreement(mean, float(max(low, least)), float(min(high, most)), len(known))


def _measured(one: Maps, other: Maps, k: int, shares: Callable[[Values, Values, int], Values]) -> PerSample:
    check_top(k)
    found: list[float] = []
    for mine, theirs in pairs(one, other):
        known = len(mine) >= k and all(np.isfinite(each).all() and not constant(np.abs(each)) for each in (mine, theirs))
        found.append(float(shares(settled(mine), settled(theirs), k).sum() / k) if known else np.nan)
    return np.array(found, np.float64)


def _shared(mine: Values, theirs: Values, k: int) -> Values:
    """How far each value is among the strongest of both."""
    return np.minimum(membership(np.abs(mine), k), membership(np.abs(theirs), k))


def _at_equal_ranks(mine: Values, theirs: Values, k: int) -> Values:
    """How far each value has one of the first k ranks, and the same, in both: ranks of ties are shared equally."""
    (first, last), (start, end) = (places(np.abs(each)) for each in (mine, theirs))
    common = np.minimum(np.minimum(last, end), k) - np.maximum(first, start)
    return np.maximum(common, 0) / np.maximum(last - first, end - start)
