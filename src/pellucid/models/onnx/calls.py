"""Batches of any size in calls of the one size that a graph was made for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import optree
from array_api_compat import array_namespace

from ..padding import plan


def in_calls(rows: int, size: int | None, run: Callable[[np.ndarray | None], Any]) -> Any:
    """What ``run`` gives for all rows.

    Parameters
    ----------
    rows
        How many there are.
    size
        How many every call takes, or ``None`` for any number.
    run
        Takes the rows of one call (``None`` for all, as they are), the last of them repeated where it must be filled up, and
        gives a tree of arrays. Of those whose first axis is the rows, the filling is cut off; others are those of the first call.
    """
    if size is None or size == rows:
        return run(None)
    starts = [size * call for call, _ in enumerate(plan(rows, [size], most=1))]
    made = [run(np.minimum(np.arange(start, start + size), rows - 1)) for start in starts]

    def joined(*leaves: Any) -> Any:
        if not leaves[0].ndim or len(leaves[0]) != size:
            return leaves[0]
        return array_namespace(*leaves).concat([leaf[: rows - start] for leaf, start in zip(leaves, starts, strict=True)])

    return optree.tree_map(joined, *made)
