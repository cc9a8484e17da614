"""Pipelines and searches opened: the steps that rows pass through, and the estimator at the end."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline


def opened(model: Any) -> tuple[list[tuple[str, Any]], Any]:
    """The steps before the last estimator, by name, and that estimator.

    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.linear_model import Ridge
    >>> opened(make_pipeline("passthrough", Ridge()))
    ([], Ridge())
    """
    if isinstance(model, Pipeline):
        before = [step for name, each in model.steps[:-1] for step in _flat(name, each)]
        within, last = opened(model.steps[-1][1])
        return [*before, *within], last
    best = getattr(model, "best_estimator_", None)  # a search stands for the best that it found
    return ([], model) if best is None else opened(best)


def first(model: Any) -> Any:
    """The estimator that rows meet first."""
    steps, last = opened(model)
    return steps[0][1] if steps else last


def behind(model: Any) -> Callable[[Any], Any]:
    """What rows have become when the last estimator gets them."""
    if isinstance(model, Pipeline):
        before = model[:-1].transform if len(model.steps) > 1 else _same
        within = behind(model.steps[-1][1])
        return lambda rows: within(before(rows))
    best = getattr(model, "best_estimator_", None)
    return _same if best is None else behind(best)


def does_as(model: Any, method: str, *kinds: type) -> bool:
    """Whether a method is that of one of these classes, and not of a subclass with other ideas."""
    own = inspect.getattr_static(type(model), method, None)
    return own is not None and any(own is inspect.getattr_static(kind, method, None) for kind in kinds)


def _flat(name: str, step: Any) -> list[tuple[str, Any]]:
    if step is None or isinstance(step, str):  # "passthrough"
        return []
    if isinstance(step, Pipeline):
        return [inner for title, each in step.steps for inner in _flat(title, each)]
    return [(name, step)]


def plain(rows: Any) -> Any:
    """Rows as an array, dense or sparse, whatever container a transformer gave them."""
    return rows if hasattr(rows, "toarray") else np.asarray(rows)


def _same(rows: Any) -> Any:
    return rows
