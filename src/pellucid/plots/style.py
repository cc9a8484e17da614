"""Colours, headings, numbers and lines of words, the same wherever an explanation is shown. NumPy only."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..core.errors import InputError
from ..core.records import Explanation

NEGATIVE = "#2166ac"
POSITIVE = "#c8321f"
NEUTRAL = "#8a8a8a"
MAGNITUDE = "#8c2d72"
"""What has no sign."""

SIGNED = ("#0b3c8c", "#2f7de1", "#9cc8f5", "#f7f7f7", "#fbb68c", "#ee5a24", "#a3120a")
"""Colours from -1 to 1, evenly spaced; zero is nearly white."""

UNSIGNED = ("#fff8ec", "#fdcf7d", "#f98e3c", "#de3f3a", "#9c1466", "#46085c")
"""Colours from 0 to 1, evenly spaced; their lightness falls all the way."""

LEVELS = ("#d58a00", "#56b4e9", "#009e73", "#cc79a7", "#5b3a8c", "#8c6d46")
"""Colours of the levels of a category: told apart with any colour vision, and none that stands for a sign."""

SCALE = ("#34206b", "#3b528b", "#21918c", "#5ec962", "#e6d620")
"""Colours of a feature's own value from low to high; their lightness rises all the way."""

MISSING = "#b5b5b5"
"""The colour of a feature that is missing, or has no place on a scale."""

FLAT = 0.4
"""Where no value of a map is below this share of the largest, colours start at the smallest: they differ little."""

PERCENTILE = 99.5
"""Colours end at this percentile of ``|values|``."""


@dataclass(frozen=True)
class Look:
    """How much of an explanation is drawn, and how: see ``pellucid.plots.plot``.

    ``limit`` is where colours end, on a scale with a sign, for maps that share one; by default each map has its own.
    """

    top: int = 12
    cell: int | None = None
    absolute: bool = False
    limit: float | None = None


def colour_limit(values: np.ndarray) -> float:
    """The magnitude at which colours end: the 99.5th percentile, or the largest where that is zero."""
    magnitudes = np.abs(values)
    return (float(np.percentile(magnitudes, PERCENTILE)) if magnitudes.size else 0.0) or float(magnitudes.max(initial=0.0))


def floor_of(values: np.ndarray) -> float:
    """Where colours start: 0, or the smallest value of a map without a sign that is nowhere near 0.

    >>> floor_of(np.array([8.0, 9.0])), floor_of(np.array([0.0, 9.0])), floor_of(np.array([-9.0, -8.0]))
    (8.0, 0.0, 0.0)
    """
    low = float(values.min(initial=np.inf))
    return low if np.isfinite(low) and low > FLAT * float(values.max(initial=0.0)) else 0.0


def sample_names(names: Sequence[str] | None, count: int) -> tuple[str, ...]:
    """The names given, one per sample, or numbers from 1."""
    if names is None:
        return tuple(f"sample {number}" for number in range(1, count + 1))
    if isinstance(names, str) or len(names) != count:
        given = f"the string {names!r}" if isinstance(names, str) else f"{len(names)}"
        raise InputError(f"names= must give one name for each of the {count} samples; got {given}.")
    return tuple(str(name) for name in names)


def number(value: float) -> str:
    """Three significant digits.

    >>> number(0.41), number(-1234.5), number(float("inf"))
    ('0.41', '-1.23e+03', 'infinite')
    """
    if not np.isfinite(value):
        return "undefined" if np.isnan(value) else "infinite" if value > 0 else "-infinite"
    return f"{value:.3g}"


def percent(share: float) -> str:
    """A share as a percentage with two significant digits below 10%.

    >>> percent(0.4149), percent(0.0123), percent(0.0001), percent(0.0)
    ('41%', '1.2%', '<0.1%', '0%')
    """
    if not np.isfinite(share):
        return number(share)
    if 0 < share < 0.001:
        return "<0.1%"
    return f"{100 * share:.0f}%" if share >= 0.0995 or share == 0 else f"{100 * share:.1f}%"


def facts(explanation: Explanation, sample: int) -> str:
    """What is known about one sample's values, in a line: the target's value, estimated error, completeness residual."""
    told = [f"target {number(float(explanation.value[sample]))}"]
    if explanation.base_value is not None:
        told.append(f"baseline {number(float(explanation.base_value[sample]))}")
    if explanation.error is not None:
        told.append(f"error {percent(float(explanation.error[sample]))}")
    if explanation.residual is not None:
        told.append(f"residual {percent(float(explanation.residual[sample]))}")
    return " · ".join(told)


def wrapped(text: str, width: int) -> str:
    """Lines of at most so many columns; Chinese characters take two, and lines break between them.

    >>> wrapped("a long name", 6)
    'a long\\nname'
    """
    if "\n" in text:
        return "\n".join(wrapped(line, width) for line in text.split("\n"))
    if cells(text) <= width:
        return text
    if cells(text) == len(text):
        return "\n".join(textwrap.wrap(text, width)) or text
    lines = [""]
    for character in text:
        if cells(lines[-1] + character) > width:
            lines.append("")
        lines[-1] += character
    return "\n".join(lines)


def cells(text: str) -> int:
    """Columns that a text takes in a font of even widths.

    >>> cells("ab"), cells("花瓣")
    (2, 4)
    """
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
