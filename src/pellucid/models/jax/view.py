"""A function ``f(x)`` of JAX arrays as a ``ModelView``: passes and gradients at inputs and outputs, no layers."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ...core import tree
from ...core.errors import CapabilityError
from ...core.targets import Layer, RowTarget
from ...core.types import MemoryFormat, Rows
from ...core.view import OUTPUT, Capability, Gradient, Inputs, Place, Spec
from ..inside import Inside
from ..reading import leaves_of


class JaxView:
    """One function; see ``core.view.ModelView`` for what the methods promise."""

    adapter = "jax"
    capabilities: frozenset[Capability] = frozenset({"predict", "gradient", "hessian"})

    def __init__(self, function: Callable[..., Any], spec: Spec) -> None:
        self.inside = Inside(whole="a JAX function")
        if not callable(function):
            raise CapabilityError(f"the JAX adapter explains functions of arrays; got {type(function).__name__}.")
        self.function = self.subject = function
        self.spec = spec
        self.device = str(jax.devices()[0].platform)
        self.versions: Mapping[str, str] = {"jax": jax.__version__}

    @contextmanager
    def session(self, seed: int) -> Generator[None]:
        """Functions have no state to hold."""
        del seed
        yield

    def inputs(self, x: Any) -> Inputs:
        """JAX arrays; floats at least float32."""
        read = leaves_of(x, self.spec)
        leaves = {name: self.to_native(leaf) for name, leaf in read.leaves.items()}
        return Inputs(leaves, read.skeleton, self.spec.static, read.notes)

    def take(self, inputs: Inputs, rows: Rows, memory_format: MemoryFormat, leaves: Mapping[str, Any] | None = None) -> Inputs:
        """Packed rows."""
        del memory_format
        given = leaves or {}
        return inputs.put({n: given[n] if n in given else jnp.take(a, rows, axis=0) for n, a in inputs.batched.items()})

    def predict(
        self,
        batch: Inputs,
        *,
        keep: Sequence[Layer] = (),
        replace: Mapping[Layer, Any] | None = None,
        prefix: Any = None,
    ) -> tuple[Any, list[Any]]:
        """One call."""
        self._no_layers([*keep, *(replace or {})])
        return self._call(batch), []

    def gradient(
        self,
        batch: Inputs,
        targets: Sequence[RowTarget],
        rows: Rows,
        *,
        wrt: Sequence[Place],
        replace: Mapping[Layer, Any] | None = None,
        along: Sequence[Any] | None = None,
        moving: Mapping[Place, Any] | None = None,
    ) -> Gradient:
        """One call, and one pull-back per target."""
        self._no_layers([place for place in (*wrt, *(replace or {})) if isinstance(place, Layer) and place != OUTPUT])
        self._no_layers([target.layer for target in targets if target.layer is not None])
        leaves = {place: batch.leaves[place] for place in wrt if isinstance(place, str)}
        outputs, pull = jax.vjp(lambda given: self._call(batch.put(given)), leaves)
        values, gradients, output = [], [], None
        for target in targets:
            target.evaluate(outputs, rows)  # resolves "predicted" on concrete outputs
            value, pull_value = jax.vjp(lambda held, target=target: target.evaluate(held, rows), outputs)
            (cotangent,) = pull_value(jnp.ones_like(value))
            (from_inputs,) = pull(cotangent)
            if OUTPUT in wrt:
                output, at_output = _read(target, outputs, cotangent)
                from_inputs[OUTPUT] = at_output
            gradients.append(tuple(from_inputs[place] for place in wrt))
            values.append(value)
        points = tuple(leaves[place] if isinstance(place, str) else output for place in wrt)
        products = () if along is None else tuple(self._along(batch, leaves, wrt, target, rows, along) for target in targets)
        return Gradient(tuple(values), tuple(gradients), points, tree.plain(outputs), products)

    def prefix(self, row: Inputs, layers: Sequence[Layer]) -> None:
        """A function shows no layers."""

    def out_of_memory(self, error: BaseException) -> bool:
        """XLA says so in words."""
        return isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error)

    def to_native(self, array: Any) -> Any:
        """A JAX array; half precision as float32."""
        array = jnp.asarray(np.asarray(array) if not isinstance(array, jax.Array) else array)
        return array.astype(jnp.float32) if array.dtype in (jnp.bfloat16, jnp.float16) else array

    def to_numpy(self, array: Any) -> np.ndarray:
        """A copy on the host."""
        return np.array(array)

    def _along(
        self, batch: Inputs, leaves: dict[str, Any], wrt: Sequence[Place], target: RowTarget, rows: Rows, along: Sequence[Any]
    ) -> tuple[Any, ...]:
        """Hessian times direction, by pushing the direction through the gradient."""

        def slopes(given: dict[str, Any]) -> dict[str, Any]:
            return jax.grad(lambda held: jnp.sum(target.evaluate(self._call(batch.put(held)), rows)))(given)

        direction = {place: jnp.asarray(v, leaves[place].dtype) for place, v in zip(wrt, along, strict=True)}
        _, products = jax.jvp(slopes, (leaves,), (direction,))
        return tuple(products[place] for place in wrt)

    def _call(self, batch: Inputs) -> Any:
        given = batch.tree()
        return self.function(*given) if isinstance(given, tuple) else self.function(given)

    def _no_layers(self, layers: Sequence[Layer]) -> None:
        if layers:
            raise CapabilityError(
                f"the jax adapter cannot reach layer {str(layers[0])!r}: a function shows no layers. "
                "Path methods without at= and without pl.Neuron need none."
            )


def _read(target: RowTarget, outputs: Any, cotangents: Any) -> tuple[Any, Any]:
    """The one output that a target reads, and the derivative there."""
    named, pulled = tree.flatten(outputs), tree.flatten(cotangents)
    read = [target.leaf] if target.leaf else [n for n, g in pulled.items() if g.dtype != jax.dtypes.float0 and bool(jnp.any(g))]
    if len(read) != 1:
        raise CapabilityError(
            f"the gradient at the output is that of one output, and the target reads {len(read)}: {', '.join(read)}. "
            "Give a target that reads one of them."
        )
    return named[read[0]], pulled[read[0]]
