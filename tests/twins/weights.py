"""Weights and inputs of the small networks, drawn once by NumPy: every framework builds from them, and none is imported here.

Kernels are ``(inputs, outputs)``, those of convolutions ``(height, width, inputs, outputs)``. The LSTM's gates are in the order
input, forget, cell, output, with one bias: frameworks with two set the second to zero.
"""

import math

import numpy as np

Weights = dict[str, np.ndarray]
Shapes = dict[str, tuple[int, ...]]

EPSILON = 1e-3
"""What batch normalisation adds to the variance; frameworks have different defaults."""

VOCABULARY, PADDING = 20, 0


def _dense(name: str, inputs: int, outputs: int) -> Shapes:
    return {f"{name}.kernel": (inputs, outputs), f"{name}.bias": (outputs,)}


def _convolution(name: str, inputs: int, outputs: int) -> Shapes:
    return {f"{name}.kernel": (3, 3, inputs, outputs), f"{name}.bias": (outputs,)}


def _norm(name: str, channels: int) -> Shapes:
    return {f"{name}.{part}": (channels,) for part in ("scale", "bias", "mean", "variance")}


def _lstm(name: str, inputs: int, units: int) -> Shapes:
    return {f"{name}.kernel": (inputs, 4 * units), f"{name}.recurrent": (units, 4 * units), f"{name}.bias": (4 * units,)}


_MLP = _dense("hidden1", 6, 16) | _dense("hidden2", 16, 16) | _dense("head", 16, 3)
_CONVOLUTIONS = _convolution("conv1", 3, 8) | _convolution("conv2", 8, 8) | _convolution("conv3", 8, 12)
SHAPES: dict[str, Shapes] = {
    "mlp": _MLP,
    "mlp_tanh": _MLP,
    "cnn": _CONVOLUTIONS | _norm("norm", 8) | _dense("head", 12, 5),
    "rnn": _lstm("lstm", 4, 8) | _dense("head", 8, 3),
    "embedding": {"embedding.table": (VOCABULARY, 8)} | _dense("token", 8, 8) | _dense("hidden", 8, 8) | _dense("head", 8, 2),
}
"""The shapes of each network's weights."""

NETWORKS = tuple(SHAPES)

_SAMPLES: Shapes = {"mlp": (6,), "mlp_tanh": (6,), "cnn": (3, 16, 16), "rnn": (7, 4)}


def weights(network: str, seed: int = 0) -> Weights:
    """Float32 arrays by name: ``"conv1.kernel"``. The two MLPs share theirs."""
    draw = np.random.default_rng(seed)
    return {name: _drawn(name, shape, draw).astype(np.float32) for name, shape in SHAPES[network].items()}


def _drawn(name: str, shape: tuple[int, ...], draw: np.random.Generator) -> np.ndarray:
    normal = draw.normal(size=shape)
    match name.rpartition(".")[2]:
        case "scale" | "variance":
            return np.exp(0.4 * normal)
        case "table":
            normal[PADDING] = 0
            return normal
        case "bias" | "mean":
            return 0.3 * normal
        case _:
            return normal * math.sqrt(2 / math.prod(shape[:-1]))


def inputs(network: str, samples: int = 4, seed: int = 1, channels_last: bool = False) -> np.ndarray:
    """A batch: float32, or int32 ids of which each sample ends in another number of paddings."""
    draw = np.random.default_rng(seed)
    if network == "embedding":
        ids = draw.integers(1, VOCABULARY, (samples, 6), dtype=np.int32)
        return np.where(np.arange(6) < 6 - np.arange(samples)[:, None] % 4, ids, PADDING).astype(np.int32)
    batch = draw.normal(size=(samples, *_SAMPLES[network]))
    if network == "cnn":
        batch += draw.normal(size=(samples, 3, 1, 1))  # colours, which averaging over the picture keeps
        batch = np.moveaxis(batch, 1, -1) if channels_last else batch
    return batch.astype(np.float32)
