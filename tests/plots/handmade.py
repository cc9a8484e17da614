"""Explanations made by hand: what is drawn must not depend on how it was computed."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from pellucid import Cost, Explanation, Plan
from pellucid.core.targets import TargetRecord

CLASSES = ("cat", "dog", "虎斑猫")


def explanation(values: Any, inputs: Any = None, /, **changes: Any) -> Explanation:
    """An explanation of class 0 of three, with one sample per row of the first leaf."""
    first = values = changes.pop("values", values)
    inputs = changes.pop("inputs", inputs)
    while not isinstance(first, np.ndarray):
        first = next(leaf for leaf in (first.values() if isinstance(first, dict) else first) if leaf is not None)
    samples = len(first)
    record = Explanation(
        method="integrated-gradients",
        values=values,
        inputs=values if inputs is None else inputs,
        prediction=np.linspace(2, -1, 3)[None].repeat(samples, 0) + np.arange(samples)[:, None] / 8,
        target=TargetRecord(("cat",) * samples, np.zeros((samples, 1), dtype=int)),
        value=np.linspace(2, 3, samples),
        plan=Plan(16, "as-is", "cpu", "torch", 0, {"pellucid": "0.1.0"}, ("a note of the plan",)),
        cost=Cost(16, 32, 0, 0.5),
        output="logits",
        classes=CLASSES,
        command="pl.explain(model, x, method='integrated-gradients')",
    )
    return dataclasses.replace(record, **changes)


def photos(samples: int = 2, size: int = 24, seed: int = 0, **changes: Any) -> Explanation:
    """Signed values over the pixels of RGB pictures."""
    rng = np.random.default_rng(seed)
    inputs = np.random.default_rng(100).random((samples, 3, size, size))
    return explanation(rng.normal(size=(samples, 3, size, size)), inputs, **changes)


def table(samples: int = 2, features: int = 20, **changes: Any) -> Explanation:
    """Signed values with standard errors over a row of features."""
    rng = np.random.default_rng(1)
    changes = {"standard_errors": rng.random((samples, features)) / 10, **changes}
    return explanation(rng.normal(size=(samples, features)), rng.normal(size=(samples, features)), **changes)


def positions(samples: int = 2, cells: int = 6, size: int = 24, **changes: Any) -> Explanation:
    """A coarse map without a sign over pictures."""
    heat = np.random.default_rng(2).random((samples, cells, cells))
    inputs = np.random.default_rng(100).random((samples, 3, size, size))
    return explanation(heat, inputs, **{"over": "spatial", "layer": "features.8", "method": "grad-cam", **changes})
