"""Numbers of players brought to the entries of the input, and the target at inputs that are changed there."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int, Shaped

from ..core.errors import InputError
from ..core.measure import Measured

MOST = 1 << 24
"""Entries that are made at a time."""


def at_entries(m: Measured, values: Shaped[np.ndarray, "samples players"], nobody: float) -> Shaped[np.ndarray, "samples ..."]:
    """For each entry of the input the value of its player; ``nobody`` where it has none."""
    owners = m.owners()
    flat = np.where(owners < 0, m.players, owners).reshape(m.samples, -1)
    padded = np.concatenate([values, np.full((m.samples, 1), nobody, values.dtype)], axis=1)
    return np.take_along_axis(padded, flat, axis=1).reshape(owners.shape)


def target_in_parts(
    m: Measured, owner: Int[np.ndarray, " rows"], build: Callable[[slice], Float[np.ndarray, "part ..."]]
) -> Float[np.ndarray, " rows"]:
    """The target at changed inputs, of which a part exists at a time."""
    found = np.empty(len(owner))
    size = max(MOST // max(m.input()[:1].size, 1), 1)
    for start in range(0, len(owner), size):
        part = slice(start, min(start + size, len(owner)))
        found[part] = m.target_at(owner[part], build(part))
    return found


def check_image(m: Measured, metric: str, least: int) -> None:
    """Refuse inputs with fewer axes than images have, that of the samples among them."""
    x = m.input()
    if x.ndim < least or x.dtype.kind not in "fiu":
        raise InputError(f"{metric} is for images; the input is {x.dtype} {x.shape}. Use deletion or aopc.")


def check_blends(m: Measured, metric: str, does: str, instead: str) -> None:
    """Refuse inputs whose numbers cannot be changed a little."""
    if not m.blends:
        raise InputError(f"{metric} {does}, and this input has words, whole numbers or categories; use {instead}.")
