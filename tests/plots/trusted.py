"""Trust cards made by hand: what is shown must not depend on how it was measured."""

from __future__ import annotations

import math

import numpy as np

from pellucid import Cost, Explanation
from pellucid.core.card import CHECKS, Gate, TrustCard, carried
from plots.handmade import photos

PASSING = {
    "a map": 1.0,
    "faithfulness": 0.8,
    "agreement of policies": 0.1,
    "beats random orders": 0.01,
    "beats smooth maps": 0.05,
    "completeness": 0.01,
    "stability": 0.9,
    "depends on the weights": 0.1,
    "saturation": 0.0,
    "in distribution": 0.1,
}


def trusted(e: Explanation | None = None, notes: dict[str, str] | None = None, **values: object) -> TrustCard:
    """A card that passes all gates but for these values, by name with underscores: one for all samples, or one for each."""
    e = photos(3) if e is None else e
    given = {name.replace("_", " "): value for name, value in values.items()}
    numbers = {name: np.broadcast_to(np.asarray(given.get(name, usual), float), len(e)) for name, usual in PASSING.items()}
    gates = tuple(Gate(check.name, numbers[check.name].copy(), (notes or {}).get(check.name, "")) for check in CHECKS)
    known = np.isfinite(numbers["faithfulness"])
    faithfulness = np.array([numbers["faithfulness"] + step for step in (-0.1, 0.0, 0.1)])
    percent = np.where(known, 96.0, math.nan)
    made = TrustCard(
        e, gates, ("set to 0", "a weak blur", "a strong blur"), faithfulness, percent, percent - 6, 0.05, Cost(900, 80)
    )
    return carried(made)
