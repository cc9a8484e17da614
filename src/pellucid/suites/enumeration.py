"""True attributions by enumeration: every coalition of the players of a formula, in float64."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from math import comb, factorial

import numpy as np
from jaxtyping import Float

from ..core.features import Features

Rows = Float[np.ndarray, "rows columns"]
Formula = Callable[[Rows], Float[np.ndarray, " rows"]]


def worths(formula: Formula, inputs: Rows, background: Rows, features: Features) -> Float[np.ndarray, "samples coalitions"]:
    """The mean of the formula over background rows in the place of absent players, for all coalitions by their bits."""
    players = len(features)
    present = (np.arange(2**players)[:, None] >> np.arange(players)) & 1 == 1
    masks = features.mask(present)[:, None, :]
    rows = np.asarray(background, np.float64)[None]
    found = [
        formula(np.where(masks, sample[None, None], rows).reshape(-1, rows.shape[2])).reshape(len(present), -1).mean(axis=1)
        for sample in np.asarray(inputs, np.float64)
    ]
    return np.stack(found)


def shapley_values(worth: Float[np.ndarray, "samples coalitions"]) -> Float[np.ndarray, "samples players"]:
    """The definition: a player's contributions to all coalitions of the others, each size with the same weight."""
    players = worth.shape[1].bit_length() - 1
    sets = np.arange(2**players)
    sizes = ((sets[:, None] >> np.arange(players)) & 1).sum(axis=1)
    weights = np.array([1 / (players * comb(players - 1, size)) for size in range(players)])
    found = np.zeros((len(worth), players))
    for player in range(players):
        without = sets[(sets >> player) & 1 == 0]
        gains = worth[:, without | (1 << player)] - worth[:, without]
        found[:, player] = gains @ weights[sizes[without]]
    return found


def interactions(worth: Float[np.ndarray, "samples coalitions"]) -> Float[np.ndarray, "samples players players"]:
    """Shapley interactions of pairs: the mean second difference; symmetric, 0 on the diagonal."""
    players = worth.shape[1].bit_length() - 1
    sets = np.arange(2**players)
    sizes = ((sets[:, None] >> np.arange(players)) & 1).sum(axis=1)
    weights = np.array([factorial(s) * factorial(players - s - 2) / factorial(players - 1) for s in range(players - 1)])
    found = np.zeros((len(worth), players, players))
    for one, other in combinations(range(players), 2):
        without = sets[((sets >> one) | (sets >> other)) & 1 == 0]
        a, b = 1 << one, 1 << other
        together = worth[:, without | a | b] - worth[:, without | a] - worth[:, without | b] + worth[:, without]
        found[:, one, other] = found[:, other, one] = together @ weights[sizes[without]]
    return found
