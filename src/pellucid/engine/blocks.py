"""What came back batch by batch, as one."""

from __future__ import annotations

from typing import Any

import numpy as np
from array_api_compat import array_namespace

from ..core import tree
from ..core.declare import AtInput
from ..core.types import Native


def joined(blocks: list[tuple[Native, ...]]) -> tuple[Native, ...]:
    """Blocks of rows, each by place, one after the other."""
    if len(blocks) == 1:
        return blocks[0]
    return tuple(array_namespace(*place).concat(place) for place in zip(*blocks, strict=True))


def joined_parts(parts: list[AtInput]) -> AtInput:
    """A pass over the samples as if it had been one batch."""
    values = tuple(np.concatenate(value) for value in zip(*(at.values for at in parts), strict=True))
    gradients = tuple(joined([*blocks]) for blocks in zip(*(at.gradients for at in parts), strict=True))
    return AtInput(values, gradients, joined([at.points for at in parts]))


def rows_first(outputs: Any, rows: int) -> dict[str, Native]:
    """The outputs that have the rows first; others (states, attention by layer, scalars) belong to no sample."""
    named = {name: leaf for name, leaf in tree.flatten(outputs).items() if hasattr(leaf, "ndim")}
    named = {name: leaf.reshape(1) if rows == 1 and not leaf.ndim else leaf for name, leaf in named.items()}
    return {name: leaf for name, leaf in named.items() if leaf.ndim and leaf.shape[0] == rows}


def joined_outputs(outputs: list[dict[str, Native]]) -> dict[str, Native]:
    """The outputs that every batch gave, by name."""
    names = [name for name in outputs[0] if all(name in each for each in outputs)]
    return {name: array_namespace(outputs[0][name]).concat([each[name] for each in outputs]) for name in names}
