"""How far two attributions of the same samples agree: functions of arrays, one number per sample.

What cannot be had is NaN and never 0: a constant map has no ranks, a map of zeros no direction. Differences below a millionth
of a map's largest magnitude are rounding, and count as ties.

Source: krishna2022disagreement (overlap and signs of the strongest features, rank correlation).
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from ..core.errors import InputError
from ..core.types import PerSample
from .defined import settled
from .strongest import membership

Maps = Sequence[np.ndarray]
"""One array of values per sample; samples may have different numbers of values."""


@dataclass(frozen=True, eq=False)
class Agreement:
    """Every measure, one number per sample, NaN where it is undefined; ``top`` is how many values are the strongest."""

    rank_correlation: PerSample
    top_overlap: PerSample
    sign_agreement: PerSample
    cosine: PerSample
    difference: PerSample
    top: int

    def __len__(self) -> int:
        return len(self.difference)


def agreement(one: Maps, other: Maps, top: int | None = None) -> Agreement:
    """All measures between two attributions.

    Parameters
    ----------
    one, other
        One array per sample, of any shape; both of a sample have the same.
    top
        How many values count as the strongest; by default a tenth of them, at least one.

    Raises
    ------
    InputError
        If the samples or the shapes differ, or ``top`` is below 1.
    """
    most = usual_top(one) if top is None else top
    return Agreement(
        rank_correlation(one, other),
        top_overlap(one, other, most),
        sign_agreement(one, other, most),
        cosine(one, other),
        relative_difference(one, other),
        most,
    )


def usual_top(maps: Maps) -> int:
    """A tenth of the values of a sample, at least one."""
    return max(round(max((np.size(row) for row in maps), default=0) / 10), 1)


def rank_correlation(one: Maps, other: Maps) -> PerSample:
    """Spearman's correlation of the signed values, -1 to 1; ties share their mean rank. Undefined where a map is constant.

    >>> rank_correlation([np.array([1.0, 2.0, 9.0])], [np.array([-3.0, 0.0, 5.0])]).tolist()
    [1.0]
    >>> rank_correlation([np.ones(3)], [np.arange(3.0)])
    array([nan])
    """
    paired = list(pairs(one, other))
    found, sizes = np.full(len(paired), np.nan), np.array([len(mine) for mine, _ in paired], int)
    for size in np.unique(sizes[sizes > 0]):
        rows = np.flatnonzero(sizes == size)
        found[rows] = _correlated(*(np.stack([paired[row][side] for row in rows]) for side in (0, 1)))
    return found


def top_overlap(one: Maps, other: Maps, top: int) -> PerSample:
    """Share of the ``top`` values with the largest magnitudes that both maps have in common, 0 to 1.

    Values tied at the edge share the places that are left. Undefined where all magnitudes of a map are alike, and where there
    are no more than ``top`` values.

    >>> top_overlap([np.array([5.0, -4.0, 1.0, 0.0])], [np.array([-5.0, 0.0, 4.0, 1.0])], top=2).tolist()
    [0.5]
    """
    check_top(top)
    return np.array([_overlapping(mine, theirs, top) for mine, theirs in pairs(one, other)], np.float64)


def sign_agreement(one: Maps, other: Maps, top: int | None = None) -> PerSample:
    """Share of the values that have the same sign in both maps, 0 to 1; 0 is a sign of its own.

    Asked are the ``top`` strongest of either map, or all; those that are 0 in both are left out. Undefined where none is left.

    >>> sign_agreement([np.array([5.0, -4.0, 0.0])], [np.array([5.0, 4.0, 0.0])]).tolist()
    [0.5]
    """
    if top is not None:
        check_top(top)
    return np.array([_signed_alike(mine, theirs, top) for mine, theirs in pairs(one, other)], np.float64)


def cosine(one: Maps, other: Maps) -> PerSample:
    """Cosine of the angle between the maps, -1 to 1. Undefined where a map is zero."""
    return np.array([_cosine(mine, theirs) for mine, theirs in pairs(one, other)], np.float64)


def relative_difference(one: Maps, other: Maps) -> PerSample:
    """Length of the difference over the length of the first map, from 0; infinite where only the first map is zero.

    >>> relative_difference([np.array([3.0, 4.0])], [np.array([3.0, 3.0])]).tolist()
    [0.2]
    """
    return np.array([_relative(mine, theirs) for mine, theirs in pairs(one, other)], np.float64)


def largest_difference(one: Maps, other: Maps) -> Int[np.ndarray, " samples"]:
    """Position in the flattened map where both differ most; -1 where they are equal."""
    gaps = [np.abs(theirs - mine) for mine, theirs in pairs(one, other)]
    return np.array([int(gap.argmax()) if gap.size and gap.max() > 0 else -1 for gap in gaps], int)


def pairs(one: Maps, other: Maps) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Both maps of each sample, flat."""
    if len(one) != len(other):
        raise InputError(f"maps of {len(one)} and of {len(other)} samples cannot be compared.")
    for sample, (mine, theirs) in enumerate(zip(one, other, strict=True)):
        first, second = np.asarray(mine, np.float64), np.asarray(theirs, np.float64)
        if first.shape != second.shape:
            raise InputError(f"sample {sample}: maps of the shapes {first.shape} and {second.shape} cannot be compared.")
        yield first.reshape(-1), second.reshape(-1)


