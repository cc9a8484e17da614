"""Methods explain some of the samples within a number of model rows, and are scored on them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from .. import catalog
from ..core import declare, tree
from ..core.declare import Method
from ..core.errors import BudgetError, PellucidError
from ..core.records import Cost, Explanation
from ..core.targets import Target, TargetLike
from ..core.types import Budget
from ..engine import schema
from ..engine.passes import Passes
from ..engine.run import explain
from ..games.maskers.masker import Masker
from ..metrics.orderings import average, backwards, ranks, steps_along, without_first
from . import policies
from .evaluating import measuring
from .measuring import Measuring

Policies = Callable[[Passes], Sequence[Masker]]
"""What "removed" means, of samples that are open."""

CHOOSING = 8
"""Most samples that choose: two thirds of those that are there. The choice is scored on the rest."""
FINALISTS = 2
"""Methods that are scored on those."""
WORTHWHILE = 10
"""Model rows for each sample and method below which fewer samples choose."""
BASELINES = 8
"""Rows that a method averages over while it is measured."""
STEPS = 4
"""Points along an order of removal."""
QUICK = 20
"""Model rows per sample that monitoring can spare."""


def samples_that_choose(there: int, methods: int, removal: Removal, budget: int) -> int:
    """How many samples choose, so that every method has rows left to explain them with."""
    each = (methods + FINALISTS) * (removal.rows * 2 * STEPS + WORTHWHILE)
    return max(min(2 * there // 3, CHOOSING, budget // each), 1)


class Removal:
    """What "removed" means while a method is chosen, and when the choice is scored."""

    def __init__(self, choosing: Policies, holding: Policies, background: Any, rows: int) -> None:
        self.choosing, self.holding, self.background, self.rows = choosing, holding, background, rows

    @staticmethod
    def given(masker: Sequence[Masker] | Masker) -> Removal:
        """The user's own: the last of several does not choose."""
        every = list(masker) if isinstance(masker, Sequence) else [masker]
        chosen, held = every[:-1] or every, every[-1:]
        rows = max(sum(map(policies.rows_of, each)) for each in (chosen, held))
        return Removal(lambda _: chosen, lambda _: held, None, rows)

    @staticmethod
    def usual(cut: Cut, background: Any) -> Removal:
        """Values of other rows where there are any, and what suits the input."""
        known = cut.others() if background is None else background
        rows = policies.FEW if known is not None else 2
        chosen, held = partial(policies.choosing, background=known), partial(policies.holding, background=known)
        return Removal(chosen, held, known, rows)


