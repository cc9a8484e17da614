"""The grid pointing game: digits in a grid, and an explanation of one of them should point at its cell."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from ...core.features import Features
from ..building import learned, networks, outputs
from ..case import Case, Suite
from ..draws import drawn
from .digits import CLASSES, Digits, digits

SUMMARY = "four different digits in a grid: what speaks for one of them should lie in its cell"
SAMPLES = 12
CELLS, PIXELS = 2, 8
PIECE = 2
"""Pixels along the side of a player."""
SURE = 0.9
"""The least probability of a digit in a grid, seen alone."""
ACCURACY = 0.92


def build(seed: int, samples: int | None = None) -> Suite:
    """The suite ``grid-pointing``."""
    network, data, accuracy = _learned(seed)
    count = samples or SAMPLES
    x, y, cell = _grids(network, data, count, drawn(seed, "grid-pointing", "grids"))
    masks = _masks(cell)
    size = CELLS * PIXELS
    shared: dict[str, Any] = {
        "inputs": x,
        "features": Features.grid((1, size, size), cell=PIECE),
        "masks": masks,
        "how": "relevance-mass",
        "background": _grids(network, data, 16, drawn(seed, "grid-pointing", "background"))[0],
        "output": "logits",
        "facts": {"accuracy": accuracy},
    }
    wanted = y[np.arange(count), cell]
    one = Case(
        "shared-head",
        "a network of single digits that takes pictures of any size, on the whole grid; it may see a digit's strokes in others",
        network,
        target=wanted,
        classes=CLASSES,
        labels=wanted,
        layer="maps",
        cite=("boehle2021convolutional", "rao2022towards"),
        **shared,
    )
    apart = Case(
        "own-heads",
        "the same network on each cell alone, each with scores of its own: nothing outside of the cell can matter",
        networks("convolutional").Apart(network, CELLS).eval(),
        target=cell * len(CLASSES) + wanted,
        classes=tuple(f"{digit} in cell {place}" for place in range(CELLS * CELLS) for digit in CLASSES),
        labels=wanted,
        layer="joined",
        cite=("rao2022towards",),
        **shared,
    )
    return Suite("grid-pointing", SUMMARY, (one, apart), seed)


def _grids(network: Any, data: Digits, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Grids of digits that the network is sure of, no two alike, and the cell that is asked for."""
    scores = outputs(network, data.others).astype(np.float64)
    chances = np.exp(scores - scores.max(axis=1, keepdims=True))
    chances /= chances.sum(axis=1, keepdims=True)
    sure = [np.flatnonzero((data.their_y == digit) & (chances[:, digit] >= SURE)) for digit in range(10)]
    x, y, cell = [], [], []
    for _ in range(count):
        shown = rng.permutation(10)[: CELLS * CELLS]
        cells = np.stack([data.others[rng.choice(sure[digit]), 0] for digit in shown])
        grid = cells.reshape(CELLS, CELLS, PIXELS, PIXELS).transpose(0, 2, 1, 3).reshape(CELLS * PIXELS, CELLS * PIXELS)
        x.append(grid[None])
        y.append(shown)
        cell.append(int(rng.integers(CELLS * CELLS)))
    return np.stack(x), np.stack(y), np.array(cell)


def _masks(cell: np.ndarray) -> np.ndarray:
    side = CELLS * PIXELS // PIECE
    place = np.arange(side) * PIECE // PIXELS
    return (place[:, None] * CELLS + place)[None].repeat(len(cell), 0).reshape(len(cell), -1) == cell[:, None]


@cache
def _learned(seed: int) -> tuple[Any, Digits, float]:
    data, made, train = digits(seed), networks("convolutional"), networks("training").trained
    started = train(lambda: made.Pooled(len(CLASSES)), data.x, data.y, seed=seed, epochs=12)
    # Then each digit against all others: else only differences of scores count, and every cell may speak for every digit.
    network = train(lambda: started.requires_grad_(True), data.x, data.y, seed=seed, epochs=10, rate=0.005, each=True)
    accuracy = float((outputs(network, data.others).argmax(axis=1) == data.their_y).mean())
    return network, data, learned("grid-pointing", accuracy, ACCURACY)
