"""Arrays in and out of JAX: NumPy on a CPU, where they are the same memory; JAX's own on any other device, where they stay."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ...core import tree
from .. import refusals


def is_floating(array: Any) -> bool:
    """Whether these are floating-point numbers, half precision included."""
    return jnp.issubdtype(array.dtype, jnp.floating)


def wide(array: Any) -> Any:
    """A JAX array; half precision as float32."""
    array = jnp.asarray(array)
    return array.astype(jnp.float32) if is_floating(array) and array.dtype.itemsize < 4 else array


def cast(array: Any, dtype: Any) -> Any:
    """Floats in the dtype in which a model computes; ``None`` is that of its inputs."""
    return array.astype(dtype) if dtype is not None and is_floating(array) else array


def devices_of(arrays: Any) -> set[jax.Device]:
    """All devices on which a tree of arrays lies."""
    return {device for leaf in jax.tree.leaves(arrays) if isinstance(leaf, jax.Array) for device in leaf.devices()}


def on_host(devices: set[jax.Device]) -> bool:
    """Whether these are CPUs: NumPy has the same memory there, and compiles nothing anew for each shape."""
    return all(device.platform == "cpu" for device in devices)


def first(devices: set[jax.Device]) -> jax.Device:
    """Where arrays are gathered that lie on several devices: kernels know one."""
    return min(devices, key=lambda device: device.id)


def native(array: Any) -> Any:
    """A JAX array as kernels see it, in at least float32."""
    devices = devices_of(array)
    if on_host(devices):
        return np.asarray(wide(array))
    return jax.device_put(wide(array), first(devices)) if len(devices) > 1 else wide(array)


def read(array: Any, floating: Any) -> np.ndarray | jax.Array:
    """An array of any framework in a dtype that JAX has, floats in ``floating``.

    Raises
    ------
    InputError
        If it holds complex numbers.
    """
    array = array if isinstance(array, jax.Array) else tree.on_host(array)
    if array.dtype.kind == "c":
        raise refusals.complex_input()
    wanted = floating if is_floating(array) else jax.dtypes.canonicalize_dtype(array.dtype)
    return array.astype(wanted) if array.dtype != wanted else array


def common_dtype(state: Any) -> np.dtype | None:
    """The floating dtype of most parameters; ``None`` where there are none."""
    counts: dict[np.dtype, int] = {}
    for leaf in jax.tree.leaves(state):
        if hasattr(leaf, "dtype") and is_floating(leaf):
            counts[np.dtype(leaf.dtype)] = counts.get(np.dtype(leaf.dtype), 0) + int(leaf.size)
    return max(counts, key=lambda dtype: counts[dtype], default=None)


@dataclass(frozen=True)
class Spread:
    """How rows lie on several devices: ``count`` shares of them, each on its own, where their number allows it."""

    mesh: jax.sharding.Mesh
    rows: Any = None

    @property
    def count(self) -> int:
        """Into how many shares rows are split."""
        axes = (self.rows,) if isinstance(self.rows, str) else self.rows or ()
        return math.prod(self.mesh.shape[axis] for axis in axes)

    def put(self, array: Any) -> Any:
        """An array with its rows split, or as a whole on every device."""
        split = array.ndim and array.shape[0] % self.count == 0
        spec = jax.sharding.PartitionSpec(self.rows) if split else jax.sharding.PartitionSpec()
        return jax.device_put(array, jax.sharding.NamedSharding(self.mesh, spec))


def spread_of(given: Any, state: Any) -> Spread | None:
    """As the first of the inputs that lies on several devices; on all devices of the parameters where they are on several."""
    for tree_, splits in ((given, True), (state, False)):
        for leaf in jax.tree.leaves(tree_):
            sharding = leaf.sharding if isinstance(leaf, jax.Array) else None
            if isinstance(sharding, jax.sharding.NamedSharding) and sharding.num_devices > 1:
                rows = sharding.spec[0] if splits and len(sharding.spec) else None
                return Spread(sharding.mesh, rows)
    return None
