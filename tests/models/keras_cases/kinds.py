"""Models of every kind that Keras has, with weights and statistics that are not trivial."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers, ops

DRAW = np.random.default_rng

for drawn in ("GlorotUniform", "Orthogonal", "RandomUniform"):
    # ``settled`` gives values to all weights; under JAX, drawing others first would cost a compilation for each shape
    getattr(keras.initializers, drawn).__call__ = lambda _self, shape, dtype=None, **_: ops.zeros(shape, dtype)


def pictures(samples: int = 3, size: int = 8) -> np.ndarray:
    return DRAW(1).normal(size=(samples, size, size, 3)).astype(np.float32)


def rows(samples: int = 4, columns: int = 6) -> np.ndarray:
    return DRAW(2).normal(size=(samples, columns)).astype(np.float32)


def series(samples: int = 3, steps: int = 7, channels: int = 4) -> np.ndarray:
    return DRAW(3).normal(size=(samples, steps, channels)).astype(np.float32)


def ids(samples: int = 3, length: int = 6, dtype: str = "int32") -> np.ndarray:
    """Of which each sample ends in another number of zeros."""
    drawn = DRAW(4).integers(1, 20, (samples, length))
    return np.where(np.arange(length) < length - np.arange(samples)[:, None], drawn, 0).astype(dtype)


def settled(model: Any, *given: Any, **named: Any) -> Any:
    """Built, with drawn weights and statistics."""
    if not model.built:
        model(*given, **named)
    draw = DRAW(5)
    for variable in model.weights:
        if "seed_generator" in variable.path:
            continue
        drawn = draw.normal(size=variable.shape)
        name = variable.path.rpartition("/")[2]
        drawn = np.exp(0.4 * drawn) if "variance" in name or "gamma" in name else drawn * 0.4
        variable.assign(drawn.astype("float32"))
    return model


def with_weights_of(model: Any, other: Any) -> Any:
    """The first model with the weights of the second."""
    for variable, given in zip(model.weights, other.weights, strict=True):
        variable.assign(given.value)
    return model


def cnn(activation: str | None = None, size: int = 8) -> keras.Model:
    """Functional, with a skip connection; its activations are layers but the first."""
    x = keras.Input((size, size, 3), name="image")
    first = layers.Conv2D(4, 3, padding="same", activation="relu", name="conv1")(x)
    y = layers.Conv2D(4, 3, padding="same", name="conv2")(first)
    y = layers.BatchNormalization(name="norm")(y)
    y = layers.ReLU(name="relu")(y)
    y = layers.Add(name="add")([y, first])
    y = layers.Dropout(0.5, name="dropout")(y)
    y = layers.GlobalAveragePooling2D(name="average")(y)
    return settled(keras.Model(x, layers.Dense(5, activation=activation, name="head")(y), name="cnn"))


def mlp() -> keras.Model:
    """Sequential."""
    return settled(
        keras.Sequential(
            [
                keras.Input((6,), name="x"),
                layers.Dense(8, activation="tanh", name="hidden"),
                layers.GaussianNoise(1.0, name="noise"),
                layers.Dense(3, name="head"),
            ]
        )
    )


class Scale(keras.layers.Layer):
    """A user's own layer, which has no ``training`` argument."""

    def build(self, shape: Any) -> None:
        self.factor = self.add_weight(shape=(shape[-1],), name="factor")

    def call(self, x: Any) -> Any:
        return x * self.factor


class Subclassed(keras.Model):
    """Dropout and noise are told ``training`` by nobody but Keras; the layers are in a list and a dict."""

    def __init__(self) -> None:
        super().__init__(name="subclassed")
        self.blocks = [layers.Dense(8, name="first"), layers.Dense(8, name="second", activation="relu")]
        self.extra = {"scale": Scale(name="scale"), "dropout": layers.Dropout(0.5, name="dropout")}
        self.head = layers.Dense(3, name="head")

    def call(self, x: Any) -> Any:
        y = self.blocks[1](ops.tanh(self.blocks[0](x)))
        return self.head(self.extra["dropout"](self.extra["scale"](y)))


class Trained(keras.Model):
    """Its ``call`` must be told whether it is trained, and takes a mask."""

    def __init__(self) -> None:
        super().__init__(name="trained")
        self.hidden, self.norm = layers.Dense(8, name="hidden"), layers.BatchNormalization(name="norm")
        self.head = layers.Dense(3, name="head")

    def call(self, x: Any, training: bool, mask: Any = None) -> Any:
        y = self.norm(self.hidden(x), training=training)
        return self.head(y * 0 if training else ops.tanh(y))


