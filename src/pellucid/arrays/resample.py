"""Resizing maps along their axes, each as one small matrix product."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from array_api_compat import array_namespace
from jaxtyping import Float

from ..core.types import Native

Interpolation = Literal["bilinear", "nearest"]


def resize(maps: Native, size: Sequence[int], how: Interpolation = "bilinear") -> Native:
    """Resize ``(rows, *spatial)`` to ``(rows, *size)`` with pixel centres aligned (not corners)."""
    return stretched(maps, matrices(maps.shape[1:], size, how, maps))


def matrices(source: Sequence[int], size: Sequence[int], how: Interpolation, like: Native) -> list[Native]:
    """One matrix per axis, in the dtype and on the device of ``like``; made once where many maps are resized alike."""
    xp = array_namespace(like)
    made = [matrix_for(length, target, how) for length, target in zip(source, size, strict=True)]
    return [xp.asarray(matrix, dtype=like.dtype, device=like.device) for matrix in made]


def extremes(maps: Native, size: Sequence[int]) -> tuple[Native, Native]:
    """Smallest and largest value that each map ``(rows, *spatial)`` has after it is resized to ``size``, bilinearly.

    Between neighbouring pixels a resized map is linear along each axis, so that only the first and the last position between
    any two of them can be extreme: few products, however large the size.
    """
    xp = array_namespace(maps)
    made = [matrix_for(length, target, "bilinear") for length, target in zip(maps.shape[1:], size, strict=True)]
    ends = [xp.asarray(matrix[_ends(matrix)], dtype=maps.dtype, device=maps.device) for matrix in made]
    corners = xp.reshape(stretched(maps, ends), (maps.shape[0], -1))
    return xp.min(corners, axis=1), xp.max(corners, axis=1)


def stretched(maps: Native, by: Sequence[Native]) -> Native:
    """Maps ``(rows, *spatial)``, each spatial axis multiplied by its matrix.

    The last axis comes first: the largest product, at the end, then writes its result in order, and nothing is transposed.
    """
    xp = array_namespace(maps)
    for axis in range(len(by), 0, -1):
        matrix, shape = by[axis - 1], tuple(maps.shape)
        after = math.prod(shape[axis + 1 :])
        if after == 1:
            maps = xp.matmul(xp.reshape(maps, (-1, shape[axis])), xp.matrix_transpose(matrix))
        else:
            maps = xp.matmul(matrix, xp.reshape(maps, (-1, shape[axis], after)))
        maps = xp.reshape(maps, (*shape[:axis], matrix.shape[0], *shape[axis + 1 :]))
    return maps


def matrix_for(source: int, target: int, how: Interpolation) -> Float[np.ndarray, "target source"]:
    """Row ``i`` says how target pixel ``i`` is mixed from source pixels; rows sum to 1."""
    centre = np.clip((np.arange(target) + 0.5) * source / target - 0.5, 0, source - 1)
    if how == "nearest":
        nearest = np.floor((np.arange(target) + 0.5) * source / target).astype(int)
        return np.eye(source)[nearest]
    low = np.floor(centre).astype(int)
    high = np.minimum(low + 1, source - 1)
    share = (centre - low)[:, None]
    eye = np.eye(source)
    return (1 - share) * eye[low] + share * eye[high]


def _ends(matrix: Float[np.ndarray, "target source"]) -> np.ndarray:
    """Positions that are the first or the last between two source pixels."""
    low = (matrix > 0).argmax(axis=1)
    changes = np.flatnonzero(np.diff(low))
    return np.unique(np.concatenate([[0, len(low) - 1], changes, changes + 1]))
