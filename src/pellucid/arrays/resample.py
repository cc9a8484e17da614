"""Resizing maps along their axes, each as one small matrix product."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from array_api_compat import array_namespace
from jaxtyping import Float

from ..core.types import Native

Interpolation = Literal["bilinear", "nearest"]


def resize(maps: Native, size: Sequence[int], how: Interpolation = "bilinear") -> Native:
    """Resize ``(rows, *spatial)`` to ``(rows, *size)`` with pixel centres aligned (not corners)."""
    xp = array_namespace(maps)
    for axis, target in enumerate(size, start=1):
        matrix = xp.asarray(matrix_for(maps.shape[axis], target, how), dtype=maps.dtype, device=maps.device)
        maps = xp.moveaxis(xp.tensordot(maps, matrix, axes=((axis,), (1,))), -1, axis)
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
