"""Holding a module still while it is explained, and giving it back bit for bit as it was."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch

from ..turns import TURN, numpy_seeded


@contextmanager
def held(module: torch.nn.Module, device: torch.device, seed: int) -> Generator[None]:
    """Evaluation mode, seeded random numbers (of torch and NumPy) and autograd under our control; all of it undone at the end.

    Training flags are set and restored one module at a time (``train()`` may be overridden and would not remember a mixture).
    Buffers are put back, because a forward pass may write them. Parameters, their ``requires_grad`` and their ``.grad`` are
    never written: derivatives are taken with ``autograd.grad``. Threads take turns.
    """
    with ExitStack() as stack:
        stack.enter_context(TURN)
        modules = list(module.modules())
        modes = [m.training for m in modules]
        kept = _Kept(modules)
        devices = [device] if device.type == "cuda" else []
        stack.enter_context(numpy_seeded(seed))
        stack.enter_context(torch.random.fork_rng(devices))
        stack.enter_context(torch.inference_mode(False))
        if "torch._dynamo" in sys.modules:  # else nothing is compiled, and asking would import the compiler
            # Compiled modules run their original code: hooks are not traced, and the user's compiled graphs stay as they are.
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        if device.type == "cuda" and any(isinstance(m, torch.nn.RNNBase) for m in modules):
            # cuDNN differentiates recurrent layers in training mode only.
            stack.enter_context(torch.backends.cudnn.flags(enabled=False))
        fused = torch.backends.mha.get_fastpath_enabled()
        try:
            torch.backends.mha.set_fastpath_enabled(False)  # the fused attention of evaluation mode calls no inner layers
            for m in modules:
                if m.training:
                    m.training = False
            torch.default_generator.manual_seed(seed)  # torch.manual_seed would queue a call for CUDA, too, each time
            if device.type == "cuda":
                with torch.cuda.device(device):
                    torch.cuda.manual_seed(seed)
            yield
        finally:
            torch.backends.mha.set_fastpath_enabled(fused)
            for m, mode in zip(modules, modes, strict=True):
                if m.training is not mode:
                    m.training = mode
            kept.put_back()


class _Kept:
    """Copies of the tensors that a forward pass may write, those of one dtype and device in one piece."""

    def __init__(self, modules: list[torch.nn.Module]) -> None:
        groups: dict[Any, list[tuple[torch.nn.Module, str, torch.Tensor]]] = {}
        for m in modules:
            for name, tensor in _written(m):
                groups.setdefault((tensor.dtype, tensor.device), []).append((m, name, tensor))
        self._groups = [(group, _one([tensor for _, _, tensor in group])) for group in groups.values()]

    def put_back(self) -> None:
        """Write back what has changed, into the tensors that were there."""
        with torch.no_grad():
            for group, before in self._groups:
                tensors = [tensor for _, _, tensor in group]
                if not torch.equal(_one(tensors), before):
                    for tensor, old in zip(tensors, before.split([tensor.numel() for tensor in tensors]), strict=True):
                        tensor.copy_(old.reshape(tensor.shape))
                for m, name, tensor in group:
                    if getattr(m, name) is not tensor:
                        setattr(m, name, tensor)


def _one(tensors: list[torch.Tensor]) -> torch.Tensor:
    return torch.cat([tensor.detach().reshape(-1) for tensor in tensors])


def _written(module: torch.nn.Module) -> list[tuple[str, torch.Tensor]]:
    """Tensors that a forward pass may write: dense buffers, and embeddings that are renormalised when they are looked up."""
    own = [(name, b) for name, b in module._buffers.items() if b is not None and b.layout == torch.strided]
    if isinstance(module, (torch.nn.Embedding, torch.nn.EmbeddingBag)) and module.max_norm is not None:
        own.append(("weight", module.weight))
    return own
