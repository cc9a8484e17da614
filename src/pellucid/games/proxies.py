"""Shapley values of fitted scikit-learn regressors, as games of boolean columns: exact, from coefficients or leaves."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.special import gammaln

from ..core.errors import CapabilityError


def shapley_of(proxy: Any, players: int) -> Float[np.ndarray, " players"]:
    """The Shapley values of ``proxy.predict`` on boolean rows, all absent against all present.

    Linear regressors, pipelines of ``PolynomialFeatures`` and a linear one, decision trees, forests and gradient boosting are
    known; any other proxy tells its own with a method ``shapley(players)``.

    Raises
    ------
    CapabilityError
        If nothing is known of the proxy.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> rows = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    >>> np.round(shapley_of(LinearRegression().fit(rows, [0, 1, 2, 3]), 2), 6).tolist()
    [2.0, 1.0]
    """
    if hasattr(proxy, "shapley"):
        return np.asarray(proxy.shapley(players), float)
    if hasattr(proxy, "coef_"):
        return np.ravel(proxy.coef_).astype(float)
    if hasattr(proxy, "tree_"):
        return _tree(proxy.tree_, players)
    steps = [step for _, step in getattr(proxy, "steps", [])]
    if len(steps) == 2 and hasattr(steps[0], "powers_") and hasattr(steps[1], "coef_"):
        return _polynomial(steps[0].powers_ > 0, np.ravel(steps[1].coef_))
    trees = [tree for tree in np.ravel(getattr(proxy, "estimators_", [])) if hasattr(tree, "tree_")]
    if trees:
        rate = proxy.learning_rate if hasattr(proxy, "learning_rate") else 1 / len(trees)
        return rate * np.sum([_tree(tree.tree_, players) for tree in trees], axis=0)
    raise CapabilityError(
        f"the Shapley values of {type(proxy).__name__} are not known. Use a linear regressor, a pipeline of PolynomialFeatures "
        f"and a linear regressor, a decision tree, a forest or GradientBoostingRegressor, or give it a method shapley(players)."
    )


def _polynomial(members: np.ndarray, weights: np.ndarray) -> Float[np.ndarray, " players"]:
    """Each product's weight is shared by its members."""
    return (weights / np.maximum(members.sum(axis=1), 1)) @ members


def _tree(tree: Any, players: int) -> Float[np.ndarray, " players"]:
    """A leaf is reached when some players are present and others absent: all orders in which that comes about, counted."""
    values = np.zeros(players)
    stack: list[tuple[int, frozenset[int], frozenset[int]]] = [(0, frozenset(), frozenset())]
    while stack:
        node, present, absent = stack.pop()
        if tree.children_left[node] < 0:
            value, here, gone = float(np.ravel(tree.value[node])[0]), len(present), len(absent)
            if here:
                values[list(present)] += value * np.exp(gammaln(here) + gammaln(gone + 1) - gammaln(here + gone + 1))
            if gone:
                values[list(absent)] -= value * np.exp(gammaln(here + 1) + gammaln(gone) - gammaln(here + gone + 1))
            continue
        player, threshold = int(tree.feature[node]), tree.threshold[node]
        if threshold >= 0 and player not in present:
            rest = absent if threshold >= 1 else absent | {player}
            stack.append((int(tree.children_left[node]), present, rest))
        if threshold < 1 and player not in absent:
            rest = present if threshold < 0 else present | {player}
            stack.append((int(tree.children_right[node]), rest, absent))
    return values
