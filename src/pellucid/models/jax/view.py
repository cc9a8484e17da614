"""Whatever computes with JAX arrays as a ``ModelView``: functions, flax modules, and Keras models on this backend."""

from __future__ import annotations

from collections.abc import Generator, Hashable, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from ...core import tree
from ...core.targets import Layer, RowTarget
from ...core.types import MemoryFormat, Rows
from ...core.view import Capability, Gradient, Inputs, Place, Spec
from ..inside import Inside
from ..layers import Layers
from ..reading import Read
from . import arrays, nonfinite
from .gradients import Asked
from .outputs import Outputs
from .parts import joined, joined_gradients, joined_outputs
from .running import Running


class Program(Protocol):
    """A model as a pure function of JAX arrays.

    Attributes
    ----------
    subject
        The user's model. Compiled passes are kept for as long as it lives, so ``state`` must not hold it in its static part.
    layers
        Its layers, where it shows them; ``watched`` is entered while a pass is traced, and left when that is over.
    whole
        What it is called in errors where it shows none: ``"a JAX function"``.
    pure
        Whether a pass depends on nothing beside what ``state`` gives. If not, passes are compiled for each explanation anew.
    """

    adapter: str
    subject: Any
    versions: Mapping[str, str]
    layers: Layers | None
    whole: str
    pure: bool

    def state(self) -> tuple[Hashable, Any]:
        """What a pass depends on beside its inputs: something that can be compared, and a pytree of arrays."""
        ...

    def read(self, x: Any, spec: Spec) -> Read:
        """The user's data as leaves that fit the model; like ``reading.leaves_of``."""
        ...

    def run(self, static: Hashable, state: Any, given: Any) -> Any:
        """The outputs for arrays in the shape that the model takes. It is traced, and leaves nothing behind."""
        ...

    def session(self, seed: int) -> AbstractContextManager[None]:
        """Hold what the model keeps outside of ``state`` while it is explained, and give it back as it was."""
        ...


