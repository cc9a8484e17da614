"""How far apart two explanations can be because each is an estimate, whatever the models are."""

from __future__ import annotations

from typing import Literal

import numpy as np

from ..core import tree
from ..core.records import Explanation
from ..core.types import PerSample
from ..metrics.agreement import ROUNDING, Agreement
from .common import Common

NoiseFrom = Literal["seed", "errors", "exact", "unknown"]
"""How the noise is known: another seed was run, the method estimates its error, it makes none, or it does not say."""


def draws(told: Explanation) -> bool:
    """Whether another seed would give other values."""
    errors = tree.flatten(told.standard_errors)
    largest = {name: ROUNDING * float(np.abs(leaf).max(initial=0.0)) for name, leaf in told.leaves.items()}
    return any(leaf is not None and bool((leaf > largest[name]).any()) for name, leaf in errors.items())


def noise(
    first: Explanation, second: Explanation, places: Common, itself: Agreement | None
) -> tuple[PerSample | None, NoiseFrom]:
    """How far estimation alone can bring the explanations apart, relative to the first; ``itself`` is how far that agrees with
    itself under another seed.
    """
    if itself is not None:
        return itself.difference, "seed"
    if first.error is None or second.error is None:
        return None, "unknown"
    if not first.error.any() and not second.error.any():
        return np.zeros(len(first)), "exact"
    lengths = [np.array([float(np.linalg.norm(row)) for row in rows]) for rows in places.whole]
    ratio = np.divide(lengths[1], lengths[0], out=np.ones(len(first)), where=lengths[0] > 0)
    return first.error + second.error * ratio, "errors"
