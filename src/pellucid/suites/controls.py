"""Maps that know no model: what any method must beat."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.ndimage import laplace

from ..core.types import PerSample
from .case import Case
from .draws import drawn

RANDOM, LAPLACE = "control: random", "control: laplace filter"
CONTROLS = (RANDOM, LAPLACE)
DRAWS = 32
"""Random maps of each sample, whose scores are averaged."""


def random_scores(case: Case, seed: int) -> PerSample:
    """The mean score of random values."""
    rng = drawn(seed, "control", case.name)
    players = len(case.features)
    shape = (players, players) if case.pairs else (players,)
    return np.nanmean([case.score(rng.normal(size=(len(case), *shape))) for _ in range(DRAWS)], axis=0)


def laplace_map(case: Case) -> Float[np.ndarray, "samples players"] | None:
    """How much each pixel differs from its neighbours, over the players; ``None`` where samples are no pictures."""
    if case.inputs.ndim != 4:
        return None
    return case.features.total(np.abs(laplace(case.inputs.astype(np.float64), axes=(2, 3))))


def control_scores(case: Case, seed: int) -> dict[str, PerSample]:
    """The scores of the controls that this case has, by name."""
    found = {RANDOM: random_scores(case, seed)}
    filtered = laplace_map(case)
    return found if filtered is None else found | {LAPLACE: case.score(filtered)}
