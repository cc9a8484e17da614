"""A Keras model on the TensorFlow backend as a program of TensorFlow."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import tensorflow as tf

from ...core.view import Spec
from ..layers import Layers
from ..reading import Read
from ..tensorflow.view import TensorFlowView
from .network import KerasNetwork


def view(network: KerasNetwork, spec: Spec) -> TensorFlowView:
    """The model seen through TensorFlow."""
    return TensorFlowView(KerasProgram(network), spec)


class KerasProgram:
    """One model; see ``tensorflow.program.Program`` for what the methods promise."""

    adapter = "keras"
    whole = "the model"

    def __init__(self, network: KerasNetwork) -> None:
        self._network, self.subject = network, network.model
        self.layers: Layers | None = network.layers
        self.versions: Mapping[str, str] = {**network.versions, "tensorflow": tf.__version__}
        self.key: Hashable = network.key
        dtypes = (tf.as_dtype(variable.dtype) for variable in network.variables)
        self.dtype = next((dtype.name for dtype in dtypes if dtype.is_floating), None)

    def variables(self) -> list[Any]:
        """TensorFlow's own."""
        return [variable.value for variable in self._network.variables]

    def read(self, x: Any, spec: Spec) -> Read:
        """As the model declares it."""
        return self._network.read(x, spec)

    def run(self, given: Any) -> Any:
        """A pass in inference mode."""
        return self._network.call(given)

    def held(self, seed: int) -> AbstractContextManager[None]:
        """What Keras keeps."""
        return self._network.held(seed)
