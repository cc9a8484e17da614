"""The verb ``advise``: which method suits this model, these samples and this purpose, by measurement."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from .. import catalog
from ..core import declare, tree
from ..core.declare import Method
from ..core.errors import BudgetError, InputError, PellucidError, nearest
from ..core.extras import require
from ..core.features import Features
from ..core.records import Cost, Explanation
from ..core.targets import Layer, Target, TargetLike
from ..core.types import Budget, MemoryFormat
from ..core.view import ModelView
from ..engine import schema
from ..engine.progress import Report
from ..engine.run import explain
from ..games.maskers.masker import Masker
from ..metrics.orderings import average, backwards, ranks, steps_along, without_first
from ..models.lookup import view_of
from .evaluating import measuring
from .measuring import Measuring

if TYPE_CHECKING:
    import pandas as pd

Purpose = Literal["debug", "justify", "select", "monitor"]
Task = Literal["classification", "regression"]
Standing = Literal["best", "measured", "left out"]

ROWS = 2000
"""Model rows that a choice takes at most, unless one run of the chosen method takes more."""
CHOOSING = 4
"""Samples that choose; the choice is scored on as many more."""
FINALISTS = 2
"""Methods that are scored on those."""
WORTHWHILE = 30
"""Model rows for each sample and method below which fewer samples choose."""
STEPS = 6
"""Points along an order of removal."""
QUICK = 20
"""Model rows per sample that monitoring can spare."""

SHORT = (
    "saliency",
    "input-x-gradient",
    "grad-cam",
    "hires-cam",
    "layer-cam",
    "integrated-gradients",
    "smoothgrad",
    "expected-gradients",
    "leave-one-out",
    "occlusion",
    "shapley",
    "lime",
)
"""What is measured where it can run, the cheapest first."""

OTHERWISE: Mapping[str, str] = {
    "output-gradient": "it is for embeddings and whole numbers; saliency is measured in its place",
    "blur-ig": "a variant of integrated-gradients",
    "guided-ig": "a variant of integrated-gradients without an error estimate",
    "smoothgrad-squared": "a variant of smoothgrad without signs",
    "vargrad": "a variant of smoothgrad without signs",
    "conductance": "it explains a layer",
    "internal-influence": "it explains a layer",
    "integrated-hessians": "it explains pairs",
    "shapley-interactions": "it explains pairs",
    "cam": "the same as grad-cam where it can run",
    "grad-cam++": "a variant of grad-cam",
    "xgrad-cam": "a variant of grad-cam",
    "eigen-cam": "it does not depend on the target",
    "eigen-grad-cam": "a variant of grad-cam",
    "score-cam": "a variant of grad-cam that takes a model row for each channel",
    "ablation-cam": "a variant of grad-cam that takes a model row for each channel",
    "full-grad": "a variant of grad-cam without signs",
    "rise": "it takes thousands of model rows for each sample; occlusion is measured in its place",
    "banzhaf": "a variant of shapley",
    "linear-surrogate": "a variant of lime",
}


@dataclass(frozen=True)
class Candidate:
    """One method of the catalog, and what came of it.

    ``chosen_by`` is the faithfulness that it was chosen by, ``held_out`` that on samples and policies that did not choose (NaN
    where there are none): the mean target where the least important go first, less that where the most important do, over the
    largest of all candidates; up to 1. ``rows`` are model rows per sample, ``reason`` says why it stands where it does.
    """

    method: str
    standing: Standing
    reason: str
    chosen_by: float = math.nan
    held_out: float = math.nan
    rows: float = math.nan


@dataclass(frozen=True, eq=False)
class Advice:
    """Which method to take, with the table of reasons.

    Attributes
    ----------
    best
        The name of the method.
    candidates
        All methods of the catalog: the best, those measured beside it from the best to the worst, and those left out.
    policies
        What "removed" meant: those that chose, and those that the choice is scored on.
    purpose, task
        What was asked.
    cost
        Model rows and seconds of the choice.
    notes
        What should be known.
    """

    best: str
    candidates: tuple[Candidate, ...]
    policies: tuple[tuple[str, ...], tuple[str, ...]]
    purpose: Purpose
    task: Task | None
    cost: Cost
    notes: tuple[str, ...] = ()

    def __getitem__(self, method: str) -> Candidate:
        """What came of one method."""
        return next(each for each in self.candidates if each.method == method)

    @property
    def reason(self) -> str:
        """Why the best was chosen, in a sentence."""
        return self[self.best].reason

    def to_frame(self) -> pd.DataFrame:
        """One row per method."""
        pandas = require("pandas", "frames", "to_frame()")
        return pandas.DataFrame([vars(each) for each in self.candidates])

    def __str__(self) -> str:
        width = max(len(each.method) for each in self.candidates)
        lines = [f"{self.best}: {self.reason} (to {self.purpose}; {self.cost})"]
        for each in self.candidates:
            if each.standing != "left out":
                held = "" if math.isnan(each.held_out) else f", held out {each.held_out:.2f}"
                lines.append(f"  {each.method:{width}}  faithfulness {each.chosen_by:.2f}{held}, {each.rows:.0f} rows per sample")
        lines += [f"  {each.method:{width}}  left out: {each.reason}" for each in self.candidates if each.standing == "left out"]
        return "\n".join([*lines, *(f"  note: {note}" for note in self.notes)])


def advise(
    model: Any,
    x: Any,
    *,
    purpose: Purpose = "debug",
    task: Task | None = None,
    target: TargetLike = "predicted",
    at: str | Layer | None = None,
    features: Features | Sequence[Features] | None = None,
    masker: Sequence[Masker] | Masker | None = None,
    background: Any = None,
    budget: int = ROWS,
    seed: int = 0,
    batch_size: int | None = None,
    memory_format: MemoryFormat | None = None,
    progress: bool | Report | None = None,
) -> Advice:
    """Choose a method by what is measured on your model and samples.

    Methods are left out by what the model can do, by the kind of input, by purpose and by cost, each with its reason. Those that
    remain explain some of the samples, and the one whose order of features moves the target most is the best; of two that are
    equally good the cheaper.

    Parameters
    ----------
    model, x, target, at, features
        As in ``explain``. The first four samples choose, and the choice is scored on the next four.
    purpose
        ``"debug"``: what the network reacts to. ``"justify"``: values that add up to the change of the output. ``"select"``: a
        feature without effect gets 0. ``"monitor"``: at most 20 model rows per sample.
    task
        ``"regression"`` leaves out maps without signs; by default it is read off the kind of output, if that is known.
    masker, background
        What "removed" means; see ``trust``. The last of several policies does not choose: the choice is scored on it.
    budget
        Most model rows of the choice.
    seed, batch_size, memory_format, progress
        As in ``explain``.

    Returns
    -------
    Advice
        ``print(advice)`` is the table.

    Raises
    ------
    InputError, TargetError, CapabilityError
        In words.
    BudgetError
        If no method fits into the budget.

    Notes
    -----
    Cost: at most ``budget`` model rows, forward and backward. Source: bluecher2024decoupling (the measure).

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
    >>> advice = pl.advise(net, torch.rand(4, 4), purpose="justify")
    >>> advice["saliency"].reason
    'its values do not add up to the change of the output'
    """
    _check("purpose", purpose, get_args(Purpose))
    if task is not None:
        _check("task", task, get_args(Task))
    if isinstance(budget, bool) or not isinstance(budget, (int, np.integer)) or budget < 1:
        raise InputError(f"budget= is a number of model rows, at least 1; got {budget!r}.")
    started = time.perf_counter()
    view = view_of(model)
    shared = {"seed": seed, "batch_size": batch_size, "memory_format": memory_format}
    cut = _Cut(x, target, features, view.spec.static)
    kind = _modality(x, features)
    left: dict[str, str] = {}
    for declared in catalog.METHODS:
        why = _unfit(declared, view, kind, purpose, task or _task(view))
        if why is not None:
            left[declared.name] = why
    waiting = [name for name in SHORT if name not in left]
    count = max(min(cut.count, CHOOSING, budget // ((len(waiting) + FINALISTS) * WORTHWHILE)), 1)
    field = _Field(model, cut, count, at, shared, int(budget), purpose, background)
    for number, name in enumerate(waiting):
        field.run(name, len(waiting) - number)
    left |= field.failed
    if not field.explained:
        raise BudgetError(
            "no method could be measured: "
            + "; ".join(f"{name}: {why}" for name, why in left.items() if name in SHORT)
            + ". Give a larger budget=, or name a method."
        )
    scored = field.chosen_by(masker, progress)
    order = sorted(scored, key=lambda name: (-round(scored[name], 2), field.rows[name]))
    held = field.held_out(order[:FINALISTS], masker, progress)
    best = order[0]
    candidates = [
        Candidate(
            name,
            "best" if name == best else "measured",
            _because(order, scored) if name == best else "",
            scored[name],
            held.get(name, math.nan),
            field.rows[name],
        )
        for name in order
    ]
    candidates += [Candidate(name, "left out", why) for name, why in left.items()]
    spent = replace(field.cost, seconds=time.perf_counter() - started)
    return Advice(best, tuple(candidates), (field.policies, field.held_policies), purpose, task, spent, _notes(held, best))


class _Field:
    """The methods that are measured: their explanations of some samples, within a number of model rows."""

    def __init__(
        self,
        model: Any,
        cut: _Cut,
        count: int,
        at: Any,
        shared: Mapping[str, Any],
        budget: int,
        purpose: Purpose,
        background: Any,
    ) -> None:
        self.model, self.cut, self.at, self.shared, self.purpose, self.background = model, cut, at, shared, purpose, background
        self.count = count
        self.left = budget - FINALISTS * self.scoring
        self.explained: dict[str, Explanation] = {}
        self.rows: dict[str, float] = {}
        self.failed: dict[str, str] = {}
        self.cost = Cost()
        self.policies: tuple[str, ...] = ()
        self.held_policies: tuple[str, ...] = ()

    @property
    def scoring(self) -> int:
        """Rows that it takes to score one method: both ends of its order, under up to two policies."""
        return self.count * 2 * 2 * (STEPS - 1)

    def run(self, name: str, waiting: int) -> None:
        """Explain within an equal share of what is left for those that wait; the finalists explain twice."""
        share = (self.left // (waiting + FINALISTS) - self.scoring) // self.count
        backwards_too = 2 if "gradient" in catalog.method_named(name).needs else 1
        each = (min(share, QUICK) if self.purpose == "monitor" else share) // backwards_too
        if each < 1:
            self.failed[name] = "the budget is spent"
            return
        try:
            e = self._explained(name, slice(0, self.count), each)
        except BudgetError:
            self.failed[name] = f"it does not fit into {each} model rows per sample"
            return
        except PellucidError as error:
            self.failed[name] = str(error).splitlines()[0].rstrip(".")
            return
        spent = e.cost.forward_rows + e.cost.backward_rows + e.cost.other_rows
        self.left -= spent + self.scoring
        self.explained[name], self.rows[name] = e, spent / self.count

    def chosen_by(self, masker: Any, progress: Any) -> dict[str, float]:
        """Faithfulness on the samples that choose, under all policies but the last."""
        gains, policies = self._gains(self.explained, slice(0, self.count), masker, progress, slice(0, -1))
        self.policies = policies
        return dict(zip(self.explained, _relative(gains), strict=True))

    def held_out(self, names: Sequence[str], masker: Any, progress: Any) -> dict[str, float]:
        """That of the finalists on other samples, and under the last policy; empty where there is neither."""
        others = slice(self.count, min(2 * self.count, self.cut.count))
        single = len(self.policies) == 1 and self._one_policy
        if others.start == others.stop:
            if single:
                return {}
            others = slice(0, self.count)
        again = {
            name: self.explained[name] if others.start == 0 else self._explained(name, others, max(round(self.rows[name]), 1))
            for name in names
        }
        gains, self.held_policies = self._gains(again, others, masker, progress, slice(-1, None))
        return dict(zip(again, _relative(gains), strict=True))

    def _explained(self, name: str, rows: slice, each: int) -> Explanation:
        declared = catalog.method_named(name)
        wants = self.background is not None and name == "expected-gradients"
        method = declare.build(declared, {"baseline": self.background} if wants else {})
        plays = method.engine == "game" and schema.takes_features(method)
        e = explain(
            self.model,
            self.cut.samples(rows),
            target=self.cut.targets(rows),
            method=method,
            at=self.at if method.engine == "map" else None,
            features=self.cut.features(rows) if plays else None,
            budget=Budget(rows=each),
            progress=False,
            **self.shared,
        )
        self.cost = _sum(self.cost, e.cost)
        return e

    def _gains(
        self, explained: Mapping[str, Explanation], rows: slice, masker: Any, progress: Any, kept: slice
    ) -> tuple[np.ndarray, tuple[str, ...]]:
        """Gains ``(methods, policies, samples)`` on these samples under these policies."""
        first = next(iter(explained))
        players = next((e.features for e in explained.values() if e.features is not None), None)
        given = list(players) if isinstance(players, tuple) else players
        target = self.cut.targets(rows)
        with measuring(
            explained[first],
            self.model,
            masker=masker,
            background=self.background,
            features=self.cut.features(rows) if self.cut.features(rows) is not None else given,
            target=None if isinstance(target, str) else target,
            progress=progress,
            several=True,
            **self.shared,
        ) as m:
            every = range(len(m.policies))
            self._one_policy = len(every) == 1
            chosen = list(every) if self._one_policy else list(every)[kept]
            built = {name: declare.build(catalog.method_named(name), {}) for name in explained}
            found = np.array([gain(m.beside(e, built[name]), chosen) for name, e in explained.items()])
            self.cost = _sum(self.cost, m.cost())
            return found, tuple(m.policies[policy] for policy in chosen)


class _Cut:
    """What was given, cut into samples that choose and others."""

    def __init__(self, x: Any, target: TargetLike, features: Any, static: Sequence[str]) -> None:
        self._x, self._target, self._features, self._static = x, target, features, static
        plain = isinstance(x, list) or schema.is_frame(x)
        leaves = {} if plain else tree.flatten(x)
        self.count = len(x) if plain else next((len(leaf) for name, leaf in leaves.items() if name not in static), 1)

    def samples(self, rows: slice) -> Any:
        """Some of the samples."""
        if schema.is_frame(self._x):
            return self._x.iloc[rows]
        if isinstance(self._x, list):
            return self._x[rows]
        leaves = tree.flatten(self._x)
        cut = {name: leaf if name in self._static else leaf[rows] for name, leaf in leaves.items()}
        return tree.fill(tree.skeleton(self._x), cut)

    def targets(self, rows: slice) -> TargetLike:
        """Their targets."""
        if isinstance(self._target, Target):
            return self._target if self._target.labels is None else replace(self._target, labels=self._target.labels[rows])
        return self._target[rows] if isinstance(self._target, np.ndarray) else self._target

    def features(self, rows: slice) -> Any:
        """Their features."""
        return self._features[rows] if isinstance(self._features, (list, tuple)) else self._features


def _sum(one: Cost, other: Cost) -> Cost:
    return Cost(one.forward_rows + other.forward_rows, one.backward_rows + other.backward_rows, one.other_rows + other.other_rows)


def gain(m: Measuring, policies: Sequence[int]) -> np.ndarray:
    """Mean target where the least important go first, less that where the most important do, ``(policies, samples)``."""
    taken = steps_along(m.counts, STEPS)
    order = ranks(m.values, m.counts)
    found = []
    for policy in policies:
        most = m.worth(without_first(order, taken), policy)
        least = m.worth(without_first(backwards(order, m.counts), taken), policy)
        found.append(np.where(m.usable, average(least, taken) - average(most, taken), -math.inf))
    return np.array(found)


def _relative(gains: np.ndarray) -> list[float]:
    """Means over policies and samples, each over the largest magnitude there."""
    finite = np.where(np.isfinite(gains), gains, np.nan)
    largest = np.nanmax(np.abs(finite), axis=0, initial=0.0)
    shares = np.where(largest > 0, np.where(np.isnan(finite), -1.0, finite) / np.where(largest > 0, largest, 1), 0.0)
    return [float(each) for each in shares.mean(axis=(1, 2))]


def _unfit(declared: type[Method], view: ModelView, kind: str, purpose: Purpose, task: Task | None) -> str | None:
    """Why a method is not measured, before it has run."""
    if declared.name in OTHERWISE:
        return OTHERWISE[declared.name]
    if missing := sorted(declared.needs - view.capabilities):
        return f"it needs {', '.join(map(repr, missing))}, which the {view.adapter} adapter does not have here"
    if "any" not in declared.modalities and kind not in declared.modalities:
        return f"it is for inputs of other kinds ({', '.join(declared.modalities)})"
    if purpose == "justify" and "completeness" not in declared.axioms:
        return "its values do not add up to the change of the output"
    if purpose == "select" and "dummy" not in declared.axioms:
        return "it can give values to features without effect"
    if task == "regression" and declared.engine == "map":
        return "its map shows what raises the output alone"
    return None


def _modality(x: Any, features: Any) -> str:
    if isinstance(x, list):
        return "text" if x and isinstance(x[0], str) else "image"
    if schema.is_frame(x):
        return "tabular"
    leaf = max(tree.flatten(x).values(), key=lambda leaf: len(leaf.shape))
    if str(leaf.dtype).startswith(("object", "<U", "str")) or (isinstance(features, list) and features and features[0].text):
        return "text"
    return {2: "tabular", 3: "series", 4: "image", 5: "volume"}.get(len(leaf.shape), "tabular")


def _task(view: ModelView) -> Task | None:
    return "classification" if view.spec.output in ("logits", "probabilities") else None


def _because(order: Sequence[str], scored: Mapping[str, float]) -> str:
    best = order[0]
    if len(order) == 1:
        return "it is the one method that suits"
    second = order[1]
    if round(scored[best], 2) == round(scored[second], 2):
        return f"as faithful as {second} ({scored[best]:.2f}), and cheaper"
    return (
        f"the most faithful of {len(order)} methods measured here ({scored[best]:.2f}, then {second} with {scored[second]:.2f})"
    )


def _notes(held: Mapping[str, float], best: str) -> tuple[str, ...]:
    if not held:
        return ("one sample and one way to remove features: nothing was left to score the choice on",)
    better = [name for name, value in held.items() if value > held[best] + 0.05]
    if better:
        return (f"on samples and removals that did not choose, {', '.join(better)} did better: the choice is not sure",)
    return ()


def _check(argument: str, given: Any, known: Sequence[str]) -> None:
    if given not in known:
        raise InputError(f"{argument}= must be one of {', '.join(map(repr, known))}; got {given!r}.{nearest(str(given), known)}")
