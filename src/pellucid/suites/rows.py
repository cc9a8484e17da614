"""From the scores of samples to one row of the table."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..core.records import Cost
from ..core.types import PerSample
from .case import Case
from .controls import LAPLACE, RANDOM
from .intervals import beats, mean_interval
from .results import Result
from .scoring import chance


def row(suite: str, case: Case, name: str, scores: PerSample, cost: Cost, controls: Mapping[str, PerSample]) -> Result:
    """Mean, interval and cost of a method on a case, beside the controls."""
    told = scores[~np.isnan(scores)]
    score = float(told.mean()) if len(told) else np.nan
    low, high = mean_interval(scores)
    by_chance, alarm = chance(case.how, case.masks), case.how == "alarm"
    all_of_them = np.where(np.isnan(scores), by_chance, scores)  # what says nothing is as good as chance
    beaten = {
        control: None if alarm or name == control or control not in controls else beats(all_of_them, controls[control])
        for control in (RANDOM, LAPLACE)
    }
    return Result(
        suite,
        case.name,
        name,
        case.how,
        score,
        low,
        high,
        np.nan if alarm else float((all_of_them.mean() - by_chance) / (1 - by_chance)),
        len(scores),
        int(np.isnan(scores).sum()),
        cost.forward_rows,
        cost.backward_rows,
        cost.seconds,
        beaten[RANDOM],
        beaten[LAPLACE],
        "" if len(told) else "its values are the same for all players, or not finite, in every sample.",
    )
