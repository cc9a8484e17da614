"""``explain`` as it is called: with a method that is named, or with the one that is measured to suit best."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast
from weakref import WeakKeyDictionary

from ..core import tree
from ..core.records import Explanation
from ..core.targets import Target
from ..engine import run, schema
from ..models.lookup import view_of
from .advising import Advice, advise

Function = TypeVar("Function", bound=Callable[..., Any])

AUTO = "auto"

_PASSED_ON = ("at", "features", "seed", "batch_size", "memory_format")

_KNOWN: WeakKeyDictionary[Any, dict[Any, Advice]] = WeakKeyDictionary()
"""Advice by model, for inputs of each shape and what was asked of them."""


def _as(original: Function) -> Callable[[Callable[..., Any]], Function]:
    """With the signature and the docstring of another function."""

    def decorate(function: Callable[..., Any]) -> Function:
        return cast("Function", wraps(original)(function))

    return decorate


@_as(run.explain)
def explain(model: Any, x: Any, **options: Any) -> Any:
    """See ``engine.run.explain``."""
    if options.get("method") != AUTO:
        return run.explain(model, x, **options)
    wishes = options.get("targets") or [options.get("target", "predicted")]
    asked = {name: options[name] for name in _PASSED_ON if name in options}
    advice, measured = _advice(model, x, {**asked, "target": wishes[0]})
    named: dict[str, Any] = {"method": advice.method}
    made = run.explain(model, x, **{**options, **named})
    several = made if isinstance(made, tuple) else (made,)
    told = tuple(_told(e, advice, measured) for e in several)
    return told if isinstance(made, tuple) else told[0]


def _advice(model: Any, x: Any, asked: dict[str, Any]) -> tuple[Advice, bool]:
    """What was chosen for this model and kind of input, and whether it was measured just now."""
    view = view_of(model)
    try:
        known = _KNOWN.setdefault(view.subject, {})
    except TypeError:  # an object that cannot be remembered
        known = {}
    key = (_kind(x), tuple(sorted((name, _name(value)) for name, value in asked.items())))
    measured = key not in known
    if measured:
        known[key] = advise(model, x, **asked)
    return known[key], measured


def _told(e: Explanation, advice: Advice, measured: bool) -> Explanation:
    """With the reason among the notes of its plan."""
    cost = f"{advice.cost.forward_rows + advice.cost.backward_rows} model rows" + ("" if measured else ", spent before")
    note = f"method='auto' took {advice.best}: {advice.reason} ({cost}); pl.advise(model, x) gives the table of reasons"
    return dataclasses.replace(e, plan=dataclasses.replace(e.plan, notes=(*e.plan.notes, note, *advice.notes)))


def _kind(x: Any) -> Any:
    """Shapes and types of one sample."""
    if schema.is_frame(x):
        return tuple(map(str, x.columns))
    if isinstance(x, list):
        return (type(x[0]).__name__,) if x else ()
    return tuple((name, tuple(leaf.shape[1:]), str(leaf.dtype)) for name, leaf in tree.flatten(x).items())


def _name(value: Any) -> str:
    """What was asked for, so that equal wishes are alike; of arrays and functions what they are."""
    if isinstance(value, Target):
        return f"{value} {id(value.function)}"
    return type(value).__name__ if hasattr(value, "dtype") else repr(value)
