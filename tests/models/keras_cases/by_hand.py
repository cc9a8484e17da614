"""What Keras and its backend themselves give: outputs, and derivatives of them, without us."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

BACKEND = keras.backend.backend()


def to_numpy(tensor: Any) -> np.ndarray:
    """Keras converts torch's tensors in a way that NumPy warns of."""
    tensor = keras.ops.convert_to_tensor(tensor)
    return tensor.detach().cpu().numpy() if BACKEND == "torch" else np.asarray(tensor)


def outputs(model: Any, given: Any) -> Any:
    """In inference mode, as NumPy."""
    called = lambda given: model(given, training=False)
    return keras.tree.map_structure(to_numpy, (jitted(called) if BACKEND == "jax" else called)(given))


def jitted(function: Callable[..., Any]) -> Callable[..., Any]:
    """One compilation; JAX would compile every operation on its own otherwise."""
    import jax

    return jax.jit(function)


def gradient(function: Callable[..., Any], *arrays: np.ndarray) -> list[np.ndarray]:
    """The derivatives of the sum of what a function of tensors gives."""
    if BACKEND == "torch":
        import torch

        leaves = [torch.from_numpy(array).requires_grad_() for array in arrays]
        return [g.numpy() for g in torch.autograd.grad(function(*leaves).sum(), leaves)]
    if BACKEND == "jax":
        import jax

        summed = lambda *leaves: function(*leaves).sum()
        return [np.asarray(g) for g in jitted(jax.grad(summed, argnums=tuple(range(len(arrays)))))(*arrays)]
    import tensorflow as tf

    leaves = [tf.constant(array) for array in arrays]
    with tf.GradientTape() as tape:
        tape.watch(leaves)
        summed = tf.reduce_sum(function(*leaves))
    return [g.numpy() for g in tape.gradient(summed, leaves)]


def close(found: Any, expected: Any, tolerance: float = 1e-5) -> None:
    """Within this share of the largest number, which is not zero."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    scale = np.abs(expected).max()
    assert scale > 0
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * scale)
