"""Exported programs as modules."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from ...core.warned import warn


def module_of(archive: BytesIO) -> nn.Module:
    """The module in an archive whose every part was checked: with its layers, or, where its batch size is fixed, in batches."""
    before = logging.root.manager.disable
    with warnings.catch_warnings(action="ignore", category=FutureWarning):  # torch's, about itself
        try:
            logging.disable(logging.CRITICAL)  # torch talks about files that it then refuses
            program = torch.export.load(archive)
        finally:
            logging.disable(before)
        size = batch_size(program)
        if size is None:
            return _with_layers(program)
    warn(
        f"the program was exported for batches of {size}; rows are run in such batches, and its layers cannot be seen. "
        "Export it with dynamic_shapes={'x': {0: torch.export.Dim.AUTO}} (x: the name of its input) to change both.",
    )
    return InBatches(program.module(check_guards=False), size)


def _with_layers(program: torch.export.ExportedProgram) -> nn.Module:
    """The modules that the program was exported from, as far as it tells; else one module that shows none."""
    try:
        return torch.export.unflatten(program)
    except Exception as error:  # torch does not say what it takes, and the program runs without its layers, too
        warn(
            f"the layers of the program cannot be told apart ({type(error).__name__}: {error}); it is one module.",
        )
        return program.module(check_guards=False)


def batch_size(program: torch.export.ExportedProgram) -> int | None:
    """The one size that the first axis of the inputs may have; ``None`` where any will do."""
    values = [node.meta.get("val") for node in program.graph.nodes if node.name in program.graph_signature.user_inputs]
    sizes = [value.shape[0] for value in values if isinstance(value, Tensor) and value.ndim]
    return next((size for size in sizes if isinstance(size, int)), None)


class InBatches(nn.Module):
    """A program that takes one size of batch: rows are cut, and the last batch is filled up with its last row."""

    def __init__(self, program: nn.Module, size: int) -> None:
        super().__init__()
        self.size = size
        # Hidden from hooks: its layers see other rows than the model is given.
        self.__dict__["program"] = program
        for name, parameter in program.named_parameters():
            self.register_parameter(name.replace(".", "/"), parameter)
        for name, buffer in program.named_buffers():
            self.register_buffer(name.replace(".", "/"), buffer)

    def forward(self, *inputs: Any, **named: Any) -> Any:
        """The outputs for any number of rows."""
        leaves, spec = pytree.tree_flatten((inputs, named))
        rows = next((len(leaf) for leaf in leaves if isinstance(leaf, Tensor) and leaf.ndim), self.size)
        if rows == self.size:
            return self.program(*inputs, **named)
        parts = []
        for first in range(0, rows, self.size):
            cut = [self._cut(leaf, first, rows) for leaf in leaves]
            given, named_part = pytree.tree_unflatten(cut, spec)
            parts.append(pytree.tree_flatten(self.program(*given, **named_part)))
        joined = [self._joined(held, rows) for held in zip(*(flat for flat, _ in parts), strict=True)]
        return pytree.tree_unflatten(joined, parts[0][1])

    def _cut(self, leaf: Any, first: int, rows: int) -> Any:
        if not isinstance(leaf, Tensor) or not leaf.ndim or len(leaf) != rows:
            return leaf
        part = leaf[first : first + self.size]
        missing = self.size - len(part)
        return torch.cat([part, part[-1:].expand(missing, *part.shape[1:])]) if missing else part

    def _joined(self, held: Sequence[Any], rows: int) -> Any:
        if not isinstance(held[0], Tensor) or not held[0].ndim or len(held[0]) != self.size:
            return held[0]
        return torch.cat(list(held))[:rows]
