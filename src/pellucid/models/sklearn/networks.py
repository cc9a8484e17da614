"""Multi-layer perceptrons as pieces, from ``coefs_`` and ``intercepts_``."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import expit
from sklearn.neural_network import MLPClassifier, MLPRegressor

from .parts import does_as
from .pieces import Back, Piece, exponential, flattened, joined, logistic, pair, softmaxed

ACTIVATIONS = {
    "identity": lambda sums: sums,
    "relu": lambda sums: np.maximum(sums, 0, out=sums),
    "tanh": lambda sums: np.tanh(sums, out=sums),
    "logistic": lambda sums: expit(sums, out=sums),
}
"""In place."""

SLOPES = {
    "relu": lambda found: found > 0,
    "tanh": lambda found: 1 - found * found,
    "logistic": lambda found: found * (1 - found),
}
"""Derivatives of activations, by what they gave."""


def piece_of(model: Any, method: str) -> Piece | None:
    """What this method of the network gives; ``decision_function`` is what it has before its last activation."""
    if method == "predict" and does_as(model, "predict", MLPRegressor):
        rates = [exponential] if model.out_activation_ == "exp" else []
        return joined([layers(model), *rates, *([flattened] if model.n_outputs_ == 1 else [])])
    if method not in ("predict_proba", "decision_function") or not does_as(model, "predict_proba", MLPClassifier):
        return None
    if method == "decision_function":
        return layers(model)
    if model.out_activation_ == "softmax":
        return joined([layers(model), softmaxed])
    return joined([layers(model), pair if model.n_outputs_ == 1 else logistic])


def layers(model: Any) -> Piece:
    """From rows to the last layer's sums, ``(rows, outputs)``."""
    weights = [np.asarray(each, float) for each in model.coefs_]
    added = [np.asarray(each, float) for each in model.intercepts_]
    activate, slope_of = ACTIVATIONS[model.activation], SLOPES.get(model.activation)

    def piece(rows: np.ndarray) -> tuple[np.ndarray, Back]:
        hidden: list[np.ndarray] = []
        for weight, bias in zip(weights[:-1], added[:-1], strict=True):
            sums = rows @ weight
            sums += bias
            rows = activate(sums)
            hidden.append(rows)

        def back(slope: np.ndarray) -> np.ndarray:
            slope = slope @ weights[-1].T
            for weight, found in zip(reversed(weights[:-1]), reversed(hidden), strict=True):
                if slope_of is not None:
                    slope *= slope_of(found)
                slope = slope @ weight.T
            return slope

        return rows @ weights[-1] + added[-1], back

    return piece
