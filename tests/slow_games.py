"""Slow, obvious twins of what ``pellucid.games`` computes: loops over all coalitions or orders, in float64."""

from itertools import chain, combinations, permutations, product
from math import factorial

import numpy as np


def coalitions(players):
    """All subsets, as sorted tuples."""
    return list(chain.from_iterable(combinations(range(players), size) for size in range(players + 1)))


def row(coalition, players):
    return np.isin(np.arange(players), coalition)


def table(game, players):
    """The value of each coalition of a function of bool rows."""
    every = coalitions(players)
    values = np.asarray(game(np.array([row(each, players) for each in every])), float)
    return dict(zip(every, values, strict=True))


def shapley(game, players):
    """Shapley's formula."""
    worth = table(game, players)
    values = np.zeros((players, *np.shape(worth[()])))
    for player in range(players):
        for coalition in coalitions(players):
            if player not in coalition:
                size = len(coalition)
                share = factorial(size) * factorial(players - size - 1) / factorial(players)
                joined = tuple(sorted((*coalition, player)))
                values[player] += share * (worth[joined] - worth[coalition])
    return np.moveaxis(values, 0, -1)


def orders(tree):
    """All orders that keep the groups of a nested list together."""
    if isinstance(tree, int):
        return [(tree,)]
    found = []
    for order in permutations(tree):
        found += [tuple(chain.from_iterable(parts)) for parts in product(*(orders(part) for part in order))]
    return found


def owen(game, players, tree):
    """The mean over all orders that keep groups together."""
    worth, values, every = table(game, players), np.zeros(players), orders(tree)
    for order in every:
        for step, player in enumerate(order):
            before = tuple(sorted(order[:step]))
            values[player] += (worth[tuple(sorted((*before, player)))] - worth[before]) / len(every)
    return values


def kernel_regression(rows, values, weights, empty, total):
    """Weighted least squares of an additive game, its sum fixed, by the normal equations with a multiplier."""
    players = rows.shape[1]
    system, right = np.zeros((players + 1, players + 1)), np.zeros(players + 1)
    for present, value, weight in zip(rows.astype(float), values, weights, strict=True):
        system[:players, :players] += weight * np.outer(present, present)
        right[:players] += weight * present * (value - empty)
    system[players, :players] = system[:players, players] = 1
    right[players] = total - empty
    return np.linalg.solve(system, right)[:players]


def stationary(one, other, order):
    players = len(one)
    return (1 - 2 * order / players) ** int((one != other).sum())


def joint(one, other, order):
    players = len(one)
    growth = order / (players - order)
    return (1 + growth) ** (int((one & other).sum()) - players)


def odd_covariances(kernel, players):
    """Of a random game: between its odd part at all coalitions, with its Shapley values, and of these."""
    rows = np.array([row(each, players) for each in coalitions(players)])
    full = np.array([[kernel(one, other) for other in rows] for one in rows])
    odd = np.array([[float((one == other).all()) - float((one == ~other).all()) for other in rows] for one in rows]) / 2
    values = np.array([shapley(lambda asked, one=one: (asked == one).all(axis=1) * 1.0, players) for one in rows]).T
    return rows, odd @ full @ odd.T, values @ full @ odd.T, np.diag(values @ full @ values.T)
