"""Orders in which players are removed or put back, and the coalitions along them."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int

Ranks = Int[np.ndarray, "samples players"]
"""Position of each player in the order of its sample: 0 comes first; players beyond a sample's number come last."""


def ranks(values: Float[np.ndarray, "samples players"], counts: Int[np.ndarray, " samples"], first: str = "largest") -> Ranks:
    """Ranks by value. Equal values keep the order of the players, so that the same map always has the same order.

    Parameters
    ----------
    values, counts
        Values of the players, and how many each sample has.
    first
        ``"largest"`` or ``"smallest"``.

    Examples
    --------
    >>> ranks(np.array([[1.0, 3.0, 2.0]]), np.array([3]))
    array([[2, 0, 1]])
    """
    beyond = np.arange(values.shape[1]) >= counts[:, None]
    keys = np.where(beyond, np.inf, -values if first == "largest" else values)
    order = np.argsort(keys, axis=1, kind="stable")
    found = np.empty_like(order)
    np.put_along_axis(found, order, np.broadcast_to(np.arange(values.shape[1]), order.shape), axis=1)
    return found


def backwards(ranks: Ranks, counts: Int[np.ndarray, " samples"]) -> Ranks:
    """The same order from its end.

    >>> backwards(np.array([[2, 0, 1]]), np.array([3]))
    array([[0, 2, 1]])
    """
    beyond = np.arange(ranks.shape[1]) >= counts[:, None]
    return np.where(beyond, ranks, counts[:, None] - 1 - ranks)


def drawn(counts: Int[np.ndarray, " samples"], players: int, rng: np.random.Generator) -> Ranks:
    """A random order, the same draws for every sample with the same number of players."""
    keys = rng.random(players)
    return ranks(np.broadcast_to(keys, (len(counts), players)), counts)


def steps_along(counts: Int[np.ndarray, " samples"], steps: int | None) -> Int[np.ndarray, "samples points"]:
    """How many players are taken at each point: from none to all, at most ``steps`` times.

    >>> steps_along(np.array([4, 2]), 2)
    array([[0, 2, 4],
           [0, 1, 2]])
    """
    most = int(counts.max(initial=1))
    share = np.linspace(0, 1, min(steps or most, most) + 1)
    return np.rint(share * counts[:, None]).astype(int)


def without_first(ranks: Ranks, taken: Int[np.ndarray, "samples points"]) -> Bool[np.ndarray, "samples points players"]:
    """Coalitions that lack the first players of an order."""
    return ranks[:, None, :] >= taken[:, :, None]


def with_first(ranks: Ranks, taken: Int[np.ndarray, "samples points"]) -> Bool[np.ndarray, "samples points players"]:
    """Coalitions of the first players of an order alone."""
    return ranks[:, None, :] < taken[:, :, None]


def area(y: Float[np.ndarray, "samples points"], taken: Int[np.ndarray, "samples points"]) -> Float[np.ndarray, " samples"]:
    """Area under a curve over the share of players taken, by the trapezoidal rule."""
    share = taken / np.maximum(taken[:, -1:], 1)
    return np.trapezoid(y, share, axis=1)


def average(y: Float[np.ndarray, "samples points"], taken: Int[np.ndarray, "samples points"]) -> Float[np.ndarray, " samples"]:
    """Mean of a curve over its points; those at which no further player is taken do not count again.

    >>> average(np.array([[4.0, 1.0, 1.0, 1.0]]), np.array([[0, 1, 1, 2]]))
    array([2.])
    """
    further = np.diff(taken, axis=1, prepend=-1) > 0
    return (y * further).sum(axis=1) / further.sum(axis=1)
