"""The verb ``compare``: several methods on the same samples, side by side."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float
from scipy.stats import wilcoxon

from .. import catalog
from ..core import declare
from ..core.card import TrustCard
from ..core.declare import Method
from ..core.errors import InputError
from ..core.extras import require
from ..core.features import Features
from ..core.measure import Metric, Scores
from ..core.records import Cost, Explanation
from ..core.targets import Layer, TargetLike
from ..core.types import Budget, MemoryFormat
from ..core.view import Capability
from ..engine import schema
from ..engine.progress import Report
from ..engine.run import explain
from ..games.maskers.masker import Masker
from ..metrics.agreement import rank_correlation
from . import policies
from .evaluating import built, measuring, score
from .trusting import Settings, card

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

USUAL = ("srg", "faithfulness-correlation", "sparseness")

FEWEST = 6
"""Samples from which a paired test can find anything at a level of 5%."""


@dataclass(frozen=True)
class PairedTest:
    """Wilcoxon's signed-rank test of one metric between two methods; ``p_holm`` is corrected for all tests of the comparison."""

    metric: str
    one: str
    other: str
    difference: float
    p: float
    p_holm: float
    samples: int

    def __str__(self) -> str:
        sure = "differ" if self.p_holm < 0.05 else "cannot be told apart"
        return (
            f"{self.metric}: {self.one} and {self.other} {sure} (median difference {self.difference:.3g}, p {self.p_holm:.2g} "
            f"after Holm's correction, {self.samples} samples)"
        )


