"""Tables with known effects: numbers, an ordinal column, a category, a switch, and products of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float

from ...core.features import Features
from ..building import networks
from ..case import Case, Suite
from ..draws import BLOCK, in_blocks
from ..enumeration import Rows, interactions, shapley_values, worths

SUMMARY = "effects and interactions of numbers, an ordinal column, a category and a switch, all known"
SAMPLES = 16
BACKGROUND = 4
TOWNS = {"Bonn": 0.8, "Ulm": -0.4, "Aix": 0.0}
COLUMNS = ("age", "income", "grade", *(f"town {town}" for town in TOWNS), "smoker", "weight", "luck")


def build(seed: int, samples: int | None = None) -> Suite:
    """The suite ``tabular``."""
    (inputs,) = in_blocks(samples or SAMPLES, _rows, seed, "tabular", "inputs")
    (background,) = in_blocks(BACKGROUND, _rows, seed, "tabular", "background")
    one_hot = Features.from_arrays(
        list(COLUMNS),
        {"grade": "ordinal", "smoker": "binary"},
        one_hot={"town": [name for name in COLUMNS if name.startswith("town")]},
    )
    codes = Features.from_arrays(
        ["age", "income", "grade", "town", "smoker", "weight", "luck"],
        {"grade": "ordinal", "town": "nominal", "smoker": "binary"},
        {"town": list(TOWNS)},
    )
    joint = worths(with_products, inputs, background, one_hot)
    shared: dict[str, Any] = {"target": np.zeros(len(inputs), int), "cite": ("shapley1953value", "grabisch1999axiomatic")}
    plain: dict[str, Any] = {"inputs": inputs, "features": one_hot, "reference": background, "background": background, **shared}
    coded: dict[str, Any] = {"inputs": _coded(inputs), "reference": _coded(background), "background": _coded(background)}
    network = networks("closed").Additive
    cases = (
        Case(
            "effects",
            "a sum of one effect for each column; luck has none",
            network(TOWNS.values(), joint=False).eval(),
            how="rank-correlation",
            truth=shapley_values(worths(effects, inputs, background, one_hot)),
            **plain,
        ),
        Case(
            "products",
            "the same sum, and products: smoker and weight, age and income, town and grade",
            network(TOWNS.values(), joint=True).eval(),
            how="rank-correlation",
            truth=shapley_values(joint),
            **plain,
        ),
        Case(
            "codes",
            "the same, by a function of a matrix that holds the town as a code: it has no gradient",
            of_codes,
            features=codes,
            how="rank-correlation",
            truth=shapley_values(joint),
            **coded,
            **shared,
        ),
        Case(
            "pairs",
            "the strength of the interactions of pairs",
            network(TOWNS.values(), joint=True).eval(),
            how="interactions",
            truth=interactions(joint),
            **plain,
        ),
    )
    return Suite("tabular", SUMMARY, cases, seed)


def effects(x: Rows) -> Float[np.ndarray, " rows"]:
    """The closed form of the sum."""
    return 1.5 * x[:, 0] - x[:, 1] + 0.3 * (x[:, 2] - 1) ** 2 + x[:, 3:6] @ np.array([*TOWNS.values()]) + 0.7 * x[:, 6]


def with_products(x: Rows) -> Float[np.ndarray, " rows"]:
    """The closed form of the sum and the products."""
    return effects(x) + 1.2 * x[:, 6] * x[:, 7] + 0.8 * x[:, 0] * x[:, 1] + 0.5 * x[:, 4] * x[:, 2]


def of_codes(x: Rows) -> Float[np.ndarray, "rows 1"]:
    """The same of a matrix with the town's code."""
    x = np.asarray(x, np.float64)
    towns = np.eye(len(TOWNS))[x[:, 3].astype(int)]
    return with_products(np.concatenate([x[:, :3], towns, x[:, 4:]], axis=1))[:, None]


def _rows(rng: np.random.Generator) -> tuple[np.ndarray]:
    numbers, grade = rng.normal(size=(BLOCK, 4)), rng.integers(0, 5, BLOCK)
    town, smoker = np.eye(len(TOWNS))[rng.integers(0, len(TOWNS), BLOCK)], rng.integers(0, 2, BLOCK)
    columns = [numbers[:, :2], grade[:, None], town, smoker[:, None], numbers[:, 2:]]
    return (np.concatenate(columns, axis=1).astype(np.float32),)


def _coded(x: np.ndarray) -> np.ndarray:
    return np.concatenate([x[:, :3], x[:, 3:6].argmax(axis=1)[:, None], x[:, 6:]], axis=1).astype(np.float32)
