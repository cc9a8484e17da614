"""Whatever computes with TensorFlow tensors as a ``ModelView``: functions of tensors, and Keras models on this backend.

Arrays are NumPy outside of a pass and tensors inside. A pass is one compiled function with its gradients in it: a tape around a
compiled forward pass would differentiate by the weights, too, and keep all activations to the end.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import tensorflow as tf

from ...core import tree
from ...core.errors import CapabilityError
from ...core.targets import Layer, RowTarget
from ...core.types import MemoryFormat, Rows
from ...core.view import OUTPUT, Capability, Gradient, Inputs, Place, Spec
from ..inside import Inside
from ..layers import Seen
from . import arrays, nonfinite, state
from .compiled import Compiled
from .program import Program
from .step import Asked, Step
from .wishes import UnknownShape, given_to, settled, wish_of

__all__ = ["Program", "TensorFlowView"]


class TensorFlowView:
    """One program; see ``core.view.ModelView`` for what the methods promise."""

    def __init__(self, program: Program, spec: Spec) -> None:
        self.program, self.spec = program, spec
        self.adapter, self.subject, self.versions = program.adapter, program.subject, program.versions
        open_to_view: set[Capability] = {"replace", "layers"} if program.layers is not None else set()
        self.capabilities: frozenset[Capability] = frozenset({"predict", "gradient", "hessian", *open_to_view})
        shut: dict[Capability, str] = {} if program.layers is not None else {"layers": f"{program.whole} shows no layers"}
        self.absent: Mapping[Capability, str] = shut
        self.inside = Inside(program.layers, self._look, broken=self._broken, whole=program.whole)
        self.device = arrays.device_of(program.variables())
        self._compiled = Compiled(program)
        self._working = np.dtype(np.float64 if program.dtype == "float64" else np.float32)

    @property
    def notes(self) -> tuple[str, ...]:
        """What running it has shown, for the plan."""
        return tuple(f"run without compilation, which the model does not take ({why})" for why in self._compiled.reasons)

    @contextmanager
    def session(self, seed: int) -> Generator[None]:
        """Random numbers seeded, the program held; variables that were written are put back."""
        if not tf.executing_eagerly():
            raise CapabilityError("TensorFlow is in graph mode; explain outside of tf.function, with eager execution on.")
        with state.seeded(seed), self.program.held(seed), self._compiled.session():
            yield

    def inputs(self, x: Any) -> Inputs:
        """NumPy arrays; floats in the working dtype."""
        arrays.refuse_unfit(x)
        read = self.program.read(x, self.spec)
        if self.program.dtype is None and any("float64" in str(leaf.dtype) for leaf in read.leaves.values()):
            self._working = np.dtype(np.float64)  # a model without a dtype computes in what it is given
        leaves = {name: self.to_native(leaf) for name, leaf in read.leaves.items()}
        return Inputs(leaves, read.skeleton, self.spec.static, read.notes)

    def take(
        self, inputs: Inputs, rows: Rows, memory_format: MemoryFormat, leaves: Mapping[str, np.ndarray] | None = None
    ) -> Inputs:
        """Packed rows."""
        given = {name: self.to_native(leaf) for name, leaf in (leaves or {}).items()}
        together = bool((np.diff(rows) == 1).all())  # then nothing is copied: a pass copies into its tensors
        where: Any = slice(int(rows[0]), int(rows[-1]) + 1) if together else rows
        return inputs.put({name: given[name] if name in given else leaf[where] for name, leaf in inputs.batched.items()})

    def predict(
        self,
        batch: Inputs,
        *,
        keep: Sequence[Layer] = (),
        replace: Mapping[Layer, np.ndarray] | None = None,
        prefix: Any = None,
    ) -> tuple[Any, list[np.ndarray]]:
        """One compiled pass; what serves replaced layers alone is pruned from it."""
        replace = replace or {}
        asked = Asked(tuple(batch.leaves), keep=tuple(keep), replaced=tuple(replace))
        made, outputs = self._run(Step(self.program, asked, batch.skeleton, (), np.arange(0)), batch, replace)
        return outputs, made["kept"]

    def prefix(self, row: Inputs, layers: Sequence[Layer]) -> None:
        """Nothing is kept of a row: a compiled pass leaves out what it does not need."""

    def gradient(
        self,
        batch: Inputs,
        targets: Sequence[RowTarget],
        rows: Rows,
        *,
        wrt: Sequence[Place],
        replace: Mapping[Layer, np.ndarray] | None = None,
        along: Sequence[np.ndarray] | None = None,
        moving: Mapping[Place, np.ndarray] | None = None,
    ) -> Gradient:
        """One compiled pass with its tapes in it. Targets that are not resolved yet are so on its outputs."""
        replace = replace or {}
        asked = Asked(
            tuple(batch.leaves),
            tuple(wish_of(target) for target in targets),
            tuple(wrt),
            replaced=tuple(replace),
            along=along is not None,
            moving=tuple(moving or ()),
        )
        step = Step(self.program, asked, batch.skeleton, targets, rows)
        directions = {"along": list(along or ()), "moving": list((moving or {}).values())}
        try:
            made, outputs = self._run(step, batch, replace, directions)
        except UnknownShape:
            self._resolve(batch, targets, rows, replace)
            made, outputs = self._run(step, batch, replace, directions)
        for target, value in zip(targets, made["values"], strict=True):
            if target.layer is None and (value.shape != rows.shape or not settled(target, rows)):
                target.evaluate(outputs, rows)  # resolves what is predicted; refuses a value of another shape in words
        points = {**batch.leaves, **replace, **dict(zip(asked.found, made["points"], strict=True))}
        return Gradient(
            tuple(made["values"]),
            _by_target(made["gradients"], len(targets)),
            tuple(points[place] for place in wrt),
            tree.plain(outputs),
            _by_target(made["products"], len(targets)) if asked.along else (),
            tuple(made["rates"]),
        )

    def out_of_memory(self, error: BaseException) -> bool:
        """By type."""
        return isinstance(error, (MemoryError, tf.errors.ResourceExhaustedError))

    def to_native(self, array: Any) -> np.ndarray:
        """A NumPy array; floats in the working dtype."""
        return arrays.native(array, self._working)

    def to_numpy(self, array: Any) -> np.ndarray:
        """A copy; half precision as float32."""
        return arrays.to_numpy(array)

    def _run(
        self,
        step: Step,
        batch: Inputs,
        replace: Mapping[Layer, np.ndarray],
        directions: Mapping[str, Sequence[np.ndarray]] | None = None,
    ) -> tuple[dict[str, list[np.ndarray]], Any]:
        """A pass, compiled where the model takes that: arrays by name, and the outputs in their shape."""
        self._check_open(step.asked)
        given = {"leaves": list(batch.leaves.values()), "replaced": [self.to_native(value) for value in replace.values()]}
        for name in ("along", "moving"):
            given[name] = [self.to_native(value) for value in (directions or {}).get(name, ())]
        fixed = {"leaves": [name in batch.static for name in batch.leaves]}
        traced = self._compiled.find(step, given, fixed, self.to_native)
        if traced is None:
            made = self._compiled.run_as_it_stands(step, given)
            return made, tree.fill(step.output_skeleton, dict(zip(step.shapes, made["outputs"], strict=True)))
        entries = [given_to(target, step.rows, traced.shapes, traced.layer_shapes, self.to_native) for target in step.targets]
        made = self._compiled.run(traced, {**given, "entries": entries})
        return made, tree.fill(traced.output_skeleton, dict(zip(traced.shapes, made["outputs"], strict=True)))

    def _resolve(self, batch: Inputs, targets: Sequence[RowTarget], rows: Rows, replace: Mapping[Layer, np.ndarray]) -> None:
        """Resolve targets by running, where tracing cannot tell the shape of what they read."""
        layers = list(dict.fromkeys(target.layer for target in targets if target.layer is not None))
        outputs, kept = self.predict(batch, keep=layers, replace=replace)
        seen = dict(zip(layers, kept, strict=True))
        for target in targets:
            target.evaluate(outputs, rows, seen[target.layer] if target.layer else None)

    def _check_open(self, asked: Asked) -> None:
        layers = [place for place in (*asked.wrt, *asked.replaced, *asked.keep) if isinstance(place, Layer) and place != OUTPUT]
        layers += [wish.layer for wish in asked.wishes if wish.layer is not None]
        if self.program.layers is None and layers:
            raise CapabilityError(
                f"{self.program.whole} shows no layers; {str(layers[0])!r} cannot be reached. Methods without at= and without "
                "pl.Neuron need none."
            )

    def _look(self, batch: Inputs, names: Collection[str] | None, seen: Seen) -> Inputs:
        """Run it as it stands: what layers are given can be compared with the inputs then."""
        assert self.program.layers is not None
        given = batch.put({name: tf.convert_to_tensor(leaf) for name, leaf in batch.leaves.items()})
        with self._compiled.as_it_stands(), state.inline(), self.program.layers.watched(names, seen):
            self.program.run(given.tree())
        return given

    def _broken(self, batch: Inputs, targets: Sequence[RowTarget], rows: Rows) -> str:
        """Run again with every layer watched."""
        if self.program.layers is None:
            return f"inside {self.program.whole}"
        with self._compiled.as_it_stands():
            return nonfinite.find(self.program, self.program.layers, batch, targets, rows)


def _by_target(arrays: Sequence[np.ndarray], targets: int) -> tuple[tuple[np.ndarray, ...], ...]:
    """Arrays by target and place, from one list."""
    width = len(arrays) // targets
    return tuple(tuple(arrays[start : start + width]) for start in range(0, len(arrays), width))
