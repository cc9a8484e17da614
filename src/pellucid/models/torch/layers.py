"""The modules inside a ``torch.nn.Module`` as ``Layers``."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Hashable, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from ..identity import Identity
from ..layers import Seen, Table
from ..turns import only_here


class ModuleLayers:
    """The modules of one module; see ``models.layers.Layers`` for what the methods promise."""

    def __init__(self, module: nn.Module) -> None:
        self.subject = module

    @cached_property
    def _modules(self) -> dict[str, nn.Module]:
        return dict(self.subject.named_modules(remove_duplicate=False))

    def kinds(self) -> Mapping[str, str]:
        """Classes by dotted name."""
        return {name: type(m).__name__ for name, m in self._modules.items()}

    def structure(self) -> Hashable:
        """The modules themselves, by name."""
        return tuple((name, Identity(m)) for name, m in self.subject.named_modules())

    @contextmanager
    def watched(self, names: Collection[str] | None, seen: Seen) -> Generator[None]:
        """Forward hooks while this holds; calls in other threads are not told."""
        watched = self.subject.named_modules() if names is None else ((name, self._modules[name]) for name in names)
        handles = [m.register_forward_hook(only_here(_hook(name, seen))) for name, m in watched]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def embeddings(self) -> Collection[str]:
        """Modules of the kind ``nn.Embedding``."""
        return [name for name, m in self.subject.named_modules() if isinstance(m, nn.Embedding)]

    def table(self, name: str) -> Table:
        """Its weight and ``padding_idx``."""
        embedding = self._modules[name]
        assert isinstance(embedding, nn.Embedding)
        table = embedding.weight.detach()
        return Table(table if table.dtype == torch.float64 else table.float(), embedding.padding_idx)

    def bias(self, name: str) -> Tensor | None:
        """Biases of convolutions and dense layers; of a batch norm what is left when its input is zero."""
        bias = _bias(self._modules[name])
        return None if bias is None else bias.detach() if bias.dtype == torch.float64 else bias.detach().float()

    def expected(self) -> str:
        """The shape that the first convolution or dense layer takes."""
        for name, m in self._modules.items():
            if isinstance(m, nn.Linear):
                return f" Its first layer with weights, {name or type(m).__name__!r}, takes (samples, {m.in_features})."
            for axes, kind in enumerate((nn.Conv1d, nn.Conv2d, nn.Conv3d)):
                if isinstance(m, kind):
                    spatial = (("length",), ("height", "width"), ("depth", "height", "width"))[axes]
                    return f" Its first layer with weights, {name!r}, takes (samples, {m.in_channels}, {', '.join(spatial)})."
        return ""


def _hook(name: str, seen: Seen) -> Callable[[nn.Module, tuple[Any, ...], Any], Any]:
    return lambda _module, args, output: seen(name, args, output)


def _bias(module: nn.Module) -> Tensor | None:
    if isinstance(module, (nn.modules.conv._ConvNd, nn.Linear)):
        return module.bias
    if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.running_mean is not None:
        moved = -module.running_mean / torch.sqrt(module.running_var + module.eps)
        return moved if module.weight is None else moved * module.weight + module.bias
    return None
