"""The verb ``evaluate``: from an explanation, its model and the names of metrics to scores."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .. import catalog
from ..core import declare, tree
from ..core.declare import Attribution, Axiom, Method, Passes
from ..core.errors import CapabilityError, InputError, TargetError
from ..core.features import Features
from ..core.measure import Metric, Score, Scores
from ..core.records import Cost, Explanation
from ..core.targets import Layer, Neuron, TargetLike
from ..core.types import Budget, MemoryFormat
from ..core.view import Capability
from ..engine.opening import opened
from ..engine.passes import Passes as EnginePasses
from ..engine.progress import Report
from ..engine.run import limits
from ..games.maskers import Constant, Delete
from ..games.maskers.masker import Masker
from ..models.lookup import view_of
from .again import Again
from .measuring import Measuring

CELLS = 14
"""Cells along the longer side of an image, where nothing was said of its players."""

USUAL = ("deletion", "insertion", "infidelity")


def evaluate(
    e: Explanation,
    model: Any,
    metrics: Sequence[str | Metric] | str | Metric = USUAL,
    *,
    masker: Masker | Sequence[Masker] | None = None,
    features: Features | Sequence[Features] | None = None,
    masks: Any = None,
    method: Method | None = None,
    target: TargetLike | None = None,
    budget: int | Budget | None = None,
    seed: int = 0,
    batch_size: int | None = None,
    memory_format: MemoryFormat | None = None,
    progress: bool | Report | None = None,
) -> Scores:
    """Measure how good an explanation is.

    Parameters
    ----------
    e
        The explanation. Its values are summed over players: its own features, or columns, words, and the cells of a 14 x 14
        grid over an image.
    model
        The model that was explained.
    metrics
        Names of metrics (``pellucid.catalog.METRICS``), or instances (a user's own, too).
    masker
        What stands in the place of removed players: one of ``pl.maskers``, by default 0, and nothing for words. A sequence
        gives several policies to metrics that compare them.
    features
        Other players than those.
    masks
        What the explanation should find, for metrics of localisation: bool ``(samples, *positions)``, like the input, or one
        for each player, ``(samples, players)`` (a list with a row for each sample where they have different numbers).
    method
        The method as it was, where metrics explain anew and the record does not hold all of its parameters.
    target
        What was explained, where the record does not hold it: a ``pl.Target``.
    budget
        Most model rows per sample for the values of coalitions (an int), or ``pl.Budget(rows=, seconds=)``.
    seed, batch_size, memory_format, progress
        As for ``explain``.

    Returns
    -------
    Scores
        ``scores["deletion"].values`` has one number per sample, NaN where it is undefined.

    Raises
    ------
    InputError, TargetError, CapabilityError, BudgetError
        In words.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
    >>> e = pl.explain(net, torch.rand(2, 4), target=0)
    >>> pl.evaluate(e, net, ["deletion", "insertion"])["deletion"].values.shape
    (2,)
    """
    chosen = [built(metric) for metric in ((metrics,) if isinstance(metrics, str | Metric) else metrics)]
    with measuring(
        e,
        model,
        masker=masker,
        features=features,
        masks=masks,
        method=method,
        target=target,
        budget=budget,
        seed=seed,
        batch_size=batch_size,
        memory_format=memory_format,
        progress=progress,
        needs=frozenset().union(*(metric.needs for metric in chosen)),
    ) as measured:
        return Scores([score(metric, measured) for metric in chosen])


def score(metric: Metric, measured: Measuring) -> Score:
    """One metric, with what it cost on top of those before."""
    before, started = measured.cost(), time.perf_counter()
    found = metric.measure(measured)
    spent = difference(measured.cost(), before, time.perf_counter() - started)
    values = np.where(measured.usable, found.values, math.nan)
    interval = None if found.interval is None else np.where(np.isnan(values)[:, None], math.nan, found.interval)
    return Score(
        metric.name,
        values,
        metric.direction,
        metric.range,
        {p.name: getattr(metric, p.name) for p in declare.parameters(metric)},
        interval,
        found.curve,
        spent,
        found.notes,
        found.details,
        metric.cite,
    )


@contextmanager
def measuring(
    e: Explanation,
    model: Any,
    *,
    masker: Masker | Sequence[Masker] | None = None,
    features: Any = None,
    masks: Any = None,
    method: Method | None = None,
    target: TargetLike | None = None,
    budget: int | Budget | None = None,
    seed: int = 0,
    batch_size: int | None = None,
    memory_format: MemoryFormat | None = None,
    progress: bool | Report | None = None,
    needs: frozenset[Capability] = frozenset({"predict"}),
    usual: Callable[[EnginePasses], Sequence[Masker]] | None = None,
) -> Generator[Measuring]:
    """Hold the model still, and offer what metrics ask for; see ``evaluate`` for the arguments.

    Where no masker is given there is one, or those that ``usual`` says of the samples.
    """
    started = time.perf_counter()
    view = view_of(model)
    if missing := sorted(needs - view.capabilities):
        raise CapabilityError(
            f"these metrics need {', '.join(map(repr, missing))}, which the {view.adapter} adapter does not have."
        )
    wish = _target(e) if target is None else target
    players = players_of(e, features)
    removal = masker if not isinstance(masker, Sequence) else masker[0] if masker else None
    with opened(
        view,
        _Evaluation(removal),
        _samples(e, players),
        wishes=[wish],
        at=None,
        wrt=_leaf(e),
        features=players,
        limits=limits(budget),
        seed=seed,
        batch_size=batch_size,
        memory_format=memory_format,
        progress=progress,
        started=started,
    ) as passes:
        _ = passes.target_values
        given = masker if masker is not None else _usual(passes) if usual is None else usual(passes)
        maskers = list(given) if isinstance(given, Sequence) else [given]
        packing = {"batch_size": batch_size, "memory_format": memory_format}
        again = Again(model, e, method, passes.masked, wish, passes.features, seed, packing)
        yield Measuring(passes, e, maskers, again, masks)


def _usual(passes: EnginePasses) -> Masker:
    """What stands in the place of removed features where nothing was said."""
    return Delete() if passes.leaf(passes.masked).dtype == object else Constant()


@dataclass(frozen=True)
class _Evaluation:
    """What the engine is told of an evaluation: features are removed."""

    name: ClassVar[str] = "evaluate"
    engine: ClassVar[str] = "game"
    summary: ClassVar[str] = "values of coalitions"
    needs: ClassVar[frozenset[Capability]] = frozenset({"predict"})
    modalities: ClassVar[tuple[str, ...]] = ()
    axioms: ClassVar[tuple[Axiom, ...]] = ()
    cite: ClassVar[tuple[str, ...]] = ()

    masker: Any = None

    def attribute(self, passes: Passes) -> list[Attribution]:
        """Nothing is attributed."""
        raise NotImplementedError


def built(metric: str | Metric) -> Metric:
    """A metric by name, with its defaults, or one that was given."""
    if isinstance(metric, str):
        return declare.build(catalog.metric_named(metric), {})
    if isinstance(metric, type) or not isinstance(metric, Metric):
        raise InputError(f"metrics are names or instances of metrics; got {metric!r}.")
    return declare.validated(metric)


def _target(e: Explanation) -> TargetLike:
    """What was explained, as an argument."""
    found = e.target
    if found.indices is None:
        raise TargetError(f"a function of the outputs was explained ({found}); give it again: target=pl.Target(...).")
    if found.layer is not None:
        name, _, call = found.layer.partition(" (call ")
        index = tuple(int(i) for i in found.indices[0])
        return Neuron(Layer(name, int(call[:-1]) if call else None), index)
    if found.indices.shape[1] == 0:
        return 0
    return found.indices[:, 0] if found.indices.shape[1] == 1 else found.indices


def players_of(e: Explanation, features: Any) -> Any:
    """Whose values are scored."""
    if features is not None:
        return features
    if e.features is not None:
        return list(e.features) if isinstance(e.features, tuple) else e.features
    shape = tree.flatten(e.inputs)[_leaf(e)[0]].shape[1:]
    sizes = shape[1:] if e.layout == "NCHW" else shape[:-1]
    if len(sizes) != 2:
        return None
    return Features.grid(shape, cell=max(math.ceil(max(sizes) / CELLS), 1), layout=e.layout)


def _leaf(e: Explanation) -> list[str]:
    """The leaf whose players are scored."""
    inputs = tree.flatten(e.inputs)
    first = e.players[0].leaf if e.players else None
    if first is not None:
        return [first]
    if e.over == "input":
        named = list(e.leaves)
        if len(named) > 1:
            raise InputError(f"the explanation has values for {', '.join(named)}; explain one of them with wrt= to score it.")
        return named
    return [max(inputs, key=lambda name: inputs[name].ndim)]


def _samples(e: Explanation, players: Any) -> Any:
    """The samples as they were given: a frame where the features are those of one."""
    framed = isinstance(players, Features) and any(column.dtype for column in players.columns or ())
    return players.decode(np.asarray(e.inputs)) if framed else e.inputs


def difference(after: Cost, before: Cost, seconds: float) -> Cost:
    """What was spent in between."""
    changed: Mapping[str, Any] = {
        name: getattr(after, name) - getattr(before, name) for name in ("forward_rows", "backward_rows", "other_rows")
    }
    return dataclasses.replace(Cost(**changed), seconds=seconds)
