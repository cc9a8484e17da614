"""New weights for a copy of a module."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import nn

Draw = Callable[[str, np.ndarray], np.ndarray]


def layers(module: nn.Module) -> tuple[str, ...]:
    """Modules with parameters of their own."""
    return tuple(name for name, m in module.named_modules() if next(m.parameters(recurse=False), None) is not None)


def anew(module: nn.Module, draw: Draw, chosen: Sequence[str]) -> nn.Module:
    """A copy whose parameters in these modules are drawn."""
    made = copy.deepcopy(module)
    with torch.no_grad():
        for name in chosen:
            for own, parameter in made.get_submodule(name).named_parameters(recurse=False):
                held = parameter.detach().cpu().float().numpy()
                parameter.copy_(torch.from_numpy(draw(f"{name}.{own}", held)).to(parameter.dtype))
    return made
