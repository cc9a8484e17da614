"""How grades look wherever a trust card is shown: word, mark, colour and place on a scale. NumPy only."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..core.card import Check, Gate, Grade
from ..core.types import PerSample
from .style import number

WORDS: Mapping[Grade, str] = {"pass": "pass", "caution": "caution", "fail": "fail", "unknown": "not checked"}

MARKS: Mapping[Grade, str] = {"pass": "\N{CHECK MARK}", "caution": "!", "fail": "\N{MULTIPLICATION X}", "unknown": "?"}

COLOURS: Mapping[Grade, str] = {"pass": "#00735c", "caution": "#b87900", "fail": "#a8321a", "unknown": "#8a8a8a"}
"""Of different hue and lightness for any colour vision; a mark and a word stand beside them everywhere."""

FAIL_TO, CAUTION_TO = 1 / 3, 2 / 3
"""Where the limits stand on every scale: from 0, the worst, to 1, the best."""


@dataclass(frozen=True)
class Zone:
    """A stretch of a scale, from 0 to 1, whose values have one grade."""

    grade: Grade
    start: float
    end: float


@dataclass(frozen=True)
class Scale:
    """Where the values of a check stand between the worst (0) and the best (1).

    Limits stand at the same places for every check, and values linearly between them: rows of a card can be read from top to
    bottom. What is worse than ``worst`` stands at 0. ``limits`` are these places with their values.
    """

    best: float
    worst: float
    check: Check

    @property
    def failing(self) -> bool:
        """Whether any value fails."""
        return math.isfinite(self.check.bad)

    @property
    def zones(self) -> tuple[Zone, ...]:
        """From the worst to the best."""
        if self.failing:
            return Zone("fail", 0, FAIL_TO), Zone("caution", FAIL_TO, CAUTION_TO), Zone("pass", CAUTION_TO, 1)
        return Zone("caution", 0, CAUTION_TO), Zone("pass", CAUTION_TO, 1)

    @property
    def limits(self) -> tuple[tuple[float, float], ...]:
        """Places and values of the limits."""
        bad = ((FAIL_TO, self.check.bad),) if self.failing else ()
        return (*bad, (CAUTION_TO, self.check.good))

    def place(self, values: PerSample) -> PerSample:
        """From 0 to 1; NaN where there is no value."""
        bad = [self.check.bad] if self.failing else []
        known = np.array([self.worst, *bad, self.check.good, self.best])
        places = np.array([0, *([FAIL_TO] if self.failing else []), CAUTION_TO, 1])
        sign = 1 if self.best > self.worst else -1
        inside = np.nan_to_num(np.asarray(values, np.float64), nan=self.worst, posinf=1e300, neginf=-1e300)
        found = np.interp(sign * inside, sign * known, places)
        return np.where(np.isnan(values), math.nan, found)


def scale(gate: Gate) -> Scale | None:
    """The scale of a gate; ``None`` where a value only says yes or no.

    >>> found = scale(Gate("faithfulness", np.array([0.3, 0.1, 0.2, -0.5])))
    >>> found.place(np.array([1.0, 0.3, 0.1, -0.5])).round(2).tolist()
    [1.0, 0.67, 0.33, 0.0]
    """
    check = gate.check
    rising = check.good >= check.bad
    best = 1.0 if rising else 0.0
    if check.good == best:
        return None
    last = check.bad if math.isfinite(check.bad) else check.good
    return Scale(best, 0.0 if rising else max(1.0, 3 * last), check)


def told(gate: Gate, sample: int) -> str:
    """The value of one sample in words; what is not known is empty."""
    return _told(gate, float(gate.values[sample]))


def told_of_all(gate: Gate) -> str:
    """The value in the middle of all samples."""
    known = gate.values[~np.isnan(gate.values)]
    return _told(gate, float(np.median(known))) if known.size else ""


def _told(gate: Gate, value: float) -> str:
    if math.isnan(value):
        return ""
    if scale(gate) is None:
        return "yes" if value else "no"
    return number(value)
