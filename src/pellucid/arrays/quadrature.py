"""Quadrature on [0, 1] with a fixed number of nodes."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def gauss_legendre(steps: int) -> tuple[Float[np.ndarray, " steps"], Float[np.ndarray, " steps"]]:
    """Nodes and weights of Gauss-Legendre quadrature on [0, 1]: exact for polynomials of degree ``2 steps - 1``."""
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    return (nodes + 1) / 2, weights / 2


def gauss_log(steps: int) -> tuple[Float[np.ndarray, " steps"], Float[np.ndarray, " steps"]]:
    """Nodes and weights for integrals on [0, 1] with the weight ``-log(t)``: exact up to degree ``2 steps - 1``.

    >>> nodes, weights = gauss_log(3)
    >>> bool(abs(weights.sum() - 1) < 1e-12 and abs((weights * nodes**4).sum() - 1 / 25) < 1e-12)
    True
    """
    # The weight's own polynomials by their recurrence, inner products being sums over a fine rule. With t = s^8 the integrand
    # is smooth at 0.
    fine, fine_weights = gauss_legendre(16 * steps + 64)
    t, weight = fine**8, -64 * np.log(fine) * fine**7 * fine_weights
    diagonal, beside = np.zeros(steps), np.zeros(steps)
    before, now = np.zeros_like(t), np.ones_like(t) / np.sqrt(weight.sum())
    for k in range(steps):
        diagonal[k] = (weight * t * now**2).sum()
        following = (t - diagonal[k]) * now - (beside[k - 1] if k else 0.0) * before
        beside[k] = np.sqrt((weight * following**2).sum())
        before, now = now, following / beside[k]
    nodes, vectors = np.linalg.eigh(np.diag(diagonal) + np.diag(beside[:-1], 1) + np.diag(beside[:-1], -1))
    return nodes, vectors[0] ** 2 * weight.sum()


def interpolatory(nodes: Float[np.ndarray, " steps"]) -> Float[np.ndarray, " steps"]:
    """Weights at given nodes for plain integrals on [0, 1], exact up to degree ``steps - 1``.

    >>> bool(abs(interpolatory(np.array([0.0, 0.5, 1.0])) - np.array([1, 4, 1]) / 6).max() < 1e-12)
    True
    """
    polynomials = np.polynomial.legendre.legvander(2 * nodes - 1, len(nodes) - 1)
    return np.linalg.solve(polynomials.T, np.eye(len(nodes))[0])
