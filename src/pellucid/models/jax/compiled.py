"""Passes of a model as compiled functions of arrays, remembered for as long as the model lives."""

from __future__ import annotations

import contextvars
import weakref
from collections.abc import Callable, Generator, Hashable
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from ...core import tree
from ...core.targets import Layer
from ...core.view import Place
from ..layers import edited
from .arrays import cast, wide
from .outputs import Outputs

if TYPE_CHECKING:
    from .view import Program

_TRACED: contextvars.ContextVar[tuple[Program, Hashable]] = contextvars.ContextVar("traced")
"""The program that is traced, with its static part. Compiled functions are kept with the model and must not hold it."""

Arrays = tuple[Any, ...]


@contextmanager
def tracing(program: Program, static: Hashable) -> Generator[None]:
    """While this holds, passes are those of this program."""
    token = _TRACED.set((program, static))
    try:
        yield
    finally:
        _TRACED.reset(token)


@dataclass(frozen=True)
class Shape:
    """The names of leaves in the shape that a model takes, so spelled that shapes can be compared."""

    skeleton: Any = field(compare=False)
    spelled: str


@dataclass(frozen=True)
class Pass:
    """What a pass takes and gives, beside arrays; equal passes of a model are compiled once.

    Parameters
    ----------
    shape
        How the model takes its leaves.
    moved
        Places that are differentiated, or that move: leaves and replaced layers.
    still
        Leaves and replaced layers that are given besides.
    added
        Layers to whose outputs a zero is added, to be differentiated.
    keep
        Layers whose outputs are wanted.
    dtype
        The dtype in which the model computes; ``None`` for that of its inputs.
    """

    shape: Shape
    moved: tuple[Place, ...] = ()
    still: tuple[Place, ...] = ()
    added: tuple[Layer, ...] = ()
    keep: tuple[Layer, ...] = ()
    dtype: Any = None

    def run(self, state: Any, moved: Arrays, still: Arrays, zeros: Arrays = ()) -> tuple[Outputs, Arrays, Arrays]:
        """Outputs, those of the layers in ``keep``, and those of the layers in ``added`` before the zeros."""
        program, static = _TRACED.get()
        given = dict(zip((*self.moved, *self.still), (*moved, *still), strict=True))
        replaced = {place: array for place, array in given.items() if isinstance(place, Layer)}
        zero = dict(zip(self.added, zeros, strict=bool(zeros)))
        points: dict[Layer, Any] = {}
        kept: dict[Layer, Any] = {}

        def edit(layer: Layer, output: Any) -> Any:
            if layer in replaced:
                output = replaced[layer].astype(output.dtype)
            if layer in self.added:
                points[layer] = wide(output)
                output = output + zero[layer].astype(output.dtype) if zero else output
            if layer in self.keep:
                kept[layer] = wide(output)
            return output

        leaves = {place: cast(array, self.dtype) for place, array in given.items() if isinstance(place, str)}
        filled = tree.fill(self.shape.skeleton, leaves)
        if program.layers is None:
            outputs = program.run(static, state, filled)
        else:
            edits = [(layer, partial(edit, layer)) for layer in dict.fromkeys((*replaced, *self.added, *self.keep))]
            with edited(program.layers, edits):
                outputs = program.run(static, state, filled)
        return Outputs.of(outputs), tuple(kept[layer] for layer in self.keep), tuple(points[layer] for layer in self.added)

    def forward(self, state: Any, moved: Arrays, still: Arrays) -> tuple[Outputs, Arrays]:
        """Outputs, and those of the layers in ``keep``."""
        return self.run(state, moved, still)[:2]

    def linear(self, state: Any, moved: Arrays, still: Arrays) -> tuple[Outputs, Arrays, Arrays, Callable[[Any], Any]]:
        """What ``run`` gives, and its derivative: weights of floats and kept layers in, those of ``moved`` and ``added`` out."""
        zeros = self._zeros(state, moved, still)

        def floats(moved: Arrays, zeros: Arrays) -> tuple[Any, Any]:
            outputs, kept, points = self.run(state, moved, still, zeros)
            return (outputs.floats, kept), (outputs, points)

        (_, kept), pull, (outputs, points) = jax.vjp(floats, moved, zeros, has_aux=True)
        return outputs, kept, points, pull

    def back(self, pull: Callable[[Any], Any], weights: Any, like: Any) -> Any:
        """The derivative for these weights; ``like`` are the arrays that they weigh."""
        return pull(filled(weights, like))

    def curved(
        self, state: Any, moved: Arrays, still: Arrays, weights: Any, along: Arrays, along_added: Arrays
    ) -> tuple[Any, Any]:
        """How the pulled-back weights change along directions, and how what is differentiated changes."""
        zeros = self._zeros(state, moved, still)

        def slopes(moved: Arrays, zeros: Arrays) -> Any:
            made, pull = jax.vjp(lambda *at: self._floats(state, still, *at), moved, zeros)
            return made, pull(filled(weights, made))

        _, (speeds, bends) = jax.jvp(slopes, (moved, zeros), (along, along_added))
        return speeds, bends

    def rates(self, state: Any, moved: Arrays, still: Arrays, moving: Arrays) -> Arrays:
        """How the outputs of the layers in ``keep`` follow when ``moved`` moves."""
        made, pull = jax.vjp(lambda *at: self.run(state, at, still)[1], *moved)
        # Pulling the pull back pushes forward, at the same cost once compiled, and custom_vjp allows no more than to pull.
        return jax.vjp(pull, jax.tree.map(jnp.zeros_like, made))[1](moving)[0]

    def _floats(self, state: Any, still: Arrays, moved: Arrays, zeros: Arrays) -> tuple[Arrays, Arrays]:
        outputs, kept, _ = self.run(state, moved, still, zeros)
        return outputs.floats, kept

    def _zeros(self, state: Any, moved: Arrays, still: Arrays) -> Arrays:
        if not self.added:
            return ()
        look = lambda *given: self.run(*given)[2]  # noqa: E731
        traced = any(isinstance(array, jax.core.Tracer) for array in (*moved, *still))
        shapes = jax.eval_shape(look, state, moved, still) if traced else look(state, moved, still)
        return tuple(jnp.zeros(shape.shape, shape.dtype) for shape in shapes)


