"""Slow, obvious twins on TensorFlow tensors: eager GradientTape loops, one row at a time, formulas as the papers write them.

A model is a function of a batch; one that is read at a layer is ``both``, which gives the layer's output and the model's.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf


def gradient(model: Callable[[Any], Any], row: np.ndarray, target: int) -> np.ndarray:
    """Of one output at one row."""
    x = tf.constant(row[None])
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = model(x)[0, target]
    return tape.gradient(value, x)[0].numpy()


def integrated_gradients(model: Callable[[Any], Any], row: np.ndarray, base: np.ndarray, target: int, nodes: int) -> np.ndarray:
    """Midpoint rule."""
    slopes = [gradient(model, (base + (k + 0.5) / nodes * (row - base)).astype(row.dtype), target) for k in range(nodes)]
    return (row - base) * np.mean(slopes, axis=0)


def smoothgrad(model: Callable[[Any], Any], row: np.ndarray, noise: Sequence[np.ndarray], target: int) -> np.ndarray:
    """Mean over noisy copies."""
    return np.mean([gradient(model, (row + drawn).astype(row.dtype), target) for drawn in noise], axis=0)


def at_layer(both: Callable[[Any], Any], row: np.ndarray, target: int) -> tuple[np.ndarray, np.ndarray]:
    """A layer's output and the gradient there, from one tape."""
    with tf.GradientTape() as tape:
        x = tf.constant(row[None])
        tape.watch(x)
        activation, outputs = both(x)
        value = outputs[0, target]
    return activation[0].numpy(), tape.gradient(value, activation)[0].numpy()


def grad_cam(both: Callable[[Any], Any], row: np.ndarray, target: int) -> np.ndarray:
    """The map in the size of the layer: channels last, weighted by the mean of their gradients."""
    activation, slopes = at_layer(both, row, target)
    return np.maximum((activation * slopes.mean((0, 1))).sum(-1), 0)


def conductance(both: Callable[[Any], Any], row: np.ndarray, base: np.ndarray, target: int, nodes: int) -> np.ndarray:
    """Trapezoid sums of the gradient at a layer along the steps of its own output."""
    path = [at_layer(both, (base + k / nodes * (row - base)).astype(row.dtype), target) for k in range(nodes + 1)]
    return sum((path[k][1] + path[k + 1][1]) / 2 * (path[k + 1][0] - path[k][0]) for k in range(nodes))


def integrated_hessian(
    model: Callable[[Any], Any], row: np.ndarray, base: np.ndarray, feature: int, target: int, nodes: int
) -> np.ndarray:
    """The paper's double integral by the midpoint rule, from whole Hessians of rows with one axis."""
    delta, total = row - base, np.zeros(len(row))
    places = (np.arange(nodes) + 0.5) / nodes
    for a in places:
        for b in places:
            point = (base + a * b * (row - base)).astype(row.dtype)
            total += a * b * _hessian(model, point, target)[feature] * delta[feature] * delta
            total[feature] += delta[feature] * gradient(model, point, target)[feature]
    return total / nodes**2


def _hessian(model: Callable[[Any], Any], row: np.ndarray, target: int) -> np.ndarray:
    x = tf.constant(row[None])
    with tf.GradientTape(persistent=True) as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            value = model(x)[0, target]
        slopes = tf.unstack(inner.gradient(value, x)[0])
    return np.stack([outer.gradient(each, x)[0].numpy() for each in slopes])
