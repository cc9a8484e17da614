"""The small networks in Keras 3, under any backend: sequential, functional and subclassed; pictures are NHWC.

Import it in a process whose ``KERAS_BACKEND`` is set (``twins.in_process.call``).
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import keras
import numpy as np
from keras import layers

from twins.places import KERAS_VARIANTS
from twins.weights import EPSILON, VOCABULARY, Weights, inputs, weights

DataFormat = Literal["channels_last", "channels_first"]

# Values are set below; under JAX, drawing others first would cost seconds of compilation.
Dense = partial(layers.Dense, kernel_initializer="zeros")
Convolution = partial(layers.Conv2D, kernel_size=3, padding="same", kernel_initializer="zeros")


def mlp(second: str) -> keras.Model:
    """Sequential; the second activation is ``"relu"`` or ``"tanh"``."""
    return keras.Sequential(
        [
            keras.Input((6,), name="x"),
            Dense(16, name="hidden1"),
            layers.Activation("tanh", name="tanh1"),
            Dense(16, name="hidden2"),
            layers.Activation(second, name=f"{second}2"),
            Dense(3, name="head"),
        ],
        name="mlp",
    )


def cnn(data_format: DataFormat = "channels_last") -> keras.Model:
    """Functional, with a skip connection."""
    last = data_format == "channels_last"
    convolution = partial(Convolution, data_format=data_format)
    x = keras.Input((16, 16, 3) if last else (3, 16, 16), name="x")
    first = layers.ReLU(name="relu1")(convolution(8, name="conv1")(x))
    y = layers.ReLU(name="relu2")(convolution(8, name="conv2")(first))
    y = layers.Add(name="add")([y, first])
    y = layers.BatchNormalization(axis=-1 if last else 1, epsilon=EPSILON, name="norm")(y)
    y = layers.MaxPooling2D(data_format=data_format, name="pool")(y)
    y = layers.ReLU(name="relu3")(convolution(12, name="conv3")(y))
    y = layers.GlobalAveragePooling2D(data_format=data_format, name="average")(y)
    return keras.Model(x, Dense(5, name="head")(y), name="cnn")


class SubclassedCNN(keras.Model):
    """The same, with activations inside the convolutions and ``+`` for the skip connection."""

    def __init__(self) -> None:
        super().__init__(name="cnn_subclassed")
        convolution = partial(Convolution, activation="relu")
        self.conv1, self.conv2 = convolution(8, name="conv1"), convolution(8, name="conv2")
        self.norm, self.pool = layers.BatchNormalization(epsilon=EPSILON, name="norm"), layers.MaxPooling2D(name="pool")
        self.conv3 = convolution(12, name="conv3")
        self.average, self.head = layers.GlobalAveragePooling2D(name="average"), Dense(5, name="head")

    def call(self, x: Any, training: bool = False) -> Any:
        first = self.conv1(x)
        y = self.norm(self.conv2(first) + first, training=training)
        return self.head(self.average(self.conv3(self.pool(y))))


def rnn() -> keras.Model:
    """Functional."""
    x = keras.Input((7, 4), name="x")
    steps = layers.LSTM(8, return_sequences=True, kernel_initializer="zeros", recurrent_initializer="zeros", name="lstm")(x)
    return keras.Model(x, Dense(3, name="head")(steps[:, -1]), name="rnn")


class Embedding(keras.Model):
    """Subclassed."""

    def __init__(self) -> None:
        super().__init__(name="embedding_network")
        self.embedding = layers.Embedding(VOCABULARY, 8, embeddings_initializer="zeros", name="embedding")
        self.token, self.tanh = Dense(8, name="token"), layers.Activation("tanh", name="tanh")
        self.hidden, self.relu = Dense(8, name="hidden"), layers.ReLU(name="relu")
        self.head = Dense(2, name="head")

    def call(self, ids: Any) -> Any:
        tokens = self.tanh(self.token(self.embedding(ids)))
        return self.head(self.relu(self.hidden(keras.ops.mean(tokens, axis=1))))


_MADE: dict[str, Callable[[], keras.Model]] = {
    "mlp": partial(mlp, "relu"),
    "mlp_tanh": partial(mlp, "tanh"),
    "cnn": cnn,
    "cnn_subclassed": SubclassedCNN,
    "cnn_channels_first": partial(cnn, "channels_first"),
    "rnn": rnn,
    "embedding": Embedding,
}

_ORDER = ("kernel", "recurrent", "scale", "table", "bias", "mean", "variance")
"""The order in which a layer of Keras takes its weights."""


def variants() -> tuple[str, ...]:
    """What ``build`` takes under this backend."""
    return tuple(name for name in _MADE if not (name == "cnn_channels_first" and keras.backend.backend() == "tensorflow"))


def build(variant: str, values: Weights | None = None) -> keras.Model:
    """A variant of ``KERAS_VARIANTS``."""
    values = weights(KERAS_VARIANTS[variant]) if values is None else values
    model = _MADE[variant]()
    if not model.built:
        model(inputs(KERAS_VARIANTS[variant], samples=1, channels_last=True))
    for name in {key.rpartition(".")[0]: None for key in values}:
        model.get_layer(name).set_weights([values[f"{name}.{part}"] for part in _ORDER if f"{name}.{part}" in values])
    return model


def to_numpy(tensor: Any) -> np.ndarray:
    """Keras converts torch's tensors in a way that NumPy warns of."""
    return tensor.detach().cpu().numpy() if keras.backend.backend() == "torch" else keras.ops.convert_to_numpy(tensor)


def outputs(variant: str, x: np.ndarray) -> np.ndarray:
    """What Keras itself gives for a batch."""
    return to_numpy(build(variant)(x))
