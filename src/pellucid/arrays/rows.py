"""Arithmetic on packed rows: many samples' points in one batch, any number of leaves."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from array_api_compat import array_namespace

from ..core.types import Native, Rows


def flat(array: Native) -> Native:
    """An array as a matrix: rows, and everything else."""
    return array_namespace(array).reshape(array, (array.shape[0], math.prod(array.shape[1:])))


def spread(weights: Any, like: Native) -> Native:
    """One number per row, on the device and in the dtype of ``like``, shaped to multiply it."""
    xp = array_namespace(like)
    column = xp.asarray(np.asarray(weights, dtype=np.float64), dtype=like.dtype, device=like.device)
    return xp.reshape(column, (-1,) + (1,) * (like.ndim - 1))


def take(array: Native, rows: Any) -> Native:
    """Rows of an array by number."""
    xp = array_namespace(array)
    return xp.take(array, xp.asarray(np.asarray(rows), device=array.device), axis=0)


def owner_sums(array: Native, owners: Rows, first: int, last: int) -> Native:
    """Sum of the rows of each owner, for owners ``first`` to ``last - 1``."""
    xp = array_namespace(array)
    member = owners[None, :] == np.arange(first, last)[:, None]
    member = xp.asarray(member, dtype=array.dtype, device=array.device)
    return xp.reshape(member @ flat(array), (last - first, *array.shape[1:]))


def row_norms(*leaves: Native) -> Native:
    """Euclidean norm of each row over all leaves."""
    xp = array_namespace(*leaves)
    norms = [xp.linalg.vector_norm(leaf, axis=_within(leaf)) if leaf.ndim > 1 else abs(leaf) for leaf in leaves]
    return norms[0] if len(norms) == 1 else xp.linalg.vector_norm(xp.stack(norms), axis=0)


def row_sums(*leaves: Native) -> Native:
    """Sum of each row over all leaves."""
    xp = array_namespace(*leaves)
    sums = [xp.sum(leaf, axis=_within(leaf)) if leaf.ndim > 1 else leaf for leaf in leaves]
    return sum(sums[1:], sums[0])


def finite(array: Native) -> bool:
    """Whether no entry is NaN or infinite. A finite sum says so without another array as large; else each is looked at."""
    xp = array_namespace(array)
    return bool(xp.isfinite(xp.sum(array))) or bool(xp.all(xp.isfinite(array)))


def _within(array: Native) -> tuple[int, ...]:
    """All axes but that of the rows: reduced in place, whatever their order in memory."""
    return tuple(range(1, array.ndim))
