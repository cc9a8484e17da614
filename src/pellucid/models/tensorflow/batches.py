"""A function that takes one number of rows, for any number of them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import tensorflow as tf

from ...core import tree


def in_batches_of(size: int, call: Callable[[Any], Any], given: Any, static: Collection[str]) -> Any:
    """Outputs for all rows, ``size`` at a time; the last row stands in for those that the last batch lacks."""
    leaves, shape, found = tree.flatten(given), tree.skeleton(given), {}
    rows = tf.shape(next(leaf for name, leaf in leaves.items() if name not in static))[0]

    def cut(leaf: Any) -> Any:
        whole = tf.concat([leaf, tf.repeat(leaf[-1:], -rows % size, axis=0)], axis=0)
        return tf.reshape(whole, tf.concat([[-1, size], tf.shape(leaf)[1:]], axis=0))

    def on_batch(batch: dict[str, Any]) -> dict[str, Any]:
        outputs = call(tree.fill(shape, {**leaves, **batch}))
        found["shape"] = tree.skeleton(outputs)
        return tree.flatten(outputs)

    batches = {
        name: tf.ensure_shape(cut(leaf), (None, size, *leaf.shape[1:])) for name, leaf in leaves.items() if name not in static
    }
    one = {name: tf.TensorSpec(batch.shape[1:], batch.dtype) for name, batch in batches.items()}
    traced = tf.function(on_batch, autograph=False).get_concrete_function(one)
    made = tf.map_fn(lambda batch: traced(batch), batches, fn_output_signature=_specs(traced.structured_outputs))

    def joined(leaf: Any) -> Any:
        return tf.reshape(leaf, tf.concat([[-1], tf.shape(leaf)[2:]], axis=0))[:rows]

    return tree.fill(found["shape"], {name: joined(leaf) for name, leaf in made.items()})


def _specs(tensors: dict[str, Any]) -> dict[str, tf.TensorSpec]:
    return {name: tf.TensorSpec(tensor.shape, tensor.dtype) for name, tensor in tensors.items()}
