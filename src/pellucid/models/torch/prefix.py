"""What a module computes before a layer, kept from one row and served to many.

Where all rows of a batch are the same sample up to a layer whose output is replaced, every module call that is over before that
layer begins need not run again: it returns what it returned for one row, broadcast. Calls are counted as they were when it was
recorded, so a module that is used several times gives each call its own output.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import optree
import torch
from torch import Tensor, nn

from ...core.targets import Layer
from ..turns import only_here


@dataclass(frozen=True)
class _Call:
    """One finished call: its output, and how often each module had been called when it was over."""

    output: Any
    after: dict[nn.Module, int]


Prefix = dict[nn.Module, dict[int, _Call]]
"""Finished calls by module and number of the call."""


def record(module: nn.Module, layers: list[Layer], run: Callable[[], Any]) -> Prefix:
    """The calls that are over when the first of these layers is called, while ``run`` runs the module once."""
    named = dict(module.named_modules(remove_duplicate=False))
    ends = [(named[layer.name], layer.call or 1) for layer in layers]
    counts: dict[nn.Module, int] = {}
    begun: list[int] = []
    found: Prefix = {}
    over = False

    def begin(m: nn.Module, _args: Any) -> None:
        nonlocal over
        counts[m] = counts.get(m, 0) + 1
        begun.append(counts[m])
        over = over or any(m is end and counts[m] == call for end, call in ends)

    def end(m: nn.Module, _args: Any, output: Any) -> None:
        number = begun.pop()
        if not over:
            kept = optree.tree_map(lambda leaf: leaf.clone() if isinstance(leaf, Tensor) else leaf, output)
            found.setdefault(m, {})[number] = _Call(kept, dict(counts))  # what comes later may write into the output

    first, last = only_here(begin), only_here(end)
    handles = [h for m in module.modules() for h in (m.register_forward_pre_hook(first), m.register_forward_hook(last))]
    try:
        run()
    finally:
        for handle in handles:
            handle.remove()
    return found


@contextmanager
def served(prefix: Prefix, rows: int) -> Generator[None]:
    """While this holds, recorded calls return what was recorded, for so many rows."""
    counts: dict[nn.Module, int] = {}

    def broadcast(leaf: Any) -> Any:
        if not isinstance(leaf, Tensor):
            return leaf
        shared = leaf.ndim > 0 and len(leaf) == 1
        return (leaf.expand(rows, *leaf.shape[1:]) if shared else leaf).clone()  # the module may write into what it gets

    def forward_of(m: nn.Module, original: Callable[..., Any]) -> Callable[..., Any]:
        def forward(*args: Any, **kwargs: Any) -> Any:
            counts[m] = number = counts.get(m, 0) + 1
            known = prefix[m].get(number)
            if known is None:
                return original(*args, **kwargs)
            counts.update(known.after)
            with torch.no_grad():
                return optree.tree_map(broadcast, known.output)

        return forward

    held = {m: vars(m).get("forward") for m in prefix}
    try:
        for m in prefix:
            object.__setattr__(m, "forward", only_here(forward_of(m, m.forward), m.forward))
        yield
    finally:
        for m, own in held.items():
            if own is not None:
                object.__setattr__(m, "forward", own)
            elif "forward" in vars(m):
                object.__delattr__(m, "forward")
