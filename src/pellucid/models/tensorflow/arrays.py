"""Arrays in and out of TensorFlow: NumPy on one side, tensors on the other; what cannot be attributed is refused in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from ...core.errors import InputError
from .. import refusals


def refuse_unfit(x: Any) -> None:
    """Refuse what is no batch of dense numbers.

    Raises
    ------
    InputError
        If ``x`` is or holds a data set, or a ragged, sparse, symbolic or string tensor.
    """
    if isinstance(x, Mapping):
        for leaf in x.values():
            refuse_unfit(leaf)
    elif isinstance(x, (tuple, list)):
        for leaf in x:
            refuse_unfit(leaf)
    elif isinstance(x, (tf.data.Dataset, tf.data.Iterator)):
        raise InputError(
            f"x is a {type(x).__name__}, which makes batches; give one batch of it: x = next(iter(dataset)), without the labels "
            "where it has some: x, labels = next(iter(dataset))."
        )
    elif isinstance(x, tf.RaggedTensor):
        raise InputError(
            "ragged tensors are not attributed; pass the input padded: x.to_tensor(), with a mask if the model has one."
        )
    elif isinstance(x, tf.SparseTensor):
        raise InputError("sparse tensors are not attributed; pass the input dense: tf.sparse.to_dense(x).")
    elif tf.is_tensor(x) and x.dtype == tf.string:
        raise InputError(
            "string tensors have no derivative; pass what the text is encoded as. A function of a list of strings is explained "
            "with pl.wrap(fn)."
        )
    elif tf.is_symbolic_tensor(x):
        raise InputError("x is a symbolic tensor, without values; explain outside of tf.function, with arrays.")


def native(array: Any, working: np.dtype) -> np.ndarray:
    """A NumPy array; floats in the working dtype, integers as they are."""
    host = np.asarray(array.detach().cpu() if hasattr(array, "detach") else array)
    if host.dtype.kind == "c":
        raise refusals.complex_input()
    return host.astype(working, copy=False) if is_floating(host) else host


def to_numpy(array: Any) -> np.ndarray:
    """A copy on the host; half precision as float32."""
    host = np.array(array.detach().cpu() if hasattr(array, "detach") else array)
    return host.astype(np.float32) if is_floating(host) and host.dtype.itemsize < 4 else host


def is_floating(array: np.ndarray) -> bool:
    """Whether these are floating-point numbers, bfloat16 included."""
    return "float" in array.dtype.name


def at_least_single(tensor: Any) -> Any:
    """A tensor that NumPy knows: half precision as float32."""
    return tf.cast(tensor, tf.float32) if tensor.dtype in (tf.float16, tf.bfloat16) else tensor


def number(leaf: Any, name: str) -> Any:
    """An output as a dense tensor of numbers; ``None`` for strings."""
    if isinstance(leaf, (tf.RaggedTensor, tf.SparseTensor)):
        raise InputError(f"output {name!r} is a {type(leaf).__name__}; return a dense tensor with one row per sample.")
    tensor = at_least_single(tf.convert_to_tensor(leaf))
    return None if tensor.dtype in (tf.string, tf.variant, tf.resource) else tensor


def device_of(variables: Iterable[Any]) -> str:
    """Where variables are, else where TensorFlow computes: ``"cpu"`` or ``"gpu:0"``."""
    places = [tf.DeviceSpec.from_string(variable.device) for variable in variables if getattr(variable, "device", "")]
    accelerators = [f"{place.device_type.lower()}:{place.device_index or 0}" for place in places if place.device_type != "CPU"]
    if places:
        return accelerators[0] if accelerators else "cpu"
    return "gpu:0" if tf.config.list_logical_devices("GPU") else "cpu"
