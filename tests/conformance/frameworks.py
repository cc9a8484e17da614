"""The networks as the models that a user passes, in this process; torch is what the others are compared with."""

from collections.abc import Callable
from functools import cache
from typing import Any

import jax
import numpy as np
import torch

import pellucid as pl
from conformance.answers import ask_all
from conformance.asks import network_of, put_to
from twins import linen_nets, nnx_nets, onnx_nets, sklearn_nets, torch_nets
from twins.in_process import Arrays
from twins.weights import inputs

SAMPLES = 3


class ChannelsLast(torch.nn.Module):
    """A network that is given its pictures with their channels last: draws for each entry then lie as elsewhere."""

    def __init__(self, inner: torch.nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.inner(x.permute(0, 3, 1, 2))


def _linen(network: str) -> Any:
    module, variables = linen_nets.build(network)
    return pl.wrap(module, variables)


def _jax(network: str) -> Any:
    module, variables = linen_nets.build(network)
    layout = "NHWC" if network == "cnn" else None  # which a function does not say of itself
    return pl.wrap(jax.jit(lambda variables, x: module.apply(variables, x)), variables, layout=layout)


def _function(network: str) -> Any:
    """A function of NumPy arrays with its gradient, as another library or a service would give them."""
    net = torch_nets.build(network)

    def outputs(x: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return net(torch.from_numpy(x)).numpy()

    def gradient(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
        given = torch.from_numpy(x).requires_grad_()
        return torch.autograd.grad(net(given), given, torch.from_numpy(weights))[0].numpy()

    return pl.wrap(outputs, gradient=None if network == "embedding" else gradient)


_BUILT: dict[str, Callable[[str], Any]] = {
    "torch": torch_nets.build,
    "torch_channels_last": lambda network: pl.wrap(ChannelsLast(torch_nets.build(network)), layout="NHWC"),
    "jax": _jax,
    "linen": _linen,
    "nnx": nnx_nets.build,
    "onnx": onnx_nets.build,
    "sklearn": lambda _: sklearn_nets.regressor(),
    "sklearn_classifier": lambda _: pl.wrap(sklearn_nets.classifier(), output="logits"),
    "function": _function,
}

CHANNELS_LAST = ("torch_channels_last", "jax", "linen", "nnx")
"""Pictures and maps, there and in Keras."""


@cache
def answers(framework: str, asked: str) -> Arrays:
    """What the network says in this framework."""
    network, last = network_of(asked), framework in CHANNELS_LAST
    x = inputs(network, samples=SAMPLES, channels_last=last)
    asks = {name: ask for name, ask in put_to(asked, framework).items() if ask.by_entry or framework != "torch_channels_last"}
    return ask_all(_BUILT[framework](network), x, asks, network, framework, channels_last=last and network == "cnn")


def expected(asked: str, channels_last: bool) -> Arrays:
    """What torch says; where something is drawn for each entry, what it says of pictures with their channels last."""
    drawn = answers("torch_channels_last", asked) if channels_last and network_of(asked) == "cnn" else {}
    return answers("torch", asked) | drawn
