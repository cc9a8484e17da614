"""Holding a module still while it is explained, and giving it back bit for bit as it was."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager

import torch


@contextmanager
def held(module: torch.nn.Module, device: torch.device, seed: int) -> Generator[None]:
    """Evaluation mode, seeded random numbers and autograd under our control; all of it undone at the end.

    Training flags are set and restored one module at a time (``train()`` may be overridden and would not remember a mixture).
    Buffers are put back, because a forward pass may write them. Parameters, their ``requires_grad`` and their ``.grad`` are
    never written: derivatives are taken with ``autograd.grad``.
    """
    modules = list(module.modules())
    modes = [m.training for m in modules]
    kept = [(m, name, tensor, tensor.detach().clone()) for m in modules for name, tensor in _written(m)]
    devices = [device] if device.type == "cuda" else []
    with ExitStack() as stack:
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
            torch.manual_seed(seed)
            yield
        finally:
            torch.backends.mha.set_fastpath_enabled(fused)
            for m, mode in zip(modules, modes, strict=True):
                if m.training is not mode:
                    m.training = mode
            with torch.no_grad():
                for m, name, tensor, before in kept:
                    if not torch.equal(tensor, before):
                        tensor.copy_(before)
                    if getattr(m, name) is not tensor:
                        setattr(m, name, tensor)


def _written(module: torch.nn.Module) -> list[tuple[str, torch.Tensor]]:
    """Tensors that a forward pass may write: buffers, and embeddings that are renormalised when they are looked up."""
    own = [(name, buffer) for name, buffer in module._buffers.items() if buffer is not None]
    if getattr(module, "max_norm", None) is not None and isinstance(getattr(module, "weight", None), torch.Tensor):
        own.append(("weight", module.weight))
    return own
