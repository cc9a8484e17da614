"""Logic in ReLU networks whose weights are set by hand: the truth is the network's own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from ...core.features import Features
from ..building import networks
from ..case import Case, Suite
from ..draws import BLOCK, in_blocks
from ..enumeration import Rows, shapley_values, worths

SUMMARY = "logic and sums in networks with weights set by hand, among inputs that the network reads and that do not matter"
SAMPLES = 24
NAMES = ("a", "b", "ignored", "cancelled", "never reached")
BACKGROUND = 16
LOUD = 2.0
"""Standard deviation of the inputs that do not matter; those that do are -1 or 1."""
NEVER = 50.0

Hidden = list[tuple[tuple[float, float], float, float]]
"""Units: weights of a and b, bias, weight in the output."""

GATES: dict[str, tuple[str, Hidden, float, Callable[[Rows], Float[np.ndarray, " rows"]]]] = {
    "xor": (
        "1 where the signs of a and b differ, else -1",
        [((1, -1), 0, 1), ((-1, 1), 0, 1)],
        -1,
        lambda x: np.abs(x[:, 0] - x[:, 1]) - 1,
    ),
    "and": (
        "1 where a and b are 1, else -1",
        [((0.5, 0.5), 0, 2)],
        -1,
        lambda x: 2 * np.maximum((x[:, 0] + x[:, 1]) / 2, 0) - 1,
    ),
    "or": (
        "-1 where a and b are -1, else 1",
        [((-0.5, -0.5), 0, -2)],
        1,
        lambda x: 1 - 2 * np.maximum(-(x[:, 0] + x[:, 1]) / 2, 0),
    ),
    "linear": (
        "2 a - b",
        [((2, -1), 0, 1), ((-2, 1), 0, -1)],
        0,
        lambda x: 2 * x[:, 0] - x[:, 1],
    ),
    "nuisance": (
        "a alone",
        [((1, 0), 0, 1), ((-1, 0), 0, -1)],
        0,
        lambda x: x[:, 0],
    ),
}
"""What each says, its hidden units, the bias of the output, and its closed form."""


def build(seed: int, samples: int | None = None) -> Suite:
    """The suite ``logic``."""
    return Suite("logic", SUMMARY, tuple(_case(name, seed, samples or SAMPLES) for name in GATES), seed)


def _case(name: str, seed: int, samples: int) -> Case:
    says, units, bias, formula = GATES[name]
    (inputs,) = in_blocks(samples, _rows, seed, "logic", "inputs")
    (background,) = in_blocks(BACKGROUND, _rows, seed, "logic", "background")
    features = Features.from_arrays(list(NAMES))
    return Case(
        name,
        f"{says}; the network reads two of the other three inputs, and they never matter",
        _network(units, bias),
        inputs,
        features,
        np.zeros(samples, int),
        "rank-correlation",
        truth=shapley_values(worths(formula, inputs, background, features)),
        reference=background,
        background=background,
        cite=("shapley1953value",),
    )


def _rows(rng: np.random.Generator) -> tuple[np.ndarray]:
    """The four rows of the truth table again and again, beside loud noise; in an order of chance within each four."""
    table = np.array([[a, b] for a in (-1, 1) for b in (-1, 1)])
    chosen = np.concatenate([rng.permutation(table) for _ in range(BLOCK // len(table))])
    noise = rng.normal(scale=LOUD, size=(BLOCK, len(NAMES) - 2))
    return (np.concatenate([chosen, noise], axis=1).astype(np.float32),)


def _network(units: Hidden, bias: float) -> object:
    """The units of the gate, two whose outputs cancel, and one that is never active."""
    weights = [[*own, 0, 0, 0] for own, _, _ in units] + [[0, 0, 0, 2, 0], [0, 0, 0, 1, 0], [0, 0, 0, 0, 1]]
    biases = [own for _, own, _ in units] + [0, 0, -NEVER]
    out = [own for _, _, own in units] + [1, -2, 1]
    layers = [(np.array(weights, float), np.array(biases, float)), (np.array([out], float), np.array([bias], float))]
    return networks("closed").relu_network(layers)
