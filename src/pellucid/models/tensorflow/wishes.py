"""Targets as tracing sees them: what must be known while a pass is traced, and what can be given to it when it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from ...core import tree
from ...core.errors import TargetError
from ...core.targets import Layer, RowTarget, Target
from ...core.types import Rows
from .arrays import at_least_single, number

Shape = Sequence[int | None] | None
"""As tracing knows it: ``None`` for an axis, or for all, that it cannot tell."""


@dataclass(frozen=True)
class Wish:
    """What is traced of a target. Which entries it picks is given when the pass runs, so one trace serves all classes.

    ``leaf`` is the output that the user named, ``layer`` that of a neuron.
    """

    function: Callable[..., Any] | None = None
    labelled: bool = False
    layer: Layer | None = None
    leaf: str | None = None


class UnknownShape(Exception):
    """The shape of an output cannot be told by tracing; running tells it."""


def wish_of(target: RowTarget) -> Wish:
    """The part of a target that is traced."""
    wish = target.wish
    if isinstance(wish, Target):
        return Wish(wish.function, wish.labels is not None)
    named = wish[0] if isinstance(wish, tuple) and wish and isinstance(wish[0], str) else None
    return Wish(layer=target.layer, leaf=named)


def leaf_of(target: RowTarget, rows: Rows, shapes: Mapping[str, Shape]) -> str:
    """The output that a target picks entries of."""
    if target.leaf is None:
        sketch = _sketch(target, rows)
        sketch.evaluate(_zeros(shapes, len(rows)), np.arange(len(rows)))
        return sketch.leaf or ""
    return target.leaf


def settled(target: RowTarget, rows: Rows) -> bool:
    """Whether what a target picks is known, or is nothing: a function of the outputs."""
    if isinstance(target.wish, Target):
        return True
    return target.indices is not None and bool((target.indices[rows] >= 0).all())


def spec_of(target: RowTarget, to_native: Callable[[Any], np.ndarray]) -> tf.TensorSpec:
    """What a pass is given for a target: see ``given_to``."""
    if not isinstance(target.wish, Target):
        return tf.TensorSpec((None, None), tf.int32)
    if target.wish.labels is None:
        return tf.TensorSpec((0,), tf.int32)
    labels = to_native(target.wish.labels)
    return tf.TensorSpec((None, *labels.shape[1:]), labels.dtype)


def given_to(
    target: RowTarget,
    rows: Rows,
    shapes: Mapping[str, Shape],
    of_layers: Mapping[Layer, Shape],
    to_native: Callable[[Any], np.ndarray],
) -> np.ndarray:
    """What a traced pass is given for a target: the entries that it picks, the labels of its function, or nothing."""
    if not isinstance(target.wish, Target):
        return entries(target, rows, shapes, of_layers.get(target.layer) if target.layer else None)
    return np.zeros(0, np.int32) if target.wish.labels is None else to_native(target.wish.labels)[rows]


def entries(target: RowTarget, rows: Rows, shapes: Mapping[str, Shape], of_layer: Shape = None) -> np.ndarray:
    """The entries that a target picks, int ``(rows, axes)``; -1 for what is predicted and not known yet.

    Raises
    ------
    UnknownShape
        If that depends on a shape that only running tells.
    """
    if not settled(target, rows):
        numbers = np.arange(len(rows))
        sketch = _sketch(target, rows)
        layer = None if target.layer is None else _zero(of_layer, len(rows))
        sketch.evaluate(_zeros(shapes, len(rows)), numbers, layer)
        assert sketch.indices is not None
        if isinstance(target.wish, str) and target.wish == "predicted" and sketch.indices.shape[1] == 1:
            return np.full((len(rows), 1), -1, np.int32)
        target.evaluate(_zeros(shapes, len(rows)), rows, layer)
    assert target.indices is not None
    return target.indices[rows].astype(np.int32)


def picked(scores: Any, entry: Any) -> Any:
    """One number per row: these entries of a tensor, the largest of a vector where an entry is -1."""
    if scores.shape.rank == 0:
        scores = tf.reshape(scores, [1])
    if scores.shape.rank == 2:
        best = tf.argmax(scores, axis=1, output_type=entry.dtype)[:, None]
        entry = tf.where(entry < 0, best, entry)
    rows = tf.range(tf.shape(entry)[0], dtype=entry.dtype)[:, None]
    return tf.gather_nd(scores, tf.concat([rows, entry], axis=1))


def value_as_it_stands(target: RowTarget, outputs: Any, rows: Rows, layer: Any = None) -> Any:
    """One number per row of tensors that have values; resolves the target."""
    if isinstance(target.wish, Target):
        return at_least_single(tf.convert_to_tensor(target.evaluate(outputs, rows)))
    named = {name: number(leaf, name) for name, leaf in tree.flatten(outputs).items()}
    host = {name: leaf.numpy() for name, leaf in named.items() if leaf is not None}
    target.evaluate(host, rows, None if layer is None else layer.numpy())
    assert target.indices is not None
    scores = named[target.leaf or ""] if layer is None else layer
    return picked(scores, tf.constant(target.indices[rows], tf.int32))


def called(function: Callable[..., Any], outputs: Any, labels: Sequence[Any]) -> Any:
    """What the function of a ``Target`` makes of tensors, while it is traced."""
    value = at_least_single(tf.convert_to_tensor(function(outputs, *labels)))
    if value.shape.rank not in (None, 1):
        raise TargetError(f"the function of Target must return one number per row; it returned shape {value.shape}.")
    return value


def _sketch(target: RowTarget, rows: Rows) -> RowTarget:
    """The target of these rows alone, to try on zeros."""
    wish = target.wish[rows] if isinstance(target.wish, np.ndarray) else target.wish
    return RowTarget(wish, len(rows), target.classes)


def _zeros(shapes: Mapping[str, Shape], rows: int) -> dict[str, np.ndarray]:
    return {name: _zero(shape, rows) for name, shape in shapes.items()}


def _zero(shape: Shape, rows: int) -> np.ndarray:
    if shape is None or any(size is None for size in shape[1:]):
        raise UnknownShape
    sizes = [rows if size is None else size for size in shape]
    return np.broadcast_to(np.float32(0), sizes)