@dataclass(frozen=True, eq=False)
class Comparison:
    """What several methods say of the same samples.

    Attributes
    ----------
    explanations
        By name, in the order given; with their trust cards where these were made.
    features, players
        The players, and values on the players that all were brought to: by name, float ``(samples, players)``.
    agreement
        Spearman's correlation of these values between every two methods, float ``(methods, methods, samples)``.
    scores
        Metrics by method: ``scores["lime"]["srg"].values``.
    cards
        Trust cards by method; empty where none were asked for.
    tests
        Paired tests of every metric between every two methods, from six samples on.
    """

    explanations: Mapping[str, Explanation]
    features: Features | tuple[Features, ...]
    players: Mapping[str, np.ndarray]
    agreement: Float[np.ndarray, "methods methods samples"]
    scores: Mapping[str, Scores]
    cards: Mapping[str, TrustCard] = field(default_factory=dict)
    tests: tuple[PairedTest, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The methods."""
        return tuple(self.explanations)

    @property
    def costs(self) -> dict[str, Cost]:
        """What each explanation took."""
        return {name: e.cost for name, e in self.explanations.items()}

    def to_frame(self) -> pd.DataFrame:
        """One row per method and sample: a column for each metric, ``grade`` and ``verdict`` where there are cards."""
        pandas = require("pandas", "frames", "to_frame()")
        rows = []
        for name, e in self.explanations.items():
            card = self.cards.get(name)
            for sample in range(len(e)):
                row: dict[str, Any] = {"method": name, "sample": sample, "target": e.target.names[sample]}
                row |= {metric: score.values[sample] for metric, score in self.scores[name].items()}
                if card is not None:
                    row |= {"grade": card.grades[sample], "verdict": card.verdicts[sample]}
                rows.append(row)
        return pandas.DataFrame(rows)

    def plot(self, **options: Any) -> Figure:
        """Maps, or bars, side by side: see ``pl.plots.methods``."""
        return import_module("pellucid.plots").methods(self, **options)

    def __str__(self) -> str:
        width = max(map(len, self.names), default=0)
        metrics = list(next(iter(self.scores.values()), {}))
        lines = [f"{len(self.names)} methods on {self.agreement.shape[2]} samples"]
        for name, e in self.explanations.items():
            said = ", ".join(f"{metric} {self.scores[name][metric].mean:.3g}" for metric in metrics)
            graded = f", {self.cards[name].grade}" if name in self.cards else ""
            rows = e.cost.forward_rows + e.cost.backward_rows
            lines.append(f"  {name:{width}}  {said}{graded}; {rows} rows, {e.cost.seconds:.2f} s")
        for i, j in itertools.combinations(range(len(self.names)), 2):
            known = self.agreement[i, j][~np.isnan(self.agreement[i, j])]
            mean = known.mean() if known.size else math.nan
            lines.append(f"  {self.names[i]} and {self.names[j]} agree by {mean:.2f} (rank correlation)")
        lines += [f"  {test}" for test in self.tests]
        lines += [f"  {name}: {card.verdict}" for name, card in self.cards.items()]
        return "\n".join(lines)


def compare(
    model: Any,
    x: Any,
    methods: Sequence[str | Method] | Mapping[str, str | Method] = ("shapley", "lime", "integrated-gradients"),
    *,
    target: TargetLike = "predicted",
    at: str | Layer | Sequence[str | Layer] | None = None,
    wrt: str | None = None,
    features: Features | Sequence[Features] | None = None,
    metrics: Sequence[str | Metric] = USUAL,
    trust: bool = True,
    settings: Settings | None = None,
    masker: Masker | Sequence[Masker] | None = None,
    background: Any = None,
    masks: Any = None,
    budget: int | Budget | None = None,
    seed: int = 0,
    batch_size: int | None = None,
    memory_format: MemoryFormat | None = None,
    progress: bool | Report | None = None,
) -> Comparison:
    """Set methods side by side: their values on common players, scores, trust cards, agreement and cost.

    Parameters
    ----------
    model, x, target
        As in ``explain``; all methods explain the same target.
    methods
        Names, or instances; a dict gives them names of your own.
    at
        The layer, or layers, for methods that read one.
    wrt
        The leaf of the input that is explained, where there are several.
    features
        The players to which all values are brought; by default those that the first method with players of its own takes, or
        a 14 x 14 grid over an image.
    metrics, masks
        Scores for each method; see ``evaluate``.
    trust, settings
        Whether each gets a trust card, and how much that is worth (``pl.verdict.Settings``, the arguments of ``trust``).
    masker, background
        What "removed" means for scores and cards; see ``trust``.
    budget
        Of each explanation.
    seed, batch_size, memory_format, progress
        As in ``explain``.

    Returns
    -------
    Comparison

    Raises
    ------
    InputError, TargetError, CapabilityError, BudgetError
        In words.

    Notes
    -----
    From six samples on every metric is tested between every two methods by Wilcoxon's signed-rank test over the samples, and
    the p-values are corrected by Holm's procedure. Removed inputs are run once for all methods.

    Cost: the explanations; for each metric and card what ``evaluate`` and ``trust`` say, less what the methods share.

    Sources: wilcoxon1945individual, holm1979simple, krishna2022disagreement.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
    >>> found = pl.compare(net, torch.rand(2, 4), ["shapley", "integrated-gradients"], metrics=["srg"], trust=False)
    >>> found.agreement.shape
    (2, 2, 2)
    """
    chosen = _named(methods)
    measures = [built(metric) for metric in ((metrics,) if isinstance(metrics, str) else metrics)]
    shared: dict[str, Any] = {"target": target, "budget": budget, "seed": seed}
    shared |= {"wrt": wrt, "batch_size": batch_size, "memory_format": memory_format}
    explanations: dict[str, Explanation] = {}
    players: Any = features
    for name in sorted(chosen, key=lambda name: chosen[name].engine != "game"):  # those with players of their own come first
        method = chosen[name]
        plays = method.engine == "game" and schema.takes_features(method)
        where = {"at": at} if at is not None and method.engine == "map" else {}
        made = explain(model, x, method=method, features=players if plays else None, progress=progress, **where, **shared)
        explanations[name] = made
        if players is None and made.features is not None:
            players = list(made.features) if isinstance(made.features, tuple) else made.features
    explanations = {name: explanations[name] for name in chosen}
    first = next(iter(explanations))
    values, scores, cards = {}, {}, {}
    with measuring(
        explanations[first],
        model,
        masker=masker,
        features=players,
        masks=masks,
        method=chosen[first],
        target=target if not isinstance(target, str) else None,
        seed=seed,
        batch_size=batch_size,
        memory_format=memory_format,
        progress=progress,
        usual=partial(policies.usual, background=background),
        needs=frozenset[Capability]({"predict"}).union(*(metric.needs for metric in measures)),
    ) as opened:
        for name, e in explanations.items():
            m = opened.beside(e, chosen[name])
            values[name] = m.values
            scores[name] = Scores([score(metric, m) for metric in measures])
            if trust:
                cards[name] = card(m, e, settings or Settings())
        counts, common = opened.counts, opened.features
    told = {name: cards[name].explanation if name in cards else e for name, e in explanations.items()}
    return Comparison(told, common, values, _agreement(values, counts), scores, cards, _tests(scores))


def _named(methods: Sequence[str | Method] | Mapping[str, str | Method]) -> dict[str, Method]:
    given = [methods] if isinstance(methods, str) else methods
    pairs = (
        given.items() if isinstance(given, Mapping) else [(each if isinstance(each, str) else each.name, each) for each in given]
    )
    chosen: dict[str, Method] = {}
    for name, each in pairs:
        if name in chosen:
            raise InputError(f"{name!r} is there twice; give names of your own, methods={{'one': ..., 'two': ...}}.")
        chosen[name] = declare.build(catalog.method_named(each), {}) if isinstance(each, str) else declare.validated(each)
    if len(chosen) < 2:
        raise InputError(f"compare() sets two or more methods side by side; got {', '.join(chosen) or 'none'}.")
    return chosen


def _agreement(values: Mapping[str, np.ndarray], counts: np.ndarray) -> np.ndarray:
    cut = [[row[:count] for row, count in zip(each, counts, strict=True)] for each in values.values()]
    return np.array([[rank_correlation(one, other) for other in cut] for one in cut])


def _tests(scores: Mapping[str, Scores]) -> tuple[PairedTest, ...]:
    found: list[PairedTest] = []
    for one, other in itertools.combinations(scores, 2):
        for metric in scores[one]:
            gap = scores[one][metric].values - scores[other][metric].values
            gap = gap[~np.isnan(gap)]
            if len(gap) >= FEWEST:
                p = float(np.asarray(wilcoxon(gap))[1]) if gap.any() else 1.0
                found.append(PairedTest(metric, one, other, float(np.median(gap)), p, math.nan, len(gap)))
    corrected = holm(np.array([test.p for test in found]))
    return tuple(replace(test, p_holm=float(p)) for test, p in zip(found, corrected, strict=True))


def holm(p: Float[np.ndarray, " tests"]) -> Float[np.ndarray, " tests"]:
    """P-values corrected by Holm's procedure.

    >>> holm(np.array([0.01, 0.04, 0.03])).round(2).tolist()
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p)
    raised = np.maximum.accumulate(np.minimum(p[order] * (len(p) - np.arange(len(p))), 1))
    corrected = np.empty(len(p))
    corrected[order] = raised
    return corrected
