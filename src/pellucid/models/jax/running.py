"""One program while it is explained: its arrays, its compiled passes, and the sizes in which they are called."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from ...core.errors import CapabilityError
from ...core.targets import Layer
from ...core.view import Inputs, Place
from ..layers import Seen
from ..padding import plan
from .arrays import Spread, cast, common_dtype
from .compiled import Compiled, Memory, Pass, Shape, memory_of, tracing
from .outputs import Outputs
from .parts import Part

if TYPE_CHECKING:
    from .view import Program

_UNTRACEABLE = (
    jax.errors.ConcretizationTypeError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerIntegerConversionError,
    jax.errors.NonConcreteBooleanIndexError,
)

_ENDS = (jax.errors.ConcretizationTypeError, jax.errors.TracerArrayConversionError)
"""What JAX raises where values are read that are being differentiated."""


class Running:
    """A program with its state on its device, and what was compiled of it."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.read_state()
        self.dtype = common_dtype(self.state)
        self.spread: Spread | None = None
        self.eager = self.failing = False
        self._memory = memory_of(program.subject) if program.pure else Memory()
        self.notes: tuple[str, ...] = ()
        self.reaching: set[Hashable] = set()
        self._passes: dict[Pass, Compiled] = {}
        self._sizes: dict[Hashable, tuple[int, ...]] = {}

    def read_state(self) -> None:
        """What passes depend on, as it is now."""
        self.static, state = self.program.state()
        self.state: Any = jax.tree.map(lambda leaf: jnp.asarray(leaf) if isinstance(leaf, np.ndarray) else leaf, state)

    def compiled(self, run: Pass) -> Compiled:
        """The pass, compiled; or as it is, where the program cannot be traced."""
        if self.eager:
            return Compiled(run, lambda function: function)
        if run not in self._passes:  # looked up without comparing what is static, which can be large
            self._passes[run] = self._memory.compiled(self.static, run)
        return self._passes[run]

    def call(self, run: Pass, way: str, *given: Any) -> Any:
        """``forward``, ``linear``, ``curved`` or ``rates`` of a pass."""
        return self.traced(getattr(self.compiled(run), way), self.state, *self.placed(given))

    def placed(self, given: Any) -> Any:
        """Arrays on the devices of the model, where these are several; arrays of JAX where nothing is compiled."""
        if self.spread is None:
            return jax.tree.map(jnp.asarray, given) if self.eager else given
        return jax.tree.map(self.spread.put, given)

    def traced(self, function: Callable[..., Any], *given: Any) -> Any:
        """A function of arrays that runs the program."""
        try:
            with tracing(self.program, self.static):
                return function(*given)
        except _ENDS as error:
            kind = "NumPy arrays" if isinstance(error, jax.errors.TracerArrayConversionError) else "numbers of Python"
            raise CapabilityError(
                f"{self.program.whole} turns JAX arrays into {kind}, where derivatives end. Write it with jax.numpy; or explain "
                "it without gradients, as a plain function: pl.wrap(fn)."
            ) from error

    def back(self, run: Pass, pull: Any, weights: Any, like: Any) -> Any:
        """What a pass's derivative gives for these weights of what it gave."""
        return self.traced(self.compiled(run).back, pull, weights, like)

    def over(
        self,
        batch: Inputs,
        *,
        still: tuple[Place, ...],
        moved: tuple[Place, ...] = (),
        added: tuple[Layer, ...] = (),
        keep: tuple[Layer, ...] = (),
    ) -> Pass:
        """A pass over this batch, if the model shows the layers that it needs."""
        layers = [place for place in (*added, *keep, *moved, *still) if isinstance(place, Layer)]
        if layers and self.program.layers is None:
            raise CapabilityError(f"{self.program.whole} shows no layers; {str(layers[0])!r} cannot be reached.")
        if layers and self.failing:
            self.look(batch, (), lambda *_: None)  # what is wrong is not that a layer is not there
        return Pass(Shape(batch.skeleton, repr(batch.skeleton)), moved, still, added, keep, self.dtype)

    def parts(self, run: Pass, way: str, batch: Inputs) -> list[Part]:
        """The batch in calls of few sizes. Which they are depends on this explanation alone, so that it can be repeated."""
        rows = batch.samples
        if self.eager:
            return [Part(0, rows, rows, batch.static)]
        key = (run, way, *_shapes(batch))
        known, shares = self._sizes.get(key, ()), self.spread.count if self.spread else 1
        each = plan(-(-rows // shares), known)
        self._sizes[key] = (*known, *(size for size in dict.fromkeys(each) if size not in known))
        sizes = [size * shares for size in each]
        starts = np.cumsum([0, *sizes]).tolist()
        return [Part(start, min(start + size, rows), size, batch.static) for start, size in zip(starts, sizes, strict=False)]

    def forget_sizes(self) -> None:
        """Compile for other sizes from now on: rows are not padded to one that memory did not hold."""
        self._sizes.clear()

    def try_out(self, batch: Inputs) -> None:
        """Trace the program once, which tells the names of its layers; if that cannot be done, it runs as it is from now on.

        Whatever else is wrong with these inputs is said when they are run.
        """
        key = (self.static, repr(batch.skeleton), *_shapes(batch))
        if key not in self._memory.untraced:
            try:
                self.look(batch, (), lambda *_: None)
                self._memory.untraced[key] = ""
            except (*_UNTRACEABLE, CapabilityError) as error:
                self._memory.untraced[key] = type(error.__cause__ or error).__name__
            except Exception:
                self.failing = True
                return
        if why := self._memory.untraced[key]:
            self.eager = True
            said = f"{self.program.whole} reads values while it runs ({why}): JAX cannot compile it, and it runs slowly, as it is"
            self.notes = (f"{said}; jnp.where and jax.lax.cond choose without reading",)

    def look(self, batch: Inputs, names: Collection[str] | None, seen: Seen) -> Inputs:
        """One pass over shapes alone, with layers watched; what the model got tells which layer was given which leaf."""
        layers, given = self.program.layers, list[Inputs]()

        def run(state: Any, leaves: dict[str, Any]) -> Any:
            given.append(batch.put({name: cast(leaf, self.dtype) for name, leaf in leaves.items()}))
            with nullcontext() if layers is None else layers.watched(names, seen):
                return Outputs.of(self.program.run(self.static, state, given[0].tree()))

        if self.eager:
            self.traced(run, self.state, self.placed(dict(batch.leaves)))
        else:
            self.traced(partial(jax.eval_shape, run), self.state, dict(batch.leaves))
        return given[0]


def _shapes(batch: Inputs) -> Sequence[Hashable]:
    """Shapes and dtypes of leaves, without the rows."""
    shapes: Mapping[Place, Any] = batch.leaves
    return [(name, leaf.shape[0 if name in batch.static else 1 :], str(leaf.dtype)) for name, leaf in shapes.items()]
