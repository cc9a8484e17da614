"""Which backend a Keras model runs on, and the view of it there."""

from __future__ import annotations

import importlib
from typing import Any

import keras

from ...core.errors import CapabilityError
from ...core.view import ModelView
from ..turns import TURN
from ..wrap import Wrapped
from .state import every_layer

BACKENDS = {"torch": "on_torch", "jax": "on_jax", "tensorflow": "on_tensorflow"}
"""By the name that Keras gives a backend, the file that runs models on it."""


def view(wrapped: Wrapped) -> ModelView:
    """A Keras 3 model seen through the arrays of its backend.

    Raises
    ------
    CapabilityError
        If it is of Keras 2, of a backend without gradients, no layer, or has no weights yet.
    """
    _check(wrapped.model)
    with TURN:  # the model may be held by an explanation in another thread
        network = importlib.import_module(".network", __package__).KerasNetwork(wrapped)  # what it imports is of Keras 3
        backend = importlib.import_module(f".{BACKENDS[keras.backend.backend()]}", __package__)
        return backend.view(network, network.spec)


def _check(model: Any) -> None:
    roots = {kind.__module__.partition(".")[0] for kind in type(model).__mro__}
    if "tf_keras" in roots or keras.__version__.startswith("2."):
        raise CapabilityError(
            "the model is of Keras 2 (tf_keras), whose layers are not known here. Save it as 'model.keras' and load it with "
            "Keras 3 (keras.saving.load_model), or build it there and load its weights. Or explain it as a function of tensors: "
            "pl.wrap(lambda x: model(x, training=False), adapter='tensorflow')."
        )
    backend = keras.backend.backend()
    if backend not in BACKENDS:
        raise CapabilityError(
            f"Keras runs on the backend {backend!r}, which has no gradients for the adapter to take; set KERAS_BACKEND to "
            f"{', '.join(BACKENDS)} before keras is imported, or explain its outputs alone: pl.wrap(model.predict)."
        )
    if not isinstance(model, keras.Layer):
        raise CapabilityError(f"{type(model).__name__} is of Keras, but no model or layer; give the keras.Model itself.")
    if not model.built and not all(layer.built for layer in every_layer(model)[1:]):
        raise CapabilityError(
            f"the model {model.name!r} has no weights yet: it was never called. Call it on one batch, model(x), or load its "
            "weights; then it can be explained."
        )
