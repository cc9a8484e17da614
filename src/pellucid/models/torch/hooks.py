"""Reading, differentiating and replacing the outputs of layer calls while a module runs."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import optree
from torch import Tensor, nn

from ...core.errors import LayerError, nearest
from ...core.targets import Layer

Edit = Callable[[Tensor], Tensor | None]


@contextmanager
def at_layers(module: nn.Module, edits: Sequence[tuple[Layer, Edit]]) -> Generator[None]:
    """While this holds, each edit sees the output of its layer call, and its result (if any) takes that output's place.

    Raises
    ------
    LayerError
        If there is no such layer, it was not called, not that often, or several times when no call was named.
    """
    if not edits:
        yield
        return
    calls: dict[int, int] = {}
    with ExitStack() as stack:
        for number, (layer, edit) in enumerate(edits):
            if layer.call is not None and layer.call < 1:
                raise LayerError(f"{layer.name!r}: call={layer.call} is not a call; the first is 1.")
            calls[number] = 0
            hook = _hook(number, layer, edit, calls)
            stack.enter_context(_removed(_named(module, layer.name).register_forward_hook(hook)))
        yield
        for number, (layer, _) in enumerate(edits):
            _check_calls(layer, calls[number])


def _named(module: nn.Module, name: str) -> nn.Module:
    try:
        return module.get_submodule(name)
    except AttributeError:
        known = [other for other, _ in module.named_modules(remove_duplicate=False)][1:]
        raise LayerError(f"the model has no layer {name!r}.{nearest(name, known)}") from None


def _hook(number: int, layer: Layer, edit: Edit, calls: dict[int, int]) -> Callable[[Any, Any, Any], Any]:
    def hook(_module: nn.Module, _args: Any, output: Any) -> Any:
        calls[number] += 1
        if calls[number] != (layer.call or 1):
            return None
        leaves, shape = optree.tree_flatten(output)
        first = next((i for i, leaf in enumerate(leaves) if isinstance(leaf, Tensor) and leaf.is_floating_point()), None)
        if first is None:
            raise LayerError(f"the output of {layer} holds no floating-point tensor.")
        edited = edit(leaves[first])
        if edited is None:
            return None
        leaves[first] = edited
        return optree.tree_unflatten(shape, leaves)

    return hook


def _check_calls(layer: Layer, calls: int) -> None:
    if calls == 0:
        raise LayerError(f"layer {layer.name!r} was not called when the model ran.")
    if layer.call is None and calls > 1:
        raise LayerError(
            f"layer {layer.name!r} is called {calls} times in one pass; say which with pl.Layer({layer.name!r}, call=1)."
        )
    if layer.call is not None and layer.call > calls:
        raise LayerError(f"layer {layer.name!r} is called {calls} times in one pass, not {layer.call}.")


@contextmanager
def _removed(handle: Any) -> Generator[None]:
    try:
        yield
    finally:
        handle.remove()
