"""A last softmax or sigmoid is left off: the logit, not the probability, tells what speaks for a class."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import keras

from ...core import tree
from ..turns import only_here
from .graph import graph_of, made_by
from .layers import AFFINE, KerasLayers
from .state import exchanged, restored

_SQUASHES = {"softmax": "softmax", "softmax_v2": "softmax", "sigmoid": "sigmoid"}
"""By the name of an activation function, TensorFlow's own among them, what it is."""

_TRACED: WeakKeyDictionary[keras.Layer, tuple[Any, dict[str, str | None]]] = WeakKeyDictionary()
"""What was found by tracing, by model; forgotten with it."""


@dataclass(frozen=True)
class Head:
    """A layer or operation that squashes one output of the model, named by its leaf."""

    operation: Any
    kind: str
    output: str

    @contextmanager
    def off(self) -> Generator[None]:
        """While this holds, what goes into the softmax or sigmoid comes out; in other threads it stays where it is."""
        attribute = "activation" if _has_activation(self.operation) else "call"
        with exchanged(self.operation, attribute, only_here(_as_it_is, getattr(self.operation, attribute))):
            yield

    def __str__(self) -> str:
        return f"the {self.kind} of {self.operation.name!r}"


def makers(model: keras.Layer, layers: KerasLayers, symbols: tuple[tuple[Any, ...], dict[str, Any]] | None) -> dict[str, Any]:
    """By leaf of the outputs, the layer or operation that made it and whose output nothing else reads; ``None`` if unknown.

    Read off the graph of a functional model. Any other is traced on ``symbols`` in place of arrays; it is empty where that is
    not possible.
    """
    graph = graph_of(model)
    if graph is not None:
        struct = graph.output
        alone = isinstance(struct, (list, tuple)) and len(struct) == 1  # Keras returns the one output itself
        return {leaf: made_by(graph, tensor) for leaf, tensor in tree.flatten(struct[0] if alone else struct).items()}
    if symbols is None:
        return {}
    structure = layers.structure()
    known = _TRACED.get(model)
    if known is None or known[0] != structure:
        _TRACED[model] = known = (structure, _traced(model, layers, *symbols))
    return {leaf: None if name is None else layers.layer(name) for leaf, name in known[1].items()}


def heads(made: Mapping[str, Any]) -> tuple[Head, ...]:
    """The heads among these."""
    return tuple(Head(operation, kind, leaf) for leaf, operation in made.items() if (kind := squash(operation)))


def squash(operation: Any) -> str | None:
    """``"softmax"`` or ``"sigmoid"`` where a layer or operation ends in one."""
    if _has_activation(operation):
        return _SQUASHES.get(getattr(operation.activation, "__name__", ""))
    if isinstance(operation, keras.layers.Softmax):
        return "softmax"
    if type(operation).__module__ == "keras.src.ops.nn":
        return _SQUASHES.get(type(operation).__name__.lower())
    return None


def linear(operation: Any) -> bool:
    """Whether a layer is known to give no probabilities: it ends in weights."""
    return isinstance(operation, AFFINE) and operation.activation == keras.activations.linear


def _has_activation(operation: Any) -> bool:
    return isinstance(operation, (*AFFINE, keras.layers.Activation))


def _as_it_is(given: Any, mask: Any = None) -> Any:  # noqa: ARG001 - the softmax layer takes one
    return given


def _traced(model: keras.Layer, layers: KerasLayers, args: tuple[Any, ...], keywords: dict[str, Any]) -> dict[str, str | None]:
    """By leaf, the name of the layer that returned it, if it ran once and no other layer was given it."""
    calls: list[tuple[str, list[Any], list[Any]]] = []
    found: dict[str, str | None] = {}

    def seen(name: str, given: tuple[Any, ...], output: Any) -> None:
        if name:
            calls.append((name, list(tree.flatten(given).values()), list(tree.flatten(output).values())))
            return
        found.clear()
        for leaf, array in tree.flatten(output).items():
            makers = [maker for maker, _, made in calls if any(each is array for each in made)]
            once = bool(makers) and sum(name == makers[0] for name, _, _ in calls) == 1
            read = any(each is array for name, given, _ in calls for each in given)
            found[leaf] = makers[0] if once and not read else None
        calls.clear()  # axes of any size are traced twice

    with restored(model), layers.watched(None, seen):
        try:
            keras.Operation.compute_output_spec(model, *args, **keywords)
        except Exception:  # a model that cannot be traced: its outputs are looked at instead
            return {}
    return dict(found)
