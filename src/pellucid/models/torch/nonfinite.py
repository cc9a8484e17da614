"""Which layer made the first NaN or infinity, forward or backward."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor

from ...core import tree
from ...core.targets import RowTarget
from ...core.types import Rows
from ..layers import Layers, innermost


def find(
    layers: Layers | None, run: Callable[[], Any], targets: Sequence[RowTarget], rows: Rows, inputs: Sequence[Tensor]
) -> str:
    """Run once more and say where the first NaN or infinity came up, as the end of a sentence.

    ``inputs`` are the leaves that ``run`` differentiates from; nothing is accumulated into any ``.grad``.
    """
    calls: list[tuple[str, Tensor]] = []
    gradients: dict[int, Tensor] = {}
    starts = list(inputs)

    def seen(name: str, _args: tuple[Any, ...], output: Any) -> None:
        for leaf in tree.flatten(output).values():
            if isinstance(leaf, Tensor) and leaf.is_floating_point():
                if not leaf.requires_grad:
                    starts.append(leaf.requires_grad_())
                number = len(calls)
                calls.append((name, leaf.detach().clone()))
                leaf.register_hook(lambda g: gradients.__setitem__(number, g.detach()))

    with nullcontext() if layers is None else layers.watched(innermost(layers.kinds()), seen), torch.enable_grad():
        outputs = run()
        for name, output in calls:
            if not torch.isfinite(output).all():
                return f"first in the output of layer {name!r}" if name else "in the model's output"
        values = [target.evaluate(outputs, rows).sum() for target in targets if target.layer is None]
        if not values or not all(torch.isfinite(value) for value in values):
            return "in the target, while every layer's output is finite"
        torch.autograd.grad(torch.stack(values).sum(), starts, allow_unused=True)
    return _backward(calls, gradients)


def _backward(calls: list[tuple[str, Tensor]], gradients: dict[int, Tensor]) -> str:
    """The layer that got a finite gradient and passed a broken one back."""
    broken = [number for number, g in gradients.items() if not torch.isfinite(g).all()]
    producer = max(broken) + 1 if broken else 0
    if producer < len(calls):
        return f"first in the gradient that layer {calls[producer][0]!r} passes back"
    return "first in the gradient of the target with respect to the model's output"