def check_top(top: int) -> None:
    """Refuse to look at none."""
    if top < 1:
        raise InputError(f"top= must be at least 1; got {top}.")


def _settled(values: np.ndarray) -> np.ndarray | None:
    """The values in steps of rounding; ``None`` where one is not finite."""
    return settled(values) if np.isfinite(values).all() else None


def _correlated(mine: Float[np.ndarray, "maps values"], theirs: Float[np.ndarray, "maps values"]) -> PerSample:
    """Maps of equal size at once; NaN where one of the two is not finite, or constant."""
    found = np.full(len(mine), np.nan)
    finite = np.flatnonzero(np.isfinite(mine).all(axis=1) & np.isfinite(theirs).all(axis=1))
    one, other = settled(mine[finite]), settled(theirs[finite])
    varies = np.flatnonzero((np.ptp(one, axis=1) > 1) & (np.ptp(other, axis=1) > 1))
    if len(varies):
        ranked = importlib.import_module("scipy.stats").rankdata  # slow to import, and the catalog is read by the command line
        one, other = (ranked(each[varies], axis=1) - (mine.shape[1] + 1) / 2 for each in (one, other))
        lengths = np.sqrt((one * one).sum(axis=1) * (other * other).sum(axis=1))
        found[finite[varies]] = np.clip((one * other).sum(axis=1) / lengths, -1, 1)
    return found


def _cosine(mine: np.ndarray, theirs: np.ndarray) -> float:
    scales = [np.abs(each).max(initial=0.0) for each in (mine, theirs)]
    if not all(0 < scale < np.inf for scale in scales):
        return np.nan
    one, other = mine / scales[0], theirs / scales[1]  # squares of very large or small values are none
    return float(np.clip(one @ other / np.sqrt((one @ one) * (other @ other)), -1, 1))


def _relative(mine: np.ndarray, theirs: np.ndarray) -> float:
    scale = max(np.abs(mine).max(initial=0.0), np.abs(theirs).max(initial=0.0))
    if scale == 0:
        return 0.0
    if not np.isfinite(scale):
        return np.nan
    gap, length = (float(np.linalg.norm(each)) for each in (theirs / scale - mine / scale, mine / scale))
    return gap / length if length else np.inf


def _overlapping(mine: np.ndarray, theirs: np.ndarray, top: int) -> float:
    one, other = _settled(mine), _settled(theirs)
    if one is None or other is None or len(one) <= top or any(np.ptp(np.abs(each)) <= 1 for each in (one, other)):
        return np.nan
    return float(np.minimum(membership(np.abs(one), top), membership(np.abs(other), top)).sum() / top)


def _signed_alike(mine: np.ndarray, theirs: np.ndarray, top: int | None) -> float:
    one, other = _settled(mine), _settled(theirs)
    if one is None or other is None:
        return np.nan
    asked = (one != 0) | (other != 0)
    if top is not None:
        asked &= (membership(np.abs(one), top) > 0) | (membership(np.abs(other), top) > 0)
    return float((np.sign(one) == np.sign(other))[asked].mean()) if asked.any() else np.nan
