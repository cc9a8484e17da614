"""Surrogates written out: one coalition, one row, one regression at a time, in float64."""

import itertools
import math

import numpy as np
from sklearn.linear_model import LinearRegression, Ridge


def kernel(size, players, width=0.25):
    """The weight of a coalition, by the cosine between it and the whole."""
    cosine = size / math.sqrt(size * players) if size else 0.0
    return math.exp(-((1 - cosine) ** 2) / (2 * width**2))


def all_coalitions(players):
    """Every coalition as a row of zeros and ones."""
    return np.array(list(itertools.product([0.0, 1.0], repeat=players)))


def lime(game, players, width=0.25, ridge=0.0, columns=None):
    """Weighted ridge regression on all coalitions, each as likely as the others: coefficients, intercept, R2."""
    rows = all_coalitions(players)
    values = np.array([game(row) for row in rows])
    weights = np.array([kernel(int(row.sum()), players, width) for row in rows])
    x = rows if columns is None else columns(rows)
    model = (Ridge(alpha=ridge, solver="cholesky") if ridge else LinearRegression()).fit(x, values, sample_weight=weights)
    return model.coef_, model.intercept_, model.score(x, values, sample_weight=weights)


def linear(function, sample, spread, rows, rng):
    """A linear regression on rows around a sample, in the units of its columns: slopes, intercept, R2."""
    x = np.array([sample + spread * rng.standard_normal(len(sample)) for _ in range(rows)])
    y = np.array([function(row) for row in x])
    model = LinearRegression().fit(x, y)
    return model.coef_, model.intercept_, model.score(x, y)
