"""The gates of a trust card: functions of an explanation as metrics see it, each a number per sample."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from .. import catalog
from ..core.card import Gate
from ..core.errors import PellucidError
from ..core.measure import Measured
from ..core.records import Explanation
from ..core.types import PerSample
from ..metrics.agreement import rank_correlation
from ..metrics.faithfulness.best_orderings import bounds
from ..metrics.nulls import smooth_nulls
from ..metrics.orderings import average, backwards, drawn, ranks, steps_along, without_first

FEWEST = 5
"""Features from which an order can be better than chance."""

LEAST_CHANGE = 0.1
"""The change that completeness is about counts as at least this share of the target."""

UNSURE = ("vanishing-gradient", "zero-gradient", "exploding-gradient", "mostly-noise")
"""Findings that an explanation itself comes with."""


@dataclass(frozen=True)
class Faithfulness:
    """Faithfulness under each policy, and that of orders and maps that know nothing.

    The faithfulness of an order is the mean of the target where it is followed from its end, less that where it is followed from
    its start, over the most that was found for any order: from -1 to 1, and 0 on average for a random order. Whatever removal
    does to every order alike (inputs unlike any that were trained on, say) cancels.

    ``scores`` is ``(policies, samples)``; ``random`` and ``smooth`` are ``(policies, nulls, samples)``, where a random order and
    its reverse are two; ``beyond`` says how far random removals go beyond both ends.
    """

    scores: Float[np.ndarray, "policies samples"]
    random: Float[np.ndarray, "policies nulls samples"]
    smooth: Float[np.ndarray, "policies nulls samples"]
    beyond: PerSample

    @property
    def p_random(self) -> Float[np.ndarray, "policies samples"]:
        """Monte-Carlo p-values: the rank of the order among the random ones, its own reverse, and theirs."""
        every = np.concatenate([self.random, -self.scores[:, None]], axis=1)
        return _p_values(self.scores, every)

    @property
    def p_smooth(self) -> Float[np.ndarray, "policies samples"]:
        """Monte-Carlo p-values of the smooth maps; NaN where there are fewer than four."""
        counted = (~np.isnan(self.smooth)).sum(axis=1)
        return np.where(counted >= 4, _p_values(self.scores, self.smooth), math.nan)


def faithfulness(m: Measured, steps: int, orders: int, rows: int, width: int = 2) -> Faithfulness:
    """Follow the order of the map, random orders, and those of smooth maps from both ends, under every policy.

    Parameters
    ----------
    m
        The explanation and its model.
    steps
        Points at which the target is looked at along an order.
    orders
        Random orders, and smooth maps.
    rows
        Most model rows per sample for everything; what the orders leave of it goes into the search of the best and the worst.
    width
        Of the beam search.
    """
    taken = steps_along(m.counts, steps)
    maps = smooth_nulls(m, orders)
    missing = np.isnan(maps).all(axis=2) if len(maps) else np.zeros((0, m.samples), bool)
    random = [drawn(m.counts, m.players, m.rng("random order", draw)) for draw in range(orders)]
    followed = [ranks(m.values, m.counts), *random, *(ranks(np.nan_to_num(null), m.counts) for null in maps)]
    inner = max(taken.shape[1] - 2, 0)
    search = max(rows // len(m.policies) - 1 - 2 * inner * len(followed), 2 * steps + 1)
    found: list[tuple[np.ndarray, ...]] = []
    for policy in range(len(m.policies)):
        first = np.stack([m.worth(without_first(order, taken), policy) for order in followed])
        last = np.stack([m.worth(without_first(backwards(order, m.counts), taken), policy) for order in followed])
        low, high = np.array([average(each, taken) for each in first]), np.array([average(each, taken) for each in last])
        limits = bounds(m, taken, search, width, policy)
        lowest = np.minimum(limits.lowest, np.minimum(low, high).min(axis=0))
        highest = np.maximum(limits.highest, np.maximum(low, high).max(axis=0))
        moved = highest - lowest > m.rounding * np.maximum(np.abs(lowest), np.abs(highest))
        scaled = (high - low) / np.where(moved, highest - lowest, math.nan)
        among = scaled[1 : 1 + len(random)]
        found.append((scaled[0], np.concatenate([among, -among]), scaled[1 + len(random) :], _beyond(m, first, policy)))
    scores, among, beside, beyond = (np.array(each) for each in zip(*found, strict=True))
    return Faithfulness(
        np.where(m.usable, scores, math.nan), among, np.where(missing, math.nan, beside), _quiet(np.nanmedian, beyond)
    )


def _beyond(m: Measured, curves: Float[np.ndarray, "orders samples points"], policy: int) -> PerSample:
    """How far the target goes beyond both of its ends in the middle order, over their distance."""
    ends = np.stack([m.value, m.empty(policy)])
    top, bottom = ends.max(axis=0), ends.min(axis=0)
    over = np.maximum(curves.max(axis=2) - top, bottom - curves.min(axis=2))
    return np.divide(np.median(over, axis=0), top - bottom, out=np.full(m.samples, math.nan), where=top > bottom)


def percentile(scores: np.ndarray, nulls: np.ndarray) -> PerSample:
    """Percent of the nulls that are less faithful; the middle one of the policies."""
    below = np.where(np.isnan(nulls), math.nan, nulls < scores[:, None])
    shares = _quiet(np.nanmean, below, axis=1) if nulls.shape[1] else np.full(scores.shape, math.nan)
    return 100 * _quiet(np.nanmedian, np.where(np.isnan(scores), math.nan, shares))


def of_faithfulness(m: Measured, f: Faithfulness) -> Iterator[Gate]:
    """The gates that are read off removals."""
    middle = _quiet(np.nanmedian, f.scores)
    yield Gate("faithfulness", middle)
    apart = _quiet(np.nanmax, f.scores) - _quiet(np.nanmin, f.scores)
    single = f.scores.shape[0] < 2
    yield Gate("agreement of policies", np.full_like(middle, math.nan) if single else apart, "one policy" if single else "")
    few = m.counts < FEWEST
    chance = np.where(few, math.nan, _quiet(np.nanmedian, f.p_random))
    yield Gate("beats random orders", chance, f"fewer than {FEWEST} features have too few orders" if few.any() else "")
    smooth = _quiet(np.nanmedian, f.p_smooth)
    none = np.isnan(smooth).all() and m.usable.any()
    yield Gate("beats smooth maps", smooth, "there are too few other maps to compare with" if none else "")
    yield Gate("in distribution", np.where(m.usable, f.beyond, math.nan))


def of_record(m: Measured, e: Explanation, promised: bool) -> Iterator[Gate]:
    """The gates that need no model."""
    yield Gate("a map", m.usable.astype(float))
    if not promised or e.residual is None:
        why = "" if promised else "the method does not promise that its values add up to anything"
        yield Gate("completeness", np.full(m.samples, math.nan), why)
    else:
        change = np.abs(e.value - (0.0 if e.base_value is None else e.base_value))
        scale = np.maximum(change, LEAST_CHANGE * np.abs(e.value))
        missed = np.divide(e.residual * change, scale, out=np.zeros(m.samples), where=scale > 0)
        yield Gate("completeness", np.where(m.usable, missed, math.nan))
    unsure = np.zeros(m.samples)
    for finding in e.evidence:
        if finding.kind in UNSURE:
            unsure[list(finding.samples) or slice(None)] = 1
    yield Gate("saturation", unsure)


def stability(m: Measured, radius: float, draws: int) -> Gate:
    """Rank correlation with the maps of inputs moved by uniform noise of up to ``radius`` times the spread of each sample.

    Only changes count that leave the prediction as it is; the share that did is in ``details["kept"]``.
    """
    name = "stability"
    if not m.blends:
        return _unchecked(m, name, "words, whole numbers and categories cannot be changed a little")
    if not draws:
        return _unchecked(m, name, "no changed inputs were asked for")
    x = np.asarray(m.input(), np.float64)
    flat = x.reshape(m.samples, -1)
    spread = flat.std(axis=1) if x.ndim > 2 else np.maximum(np.abs(flat).mean(axis=1), 1e-12)
    noise = np.stack([m.rng("small change", draw).uniform(-1, 1, x.shape[1:]) for draw in range(draws)])
    points = x[:, None] + radius * spread.reshape(-1, 1, *[1] * (x.ndim - 1)) * noise
    owner = np.repeat(np.arange(m.samples), draws)
    try:
        values, kept = m.explained_at(owner, points.reshape(-1, *x.shape[1:]).astype(m.input().dtype))
    except PellucidError as error:
        return _unchecked(m, name, _because(error))
    alike = np.where(kept, rank_correlation(_cut(m, m.values[owner], owner), _cut(m, values, owner)), math.nan)
    alike = alike.reshape(m.samples, draws)
    middle = np.where(m.usable, _quiet(np.nanmean, alike, axis=1), math.nan)
    return Gate(name, middle, details={"kept": kept.reshape(m.samples, draws).mean(axis=1)})


def randomisation(m: Measured, draws: int) -> Gate:
    """Rank correlation with the maps of the same network under random weights, the mean over the draws."""
    name = "depends on the weights"
    if not draws:
        return _unchecked(m, name, "no copies with random weights were asked for")
    try:
        found = [m.randomised(draw) for draw in range(draws)]
    except PellucidError as error:
        return _unchecked(m, name, _because(error))
    every = np.arange(m.samples)
    alike = np.array([rank_correlation(_cut(m, m.values, every), _cut(m, each, every)) for each in found])
    return Gate(name, np.where(m.usable, _quiet(np.nanmean, alike), math.nan), details={"spread": _quiet(np.nanstd, alike)})


def promises_completeness(method: str) -> bool:
    """Whether a method of the catalog says that its values add up to the change of the target."""
    known = {each.name: each for each in catalog.METHODS}
    return method in known and "completeness" in known[method].axioms


def _p_values(scores: np.ndarray, nulls: np.ndarray) -> np.ndarray:
    counted = (~np.isnan(nulls)).sum(axis=1)
    reached = (nulls >= scores[:, None]).sum(axis=1)
    return np.where(np.isnan(scores) | (counted == 0), math.nan, (1 + reached) / (1 + counted))


def _cut(m: Measured, values: np.ndarray, owner: np.ndarray) -> list[np.ndarray]:
    """The players of each row."""
    return [row[: m.counts[sample]] for row, sample in zip(values, owner, strict=True)]


def _unchecked(m: Measured, name: str, why: str) -> Gate:
    return Gate(name, np.full(m.samples, math.nan), why)


def _because(error: PellucidError) -> str:
    return str(error).splitlines()[0].rstrip(".")


def _quiet(function: Callable[..., Any], values: Float[np.ndarray, "..."], axis: int = 0) -> np.ndarray:
    """Without a warning where nothing is left."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return function(values, axis=axis)
