"""A Keras model on the JAX backend as a program of JAX."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import jax
import keras

from ...core.view import Spec
from ..jax.view import JaxView
from ..layers import Layers
from ..reading import Read
from .network import KerasNetwork


def view(network: KerasNetwork, spec: Spec) -> JaxView:
    """The model seen through JAX."""
    return JaxView(KerasProgram(network), spec)


class KerasProgram:
    """One model; see ``jax.view.Program`` for what the methods promise."""

    adapter = "keras"
    whole = "the model"
    pure = True

    def __init__(self, network: KerasNetwork) -> None:
        self._network, self.subject = network, network.model
        self.layers: Layers | None = network.layers
        self.versions: Mapping[str, str] = {**network.versions, "jax": jax.__version__}

    def state(self) -> tuple[Hashable, Any]:
        """Layers and their settings; and the arrays of all variables."""
        return self._network.key, [variable.value for variable in self._network.variables]

    def read(self, x: Any, spec: Spec) -> Read:
        """As the model declares it."""
        return self._network.read(x, spec)

    def run(self, static: Hashable, state: Any, given: Any) -> Any:
        """A pass in inference mode that reads these arrays for its variables, and writes none."""
        with keras.StatelessScope(state_mapping=zip(self._network.variables, state, strict=True)):
            return self._network.call(given)

    def session(self, seed: int) -> AbstractContextManager[None]:
        """What Keras keeps."""
        return self._network.held(seed)
