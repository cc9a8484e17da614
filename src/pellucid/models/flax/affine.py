"""What affine layers of flax give for zero, and what their first layer takes; linen and nnx have the same layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp

from ..jax.arrays import native

DENSE = ("Dense", "Linear")
CONVOLUTIONS = ("Conv", "ConvTranspose", "ConvLocal")
NORM = "BatchNorm"


def bias(kind: str, weights: Mapping[str, Any], epsilon: float | None, axis: int | None) -> Any | None:
    """A bias by channel; of a batch norm over the last axis what is left when its input is zero; ``None`` for other layers."""
    if kind in (*DENSE, *CONVOLUTIONS):
        found = weights.get("bias")
    elif kind == NORM and axis == -1 and {"mean", "var"} <= set(weights):
        moved = -weights["mean"] / jnp.sqrt(weights["var"] + epsilon)
        found = moved * weights.get("scale", 1.0) + weights.get("bias", 0.0)
    else:
        return None
    return None if found is None or found.ndim != 1 else native(found)


def expected(kind: str, name: str, kernel: Any) -> str:
    """What a layer with this kernel takes, as a clause; empty for other kinds."""
    called = f" Its first layer with weights, {name or kind!r}, takes"
    if kind in DENSE and kernel is not None:
        return f"{called} (samples, {kernel.shape[0]})."
    if kind in CONVOLUTIONS and kernel is not None and kernel.ndim in (3, 4, 5):
        axes = {3: ("length",), 4: ("height", "width"), 5: ("depth", "height", "width")}[kernel.ndim]
        return f"{called} (samples, {', '.join(axes)}, {kernel.shape[-2]})."
    return ""
