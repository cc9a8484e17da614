"""Explanations of a network with new weights beside that of the trained one: in which order layers lose theirs, what is left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from jaxtyping import Float

from ...core.measure import Curve, Measured, Measurement
from ...core.types import PerSample
from .. import intervals
from ..agreement import rank_correlation

Order = Literal["full", "top-down", "bottom-up", "independent"]
ORDERS: tuple[Order, ...] = ("full", "top-down", "bottom-up", "independent")
ORDER = (
    "which layers have new weights: all ('full'), more and more from the output ('top-down') or from the input ('bottom-up'), or "
    "each alone ('independent')"
)
DRAWS = "draws of the weights"
SAME = 0.99
"""Rank correlation from which an explanation counts as the same."""

Values = Float[np.ndarray, "samples players"]


def stages(order: Order, layers: Sequence[str]) -> list[tuple[str, ...]]:
    """Sets of layers that have new weights, one after the other; ``layers`` are from the input to the output.

    >>> stages("top-down", ["conv", "head"])
    [('head',), ('conv', 'head')]
    >>> stages("independent", ["conv", "head"])
    [('conv',), ('head',)]
    """
    count = len(layers)
    match order:
        case "full":
            return [tuple(layers)]
        case "top-down":
            return [tuple(layers[count - many :]) for many in range(1, count + 1)]
        case "bottom-up":
            return [tuple(layers[:many]) for many in range(1, count + 1)]
        case "independent":
            return [(name,) for name in layers]


def similarity(
    m: Measured, held: Values, explained: Callable[[int, tuple[str, ...]], Values], order: Order, draws: int
) -> Measurement:
    """Mean rank correlation of ``held`` with what is explained with new weights, over stages, then draws.

    Where an explanation is constant there are no ranks: such stages and draws are left out, and their share is told.
    """
    layers = m.parameter_layers()
    sets = stages(order, layers)
    found = np.array([[ranked(m, held, explained(draw, each)) for each in sets] for draw in range(draws)])
    values, bounds = over_draws(_mean(found, axis=1), least=-1.0, most=1.0)
    by_stage = _mean(found, axis=0).T
    same = values >= SAME
    notes = ["a gate and no ranking: passing says that the explanation depends on what was learned, not that it is right"]
    if same.any():
        notes.append(
            f"{int(same.sum())} of {m.samples} explanations stay the same with new weights (rank correlation from {SAME}): they "
            "do not show what the network has learned"
        )
    curve = Curve(np.arange(1, len(sets) + 1), by_stage, "layers with new weights", "rank correlation") if len(sets) > 1 else None
    details = {
        "by stage": by_stage,
        "layers": np.array([layers[::-1] if order == "top-down" else layers]).reshape(-1),
        "defined": np.isfinite(found).mean(axis=(0, 1)),
    }
    return Measurement(values, bounds, None if order == "independent" else curve, details, tuple(notes))


def ranked(m: Measured, one: Values, other: Values) -> PerSample:
    """Rank correlation of signed values over each sample's own players."""
    mine, theirs = ([row[:count] for row, count in zip(values, m.counts, strict=True)] for values in (one, other))
    return rank_correlation(mine, theirs)


def over_draws(
    found: Float[np.ndarray, "draws samples"], least: float = -np.inf, most: float = np.inf, share: float = 0.0
) -> tuple[PerSample, Float[np.ndarray, "samples 2"]]:
    """The mean of each sample over the draws where it is defined, and its interval within what is possible."""
    rows = np.full((found.shape[1], 3), np.nan)
    for sample, each in enumerate(found.T):
        defined = each[np.isfinite(each)]
        if len(defined):
            rows[sample] = intervals.mean(defined, share)
    return rows[:, 0], np.clip(rows[:, 1:], least, most)


def _mean(found: np.ndarray, axis: int) -> np.ndarray:
    """Over what is defined; NaN where nothing is."""
    defined = np.isfinite(found)
    counted = defined.sum(axis=axis)
    return np.where(counted > 0, np.where(defined, found, 0.0).sum(axis=axis) / np.maximum(counted, 1), np.nan)
