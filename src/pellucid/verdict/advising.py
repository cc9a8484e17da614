"""The verb ``advise``: which method suits this model, these samples and this purpose, by measurement."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from .. import catalog
from ..core.declare import Method
from ..core.errors import BudgetError, InputError, nearest
from ..core.extras import require
from ..core.features import Features
from ..core.records import Cost
from ..core.targets import Layer, TargetLike
from ..core.types import MemoryFormat
from ..engine.progress import Report
from ..games.maskers.masker import Masker
from ..models.lookup import view_of
from .shortlist import SHORT, Purpose, Task, modality, task_of, unfit
from .trial import FINALISTS, Cut, Removal, Trial, samples_that_choose

if TYPE_CHECKING:
    import pandas as pd

Standing = Literal["best", "measured", "left out"]

ROWS = 2000
"""Model rows that a choice takes at most, unless one run of the chosen method takes more."""


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
    best, method
        The name of the method, and the method: what ``explain(method=)`` takes.
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
    method: Method
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
    equally good the one whose values add up to the change of the output, then the cheaper.

    Parameters
    ----------
    model, x, target, at, features
        As in ``explain``. Up to eight samples choose, and the choice is scored on up to as many others.
    purpose
        ``"debug"``: what the network reacts to. ``"justify"``: values that add up to the change of the output. ``"select"``: a
        feature without effect gets 0. ``"monitor"``: at most 20 model rows per sample.
    task
        ``"regression"`` leaves out maps without signs; by default it is read off the kind of output, if that is known.
    masker, background
        What "removed" means. By default values of other rows (of ``background``, or of the samples); the choice is scored
        under 0 and a weak blur, or the mean row of a table. Of several maskers of your own the last does not choose.
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
    cut = Cut(x, target, features, view.spec.static)
    removal = Removal.given(masker) if masker is not None else Removal.usual(cut, background)
    kind = modality(x, features)
    left: dict[str, str] = {}
    for declared in catalog.METHODS:
        why = unfit(declared, view, kind, purpose, task or task_of(view))
        if why is not None:
            left[declared.name] = why
    waiting = [name for name in SHORT if name not in left]
    count = samples_that_choose(cut.count, len(waiting), removal, int(budget))
    trial = Trial(model, cut, count, at, shared, int(budget), purpose == "monitor", removal)
    for number, name in enumerate(waiting):
        trial.run(name, len(waiting) - number)
    left |= trial.failed
    if not trial.explained:
        raise BudgetError(
            "no method could be measured: "
            + "; ".join(f"{name}: {why}" for name, why in left.items() if name in SHORT)
            + ". Give a larger budget=, or name a method."
        )
    scored = trial.chosen_by(progress)
    order = sorted(scored, key=lambda name: (-round(scored[name], 2), not _complete(name), trial.rows[name]))
    held = trial.held_out(order[:FINALISTS], progress)
    best = order[0]
    candidates = [
        Candidate(
            name,
            "best" if name == best else "measured",
            _because(order, scored) if name == best else "",
            scored[name],
            held.get(name, math.nan),
            trial.rows[name],
        )
        for name in order
    ]
    candidates += [Candidate(name, "left out", why) for name, why in left.items()]
    spent = replace(trial.cost, seconds=time.perf_counter() - started)
    return Advice(
        best,
        trial.method(best),
        tuple(candidates),
        (trial.policies, trial.held_policies),
        purpose,
        task,
        spent,
        _notes(held, best),
    )


def _complete(name: str) -> bool:
    """Whether the values of a method add up to the change of the output."""
    return "completeness" in catalog.method_named(name).axioms


def _because(order: Sequence[str], scored: Mapping[str, float]) -> str:
    best = order[0]
    if len(order) == 1:
        return "it is the one method that suits"
    second = order[1]
    if round(scored[best], 2) == round(scored[second], 2):
        better = "its values add up" if _complete(best) and not _complete(second) else "cheaper"
        return f"as faithful as {second} ({scored[best]:.2f}), and {better}"
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
