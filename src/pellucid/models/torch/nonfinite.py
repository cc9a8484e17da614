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
from ..broken import IN_TARGET, in_gradient, in_output
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
                return in_output(name)
        values = [target.evaluate(outputs, rows).sum() for target in targets if target.layer is None]
        if not values or not all(torch.isfinite(value) for value in values):
            return IN_TARGET
        torch.autograd.grad(torch.stack(values).sum(), starts, allow_unused=True)
    broken = [number for number, g in gradients.items() if not torch.isfinite(g).all()]
    return in_gradient([name for name, _ in calls], broken)
