"""In calls of which sizes rows are run, where every size of a batch is compiled anew."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

MOST_SIZES = 3
"""Sizes that are compiled for one explanation: the first, and two more."""
WASTE = 0.25
"""Share of padding among the rows that run, beyond which another size is compiled."""
MOST_CALLS = 3
"""Calls for rows that fit into one, beyond which another size is compiled."""


def plan(rows: int, sizes: Sequence[int], most: int = MOST_SIZES) -> tuple[int, ...]:
    """The sizes of the calls that run so many rows, largest first; they hold at least as many, the rest is padding.

    Parameters
    ----------
    rows
        Rows to run, at least one.
    sizes
        Sizes that are compiled already.
    most
        How many may be compiled in all; a model of one fixed size is asked for with that size and ``most=1``.

    Returns
    -------
    tuple of int
        A size that is not among ``sizes`` is new, and then it is the only one: that of the rows.

    Examples
    --------
    >>> plan(5, [])
    (5,)
    >>> plan(14, [5])
    (5, 5, 5)
    >>> plan(1, [5])
    (1,)
    >>> plan(12, [8], most=1)
    (8, 8)
    """
    return _plan(rows, tuple(sorted(set(sizes), reverse=True)), most)


@lru_cache(maxsize=4096)
def _plan(rows: int, sizes: tuple[int, ...], most: int) -> tuple[int, ...]:
    if rows in sizes or not sizes:
        return (rows,)
    calls = _calls(rows, sizes)
    wasteful = sum(calls) - rows > WASTE * sum(calls) or len(calls) > MOST_CALLS
    return (rows,) if wasteful and len(sizes) < most else calls


def _calls(rows: int, sizes: tuple[int, ...]) -> tuple[int, ...]:
    """Calls of known sizes with few rows in all; each call counts as one row more."""
    if rows <= 0:
        return ()
    largest, others = sizes[0], sizes[1:]
    enough = -(-rows // largest)
    if not others:
        return (largest,) * enough
    whole = rows // largest
    found = [(largest,) * enough, (largest,) * whole + _calls(rows - whole * largest, others), _calls(rows, others)]
    return min(found, key=lambda calls: sum(calls) + len(calls))