def filled(weights: Any, like: Any) -> Any:
    """Weights with zeros where there are none."""
    return jax.tree.map(lambda w, a: jnp.zeros_like(a) if w is None else w, weights, like, is_leaf=lambda w: w is None)


class Compiled:
    """The ways of running one pass; each is compiled for every size of the batch that it meets."""

    def __init__(self, run: Pass, compile: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
        self.forward, self.linear, self.curved, self.rates = map(compile, (run.forward, run.linear, run.curved, run.rates))
        self.back = compile(run.back)


class Memory:
    """What is known of one model: its compiled passes by the static part of its program, inputs that cannot be compiled and why,
    and the layers that it has, as its library describes them.
    """

    def __init__(self) -> None:
        self.functions: dict[tuple[Hashable, Pass], Compiled] = {}
        self.untraced: dict[Hashable, str] = {}
        self.layers: dict[str, Any] = {}

    def compiled(self, static: Hashable, run: Pass) -> Compiled:
        """The pass, compiled when it is first called."""
        if (static, run) not in self.functions:
            self.functions[static, run] = Compiled(run, jax.jit)
        return self.functions[static, run]


_MEMORIES: dict[int, tuple[weakref.ref[Any], Memory]] = {}
"""By identity: two models that are equal may be different ones, and some cannot be compared at all."""


def memory_of(model: Any) -> Memory:
    """What is remembered of a model; nothing where Python does not say when it is gone."""
    known = _MEMORIES.get(id(model))
    if known is not None and known[0]() is model:
        return known[1]
    memory = Memory()
    with suppress(TypeError):
        _MEMORIES[id(model)] = weakref.ref(model, partial(_forget, id(model))), memory
    return memory


def _forget(number: int, gone: weakref.ref[Any]) -> None:
    if number in _MEMORIES and _MEMORIES[number][0] is gone:
        del _MEMORIES[number]