class JaxView:
    """One program; see ``core.view.ModelView`` for what the methods promise."""

    def __init__(self, program: Program, spec: Spec) -> None:
        self.program, self.spec = program, spec
        self.adapter, self.subject, self.versions = program.adapter, program.subject, program.versions
        open_to_view: set[Capability] = {"replace", "layers"} if program.layers is not None else set()
        self.capabilities: frozenset[Capability] = frozenset({"predict", "gradient", "hessian", *open_to_view})
        self.running = Running(program)
        shut: dict[Capability, str] = {} if program.layers is not None else {"layers": f"{program.whole} shows no layers"}
        self.absent: Mapping[Capability, str] = shut
        self.inside = Inside(program.layers, self.running.look, broken=self._broken, whole=program.whole)
        self._devices = arrays.devices_of(self.running.state) or jnp.zeros(()).devices()
        self._host = arrays.on_host(self._devices)
        self._working = np.dtype(np.float64 if self.running.dtype == np.float64 else np.float32)

    @property
    def device(self) -> str:
        """Where the model is, and where its inputs go."""
        first = arrays.first(self._devices)
        if len(self._devices) > 1:
            return f"{first.platform} ({len(self._devices)} devices)"
        return first.platform if first.platform == "cpu" else f"{first.platform}:{first.id}"

    @property
    def notes(self) -> tuple[str, ...]:
        """Whether the program was compiled."""
        return self.running.notes

    @contextmanager
    def session(self, seed: int) -> Generator[None]:
        """The program's own state, held; its arrays are read once more, because holding it may set some (random numbers)."""
        with self.program.session(seed):
            self.running.read_state()
            yield

    def inputs(self, x: Any) -> Inputs:
        """Arrays on the model's device, floats in the working dtype."""
        read = self.program.read(x, self.spec)
        notes = list(read.notes)
        self.running.spread = arrays.spread_of(read.leaves, self.running.state)
        devices = arrays.devices_of(read.leaves)
        if devices and (self.running.spread or not arrays.devices_of(self.running.state)):
            self._devices = devices  # the model is where its inputs are
            self._host = arrays.on_host(devices)
        if self.running.dtype is None and any(str(leaf.dtype) == "float64" for leaf in read.leaves.values()):
            # a function without weights takes what it is given
            self._working = np.dtype(jax.dtypes.canonicalize_dtype(np.float64))
        if devices - self._devices:
            notes.append(f"inputs were moved to the model's device, {self.device}")
        leaves = {name: self.to_native(leaf) for name, leaf in read.leaves.items()}
        inputs = Inputs(leaves, read.skeleton, self.spec.static, tuple(notes))
        self.running.try_out(inputs)
        return inputs

    def take(self, inputs: Inputs, rows: Rows, memory_format: MemoryFormat, leaves: Mapping[str, Any] | None = None) -> Inputs:
        """Packed rows; compiled passes do not write into what they are given, so rows in order are not copied."""
        given, first, last = leaves or {}, int(rows[0]), int(rows[-1]) + 1
        together = self._host and last - first == len(rows) and bool((np.diff(rows) == 1).all())
        pick = np.take if self._host else jnp.take

        def taken(leaf: Any) -> Any:
            return leaf[first:last] if together else pick(leaf, rows, axis=0)

        return inputs.put({n: given[n] if n in given else taken(leaf) for n, leaf in inputs.batched.items()})

    def predict(
        self,
        batch: Inputs,
        *,
        keep: Sequence[Layer] = (),
        replace: Mapping[Layer, Any] | None = None,
        prefix: Any = None,
    ) -> tuple[Any, list[Any]]:
        """Compiled passes; what comes before replaced layers alone is left out by the compiler."""
        given: dict[Place, Any] = {**batch.leaves, **(replace or {})}
        run = self.running.over(batch, still=tuple(given), keep=tuple(dict.fromkeys(keep)))
        pieces: list[Outputs] = []
        blocks: list[list[Any]] = []
        parts = self.running.parts(run, "forward", batch)
        for part in parts:
            outputs, kept = self.running.call(run, "forward", (), part.of(given, run.still))
            pieces.append(outputs.map(part.cut))
            blocks.append([part.cut(array) for array in kept])
        found = dict(zip(run.keep, map(joined, zip(*blocks, strict=True)), strict=True))
        return joined_outputs(pieces, parts).tree(), [found[layer] for layer in keep]

    def prefix(self, row: Inputs, layers: Sequence[Layer]) -> None:
        """Nothing is kept of a row: what comes before a replaced layer alone is not computed anyway."""

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
        """A compiled pass that keeps what its derivative needs, and the compiled derivative once per target."""
        asked = Asked(batch, targets, rows, tuple(wrt), {**batch.leaves, **(replace or {})}, along, moving or {})
        made, pieces, parts = asked.over(self.running)
        return joined_gradients(pieces, tree.plain(joined_outputs(made, parts).tree()))

    def out_of_memory(self, error: BaseException) -> bool:
        """XLA says so in words."""
        over = isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error)
        if over:
            self.running.forget_sizes()
        return over

    def to_native(self, array: Any) -> Any:
        """Floats in the working dtype, integers as JAX has them: NumPy where the model is on a CPU, else on its device."""
        made = arrays.read(array, self._working)
        if self._host:
            return np.asarray(made)
        return jax.device_put(made, arrays.first(self._devices))

    def to_numpy(self, array: Any) -> np.ndarray:
        """A copy on the host; half precision as float32."""
        return np.array(arrays.wide(array) if isinstance(array, jax.Array) else array)

    def _broken(self, batch: Inputs, targets: Sequence[RowTarget], rows: Rows) -> str:
        """Run again with every layer watched."""
        return nonfinite.find(self, batch, targets, rows)
