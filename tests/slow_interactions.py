"""Slow, obvious twins of interactions: their definitions, over all coalitions, and a Gaussian process over all of them."""

from itertools import combinations
from math import comb, factorial

import numpy as np
from scipy.special import bernoulli

import slow_games


def sets(players, order):
    return [each for size in range(1, order + 1) for each in combinations(range(players), size)]


def derivative(worth, who, others):
    found = 0.0
    for size in range(len(who) + 1):
        for part in combinations(who, size):
            found = found + (-1) ** (len(who) - size) * worth[tuple(sorted((*others, *part)))]
    return found


def mean_derivative(worth, players, who, share):
    rest = [player for player in range(players) if player not in who]
    found = 0.0
    for size in range(len(rest) + 1):
        for others in combinations(rest, size):
            found = found + share(size) * derivative(worth, who, others)
    return found


def sii(worth, players, who):
    left = players - len(who)
    return mean_derivative(worth, players, who, lambda t: factorial(t) * factorial(left - t) / factorial(left + 1))


def banzhaf(worth, players, who):
    return mean_derivative(worth, players, who, lambda t: 1 / 2 ** (players - len(who)))


def k_sii(worth, players, who, order):
    """Bordt and von Luxburg's recursion over the order."""
    if len(who) == order:
        return sii(worth, players, who)
    rest = [player for player in range(players) if player not in who]
    larger = sum(sii(worth, players, tuple(sorted((*who, *more)))) for more in combinations(rest, order - len(who)))
    return k_sii(worth, players, who, order - 1) + bernoulli(order)[order - len(who)] * larger


def stii(worth, players, who, order):
    if len(who) < order:
        return derivative(worth, who, ())
    return mean_derivative(worth, players, who, lambda t: order / players / comb(players - 1, t))


def fsii(worth, players, order):
    """The polynomial nearest to the game under the Shapley kernel, met exactly with nobody and with all."""
    every, unknown = slow_games.coalitions(players), [(), *sets(players, order)]
    rows = np.array([[float(set(who) <= set(each)) for who in unknown] for each in every])
    values = np.array([worth[each] for each in every])
    size = np.array([len(each) for each in every])
    inner = (size > 0) & (size < players)
    weight = np.array([1 / (comb(players, s) * s * (players - s)) for s in size[inner]])
    left, right = rows[inner].T @ (weight[:, None] * rows[inner]), rows[inner].T @ (weight * values[inner])
    ends = rows[~inner]
    system = np.block([[left, ends.T], [ends, np.zeros((2, 2))]])
    return np.linalg.lstsq(system, np.concatenate([right, values[~inner]]), rcond=None)[0][1 : len(unknown)]


def interactions(game, players, index, order):
    worth = slow_games.table(game, players)
    if index == "fsii":
        return fsii(worth, players, order)
    one = {"sii": sii, "banzhaf": banzhaf}.get(index)
    if one:
        return np.array([one(worth, players, who) for who in sets(players, order)])
    two = {"k-sii": k_sii, "stii": stii}[index]
    return np.array([two(worth, players, who, order) for who in sets(players, order)])


def process(rows, values, players, index, order, t, alone, sign):
    """Means and variances of the interactions of one part of a random game, given that part at some coalitions; and how long
    what was seen is in units of the prior.

    The covariance of coalitions is ``t ** differences``; ``alone`` is the variance of the part that each pair has to itself. The
    additive games' part has so large a variance that nothing is known of it.
    """
    every = np.array([slow_games.row(each, players) for each in slow_games.coalitions(players)])
    apart = (every[:, None] != every[None]).sum(axis=2)
    part = (np.eye(len(every)) + sign * (apart == players)) / 2
    whole = part @ (t**apart + 2 * alone * np.eye(len(every))) @ part
    additive = every - 0.5 if sign < 0 else np.ones((len(every), 1))
    prior = whole + 1e4 * additive @ additive.T
    weigh = np.array(
        [interactions(lambda asked, one=one: (asked == one).all(axis=1) * 1.0, players, index, order) for one in every]
    )
    at = [int(np.flatnonzero((every == row).all(axis=1))[0]) for row in rows]
    inverse = np.linalg.inv(prior[np.ix_(at, at)])
    cross = weigh.T @ prior[:, at]
    length = (values * (inverse @ values)).sum(axis=0)
    return cross @ inverse @ values, np.diag(weigh.T @ prior @ weigh - cross @ inverse @ cross.T), length
