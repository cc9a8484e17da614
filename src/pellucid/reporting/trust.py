"""A trust card as plain records: the verdict, and its gates with words, marks and places on a scale."""

from __future__ import annotations

import math
from typing import TypedDict

from ..core.card import OVERALL, Gate, TrustCard
from ..core.records import Explanation
from ..plots.grades import MARKS, WORDS, scale, told


class Stretch(TypedDict):
    """A zone of a scale in percent of its length: where it begins, and how long it is."""

    grade: str
    start: float
    length: float


class Asked(TypedDict):
    """One gate, or the faithfulness under one policy. ``place`` is in percent of the scale, ``None`` where there is none."""

    name: str
    policy: bool
    grade: str
    word: str
    mark: str
    shown: str
    limit: str
    place: float | None
    zones: list[Stretch]


class Trust(TypedDict):
    """The card of one explanation of one sample."""

    grade: str
    mark: str
    overall: str
    because: str
    rows: list[Asked]


def trust(explanation: Explanation, sample: int) -> Trust | None:
    """The card that an explanation carries; ``None`` where it carries none for this sample."""
    card = TrustCard.of(explanation[sample])
    if card is None:
        return None
    rows: list[Asked] = []
    for gate in card.gates:
        rows.append(_asked(gate, gate.name, policy=False))
        if gate.name == "faithfulness" and len(card.policies) > 1:
            pairs = zip(card.policies, card.faithfulness, strict=True)
            rows += [_asked(Gate(gate.name, values), f"removed: {policy}", policy=True) for policy, values in pairs]
    return {
        "grade": card.grade,
        "mark": MARKS[card.grade],
        "overall": OVERALL[card.grade],
        "because": card.verdict.partition(": ")[2],
        "rows": rows,
    }


def _asked(gate: Gate, name: str, policy: bool) -> Asked:
    measured, grade = scale(gate), gate.grade
    place = math.nan if measured is None else float(measured.place(gate.values)[0])
    zones = () if measured is None or math.isnan(place) else measured.zones
    return {
        "name": name,
        "policy": policy,
        "grade": grade,
        "word": WORDS[grade],
        "mark": MARKS[grade],
        "shown": told(gate, 0),
        "limit": gate.check.limit,
        "place": None if math.isnan(place) else round(100 * place, 1),
        "zones": [
            {"grade": z.grade, "start": round(100 * z.start, 1), "length": round(100 * (z.end - z.start), 1)} for z in zones
        ],
    }
