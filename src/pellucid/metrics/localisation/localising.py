"""What scores of localisation share: a value for each player, and whether it belongs to what should be found."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float

from ...core.measure import Measured, Measurement
from ..defined import settled

MAGNITUDES = "magnitudes in the place of signed values, where a sign says nothing of what should be found"

Values = Float[np.ndarray, " players"]
Sought = Bool[np.ndarray, " players"]


def located(m: Measured, magnitudes: bool, score: Callable[[Values, Sought], float], *, ranked: bool = False) -> Measurement:
    """The score of each sample; NaN where its mask is empty.

    With ``ranked`` values that differ by rounding come as equal ones. ``details["sought"]`` is the share of the players that
    should be found: what a map without knowledge is expected to score, where the score is a share.
    """
    truth = m.truth()
    found, sought = np.full(m.samples, np.nan), np.full(m.samples, np.nan)
    for sample, count in enumerate(m.counts):
        values, inside = m.values[sample, :count], truth[sample, :count]
        if not inside.any():
            continue
        sought[sample] = inside.mean()
        values = np.abs(values) if magnitudes else values
        found[sample] = score(settled(values) if ranked else values, inside)
    return Measurement(found, details={"sought": sought})


def positive_share(values: Values, inside: Sought) -> float:
    """Sum of the positive values of the players that are sought, over that of all; NaN where none is positive."""
    positive = np.maximum(values, 0.0)
    whole = float(positive.max(initial=0.0))
    if not whole:
        return np.nan
    positive = positive / whole  # sums of very small or large values are none
    return float(positive[inside].sum() / positive.sum())
