"""The handwritten digits that come with scikit-learn: 1797 pictures of 8 x 8."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Float, Int

from ..draws import drawn

TRAINED = 1400
CLASSES = tuple(map(str, range(10)))


@dataclass(frozen=True)
class Digits:
    """Pictures from 0 to 1 and their digits, to train with and to explain."""

    x: Float[np.ndarray, "rows 1 8 8"]
    y: Int[np.ndarray, " rows"]
    others: Float[np.ndarray, "others 1 8 8"]
    their_y: Int[np.ndarray, " others"]


@cache
def _all() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_digits  # noqa: PLC0415, slow to import

    flat, y = load_digits(return_X_y=True)
    return (np.asarray(flat) / 16).astype(np.float32).reshape(-1, 1, 8, 8), np.asarray(y)


def digits(seed: int) -> Digits:
    """All digits, split by this seed."""
    x, y = _all()
    order = drawn(seed, "digits").permutation(len(x))
    shown, held_out = order[:TRAINED], order[TRAINED:]
    return Digits(x[shown], y[shown], x[held_out], y[held_out])
