"""Removed entries become one value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...core.declare import Passes
from ...core.errors import InputError
from ...core.features import Features
from ...core.players import Column
from ...core.tree import on_host
from .entries import blends, is_whole, native, refuse_text
from .masker import Removal, Replacement
from .rows import columns_of

SAID = 6
"""Columns with levels of which it is said what they were set to."""


@dataclass(frozen=True)
class Constant:
    """Removed entries become ``value``: a number, or an array that has the shape of one sample or broadcasts to it.

    Cost: one model row for each mask.

    Source: zeiler2014visualizing.

    Raises
    ------
    InputError
        If the value does not fit the samples: its shape, a fraction where they hold whole numbers, NaN, a code that a column of a
        table does not have, no column of a one-hot group (0) where it cannot be missing; and for texts.

    Examples
    --------
    >>> import pellucid as pl
    >>> pl.maskers.Constant(0.5)
    Constant(value=0.5)
    """

    value: Any = 0.0

    def prepare(self, passes: Passes, leaf: str, features: Sequence[Features]) -> Removal:
        """One replacement for all samples."""
        given = passes.leaf(leaf)
        refuse_text(given, "Constant")
        shape = tuple(int(size) for size in given.shape[1:])
        try:
            filled = np.broadcast_to(on_host(self.value), shape)
        except ValueError:
            raise InputError(
                f"Constant(value) has shape {np.shape(self.value)}, which does not broadcast to one sample of {leaf!r}, {shape}."
            ) from None
        if filled.dtype.kind not in "iufb" or np.isinf(filled).any():
            raise InputError(f"Constant(value) must be a finite number, or an array of them; got {self.value!r}.")
        if is_whole(given) and (filled != np.rint(filled)).any():
            raise InputError(f"{leaf!r} holds whole numbers ({given.dtype}), and Constant({self.value!r}) is none.")
        columns = columns_of(features)
        codes = ""
        if columns is not None:
            try:
                features[0].encode(filled[None])
            except InputError as error:
                raise InputError(
                    f"Constant({self.value!r}) makes no row of this table: {error} maskers.Background(rows) and Mean(rows) put "
                    "levels that exist in the place of those that are removed."
                ) from error
            codes = _levels(filled, columns)
        elif np.isnan(filled).any():
            raise InputError("Constant(nan) is no number; columns that can be missing are declared in features=.")
        says = (f"set to {float(self.value):g}" if np.ndim(self.value) == 0 else "set to a given array") + codes
        index = np.zeros((passes.samples, 1), int)
        return Replacement(passes, leaf, native(filled[None], given), index, says, soft=blends(features))


def _levels(filled: np.ndarray, columns: Sequence[Column]) -> str:
    """What the codes mean, for columns that have levels."""
    coded = [(column, int(code)) for column, code in zip(columns, filled, strict=True) if column.levels and not np.isnan(code)]
    said = [f"{column.name} to {[*column.levels, 'missing'][code]!r}" for column, code in coded[:SAID]]
    return f" ({', '.join(said)}{', ...' * (len(coded) > SAID)})" if said else ""
