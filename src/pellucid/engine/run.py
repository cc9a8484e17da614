"""The verb ``explain``: from a model, samples and a method's name to records."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import version
from typing import Any

import numpy as np

from .. import catalog
from ..core import declare, tree
from ..core.declare import Attribution, Method
from ..core.errors import CapabilityError, InputError, TargetError, nearest
from ..core.features import Features
from ..core.records import Cost, Explanation, Finding, Plan
from ..core.targets import Layer, Neuron, TargetLike
from ..core.types import Budget, MemoryFormat, Native
from ..core.view import ModelView
from ..models.images import ImageInput
from ..models.lookup import view_of
from . import evidence, schema
from .opening import opened
from .passes import Passes
from .progress import Report


def explain(
    model: Any,
    x: Any,
    *,
    target: TargetLike = "predicted",
    targets: Sequence[TargetLike] | None = None,
    method: str | Method = "integrated-gradients",
    at: str | Layer | Sequence[str | Layer] | None = None,
    wrt: str | Sequence[str] | None = None,
    features: Features | Sequence[Features] | None = None,
    budget: int | Budget | None = None,
    seed: int = 0,
    batch_size: int | None = None,
    memory_format: MemoryFormat | None = None,
    progress: bool | Report | None = None,
    **parameters: Any,
) -> Any:
    """Explain what a model says about some samples.

    Parameters
    ----------
    model
        A ``torch.nn.Module``, a jitted JAX function, or ``pl.wrap(...)`` of one. It comes back as it was: mode, parameters,
        gradients, buffers, hooks and the global random state, also after an error.
    x
        The samples: an array, or a tuple or mapping of arrays, each with the samples as its first axis. NumPy arrays,
        arrays of the model's framework, or PIL pictures.
    target
        What is explained, one number per sample: ``"predicted"`` (the largest output; the only one of a model with one), an
        index, a class name, an int array with one index per sample, an index tuple for outputs with more axes,
        ``pl.Neuron`` or ``pl.Target``.
    targets
        Several targets at once; then the result is a tuple with one explanation each. The forward passes are shared.
    method
        A name from ``pl.methods()``, or an instance of a method (a user's own, too). ``"auto"`` measures which method suits this
        model and these samples, once, and says why in ``plan.notes``: see ``pl.advise``.
    at
        A layer instead of the input: its name, or ``pl.Layer(name, call=)`` for one that is used several times. Path methods
        then explain the rest of the network from that layer's output on; conductance and internal influence read the gradient
        there; class activation maps weigh its channels, and join the maps of several layers (a sequence).
    wrt
        Names of the leaves that get attributions; by default all floating ones, and ids through their embedding.
    features
        What belongs together: ``pl.Features`` for all samples, or a list with one for each. Values then are numbers of
        features, ``(samples, features)``: methods that remove features remove these, and gradients are summed over them. By
        default those methods take columns, words, segments of a series, or the cells of a grid over an image.
    budget
        Most model rows per sample (an int), or ``pl.Budget(rows=, seconds=)``.
    seed
        Seed of everything that is drawn. The same seed and plan give the same bytes.
    batch_size, memory_format
        Rows per batch, and ``"as-is"`` or ``"channels-last"``; chosen for the device and input size if not given.
    progress
        ``True`` or ``False`` for a bar on standard error (by default when that is a terminal), or a function
        ``f(share_done, rows)``.
    **parameters
        Parameters of the method: see ``pl.methods()`` or the method's own page.

    Returns
    -------
    Explanation or tuple of Explanation

    Raises
    ------
    InputError, TargetError, LayerError, CapabilityError, NonFiniteError, BudgetError
        In words: what was given, what was expected, what to do.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
    >>> e = pl.explain(net, torch.rand(2, 4), tolerance=0.01)
    >>> e.values.shape
    (2, 4)
    """
    started = time.perf_counter()
    declared = _method(method, parameters)
    wishes = _wishes(target, targets)
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise InputError(f"seed must be a whole number, 0 or more; got {seed!r}.")
    wrt = [wrt] if isinstance(wrt, str) else wrt
    view = view_of(model)
    _check_needs(declared, view, at is not None or any(isinstance(wish, Neuron) for wish in wishes))
    with opened(
        view,
        declared,
        x,
        wishes=wishes,
        at=at,
        wrt=wrt,
        features=features,
        limits=limits(budget),
        seed=seed,
        batch_size=batch_size,
        memory_format=memory_format,
        progress=progress,
        started=started,
    ) as passes:
        attributions = declared.attribute(passes)
        if passes.features and declared.engine != "game":
            attributions = [schema.by_player(passes, each) if each.over == "input" else each for each in attributions]
        options = {"at": at, "wrt": wrt, "budget": budget, "batch_size": batch_size, "memory_format": memory_format, "seed": seed}
        command = _command(declared, [target.wish for target in passes.row_targets], options)
        records = [_record(passes, declared, attributions, t, command) for t in range(len(wishes))]
    tuning = passes.tuning
    seconds = time.perf_counter() - started - tuning.seconds
    cost = Cost(passes.forward_rows, passes.backward_rows, passes.other_rows, seconds, tuning.rows, tuning.seconds)
    told = tuple(dataclasses.replace(record, cost=cost) for record in records)
    return told[0] if targets is None else told


def _method(method: str | Method, parameters: Mapping[str, Any]) -> Method:
    if isinstance(method, str):
        return declare.build(catalog.method_named(method), parameters)
    if isinstance(method, type) or not isinstance(method, Method):
        raise InputError(
            f"method must be a name from pl.methods() or an instance of a method; got {method!r}."
            + (" Make an instance: method=" + method.__name__ + "(...)." if isinstance(method, type) else "")
        )
    if parameters:
        raise InputError(
            f"parameters {', '.join(map(repr, parameters))} belong inside the method when it is given as an instance."
            f"{nearest(next(iter(parameters)), [p.name for p in declare.parameters(method)])}"
        )
    return declare.validated(method)


def _wishes(target: TargetLike, targets: Sequence[TargetLike] | None) -> list[TargetLike]:
    if targets is None:
        return [target]
    if not (isinstance(target, str) and target == "predicted"):
        raise TargetError("give target= or targets=, not both.")
    if isinstance(targets, (str, int)) or not (several := list(targets)):
        raise TargetError(f"targets= takes a list with at least one target; got {targets!r}.")
    return several


def limits(budget: int | Budget | None) -> Budget:
    """What a user means by ``budget=``."""
    limits = budget if isinstance(budget, Budget) else Budget(rows=budget)
    for name, amount in (("rows", limits.rows), ("seconds", limits.seconds)):
        kinds = (int, np.integer) if name == "rows" else (int, float, np.integer, np.floating)
        wrong = isinstance(amount, bool) or (amount is not None and not isinstance(amount, kinds))
        if wrong or (amount is not None and not amount > 0):
            raise InputError(
                f"budget: {name} must be a positive {'whole number' if name == 'rows' else 'number'}; got {amount!r}."
            )
    return limits


def _check_needs(method: Method, view: ModelView, at_layer: bool) -> None:
    missing = sorted((method.needs | ({"layers"} if at_layer else set())) - view.capabilities)
    if not missing:
        return
    told = "; ".join(why for need, why in view.absent.items() if need in missing)
    why = f": {told}" if told else ""
    others = [other.name for other in catalog.METHODS if other.needs <= view.capabilities]
    without = " without at= and pl.Neuron" if at_layer and "layers" in missing else ""
    asked = f"{method.name} at a layer" if without else method.name
    raise CapabilityError(
        f"{asked} needs {', '.join(map(repr, missing))}, which the {view.adapter} adapter does not have here{why}. "
        + (f"These methods work{without}: {', '.join(others)}." if others else "No method of the catalog works with it.")
    )


def _record(passes: Passes, method: Method, attributions: Sequence[Attribution], t: int, command: str) -> Explanation:
    view, attribution, target = passes.view, attributions[t], passes.row_targets[t]
    values = _to_tree(passes, attribution, attribution.values)
    value = passes.target_values[t]
    explained = target.record()
    outputs = {name: view.to_numpy(leaf) for name, leaf in (passes.outputs or {}).items()}
    notes = [*passes.notes, *view.notes]
    if len(outputs) > 1 and explained.leaf is not None:
        notes.append(f"output {explained.leaf!r} was explained; the model returns {', '.join(outputs)}")
    preprocess = view.spec.preprocess
    return Explanation(
        method=method.name,
        engine=method.engine,
        parameters={p.name: _said(getattr(method, p.name)) for p in declare.parameters(method)},
        values=values,
        standard_errors=None
        if attribution.standard_errors is None
        else _to_tree(passes, attribution, attribution.standard_errors),
        baselines=attribution.reference.name if attribution.reference is not None else None,
        removal=attribution.removal,
        features=_players(passes) if attribution.over in ("players", "interactions") else None,
        over=attribution.over if passes.at is None or attribution.over != "input" else "layer",
        inputs=tree.fill(passes.inputs.skeleton, {n: view.to_numpy(leaf) for n, leaf in passes.inputs.leaves.items()}),
        prediction=outputs.get(explained.leaf or "", next(iter(outputs.values()))),
        target=explained,
        value=value,
        base_value=attribution.base_value,
        residual=None if attribution.base_value is None else _residual(passes, attribution, value, attribution.base_value),
        error=attribution.error,
        layer=", ".join(map(str, attribution.layers or ([passes.at] if passes.at else []))) or None,
        output=view.spec.output,
        classes=view.spec.classes,
        layout=view.spec.layout,
        static=view.spec.static,
        pixel_scale=(preprocess.mean, preprocess.std) if isinstance(preprocess, ImageInput) else None,
        details={name: view.to_numpy(array) for name, array in attribution.details.items()},
        evidence=_evidence(passes, method, attribution, t),
        citations=method.cite,
        command=command,
        cost=Cost(),
        plan=Plan(
            batch_size=passes.batch_size,
            memory_format=passes.memory_format,
            device=view.device,
            adapter=view.adapter,
            seed=passes.seed,
            versions={"pellucid": _version(), "numpy": np.__version__, **view.versions},
            notes=tuple(notes),
        ),
    )


def _players(passes: Passes) -> Features | tuple[Features, ...]:
    return passes.features[0] if len(passes.features) == 1 else tuple(passes.features)


@cache
def _version() -> str:
    return version("pellucid")


def _to_tree(passes: Passes, attribution: Attribution, values: Sequence[Native]) -> Any:
    """Values by place as NumPy, in the shape of the input."""
    arrays = [passes.view.to_numpy(array) for array in values]
    if attribution.over != "input" or passes.at is not None:
        return arrays[0]
    return tree.fill(passes.inputs.skeleton, dict(zip(passes.seams or (passes.masked,), arrays, strict=True)))


def _residual(passes: Passes, attribution: Attribution, value: np.ndarray, base: np.ndarray) -> np.ndarray:
    total = sum(passes.host(array).reshape(passes.samples, -1).sum(axis=1) for array in attribution.values)
    change = value - base
    missing = np.abs(total - change)
    noise = passes.rounding * np.maximum(np.abs(value), np.abs(base))
    missing, change = (np.where(np.abs(part) > noise, part, 0.0) for part in (missing, change))
    return np.divide(missing, np.abs(change), out=np.where(missing > 0, np.inf, 0.0), where=change != 0)


def _evidence(passes: Passes, method: Method, attribution: Attribution, t: int) -> tuple[Finding, ...]:
    findings = (*attribution.evidence, *evidence.accuracy(attribution, method.name))
    if method.engine != "path":
        return findings
    base = attribution.base_value
    try:
        reference = attribution.reference or passes.reference(None)
    except InputError:  # a layer behind ids has no baseline of its own; the method asked for none
        return findings
    if base is not None and reference.rows == 1:
        values = base[:, None]
    elif passes.allowance() >= reference.rows:
        values = passes.reference_values(reference)[t]
    else:
        return findings
    averages = attribution.error is not None or attribution.reference is not None
    return (*evidence.saturation(passes, reference, values, t, averages), *findings)


def _said(value: Any) -> Any:
    """A parameter as a record keeps it: arrays and functions by what they are."""
    if callable(value):
        return getattr(value, "__name__", type(value).__name__)
    return f"array {tuple(value.shape)}" if hasattr(value, "shape") else value


def _command(method: Method, wishes: Sequence[TargetLike], options: Mapping[str, Any]) -> str:
    """The call in Python, for the report; the command line puts its own in this place.

    What has no short spelling stands in angle brackets.
    """
    held = {p.name: getattr(method, p.name) for p in declare.parameters(method) if getattr(method, p.name) is not p.default}
    given = {name: value for name, value in {**held, **options}.items() if value is not None}
    spelled = [_spelled(wish) for wish in wishes]
    asked = f"target={spelled[0]}" if len(spelled) == 1 else f"targets=[{', '.join(spelled)}]"
    said = "".join(f", {name}={_spelled_option(value)}" for name, value in given.items())
    return f"pl.explain(model, x, {asked}, method={method.name!r}{said})"


def _spelled_option(value: Any) -> str:
    if isinstance(value, Layer):
        return f"pl.Layer({value.name!r}, call={value.call})"
    if isinstance(value, list):
        return f"[{', '.join(map(_spelled_option, value))}]"
    if isinstance(value, Budget):
        return f"pl.Budget(rows={value.rows}, seconds={value.seconds})"
    return f"<{_said(value)}>" if callable(value) or hasattr(value, "shape") else repr(value)


def _spelled(wish: TargetLike) -> str:
    """A target in Python, or in angle brackets what it is."""
    if isinstance(wish, (int, np.integer)):
        return str(int(wish))
    if isinstance(wish, (str, tuple)):
        return repr(wish)
    return "<one class per sample>" if isinstance(wish, np.ndarray) else f"<{wish}>"