class TwoArguments(keras.Model):
    def __init__(self) -> None:
        super().__init__(name="two_arguments")
        self.left, self.right, self.head = layers.Dense(4), layers.Dense(4), layers.Dense(3)

    def call(self, a: Any, b: Any, training: bool = True) -> Any:
        return self.head(ops.tanh(self.left(a)) * self.right(b) + (100 if training else 0))


class OneArgument(keras.Model):
    """Two inputs in one argument."""

    def __init__(self, key: bool) -> None:
        super().__init__(name="one_argument")
        self.key = key
        self.left, self.right, self.head = layers.Dense(4), layers.Dense(4), layers.Dense(3)

    def call(self, inputs: Any) -> Any:
        a, b = (inputs["a"], inputs["b"]) if self.key else inputs
        return self.head(ops.tanh(self.left(a)) * self.right(b))


def nested() -> keras.Model:
    """A functional model in a sequential one in a functional one."""
    inner = keras.Input((8, 8, 4))
    features = keras.Model(inner, layers.ReLU(name="relu")(layers.Conv2D(4, 3, name="conv")(inner)), name="features")
    body = keras.Sequential([features, layers.GlobalMaxPooling2D(name="pool")], name="body")
    x = keras.Input((8, 8, 3), name="image")
    y = body(layers.Conv2D(4, 1, name="stem")(x))
    return settled(keras.Model(x, layers.Dense(3, name="head")(y), name="nested"))


def shared() -> keras.Model:
    """One layer three times, one model twice."""
    x, z = keras.Input((6,), name="x"), keras.Input((6,), name="z")
    dense = layers.Dense(6, activation="tanh", name="dense")
    tower = keras.Sequential([keras.Input((6,)), layers.Dense(5, name="inner"), layers.ReLU(name="relu")], name="tower")
    y = layers.Subtract(name="subtract")([tower(dense(dense(x))), tower(dense(z))])
    return settled(keras.Model([x, z], layers.Dense(2, name="head")(y), name="shared"))


def recurrent(masked: bool = False) -> keras.Model:
    x = keras.Input((7, 4), name="x")
    y = layers.Masking(name="masking")(x) if masked else x
    y = layers.LSTM(5, return_sequences=True, name="lstm")(y)
    y = layers.Bidirectional(layers.GRU(4, return_sequences=True, name="gru"), name="both")(y)
    y = layers.TimeDistributed(layers.Dense(4, name="step"), name="steps")(y)
    return settled(keras.Model(x, layers.Dense(3, name="head")(layers.SimpleRNN(4, name="last")(y)), name="recurrent"))


def attention() -> keras.Model:
    x = keras.Input((6, 8), name="x")
    attended = layers.MultiHeadAttention(2, 4, dropout=0.3, name="attention")(x, x)
    y = layers.LayerNormalization(name="norm")(layers.Add(name="add")([x, attended]))
    y = layers.GlobalAveragePooling1D(name="pool")(y)
    return settled(keras.Model(x, layers.Dense(3, name="head")(y), name="attention_network"))


def text(dtype: str | None = None, mask: bool = True) -> keras.Model:
    x = keras.Input((6,), name="ids", dtype=dtype)
    y = layers.Embedding(20, 5, mask_zero=mask, name="embedding")(x)
    y = layers.LSTM(4, name="lstm")(y)
    return settled(keras.Model(x, layers.Dense(2, name="head")(y), name="text"))


def several_outputs(form: str) -> keras.Model:
    """Of three outputs the first is squashed; the outputs come as a list or a dict."""
    x = keras.Input((6,), name="x")
    y = layers.Dense(8, activation="relu", name="body")(x)
    made = {
        "class": layers.Dense(3, activation="softmax", name="class")(y),
        "size": layers.Dense(2, name="size")(y),
        "seen": layers.Dense(1, activation="sigmoid", name="seen")(y),
    }
    return settled(keras.Model(x, made if form == "dict" else list(made.values()), name="several"))


KINDS: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
    "functional": (cnn, pictures),
    "sequential": (mlp, rows),
    "subclassed": (lambda: settled(Subclassed(), rows()), rows),
    "trained": (lambda: settled(Trained(), rows(), training=False), rows),
    "nested": (nested, pictures),
    "recurrent": (recurrent, series),
    "attention": (attention, lambda: series(3, 6, 8)),
}
"""Models of one input of floats, and samples."""
