"""A ``torch.nn.Module`` as a program of torch: how it is called, held still, and shortened."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from ...core.errors import CapabilityError
from ...core.targets import Layer
from ...core.view import Spec
from ..layers import Layers
from ..reading import Read, leaves_of
from ..wrap import Wrapped
from . import prefix
from .layers import ModuleLayers
from .state import held
from .view import TorchView


def view(wrapped: Wrapped) -> TorchView:
    """A module seen through PyTorch."""
    model = wrapped.model
    if not isinstance(model, nn.Module):
        raise CapabilityError(f"{type(model).__name__} is of torch, but no torch.nn.Module; put the function into a module.")
    module = getattr(model, "_orig_mod", model)  # what torch.compile was given: the same layers and weights
    return TorchView(ModuleProgram(module), wrapped.spec)


class ModuleProgram:
    """One module; see ``view.Program`` for what the methods promise."""

    adapter = "torch"

    def __init__(self, module: nn.Module) -> None:
        self.module = self.subject = module
        scripted = isinstance(module, torch.jit.ScriptModule)  # its inner modules take no hooks
        self.layers: Layers | None = None if scripted else ModuleLayers(module)
        self.versions: Mapping[str, str] = {"torch": torch.__version__}

    def tensors(self) -> Iterator[Tensor]:
        """Parameters, then buffers."""
        return itertools.chain(self.module.parameters(), self.module.buffers())

    def read(self, x: Any, spec: Spec) -> Read:
        """Leaves as they are."""
        return leaves_of(x, spec)

    def call(self, given: Any) -> Any:
        """A tuple as arguments, a mapping as keywords where ``forward`` takes them."""
        if isinstance(given, tuple):
            return self.module(*given)
        if isinstance(given, dict) and _takes_keywords(self.module, given):
            return self.module(**given)
        return self.module(given)

    def held(self, device: torch.device, seed: int) -> AbstractContextManager[None]:
        """Evaluation mode; see ``state.held``."""
        return held(self.module, device, seed)

    def prefix(self, given: Any, layers: Sequence[Layer]) -> prefix.Prefix:
        """The module calls that are over before these layers begin."""
        return prefix.record(self.module, list(layers), lambda: self.call(given))

    def served(self, kept: prefix.Prefix | None, rows: int) -> AbstractContextManager[None]:
        """What was kept of one row takes the place of those calls."""
        return prefix.served(kept, rows) if kept else nullcontext()


def _takes_keywords(module: nn.Module, given: Mapping[str, Any]) -> bool:
    try:
        inspect.signature(module.forward).bind(**{str(name): leaf for name, leaf in given.items()})
    except TypeError:
        return False
    return all(isinstance(name, str) for name in given)
