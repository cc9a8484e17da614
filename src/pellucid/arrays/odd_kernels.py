"""Covariances between coalitions for the odd part of a game, and what they say of Shapley values, in closed form.

A game drawn from a Gaussian process has Shapley values that are jointly normal with its values: they are linear in it. With
``u`` the time at which a player joins (uniform in [0, 1]), a Shapley value is the integral over ``u`` of what the player adds
when every other is present with probability ``u``; for a covariance that is a product over players the integrand is a product
too, a polynomial in ``u``, so Gauss-Legendre nodes give it exactly.

Three kinds, each for a game ``v``, of which the odd part ``(v(S) - v(rest)) / 2`` is what is seen:

* ``Stationary``: falls by a factor for each player in whom two coalitions differ, so that interactions of every order have some
  weight, the order following a binomial law of a given mean;
* ``Joint``: grows by a factor for each player whom two coalitions share; interactions between players who are present together;
* ``independent``: every coalition has a value of its own; what no smooth part explains.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.special import gammaln

Sets = Bool[np.ndarray, "rows players"]


@dataclass(frozen=True)
class Stationary:
    """Interactions whose orders are binomial with this mean (less than half the players)."""

    order: float

    def between(self, rows: Sets, others: Sets) -> Float[np.ndarray, "rows others"]:
        """Covariances of the odd part at these coalitions with that at others."""
        players = rows.shape[1]
        power = self._fall(players) ** np.arange(players + 1)
        return ((power - power[::-1]) / 2)[_apart(rows, others)]

    def shapley(self, rows: Sets) -> Float[np.ndarray, "players rows"]:
        """Covariances of Shapley values with the odd part."""
        players = rows.shape[1]
        fall, size = self._fall(players), rows.sum(axis=1)[:, None]
        time, weight = _nodes(players)
        here, gone = time + (1 - time) * fall, 1 - time + time * fall
        added = (here ** np.maximum(size - 1, 0) * gone ** (players - size)) @ weight
        lost = (here**size * gone ** np.maximum(players - size - 1, 0)) @ weight
        return (1 - fall) * np.where(rows.T, added, -lost)

    def variance(self, players: int) -> float:
        """Of each Shapley value."""
        fall, (time, weight) = self._fall(players), _nodes(players)
        both = 1 - (1 - fall) * (time[:, None] * (1 - time) + time * (1 - time[:, None]))
        return float(2 * (1 - fall) * weight @ both ** (players - 1) @ weight)

    def _fall(self, players: int) -> float:
        return max(1 - 2 * self.order / players, 0.02)


@dataclass(frozen=True)
class Joint:
    """Interactions between players who are present together, their orders binomial with this mean (less than all players)."""

    order: float

    def between(self, rows: Sets, others: Sets) -> Float[np.ndarray, "rows others"]:
        """Covariances of the odd part at these coalitions with that at others."""
        players = rows.shape[1]
        power = (1 + self._growth(players)) ** (np.arange(players + 1.0) - players)
        size, other = rows.sum(axis=1)[:, None], others.sum(axis=1)
        shared = (size + other - _apart(rows, others)) // 2
        return (power[shared] + power[players - size - other + shared] - power[size - shared] - power[other - shared]) / 4

    def shapley(self, rows: Sets) -> Float[np.ndarray, "players rows"]:
        """Covariances of Shapley values with the odd part.

        What all members of a coalition make together, and nobody else has a part in, is shared equally.
        """
        players, size = rows.shape[1], rows.sum(axis=1)
        power = (1 + self._growth(players)) ** (np.arange(players + 1.0) - players)
        made = power - power[0]
        present, absent = made[size] / np.maximum(size, 1), made[players - size] / np.maximum(players - size, 1)
        return np.where(rows.T, present, -absent) / 2

    def variance(self, players: int) -> float:
        """Of each Shapley value."""
        growth, (time, weight) = self._growth(players), _nodes(players)
        both = (1 + growth * np.outer(time, time)) / (1 + growth)
        return float(growth / (1 + growth) * weight @ both ** (players - 1) @ weight)

    def _growth(self, players: int) -> float:
        return self.order / max(players - self.order, 0.5)


def independent(rows: Sets) -> tuple[Float[np.ndarray, "players rows"], float]:
    """Covariances of Shapley values with values of variance 1 that have nothing to do with each other, and their variances.

    The covariance between the values is the identity. These are twice the Shapley weights themselves, as each pair is two
    coalitions, and twice the sum of their squares.
    """
    players = rows.shape[1]
    factorial = gammaln(np.arange(players + 1) + 1)
    size = np.arange(1, players + 1)
    share = np.exp(factorial[size - 1] + factorial[players - size] - factorial[players])
    lost = np.append(share, 0.0)
    count = rows.sum(axis=1)
    present = share[np.maximum(count, 1) - 1]
    among = np.exp(factorial[players - 1] - factorial[size - 1] - factorial[players - size])
    return 2 * np.where(rows.T, present, -lost[count]), float(4 * among @ share**2)


def _apart(rows: Sets, others: Sets) -> np.ndarray:
    """In how many players two coalitions differ."""
    signs, against = (np.where(sets, np.float32(1), np.float32(-1)) for sets in (rows, others))
    return ((rows.shape[1] - signs @ against.T) / 2).astype(np.intp)


def _nodes(players: int) -> tuple[np.ndarray, np.ndarray]:
    place, weight = np.polynomial.legendre.leggauss(players // 2 + 1)
    return (place + 1) / 2, weight / 2
