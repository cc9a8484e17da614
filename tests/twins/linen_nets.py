"""The small networks in flax.linen: a module and its variables; pictures are NHWC."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from twins.weights import EPSILON, VOCABULARY, Weights, weights


class Activation(nn.Module):
    """A function as a layer, so that it has a name."""

    function: Callable[[jax.Array], jax.Array]

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        return self.function(x)


class MLP(nn.Module):
    second: Callable[[jax.Array], jax.Array]

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        x = Activation(nn.tanh, name="tanh1")(nn.Dense(16, name="hidden1")(x))
        x = Activation(self.second, name=f"{self.second.__name__}2")(nn.Dense(16, name="hidden2")(x))
        return nn.Dense(3, name="head")(x)


class CNN(nn.Module):
    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        first = Activation(nn.relu, name="relu1")(nn.Conv(8, (3, 3), name="conv1")(x))
        x = Activation(nn.relu, name="relu2")(nn.Conv(8, (3, 3), name="conv2")(first)) + first
        x = nn.BatchNorm(use_running_average=not train, epsilon=EPSILON, name="norm")(x)
        x = nn.max_pool(x, (2, 2), strides=(2, 2))
        x = Activation(nn.relu, name="relu3")(nn.Conv(12, (3, 3), name="conv3")(x))
        return nn.Dense(5, name="head")(x.mean((1, 2)))


class RNN(nn.Module):
    def setup(self) -> None:
        self.lstm, self.head = nn.RNN(nn.OptimizedLSTMCell(8)), nn.Dense(3)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.head(self.lstm(x)[:, -1])


class Embedding(nn.Module):
    def setup(self) -> None:
        self.embedding = nn.Embed(VOCABULARY, 8)
        self.token, self.tanh = nn.Dense(8), Activation(nn.tanh)
        self.hidden, self.relu = nn.Dense(8), Activation(nn.relu)
        self.head = nn.Dense(2)

    def __call__(self, ids: jax.Array) -> jax.Array:
        tokens = self.tanh(self.token(self.embedding(ids)))
        return self.head(self.relu(self.hidden(tokens.mean(1))))


_MADE: dict[str, Callable[[], nn.Module]] = {
    "mlp": lambda: MLP(nn.relu),
    "mlp_tanh": lambda: MLP(nn.tanh),
    "cnn": CNN,
    "rnn": RNN,
    "embedding": Embedding,
}

_PARTS = {"table": "embedding", "variance": "var"}


def build(network: str, values: Weights | None = None) -> tuple[nn.Module, dict[str, Any]]:
    """A network of ``weights.NETWORKS``, and its variables."""
    variables: dict[str, Any] = {"params": {}}
    for name, array in (weights(network) if values is None else values).items():
        layer, _, part = name.rpartition(".")
        if layer == "lstm":
            cell = variables["params"].setdefault("lstm", {"cell": {}})["cell"]
            _gates(cell, part, array)
        else:
            collection = variables.setdefault("batch_stats", {}) if part in ("mean", "variance") else variables["params"]
            collection.setdefault(layer, {})[_PARTS.get(part, part)] = jnp.asarray(array)
    return _MADE[network](), variables


def _gates(cell: dict[str, Any], part: str, array: np.ndarray) -> None:
    """A dense layer for each gate of the input (``ii``, ``if``, ...) and of the state (``hi``, ...); the latter has the bias."""
    for gate, slab in zip("ifgo", np.split(array, 4, axis=-1), strict=True):
        name = ("i" if part == "kernel" else "h") + gate
        cell.setdefault(name, {})["bias" if part == "bias" else "kernel"] = jnp.asarray(slab)


def outputs(network: str, x: np.ndarray) -> np.ndarray:
    """What flax itself gives for a batch."""
    module, variables = build(network)
    return np.asarray(module.apply(variables, x))
