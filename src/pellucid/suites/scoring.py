"""How near an attribution comes to the truth: functions of arrays, one number per sample, NaN where the attribution says nothing.

=================  =========================================================================  ==========  ======
score              what it is                                                                 by chance   best
=================  =========================================================================  ==========  ======
rank-correlation   of the pairs of players with different truths, the share in the right      0           1
                   order less the share in the wrong one (Somers' D; ties count as neither)
interactions       the same for pairs of players and the strength of their interactions       0           1
auroc              the chance that a player that matters has a larger magnitude than one      0.5         1
                   that does not
relevance-mass     the share of what is positive that lies on players that matter             their share 1
pointing           whether the largest value lies on a player that matters                    their share 1
alarm              whether players that do not matter stand out: auroc of ``ALARM`` or more   0           0
=================  =========================================================================  ==========  ======

Values without a sign are compared with the magnitudes of the truth. Source: somers1962new.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool, Float
from scipy.stats import rankdata

from ..core.errors import InputError, nearest
from ..core.types import PerSample

How = Literal["rank-correlation", "interactions", "auroc", "relevance-mass", "pointing", "alarm"]

ALARM = 0.95
"""The area under the curve from which on players stand out."""
ROUNDING = 1e-6
"""The share of the largest magnitude below which differences are rounding."""

Values = Float[np.ndarray, "samples players"]
Masks = Bool[np.ndarray, "samples players"]


def scored(
    how: How, values: Float[np.ndarray, "samples players ..."], truth: np.ndarray | None, masks: Masks | None
) -> PerSample:
    """The score that this name stands for.

    Raises
    ------
    InputError
        For another name, or where the truth that it needs is not there.
    """
    if how not in get_args(How):
        raise InputError(f"there is no score {how!r}.{nearest(how, get_args(How))}")
    if how in ("rank-correlation", "interactions"):
        if truth is None:
            raise InputError(f"{how} needs true attributions.")
        if how == "rank-correlation":
            return rank_correlation(values, truth)
        above = np.triu_indices(values.shape[1], 1)
        return rank_correlation(np.abs(values[:, *above]), np.abs(truth[:, *above]))
    if masks is None:
        raise InputError(f"{how} needs masks of the players that matter.")
    if how == "auroc":
        return auroc(values, masks)
    if how == "alarm":
        area = auroc(values, masks)
        return np.where(np.isnan(area), np.nan, area >= ALARM)
    return relevance_mass(values, masks) if how == "relevance-mass" else pointing(values, masks)


def chance(how: How, masks: Masks | None) -> float:
    """The mean score of random values."""
    if how in ("rank-correlation", "interactions", "alarm"):
        return 0.0
    return 0.5 if how == "auroc" or masks is None else float(masks.mean())


def rank_correlation(values: Values, truth: Values) -> PerSample:
    """Somers' D of the values, given the truth: -1 to 1, 0 by chance.

    >>> rank_correlation(np.array([[3.0, 1.0, 1.5]]), np.array([[2.0, 0.0, 0.0]])).tolist()
    [1.0]
    """
    if values.min(initial=0.0) >= 0 > truth.min(initial=0.0):
        truth = np.abs(truth)
    one, other = _settled(values), _settled(truth)
    orders = [np.sign(each[:, :, None] - each[:, None, :]) for each in (one, other)]
    asked = np.abs(orders[1]).sum(axis=(1, 2))
    agreed = (orders[0] * orders[1]).sum(axis=(1, 2))
    told = np.ptp(one, axis=1) > 1  # NaN compares as False
    return np.where(told & (asked > 0), agreed / np.maximum(asked, 1), np.nan)


def auroc(values: Values, masks: Masks) -> PerSample:
    """The area under the curve of the magnitudes, by ranks; undefined where all are alike, or a mask is empty or full.

    >>> auroc(np.array([[-3.0, 1.0, 0.5]]), np.array([[True, False, False]])).tolist()
    [1.0]
    """
    settled = _settled(np.abs(values))
    ranks = rankdata(settled, axis=1)
    inside, outside = masks.sum(axis=1), (~masks).sum(axis=1)
    above = (ranks * masks).sum(axis=1) - inside * (inside + 1) / 2
    told = (np.ptp(settled, axis=1) > 0) & (inside > 0) & (outside > 0)
    return np.where(told, above / np.maximum(inside * outside, 1), np.nan)


def relevance_mass(values: Values, masks: Masks) -> PerSample:
    """The share of the positive values inside the mask; undefined where nothing is positive.

    >>> relevance_mass(np.array([[3.0, 1.0, -4.0]]), np.array([[True, False, False]])).tolist()
    [0.75]
    """
    largest = np.abs(values).max(axis=1, keepdims=True, initial=0.0)
    positive = np.maximum(values / np.where(largest > 0, largest, 1.0), 0)  # of no size, so that sums of large values are finite
    whole = positive.sum(axis=1)
    told = (whole > 0) & masks.any(axis=1)
    return np.where(told, (positive * masks).sum(axis=1) / np.where(told, whole, 1), np.nan)


def pointing(values: Values, masks: Masks) -> PerSample:
    """Whether the largest value lies inside the mask; the share that does, where several are largest.

    >>> pointing(np.array([[3.0, 3.0, -5.0]]), np.array([[True, False, False]])).tolist()
    [0.5]
    """
    settled = _settled(values)
    largest = settled == settled.max(axis=1, keepdims=True)
    told = (np.ptp(settled, axis=1) > 0) & masks.any(axis=1)
    return np.where(told, (largest & masks).sum(axis=1) / np.maximum(largest.sum(axis=1), 1), np.nan)


def _settled(values: Values) -> Values:
    """The values in steps of rounding, relative to the sample's largest; NaN where one is not finite."""
    largest = np.abs(values).max(axis=1, keepdims=True, initial=0.0)
    scale = np.where(np.isfinite(largest) & (largest > 0), largest, 1.0)
    return np.where(np.isfinite(largest), np.rint(values / scale / ROUNDING), np.nan)
