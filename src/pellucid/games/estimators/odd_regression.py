"""Regression on players and on the interactions of three that matter most."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Float

from ..estimator import Odd, Solution, Total
from ..pairs import Pairs
from . import cross_fit, regression
from .leverage import design

STRONGEST = 24
"""Players among whom interactions are looked for."""
ROUNDS = 3
"""Interactions are chosen in so many rounds, each by what the ones before leave."""
SHARE = 3
"""Pairs for each interaction."""
RIDGE = 3e-2
"""How much interactions are held towards 0."""
ROUNDING = 1e-12
"""How much players are: no more than rounding asks."""
ENDS = 1.0
"""Weight of the full coalition, by that of all pairs together: its value is known exactly."""


@dataclass(frozen=True)
class OddRegression:
    """Regression on players and on odd interactions between three of them, screened for each sample and output.

    An interaction is a product of signs, which is odd where the number of players is; pairs and fours have no part in Shapley
    values. Screened and fitted on four fifths of the pairs, and corrected by regression on what is missed on the others, in turn:
    so the choice does no harm to the standard errors.

    Source: fumagalli2026odd.
    """

    name: ClassVar[str] = "odd-regression"
    index: ClassVar[str] = "shapley"

    def least(self, players: int) -> int:  # noqa: ARG002 (always the same)
        """One pair; twice the players tell them apart."""
        return regression.LEAST

    def design(self, players: int, pairs: int, seed: int) -> Pairs:
        """All sizes alike."""
        return design(players, pairs, seed)

    def solve(self, pairs: Pairs, odd: Odd, total: Total) -> Solution:
        """Cross-fitted."""
        if len(pairs) < 2 * pairs.players:
            return regression.solve(pairs, odd, total)
        return cross_fit.solve(pairs, odd, total, _fit, "regression")


@dataclass(frozen=True, eq=False)
class _Triples:
    """A game of players and threes."""

    shapley: Float[np.ndarray, "players columns"]
    additive: Float[np.ndarray, "players columns"]
    members: list[np.ndarray]
    """For each column, its threes."""
    weights: list[np.ndarray]

    def at(self, rows: Bool[np.ndarray, "rows players"]) -> Float[np.ndarray, "rows columns"]:
        """Its odd part."""
        signs = np.where(rows, 1.0, -1.0)
        found = signs @ self.additive
        for column, (members, weights) in enumerate(zip(self.members, self.weights, strict=True)):
            found[:, column] += signs[:, members].prod(axis=2) @ weights
        return found


def _fit(pairs: Pairs, odd: Odd, total: Total) -> _Triples:
    signs = np.concatenate([np.ones((1, pairs.players)), np.where(pairs.first(), 1.0, -1.0)])
    weight = regression.weights(pairs).weight
    root = np.sqrt(np.concatenate([[ENDS * weight.sum()], weight]))[:, None]
    seen = root * np.concatenate([total[None] / 2, odd])
    additive, members, weights = np.zeros((pairs.players, len(total))), [], []
    shapley = np.zeros_like(additive)
    for column in range(len(total)):
        chosen, found = _screened(signs, root, seen[:, column])
        additive[:, column], each = found[: pairs.players], found[pairs.players :]
        shapley[:, column] = 2 * additive[:, column]
        np.add.at(shapley[:, column], chosen, np.repeat(2 / 3 * each[:, None], 3, axis=1))
        members.append(chosen)
        weights.append(each)
    return _Triples(shapley, additive, members, weights)


def _screened(
    signs: Float[np.ndarray, "rows players"], root: Float[np.ndarray, "rows 1"], seen: Float[np.ndarray, " rows"]
) -> tuple[np.ndarray, Float[np.ndarray, " coefficients"]]:
    """Threes and coefficients: in each round, those that explain most of what is left join."""
    players = signs.shape[1]
    most = len(signs) // SHARE
    known = root * signs
    found = _ridge(known, seen, players)
    strongest = np.sort(np.argsort(-np.abs(found), kind="stable")[:STRONGEST])
    threes = np.array(list(combinations(strongest.tolist(), 3)), np.intp).reshape(-1, 3)
    products = root * signs[:, threes].prod(axis=2)
    chosen = np.zeros(0, np.intp)
    for step in range(1, ROUNDS + 1):
        if not len(threes) or not most:
            break
        score = np.abs(products.T @ (seen - known @ found))
        score[chosen] = -1.0
        new = np.argsort(-score, kind="stable")[: max(most * step // ROUNDS - len(chosen), 0)]
        chosen = np.concatenate([chosen, new[score[new] >= 0]])
        known = np.concatenate([root * signs, products[:, chosen]], axis=1)
        found = _ridge(known, seen, players)
    return threes[chosen], found


def _ridge(
    known: Float[np.ndarray, "rows coefficients"], seen: Float[np.ndarray, " rows"], players: int
) -> Float[np.ndarray, " coefficients"]:
    """Least squares, the interactions held a little, the players no more than rounding asks."""
    gram = known.T @ known
    hold = np.where(np.arange(len(gram)) < players, ROUNDING, RIDGE)
    gram.flat[:: len(gram) + 1] += hold * gram.trace() / len(gram)
    return np.linalg.solve(gram, known.T @ seen)
