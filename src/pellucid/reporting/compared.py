"""What ``pl.compare`` found, as plain records: a table of methods, how far they agree, and what was tested."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypedDict, cast

import numpy as np

from ..core.card import Grade, TrustCard
from ..plots.grades import MARKS, WORDS
from ..plots.style import number
from ..verdict import Comparison


class Compared(TypedDict):
    """One method: its grades in words (with the worst one's mark), the mean of every metric, its cost."""

    method: str
    grade: str
    mark: str
    grades: str
    scores: list[str]
    cost: str


class Side(TypedDict):
    """One comparison. ``agreement`` has a row of numbers for each method."""

    samples: int
    metrics: list[str]
    methods: list[Compared]
    names: list[str]
    agreement: list[list[str]]
    tests: list[str]


def comparisons(given: Any) -> list[Comparison]:
    """The comparisons among what a report is made of."""
    if isinstance(given, Comparison):
        return [given]
    if not isinstance(given, (list, tuple)):
        return []
    return [found for member in cast("Iterable[Any]", given) for found in comparisons(member)]


def side(found: Comparison) -> Side:
    """The records of one comparison."""
    first = next(iter(found.scores.values()), {})
    return {
        "samples": found.agreement.shape[2],
        "metrics": [f"{name} ({_BETTER[score.direction]})" for name, score in first.items()],
        "methods": [_method(found, name) for name in found.names],
        "names": list(found.names),
        "agreement": [[_mean(cell) for cell in row] for row in found.agreement],
        "tests": [f"{test}"[:1].upper() + f"{test}."[1:] for test in found.tests],
    }


_BETTER = {"higher": "higher is better", "lower": "lower is better", "none": "neither is better"}


def _method(found: Comparison, name: str) -> Compared:
    card = found.cards.get(name)
    return {
        "method": name,
        "grade": "" if card is None else card.grade,
        "mark": "" if card is None else MARKS[card.grade],
        "grades": "" if card is None else _counted(card),
        "scores": [number(score.mean) for score in found.scores[name].values()],
        "cost": str(found.explanations[name].cost),
    }


def _counted(card: TrustCard) -> str:
    """How many samples have each grade, the worst first."""
    order: tuple[Grade, ...] = ("fail", "caution", "pass", "unknown")
    if len(card) == 1:
        return WORDS[card.grade]
    return ", ".join(f"{card.grades.count(grade)} {WORDS[grade]}" for grade in order if grade in card.grades)


def _mean(values: np.ndarray) -> str:
    known = values[~np.isnan(values)]
    return f"{known.mean():.2f}" if known.size else "undefined"
