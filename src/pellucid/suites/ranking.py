"""How metrics rank attributions of one case, beside how the truth does."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Float
from scipy.stats import rankdata

from .. import catalog
from ..core import declare
from ..core.errors import InputError, PellucidError
from ..core.measure import Metric
from ..core.records import Explanation
from ..core.types import PerSample
from ..engine.run import explain
from ..games.maskers import Background, Blur, Constant
from ..games.maskers.masker import Masker
from ..verdict.evaluating import measuring, score
from ..verdict.shortlist import SHORT
from .asking import answer
from .case import Case
from .draws import drawn
from .judgement import Ranked
from .running import BUDGET

OTHERS = 4
"""Samples of each case that are not explained, and stand for removed players."""
ALIKE = 0.02
"""Methods whose true scores differ by no more are as good as each other, where the best are counted."""
ROUNDING = 1e-6
"""The share of the largest mean below which differences are rounding."""
LEAST = 3
"""Attributions without which there is no ranking."""

Means = Float[np.ndarray, " methods"]


def agreement(found: Means, truth: Means) -> tuple[float, float, float]:
    """Spearman's correlation of means of methods, higher better; whether the best is of the truth's best two; and by chance.

    A metric to which all are alike has a correlation of 0, a truth to which they are gives NaN.

    >>> agreement(np.array([3.0, 2.0, 1.0]), np.array([0.9, 0.5, 0.1]))[:2]
    (1.0, 1.0)
    """
    ranks = [rankdata(_settled(each)) - (len(each) + 1) / 2 for each in (found, truth)]
    squares = [(each**2).sum() for each in ranks]
    if squares[1] == 0:
        return np.nan, np.nan, np.nan
    correlation = (ranks[0] * ranks[1]).sum() / np.sqrt(squares[0] * squares[1]) if squares[0] > 0 else 0.0
    of_best_two = (truth > truth[:, None] + ALIKE).sum(axis=1) < 2
    best = ranks[0] == ranks[0].max()
    return float(np.clip(correlation, -1, 1)), float(of_best_two[best].mean()), float(of_best_two.mean())


def ranked(suite: str, whole: Case, metrics: Sequence[Metric], seed: int, samples: int) -> Iterator[Ranked]:
    """Every policy and metric on one case; metrics that cannot be asked, or rank too few methods, have no row."""
    if len(whole) <= OTHERS:
        raise InputError(f"{suite}/{whole.name} has {len(whole)} samples; {OTHERS} stand for removed players: give more of them.")
    case, others = _first(whole, min(samples, len(whole) - OTHERS)), whole.inputs[-OTHERS:]
    given = _attributions(case, seed)
    truths = {name: case.score(values) for name, values in given.items()}
    base = explain(
        case.model,
        case.inputs,
        target=case.target,
        method="leave-one-out",
        features=case.features,
        masker=Background(others),
        seed=seed,
        progress=False,
    )
    kind = "pictures" if case.inputs.ndim == 4 else "rows"
    explained = {name: dataclasses.replace(base, values=values.astype(np.float32)) for name, values in given.items()}
    for policy, masker in _policies(case, others).items():
        scores = _scores(case, base, explained, metrics, masker, seed)
        for metric in metrics:
            compared = _compared(scores.get(metric.name, {}), truths, metric)
            if len(compared) >= LEAST:
                found, truth = np.array(list(compared.values())).T
                if not np.isnan((told := agreement(found, truth))[0]):
                    yield Ranked(metric.name, policy, suite, case.name, kind, len(compared), *told)


def _scores(
    case: Case, base: Explanation, explained: dict[str, Explanation], metrics: Sequence[Metric], masker: Masker, seed: int
) -> dict[str, dict[str, PerSample]]:
    """By metric and method; coalitions are run once for all."""
    scores: dict[str, dict[str, PerSample]] = {}
    method = declare.build(catalog.method_named("leave-one-out"), {})  # asked again by nothing here
    with measuring(
        base, case.model, masker=masker, features=case.features, target=case.target, seed=seed, progress=False
    ) as measured:
        for name, e in explained.items():
            beside = measured.beside(e, method)
            for metric in metrics:
                try:
                    scores.setdefault(metric.name, {})[name] = score(metric, beside).values
                except PellucidError:  # for pictures alone, for positive targets alone: no row says so
                    continue
    return scores


def _compared(scores: dict[str, PerSample], truths: dict[str, PerSample], metric: Metric) -> dict[str, tuple[float, float]]:
    """Means of the metric, higher better, and of the truth, over the samples in which both say something."""
    sign = -1 if metric.direction == "lower" else 1
    told = {name: np.isfinite(scores[name]) & np.isfinite(truths[name]) for name in scores}
    return {
        name: (float(sign * scores[name][both].mean()), float(truths[name][both].mean()))
        for name, both in told.items()
        if both.any()
    }


def _attributions(case: Case, seed: int) -> dict[str, np.ndarray]:
    """Values of the methods that can be asked, and random ones."""
    found = {"random": drawn(seed, "judge", case.name).normal(size=(len(case), len(case.features)))}
    for name in SHORT:
        try:
            found[name], _ = answer(case, declare.build(catalog.method_named(name), {}), seed, BUDGET, lambda *_: None)
        except PellucidError:  # ``run`` has the reasons
            continue
    return found


def _policies(case: Case, others: np.ndarray) -> dict[str, Masker]:
    """What removed players are, by name."""
    found: dict[str, Masker] = {"reference": Constant() if case.reference is None else Background(case.reference)}
    if case.inputs.ndim == 4:
        found["blur"] = Blur(min(case.inputs.shape[2:]) / 4)
    return found | {"other samples": Background(others)}


def _first(case: Case, count: int) -> Case:
    """The first samples of a case."""
    each = ("inputs", "target", "truth", "masks", "labels")
    return dataclasses.replace(case, **{name: None if (held := getattr(case, name)) is None else held[:count] for name in each})


def _settled(means: Means) -> Means:
    """In steps of rounding, relative to the largest."""
    largest = np.abs(means).max()
    return np.rint(means / (largest if largest > 0 else 1.0) / ROUNDING)
