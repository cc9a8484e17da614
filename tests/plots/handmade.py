"""Explanations made by hand: what is drawn must not depend on how it was computed."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from pellucid import Cost, Explanation, Features, Plan
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


def players(samples: int = 2, count: int = 6, **changes: Any) -> Explanation:
    """Values of the columns of a table, with standard errors; they sum to the value less the base value."""
    rng = np.random.default_rng(3)
    values = rng.normal(size=(samples, count))
    features = Features.from_arrays([f"column {at}" for at in range(count)])
    base = np.linspace(-0.5, 0.5, samples)
    whole: dict[str, Any] = {
        "over": "players",
        "method": "shapley",
        "features": features,
        "standard_errors": rng.random((samples, count)) / 10 + 0.01,
        "base_value": base,
        "value": base + values.sum(axis=1),
        "removal": "set to 0",
    }
    return explanation(values, rng.normal(size=(samples, count)), **{**whole, **changes})


def mixed(samples: int = 40, **changes: Any) -> Explanation:
    """Columns of several kinds, some of their entries missing: age, town, smoker, grade, and income."""
    rng = np.random.default_rng(4)
    features = Features.from_arrays(
        ["age", "town", "smoker", "grade", "income"],
        kinds={"grade": "ordinal"},
        levels={"town": ["Bonn", "Ulm", "北京"], "smoker": [False, True], "grade": ["low", "mid", "high"]},
        missing=["town", "income"],
    )
    rows = np.column_stack(
        [rng.integers(18, 90, samples), *(rng.integers(0, top, samples) for top in (4, 2, 3)), 1e4 * rng.random(samples)]
    ).astype(float)
    rows[::5, 4] = np.nan
    values = np.column_stack(
        [(rows[:, 0] - 50) * (1 + rows[:, 2]), rows[:, 1] - 1.5, rows[:, 2], rows[:, 3] - 1, np.nan_to_num(rows[:, 4]) / 1e4]
    )
    whole: dict[str, Any] = {"over": "players", "method": "shapley", "features": features, "base_value": np.zeros(samples)}
    return explanation(values, rows, **{**whole, "value": values.sum(axis=1), **changes})


def regions(samples: int = 1, **changes: Any) -> Explanation:
    """Values of three regions, of different sizes, of a picture of 12 by 12 pixels."""
    labels = np.zeros((1, 12, 12), int)
    labels[:, 6:] = 1
    labels[:, 8:, 8:] = 2
    values = np.tile([[2.0, -4.0, 1.0]], (samples, 1))
    inputs = np.random.default_rng(5).random((samples, 3, 12, 12))
    whole: dict[str, Any] = {
        "over": "players",
        "method": "shapley",
        "features": Features.from_labels(labels),
        "removal": "set to 0",
    }
    return explanation(values, inputs, **{**whole, **changes})


def texts(*written: str, **changes: Any) -> Explanation:
    """Values of the words of texts: 1, -2, 3, ... in the order of the words."""
    features = tuple(Features.words(each) for each in written)
    values = np.zeros((len(written), max(map(len, features))))
    for row, each in enumerate(features):
        values[row, : len(each)] = [(-1) ** at * (at + 1) for at in range(len(each))]
    whole: dict[str, Any] = {"over": "players", "method": "shapley", "features": features, "removal": "deleted"}
    return explanation(values, np.array(written, object), **{**whole, **changes})


def segments(samples: int = 1, channels: int = 2, **changes: Any) -> Explanation:
    """Values of four segments of a series of 20 steps."""
    values = np.tile([[1.0, -2.0, 0.5, 3.0]], (samples, 1))
    inputs = np.cumsum(np.random.default_rng(6).normal(size=(samples, channels, 20)), axis=2)
    whole: dict[str, Any] = {"over": "players", "method": "shapley", "features": Features.segments(20, 4), "removal": "set to 0"}
    return explanation(values, inputs, **{**whole, "standard_errors": np.full((samples, 4), 0.1), **changes})


def interactions(samples: int = 1, count: int = 5, **changes: Any) -> Explanation:
    """Main effects and pairs that sum to the value less the base value."""
    rng = np.random.default_rng(7)
    matrix = rng.normal(size=(samples, count, count))
    matrix = matrix + matrix.transpose(0, 2, 1)
    base = np.zeros(samples)
    features = Features.from_arrays([f"column {at}" for at in range(count)])
    whole: dict[str, Any] = {"over": "interactions", "method": "shapley-interactions", "features": features, "base_value": base}
    whole |= {"value": matrix.sum(axis=(1, 2)), "standard_errors": np.full(matrix.shape, 0.05)}
    return explanation(matrix, rng.normal(size=(samples, count)), **{**whole, **changes})
