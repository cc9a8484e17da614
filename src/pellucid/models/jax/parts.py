"""A batch in calls of compiled sizes: rows are padded on the way in, and the padding is cut off on the way out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from array_api_compat import array_namespace

from ...core.types import Rows
from ...core.view import Gradient, Place
from .arrays import native
from .outputs import Outputs


@dataclass(frozen=True)
class Part:
    """Rows ``start`` to ``stop - 1`` of a batch, in one call of ``size`` rows; ``static`` leaves have none."""

    start: int
    stop: int
    size: int
    static: Collection[Place] = ()

    @property
    def count(self) -> int:
        """Rows that are meant; the rest is padding."""
        return self.stop - self.start

    def of(self, given: Mapping[Place, Any], places: Sequence[Place]) -> tuple[Any, ...]:
        """These rows of what is given at places, the last one repeated."""
        return tuple(given[place] if place in self.static else self.pad(given[place]) for place in places)

    def pad(self, array: Any) -> Any:
        """These rows of an array."""
        array = array if self.count == len(array) else array[self.start : self.stop]
        if self.count == self.size:
            return array
        xp = np if isinstance(array, np.ndarray) else jnp
        return xp.concatenate([array, xp.repeat(array[-1:], self.size - self.count, axis=0)])

    def rows(self, rows: Rows) -> Rows:
        """The samples of these rows."""
        return rows[np.minimum(np.arange(self.start, self.start + self.size), self.stop - 1)]

    def cut(self, array: Any) -> Any:
        """A result without the padding; one that has not the rows first as it is."""
        array = native(array)
        return array[: self.count] if self.count < self.size and array.ndim and array.shape[0] == self.size else array


def joined(blocks: Sequence[Any]) -> Any:
    """Blocks of rows, one after the other."""
    return blocks[0] if len(blocks) == 1 else array_namespace(*blocks).concat(list(blocks))


def joined_outputs(pieces: Sequence[Outputs], parts: Sequence[Part]) -> Outputs:
    """Outputs of all parts. What has not the rows first belongs to no sample, and is that of the first."""
    if len(pieces) == 1:
        return pieces[0]

    def whole(blocks: Sequence[Any]) -> Any:
        first = all(block.ndim and len(block) == part.count for block, part in zip(blocks, parts, strict=True))
        return joined(blocks) if first else blocks[0]

    return pieces[0].put(whole(blocks) for blocks in zip(*(piece.arrays for piece in pieces), strict=True))


def joined_gradients(pieces: Sequence[Gradient], outputs: Any) -> Gradient:
    """Gradients of all parts as one, with these outputs."""

    def rows(blocks: Sequence[Sequence[Any]]) -> tuple[Any, ...]:
        return tuple(joined(places) for places in zip(*blocks, strict=True))

    def each(name: str) -> tuple[tuple[Any, ...], ...]:
        return tuple(rows(targets) for targets in zip(*(getattr(piece, name) for piece in pieces), strict=True))

    return Gradient(
        rows([piece.values for piece in pieces]),
        each("gradients"),
        rows([piece.points for piece in pieces]),
        outputs,
        each("hessian_products"),
        rows([piece.rates for piece in pieces]),
    )