class Trial:
    """The methods that are measured: their explanations of some samples, within a number of model rows."""

    def __init__(
        self,
        model: Any,
        cut: Cut,
        count: int,
        at: Any,
        shared: Mapping[str, Any],
        budget: int,
        quick: bool,
        removal: Removal,
    ) -> None:
        self.model, self.cut, self.count, self.at, self.shared = model, cut, count, at, shared
        self.quick, self.removal = quick, removal
        self.left = budget - (FINALISTS + 1) * self.scoring
        self.explained: dict[str, Explanation] = {}
        self.rows: dict[str, float] = {}
        self.allowed: dict[str, int] = {}
        self.failed: dict[str, str] = {}
        self.cost = Cost()
        self.policies: tuple[str, ...] = ()
        self.held_policies: tuple[str, ...] = ()

    @property
    def scoring(self) -> int:
        """Rows that it takes to score one method: both ends of its order, under the policies that choose."""
        return self.count * (2 * (STEPS - 1) * self.removal.rows)

    def method(self, name: str, measured: bool = False) -> Method:
        """A method with its defaults; one that averages over baselines takes the rows that are known.

        While it is measured these are others than those that stand for removed features, as far as there are any.
        """
        known = self.removal.background
        if measured and known is not None:
            known = policies.spaced(known, BASELINES, start=1) if len(known) > 1 else known
        wants = known is not None and name == "expected-gradients"
        return declare.build(catalog.method_named(name), {"baseline": known} if wants else {})

    def run(self, name: str, waiting: int) -> None:
        """Explain within an equal share of what is left for those that wait; the finalists explain twice."""
        share = (self.left // (waiting + FINALISTS) - self.scoring) // self.count
        backwards_too = 2 if "gradient" in catalog.method_named(name).needs else 1
        each = (min(share, QUICK) if self.quick else share) // backwards_too
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
        self.explained[name], self.rows[name], self.allowed[name] = e, spent / self.count, each

    def chosen_by(self, progress: Any) -> dict[str, float]:
        """Faithfulness on the samples that choose."""
        gains, self.policies = self._gains(self.explained, slice(0, self.count), self.removal.choosing, progress)
        return dict(zip(self.explained, _relative(gains), strict=True))

    def held_out(self, names: Sequence[str], progress: Any) -> dict[str, float]:
        """That of the finalists on other samples under other policies, as far as there are any; else empty."""
        others = slice(self.count, min(2 * self.count, self.cut.count))
        if others.start < others.stop:
            again = {name: self._explained(name, others, self.allowed[name]) for name in names}
        else:
            again, others = {name: self.explained[name] for name in names}, slice(0, self.count)
        gains, self.held_policies = self._gains(again, others, self.removal.holding, progress)
        nothing_new = others.start == 0 and self.held_policies == self.policies
        return {} if nothing_new else dict(zip(again, _relative(gains), strict=True))

    def _explained(self, name: str, rows: slice, each: int) -> Explanation:
        method = self.method(name, measured=True)
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
        self.cost = total(self.cost, e.cost)
        return e

    def _gains(
        self, explained: Mapping[str, Explanation], rows: slice, removed: Policies, progress: Any
    ) -> tuple[np.ndarray, tuple[str, ...]]:
        """Gains ``(methods, policies, samples)`` on these samples under these policies."""
        first = next(iter(explained))
        players = next((e.features for e in explained.values() if e.features is not None), None)
        given = list(players) if isinstance(players, tuple) else players
        target = self.cut.targets(rows)
        with measuring(
            explained[first],
            self.model,
            features=self.cut.features(rows) if self.cut.features(rows) is not None else given,
            target=None if isinstance(target, str) else target,
            method=self.method(first),
            progress=progress,
            usual=removed,
            **self.shared,
        ) as m:
            found = np.array([gain(m.beside(e, self.method(name))) for name, e in explained.items()])
            self.cost = total(self.cost, m.cost())
            return found, m.policies


class Cut:
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

    def others(self) -> np.ndarray | None:
        """Rows that stand for removed features: samples that do not choose, if there are any; ``None`` but for reals."""
        if self.count < 2 or isinstance(self._x, (list, tuple, Mapping)) or schema.is_frame(self._x):
            return None
        most = policies.FEW + BASELINES
        rows = tree.on_host(self._x[-most:])
        return rows if rows.dtype.kind == "f" and rows.ndim > 1 else None

    def targets(self, rows: slice) -> TargetLike:
        """Their targets."""
        if isinstance(self._target, Target):
            return self._target if self._target.labels is None else replace(self._target, labels=self._target.labels[rows])
        return self._target[rows] if isinstance(self._target, np.ndarray) else self._target

    def features(self, rows: slice) -> Any:
        """Their features."""
        return self._features[rows] if isinstance(self._features, (list, tuple)) else self._features


def total(one: Cost, other: Cost) -> Cost:
    """The rows of both."""
    return Cost(one.forward_rows + other.forward_rows, one.backward_rows + other.backward_rows, one.other_rows + other.other_rows)


def gain(m: Measuring) -> np.ndarray:
    """Mean target where the least important go first, less that where the most important do, ``(policies, samples)``."""
    taken = steps_along(m.counts, STEPS)
    order = ranks(m.values, m.counts)
    found = []
    for policy in range(len(m.policies)):
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
