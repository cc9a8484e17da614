"""A Keras model on the torch backend as a program of torch."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor

from ...core.targets import Layer
from ...core.view import Spec
from ..layers import Layers
from ..reading import Read
from ..torch.state import held
from ..torch.view import TorchView
from .network import KerasNetwork


def view(network: KerasNetwork, spec: Spec) -> TorchView:
    """The model seen through PyTorch."""
    return TorchView(KerasProgram(network), spec)


class KerasProgram:
    """One model; see ``torch.view.Program`` for what the methods promise."""

    adapter = "keras"

    def __init__(self, network: KerasNetwork) -> None:
        self._network, self.subject = network, network.model
        self.layers: Layers | None = network.layers
        self.versions: Mapping[str, str] = {**network.versions, "torch": torch.__version__}

    def tensors(self) -> Iterator[Tensor]:
        """Those of all variables, weights first."""
        return (variable.value for variable in self._network.variables)

    def read(self, x: Any, spec: Spec) -> Read:
        """As the model declares it."""
        return self._network.read(x, spec)

    def call(self, given: Any) -> Any:
        """A pass in inference mode."""
        return self._network.call(given)

    @contextmanager
    def held(self, device: torch.device, seed: int) -> Generator[None]:
        """What Keras keeps, and what torch keeps of the same layers (which are modules on this backend)."""
        with self._network.held(seed), held(self._network.model, device, seed):
            yield

    def prefix(self, given: Any, layers: Sequence[Layer]) -> None:
        """Nothing is kept of a row: Keras' calls cannot be served."""

    def served(self, kept: None, rows: int) -> AbstractContextManager[None]:
        """Nothing was kept."""
        return nullcontext()
