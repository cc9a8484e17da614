"""The MLP in scikit-learn, its weights set by hand: one activation for all hidden layers, so it is ``mlp_tanh``."""

from typing import TypeVar

import numpy as np
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import LabelBinarizer

from twins.weights import Weights, weights

LAYERS = ("hidden1", "hidden2", "head")
Model = TypeVar("Model", MLPClassifier, MLPRegressor)


def classifier(values: Weights | None = None) -> MLPClassifier:
    """``predict_proba`` is the softmax of the twins' logits."""
    model = _filled(MLPClassifier(hidden_layer_sizes=(16, 16), activation="tanh"), values)
    model.out_activation_ = "softmax"
    model._label_binarizer = LabelBinarizer().fit([0, 1, 2])
    model.classes_ = model._label_binarizer.classes_
    return model


def regressor(values: Weights | None = None) -> MLPRegressor:
    """``predict`` gives the twins' logits."""
    model = _filled(MLPRegressor(hidden_layer_sizes=(16, 16), activation="tanh"), values)
    model.out_activation_ = "identity"
    return model


def _filled(model: Model, values: Weights | None) -> Model:
    values = weights("mlp_tanh") if values is None else values
    model.coefs_ = [values[f"{layer}.kernel"] for layer in LAYERS]
    model.intercepts_ = [values[f"{layer}.bias"] for layer in LAYERS]
    model.n_layers_, model.n_outputs_, model.n_features_in_ = 4, 3, len(model.coefs_[0])
    return model


def outputs(x: np.ndarray) -> np.ndarray:
    """The regressor's values."""
    return regressor().predict(x)
