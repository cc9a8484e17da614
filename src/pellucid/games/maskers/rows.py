"""Background rows as a user gives them: checked, and in the numbers of the leaf."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.declare import Passes
from ...core.errors import InputError
from ...core.features import Features
from ...core.players import Column
from ...core.tree import on_host
from .entries import refuse_text


def background(passes: Passes, leaf: str, features: Sequence[Features], rows: Any, masker: str) -> np.ndarray:
    """Rows ``(rows, *shape of a sample)`` on the host: of an array, or of a frame where the samples came from one."""
    given = passes.leaf(leaf)
    refuse_text(given, masker)
    framed = hasattr(rows, "columns") and hasattr(rows, "dtypes")
    schema = columns_of(features)
    if framed and schema is None:
        raise InputError(f"{masker}(rows) is a frame, and the samples of {leaf!r} are no table; give an array of rows like them.")
    array = rows if framed else _numbers(rows, masker)
    sample = tuple(int(size) for size in given.shape[1:])
    if not framed:
        array = array[None] if array.shape == sample else array
        if array.shape[1:] != sample:
            raise InputError(
                f"{masker}(rows) has shape {array.shape}; rows must be like the samples of {leaf!r}: "
                f"({', '.join(['rows', *map(str, sample)])})."
            )
    if not len(array):
        raise InputError(f"{masker}(rows) has no rows; at least one is needed.")
    if schema is not None:
        return features[0].encode(array)  # refuses what is not in the columns, in words
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        bad = int(np.flatnonzero(~np.isfinite(array).reshape(len(array), -1).all(axis=1))[0])
        raise InputError(f"{masker}(rows) has NaN or infinity in row {bad}.")
    return array


def columns_of(features: Sequence[Features]) -> tuple[Column, ...] | None:
    """The columns of a table; ``None`` for other inputs."""
    return features[0].columns if features else None


def _numbers(rows: Any, masker: str) -> np.ndarray:
    try:
        array = on_host(rows)
    except (TypeError, ValueError) as error:
        raise InputError(f"{masker}(rows) is no array of numbers ({error}).") from error
    if array.dtype.kind not in "iufb":
        raise InputError(f"{masker}(rows) must be an array of numbers (or a frame); got {array.dtype} {array.shape}.")
    return array
