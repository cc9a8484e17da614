"""Which regressors to keep: by size, forward, or along the lasso path. All read weighted products, and no rows."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from jaxtyping import Float, Int

from .weighted_fit import inverse

Way = Literal["lasso-path", "forward", "highest"]
WAYS: tuple[Way, ...] = get_args(Way)
LEAST = 1e-9
"""A regressor that the others explain but for this share is not told apart from them."""

Gram = Float[np.ndarray, "width width"]
Right = Float[np.ndarray, " width"]


def select(gram: Gram, right: Right, keep: int, way: Way, penalty: float = 0.0) -> Int[np.ndarray, " kept"]:
    """The regressors to keep, at most so many, in their order.

    Parameters
    ----------
    gram, right
        Weighted products of the regressors with each other and with the column, about the means.
    keep
        How many.
    way
        ``"highest"``: those with the largest coefficients of the ridge regression on all. ``"forward"``: one after the other,
        each time the one that explains most of what is left. ``"lasso-path"``: along the path of the lasso, from the
        strongest penalty down, those that are not zero before there are more than ``keep``.
    penalty
        The ridge regression's.

    Examples
    --------
    >>> select(np.diag([1.0, 1.0, 1.0]), np.array([3.0, -1.0, 2.0]), 2, "forward").tolist()
    [0, 2]
    """
    if keep >= len(right):
        return np.arange(len(right))
    if way == "forward":
        return np.sort(forward(gram, right, keep)[0])
    if way == "lasso-path":
        return _lasso_path(gram, right, keep)
    size = np.abs(inverse(gram, penalty)[0] @ right)
    return np.sort(np.argsort(-size, kind="stable")[:keep])


def forward(
    gram: Gram, right: Right, most: int, least_gain: float = 0.0
) -> tuple[Int[np.ndarray, " chosen"], Float[np.ndarray, " chosen"]]:
    """Regressors in the order in which each explains most of what the ones before leave, and what each explains.

    Ends where a gain is not above ``least_gain``.
    """
    gram, right, own = gram.copy(), right.copy(), gram.diagonal().copy()
    chosen: list[int] = []
    gains: list[float] = []
    while len(chosen) < min(most, len(right)):
        free = gram.diagonal() > LEAST * own
        free[chosen] = False
        gain = np.where(free, right**2 / np.where(free, gram.diagonal(), 1.0), 0.0)
        best = int(gain.argmax()) if len(gain) else 0
        if not len(gain) or gain[best] <= least_gain:
            break
        chosen.append(best)
        gains.append(float(gain[best]))
        column = gram[:, best] / gram[best, best]
        right = right - column * right[best]
        gram = gram - np.outer(column, gram[best])
    return np.array(chosen, int), np.array(gains)


def _lasso_path(gram: Gram, right: Right, keep: int) -> Int[np.ndarray, " kept"]:
    from sklearn.linear_model import lars_path_gram  # noqa: PLC0415 (slow to import)

    if not right.any():
        return np.arange(0)
    for steps in (keep + 1, 8 * len(right)):  # a step lets one in or, seldom, out again
        path = lars_path_gram(right, gram, n_samples=1, method="lasso", max_iter=steps)[2]
        many = (path != 0).sum(axis=0) > keep
        if many.any():
            return np.flatnonzero(path[:, int(many.argmax()) - 1])
    return np.flatnonzero(path[:, -1])
