"""Which values are the strongest: ranks in which ties share their places."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

Strengths = Float[np.ndarray, " values"]


def membership(strengths: Strengths, top: int) -> Strengths:
    """How far each value is among the ``top`` largest: 1 above the edge, and those at the edge share what is left.

    >>> membership(np.array([3.0, 1.0, 1.0, 0.0]), 2)
    array([1. , 0.5, 0.5, 0. ])
    """
    if len(strengths) <= top:
        return np.ones(len(strengths))
    edge = np.partition(strengths, len(strengths) - top)[len(strengths) - top]
    above, tied = strengths > edge, strengths == edge
    return above + tied * (top - above.sum()) / tied.sum()


def places(strengths: Strengths) -> tuple[Int[np.ndarray, " values"], Int[np.ndarray, " values"]]:
    """First and last-but-one place that each value takes from the largest on; equal values take the same ones.

    >>> places(np.array([3.0, 1.0, 1.0]))
    (array([0, 1, 1]), array([1, 3, 3]))
    """
    ordered = np.sort(strengths)
    return len(ordered) - np.searchsorted(ordered, strengths, "right"), len(ordered) - np.searchsorted(ordered, strengths)
