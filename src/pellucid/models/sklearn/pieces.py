"""Pieces of a differentiable model: each gives its outputs, and from there the way back for derivatives."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.special import expit, softmax

Back = Callable[[np.ndarray], np.ndarray]
"""The derivative by a piece's outputs in, that by its inputs out."""

Piece = Callable[[np.ndarray], tuple[np.ndarray, Back]]
"""``piece(rows)``: what it gives for float64 ``(rows, columns)``, and the way back from there. Neither writes into its input."""


def joined(pieces: Sequence[Piece]) -> Piece:
    """One after the other."""

    def piece(rows: np.ndarray) -> tuple[np.ndarray, Back]:
        ways: list[Back] = []
        for each in pieces:
            rows, back = each(rows)
            ways.append(back)

        def back_through(slope: np.ndarray) -> np.ndarray:
            for back in reversed(ways):
                slope = back(slope)
            return slope

        return rows, back_through

    return piece


def weighted(weights: np.ndarray, added: np.ndarray | float) -> Piece:
    """``rows @ weights + added``; a vector of weights gives one number per row."""

    def piece(rows: np.ndarray) -> tuple[np.ndarray, Back]:
        back = (lambda slope: slope[:, None] * weights) if weights.ndim == 1 else (lambda slope: slope @ weights.T)
        return rows @ weights + added, back

    return piece


def pair(scores: np.ndarray) -> tuple[np.ndarray, Back]:
    """Log-odds ``(rows, 1)`` of the second of two classes as the probabilities of both."""
    second = expit(scores)
    return np.hstack([1 - second, second]), lambda slope: (slope[:, 1:] - slope[:, :1]) * second * expit(-scores)


def logistic(scores: np.ndarray) -> tuple[np.ndarray, Back]:
    """Each score as a probability of its own."""
    found = expit(scores)
    return found, lambda slope: slope * found * expit(-scores)


def normalised(found: np.ndarray) -> tuple[np.ndarray, Back]:
    """Shares of the sum of a row; equal ones where all are zero."""
    total = found.sum(axis=1, keepdims=True)
    none = total == 0
    shares = np.where(none, 1 / found.shape[1], found / np.where(none, 1, total))
    safe = np.where(none, np.inf, total)
    return shares, lambda slope: (slope - (slope * shares).sum(axis=1, keepdims=True)) / safe


def softmaxed(scores: np.ndarray) -> tuple[np.ndarray, Back]:
    """Scores of classes as probabilities that sum to 1."""
    found = softmax(scores, axis=1)
    return found, lambda slope: found * (slope - (slope * found).sum(axis=1, keepdims=True))


def exponential(scores: np.ndarray) -> tuple[np.ndarray, Back]:
    """For outputs that were fitted as rates."""
    found = np.exp(scores)
    return found, lambda slope: slope * found


def flattened(outputs: np.ndarray) -> tuple[np.ndarray, Back]:
    """One column as one number per row."""
    return outputs[:, 0], lambda slope: slope[:, None]
