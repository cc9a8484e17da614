"""A copy of a module that takes a shift off its input."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn

from ...core import tree
from ...core.errors import CapabilityError


def shifted(module: Any, leaf: str, shift: float) -> nn.Module:
    """A copy with a hook before its forward pass: no layer is added, and none changes its name."""
    inner = getattr(module, "_orig_mod", module)  # what torch.compile was given: the outer one is not called
    if not isinstance(inner, nn.Module) or isinstance(inner, torch.jit.ScriptModule):  # which takes no hooks
        raise CapabilityError(
            f"the input of a {type(inner).__name__} is not shifted here; give the torch.nn.Module that it was made of."
        )
    made = copy.deepcopy(inner)

    def take_off(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        if leaf in tree.flatten(kwargs) and kwargs:
            return args, _less(kwargs, leaf, shift)
        if len(args) == 1 and leaf in tree.flatten(args[0]):
            return (_less(args[0], leaf, shift),), kwargs
        return _less(args, leaf, shift), kwargs

    made.register_forward_pre_hook(take_off, with_kwargs=True)
    return made


def _less(given: Any, leaf: str, shift: float) -> Any:
    names = iter(tree.flatten(given))
    return tree.map_leaves(lambda each: each - shift if next(names) == leaf else each, given)
