"""Pictures with a tetromino in noise, of which the class hangs on the tetromino alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.ndimage import gaussian_filter

Kind = Literal["linear", "multiplicative", "rotation", "xor"]
Noise = Literal["white", "correlated"]

SIDE = 8
"""Cells along a side; a tetromino is four of them."""
T = ((0, 0), (0, 1), (0, 2), (1, 1))
L = ((0, 0), (1, 0), (2, 0), (2, 1))
PLACES = ((1, 1), (4, 5))
"""Where the T and the L stand, where they do not move."""
SMOOTH = 1.5
"""Standard deviation of the filter that correlates noise, in cells."""
STRENGTH: dict[Kind, dict[Noise, float]] = {
    "linear": {"white": 1.5, "correlated": 1.2},
    "multiplicative": {"white": 1.0, "correlated": 1.0},
    "rotation": {"white": 4.0, "correlated": 2.5},
    "xor": {"white": 2.2, "correlated": 1.8},
}
"""How strong a tetromino is, in standard deviations of the noise; of multiplicative ones, the share of the noise they take."""


@dataclass(frozen=True)
class Pictures:
    """Pictures, their classes, and the cells that tell them."""

    x: Float[np.ndarray, "rows 1 size size"]
    y: Int[np.ndarray, " rows"]
    masks: Bool[np.ndarray, "rows cells"]


def pictures(kind: Kind, noise: Noise, size: int, rows: int, rng: np.random.Generator) -> Pictures:
    """So many pictures, ``size`` a multiple of 8: a larger picture has larger cells.

    ``linear``: a T, or an L, each at its place, is added. ``multiplicative``: it takes the noise away. ``rotation``: it is
    turned and lies anywhere. ``xor``: both are added, each with a sign; the class says whether the signs differ.
    """
    y = rng.integers(0, 2, rows)
    block = size // SIDE
    shapes = np.zeros((rows, SIDE, SIDE))
    masks = np.zeros((rows, SIDE, SIDE), bool)
    fixed = [_placed(shape, place) for shape, place in zip((T, L), PLACES, strict=True)]
    if kind == "rotation":
        for row in range(rows):
            masks[row] = _turned((T, L)[y[row]], rng)
        shapes[masks] = 1
    elif kind == "xor":
        first = rng.choice([-1, 1], rows)
        shapes += first[:, None, None] * fixed[0] + (first * (1 - 2 * y))[:, None, None] * fixed[1]
    else:
        shapes += np.stack(fixed)[y]
    if kind != "rotation":
        masks |= fixed[0] | fixed[1]  # where one of two is missing says as much as where the other is
    drawn = rng.normal(size=(rows, size, size))
    if noise == "correlated":
        drawn = gaussian_filter(drawn, (0, SMOOTH * block, SMOOTH * block), mode="wrap")
        drawn /= drawn.std()
    large = STRENGTH[kind][noise] * shapes.repeat(block, 1).repeat(block, 2)
    x = (1 - large) * drawn if kind == "multiplicative" else drawn + large
    return Pictures(x[:, None].astype(np.float32), y, masks.reshape(rows, -1))


def _placed(shape: tuple[tuple[int, int], ...], place: tuple[int, int]) -> np.ndarray:
    cells = np.zeros((SIDE, SIDE), bool)
    cells[tuple(np.array(shape).T + np.array(place)[:, None])] = True
    return cells


def _turned(shape: tuple[tuple[int, int], ...], rng: np.random.Generator) -> np.ndarray:
    """Anywhere, in one of four directions."""
    cells = np.array(shape)
    for _ in range(rng.integers(4)):
        cells = np.stack([cells[:, 1], -cells[:, 0]], axis=1)
    cells = cells - cells.min(axis=0)
    place = [int(rng.integers(SIDE - reach)) for reach in cells.max(axis=0)]
    return _placed(tuple(map(tuple, cells)), (place[0], place[1]))
