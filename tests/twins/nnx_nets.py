"""The small networks in flax.nnx; pictures are NHWC."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from twins.weights import EPSILON, VOCABULARY, Weights, weights

# Values are set below; drawing others first would cost seconds of compilation.
ZEROS = nnx.initializers.zeros
Linear = partial(nnx.Linear, kernel_init=ZEROS)
Convolution = partial(nnx.Conv, kernel_size=(3, 3), kernel_init=ZEROS)
Embed = partial(nnx.Embed, embedding_init=ZEROS)
LSTMCell = partial(nnx.OptimizedLSTMCell, kernel_init=ZEROS, recurrent_kernel_init=ZEROS)


class Activation(nnx.Module):
    """A function as a layer, so that it has a name."""

    def __init__(self, function: Callable[[jax.Array], jax.Array]) -> None:
        self.function = function

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.function(x)


class MLP(nnx.Module):
    def __init__(self, second: Callable[[jax.Array], jax.Array], rngs: nnx.Rngs) -> None:
        self.hidden1, self.tanh1 = Linear(6, 16, rngs=rngs), Activation(nnx.tanh)
        self.hidden2 = Linear(16, 16, rngs=rngs)
        self.second = f"{second.__name__}2"
        setattr(self, self.second, Activation(second))
        self.head = Linear(16, 3, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        x = self.tanh1(self.hidden1(x))
        return self.head(getattr(self, self.second)(self.hidden2(x)))


class CNN(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.conv1, self.relu1 = Convolution(3, 8, rngs=rngs), Activation(nnx.relu)
        self.conv2, self.relu2 = Convolution(8, 8, rngs=rngs), Activation(nnx.relu)
        self.norm = nnx.BatchNorm(8, epsilon=EPSILON, rngs=rngs)
        self.conv3, self.relu3 = Convolution(8, 12, rngs=rngs), Activation(nnx.relu)
        self.head = Linear(12, 5, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        first = self.relu1(self.conv1(x))
        x = self.relu2(self.conv2(first)) + first
        x = nnx.max_pool(self.norm(x), (2, 2), strides=(2, 2))
        x = self.relu3(self.conv3(x))
        return self.head(x.mean((1, 2)))


class RNN(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.lstm = nnx.RNN(LSTMCell(4, 8, rngs=rngs))
        self.head = Linear(8, 3, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.head(self.lstm(x)[:, -1])


class Embedding(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.embedding = Embed(VOCABULARY, 8, rngs=rngs)
        self.token, self.tanh = Linear(8, 8, rngs=rngs), Activation(nnx.tanh)
        self.hidden, self.relu = Linear(8, 8, rngs=rngs), Activation(nnx.relu)
        self.head = Linear(8, 2, rngs=rngs)

    def __call__(self, ids: jax.Array) -> jax.Array:
        tokens = self.tanh(self.token(self.embedding(ids)))
        return self.head(self.relu(self.hidden(tokens.mean(1))))


_MADE: dict[str, Callable[[nnx.Rngs], nnx.Module]] = {
    "mlp": lambda rngs: MLP(nnx.relu, rngs),
    "mlp_tanh": lambda rngs: MLP(nnx.tanh, rngs),
    "cnn": CNN,
    "rnn": RNN,
    "embedding": Embedding,
}

_PARTS = {"table": "embedding", "variance": "var"}
_LSTM = {"kernel": ("dense_i", "kernel"), "recurrent": ("dense_h", "kernel"), "bias": ("dense_h", "bias")}


def build(network: str, values: Weights | None = None) -> nnx.Module:
    """A network of ``weights.NETWORKS`` in evaluation mode."""
    model = _MADE[network](nnx.Rngs(0))
    for name, array in (weights(network) if values is None else values).items():
        layer, _, part = name.rpartition(".")
        owner = getattr(model, layer)
        if layer == "lstm":
            gates, part = _LSTM[part]
            owner = getattr(owner.cell, gates)
        variable = getattr(owner, _PARTS.get(part, part))
        assert variable[...].shape == array.shape, name
        variable[...] = jnp.asarray(array)
    model.eval()
    return model


def outputs(network: str, x: np.ndarray) -> np.ndarray:
    """What flax itself gives for a batch."""
    return np.asarray(build(network)(jnp.asarray(x)))
