"""Passes traced into functions, kept with the model that they are of; models that cannot be traced run as they stand."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Generator, Hashable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import tensorflow as tf

from ...core.targets import Layer
from . import state
from .program import Program
from .step import Step, Tensors
from .wishes import Shape, UnknownShape, spec_of

MOST = 32
"""Traced passes that are kept of one model."""

Arrays = dict[str, list[np.ndarray]]
"""What goes into a pass and comes out of it; see ``step.Tensors``."""


@dataclass(frozen=True)
class Traced:
    """One traced pass, and what tracing found out. It holds the model's variables, and not the model."""

    function: Any
    output_skeleton: Any
    shapes: Mapping[str, Shape]
    layer_shapes: Mapping[Layer, Shape]
    acts: bool


@dataclass(frozen=True)
class Untraceable:
    """Why a pass is run as it stands."""

    reason: str


@dataclass
class _Known:
    """The passes of one model, for as long as a trace depends on the same values."""

    key: Hashable = None
    passes: OrderedDict[Hashable, Traced | Untraceable] = field(default_factory=OrderedDict)


_KNOWN: WeakKeyDictionary[Any, _Known] = WeakKeyDictionary()
"""By model; forgotten with it."""


class Compiled:
    """The passes of one program."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.reasons: dict[str, None] = {}
        self._written = state.Written()
        self._known: _Known | None = None
        self._session: dict[Hashable, Traced | Untraceable] = {}

    @contextmanager
    def session(self) -> Generator[None]:
        """What passes write is put back; what draws random numbers is traced anew by the next session, from its seed."""
        self._known = None
        try:
            yield
        finally:
            self._written.put_back()
            self._session.clear()

    def find(
        self, step: Step, given: Arrays, fixed: Mapping[str, Sequence[bool]], to_native: Callable[[Any], np.ndarray]
    ) -> Traced | None:
        """The pass as traced, now or before; ``None`` where it must run as it stands. ``fixed`` arrays have no batch axis."""
        if tf.config.functions_run_eagerly():
            return None
        specs = {name: _specs(arrays, fixed.get(name, ())) for name, arrays in given.items()}
        specs["entries"] = [spec_of(target, to_native) for target in step.targets]
        key = (step.asked, repr(step.skeleton), tuple((name, tuple(found)) for name, found in specs.items()))
        passes = self._passes()
        found = self._session.get(key) or passes.get(key)
        if found is None:
            found = _traced(step, specs)
            passing = isinstance(found, Untraceable) or found.acts or any(wish.function for wish in step.asked.wishes)
            if passing:  # a user's function, or one that draws, is of this session alone
                self._session[key] = found
            else:
                passes[key] = found
                while len(passes) > MOST:
                    passes.popitem(last=False)
        elif key in passes:
            passes.move_to_end(key)
        if isinstance(found, Untraceable):
            self.reasons[found.reason] = None
            return None
        return found

    def run(self, traced: Traced, given: Arrays) -> Arrays:
        """A traced pass on arrays."""
        if traced.acts:
            self._written.note(traced.function.graph.variables)
        with in_python():
            return _on_host(traced.function(_tensors(given)))

    def run_as_it_stands(self, step: Step, given: Arrays) -> Arrays:
        """A pass without tracing."""
        with self.as_it_stands():
            return _on_host(step(_tensors(given)))

    @contextmanager
    def as_it_stands(self) -> Generator[None]:
        """While this holds, the model may run without tracing: whatever it writes is put back at the end of the session."""
        self._written.note(self.program.variables())
        with in_python():
            yield

    def _passes(self) -> OrderedDict[Hashable, Traced | Untraceable]:
        """What is kept of the model, where it still holds."""
        if self._known is None:
            try:
                self._known = _KNOWN.setdefault(self.program.subject, _Known())
            except TypeError:  # an object that cannot be remembered
                self._known = _Known()
            key = self.program.key
            if self._known.key != key:
                self._known.key = key
                self._known.passes.clear()
        return self._known.passes


@contextmanager
def in_python() -> Generator[None]:
    """What an operation raises as an error of Python; memory that ran out stays what it is."""
    try:
        yield
    except tf.errors.ResourceExhaustedError:
        raise
    except tf.errors.OpError as error:
        raise RuntimeError(f"{type(error).__name__}: {error.message}") from error


def _traced(step: Step, specs: Mapping[str, list[tf.TensorSpec]]) -> Traced | Untraceable:
    try:
        function = tf.function(lambda tensors: step(tensors), autograph=False).get_concrete_function(dict(specs))
    except UnknownShape:
        raise
    except Exception as error:  # what a model can raise while it is traced has no end; run as it stands, it may say more
        return Untraceable(_sentence(error))
    return Traced(function, step.output_skeleton, step.shapes, step.layer_shapes, state.acts(function))


def _sentence(error: Exception) -> str:
    """The sentence of an error that says what is wrong; translated code and Keras put where it happened before it."""
    said = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    lines = [line.strip() for line in said.splitlines() if line.strip() and not line.startswith("Exception encountered")] or [""]
    told = lines[-1] if lines[0] == "in user code:" else f"{type(error).__name__}: {lines[0]}"
    return told.partition(". ")[0].rstrip(".")


def _specs(arrays: Sequence[np.ndarray], fixed: Sequence[bool]) -> list[tf.TensorSpec]:
    """Any number of rows, but for what has no batch axis."""
    whole = [*fixed, *[False] * (len(arrays) - len(fixed))]
    return [
        tf.TensorSpec(array.shape if exactly else (None, *array.shape[1:]), array.dtype)
        for array, exactly in zip(arrays, whole, strict=True)
    ]


def _tensors(given: Arrays) -> Tensors:
    return {name: [tf.convert_to_tensor(array) for array in arrays] for name, arrays in given.items()}


def _on_host(made: Tensors) -> Arrays:
    """On the CPU these are the tensors' own memory, read-only."""
    return {name: [np.asarray(tensor) for tensor in tensors] for name, tensors in made.items()}
