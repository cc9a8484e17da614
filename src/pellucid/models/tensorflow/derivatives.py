"""Derivatives from the tapes of a pass: gradients, Hessian-vector products, and speeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from ...core.errors import CapabilityError
from ...core.view import Place
from .. import refusals
from .arrays import at_least_single


def gradients(tape: Any, value: Any, wrt: Sequence[Place], points: Mapping[Place, Any]) -> list[Any]:
    """The derivative of a value by the point at each place, zero where it does not depend on it.

    Raises
    ------
    LayerError, CapabilityError
        If it depends on none of them, or an operation has no derivative.
    """
    if not value.dtype.is_floating:
        raise refusals.not_floating(value.dtype.name)
    order = [points[place] for place in wrt]
    found = taken(tape, value, order)
    if all(g is None for g in found):
        raise refusals.not_reached(wrt, "TensorFlow", "was computed in NumPy")
    return [zero_if_none(g, point) for g, point in zip(found, order, strict=True)]


def output_read(tape: Any, value: Any, outputs: Mapping[str, Any]) -> Any:
    """The one output that a value depends on."""
    floating = {name: leaf for name, leaf in outputs.items() if leaf.dtype.is_floating}
    found = taken(tape, value, list(floating.values()))
    read = [name for name, g in zip(floating, found, strict=True) if g is not None]
    if len(read) != 1:
        raise refusals.several_outputs(read)
    return floating[read[0]]


def taken(tape: Any, value: Any, sources: Sequence[Any], weights: Any = None, what: str = "derivative") -> list[Any]:
    """Gradients from a tape, ``None`` where there is no way; an operation that has none is an error in words."""
    try:
        found = tape.gradient(value, list(sources), output_gradients=weights)
    except LookupError as error:
        raise CapabilityError(f"an operation of the model has no {what} in TensorFlow: {error}") from error
    return [None if g is None else tf.convert_to_tensor(g) for g in found]


def zero_if_none(gradient: Any, like: Any) -> Any:
    """What is not connected has no influence."""
    return tf.zeros_like(like) if gradient is None else gradient


def slope(gradients: Sequence[Any], directions: Sequence[Any]) -> Any:
    """Gradients times directions: its derivative is that of the gradients in the directions."""
    pairs = [(at_least_single(g), v) for g, v in zip(gradients, directions, strict=True)]
    return tf.add_n([tf.reduce_sum(g * tf.cast(v, g.dtype)) for g, v in pairs])


class Speed:
    """How a layer's output follows when earlier places move: a product with the Jacobian, as two with its transpose.

    Made while ``outer`` records; read afterwards.
    """

    def __init__(self, inner: Any, outer: Any, output: Any, points: Mapping[Place, Any], moved: Mapping[Place, Any]) -> None:
        self._weights = tf.zeros_like(output)
        outer.watch(self._weights)
        pulled = taken(inner, output, [points[place] for place in moved], self._weights)
        reached = [(g, v) for g, v in zip(pulled, moved.values(), strict=True) if g is not None]
        self._slope = slope(*zip(*reached, strict=True)) if reached else None

    def of(self, outer: Any) -> Any:
        """Its speed, zero where nothing that moves leads to it."""
        found = None if self._slope is None else taken(outer, self._slope, [self._weights])[0]
        return at_least_single(zero_if_none(found, self._weights))
