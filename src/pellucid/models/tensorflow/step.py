"""One pass of a model with its gradients, in TensorFlow operations: traced into one function, or run as it stands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field
from typing import Any

import tensorflow as tf

from ...core import tree
from ...core.errors import InputError
from ...core.targets import Layer, RowTarget
from ...core.types import Rows
from ...core.view import OUTPUT, Place
from ..layers import Edit, edited
from . import wishes
from .arrays import at_least_single, number
from .derivatives import Speed, gradients, output_read, slope, taken, zero_if_none
from .program import Program
from .state import inline, without_new_variables
from .wishes import Shape, Wish

Tensors = dict[str, list[Any]]
"""Into a pass: ``leaves``, ``replaced``, ``along`` and ``moving`` in the order of ``Asked``, and as ``entries`` what each wish
picks, or its labels. Out of it: see the end of ``Step.__call__``.
"""


@dataclass(frozen=True)
class Asked:
    """What a pass computes, as far as it must be known for tracing.

    The outputs and the layers in ``keep``; the gradient of each wish by each place in ``wrt``; with ``along`` its derivative in
    a direction; with ``moving`` the speeds of ``wrt`` while these places move. Layers in ``replaced`` are given.
    """

    leaves: tuple[str, ...]
    wishes: tuple[Wish, ...] = ()
    wrt: tuple[Place, ...] = ()
    keep: tuple[Layer, ...] = ()
    replaced: tuple[Layer, ...] = ()
    along: bool = False
    moving: tuple[Place, ...] = ()

    @property
    def found(self) -> tuple[Layer, ...]:
        """Layers in ``wrt`` whose outputs are met on the way, not given."""
        return tuple(place for place in self.wrt if isinstance(place, Layer) and place not in self.replaced)


@dataclass
class Step:
    """One pass. Calling it gives lists of tensors by name; the fields at the end then say what it met."""

    program: Program
    asked: Asked
    skeleton: Any
    targets: Sequence[RowTarget]
    rows: Rows
    output_skeleton: Any = None
    shapes: dict[str, Shape] = field(default_factory=dict)
    layer_shapes: dict[Layer, Shape] = field(default_factory=dict)

    def __call__(self, tensors: Tensors) -> Tensors:
        """Forward, then back once per wish."""
        asked, met = self.asked, _Met()
        outer = _tape(persistent=True) if asked.along or asked.moving else None
        inner = _tape(persistent=len(asked.wishes) > 1 or bool(asked.moving) or OUTPUT in asked.wrt) if asked.wrt else None
        with outer or nullcontext():
            with inner or nullcontext():
                self._forward(tensors, met, [tape for tape in (inner, outer) if tape is not None])
                values = [self._value(index, tensors, met) for index in range(len(asked.wishes))]
            found = [self._gradients(inner, value, met) for value in values] if asked.wrt else []
            slopes = [slope(each, tensors["along"]) for each in found] if asked.along else []
            moved = dict(zip(asked.moving, tensors["moving"], strict=True))
            speeds = {place: Speed(inner, outer, met.attached[place], met.points, moved) for place in met.attached if moved}
        order = [met.points[place] for place in asked.wrt]
        curved = [taken(outer, each, order, what="second derivative") for each in slopes]
        rates = [speeds[place].of(outer) if place in speeds else moved.get(place) for place in asked.wrt] if moved else []
        return {
            "outputs": list(met.outputs.values()),
            "kept": [at_least_single(met.layers[layer]) for layer in asked.keep],
            "values": values,
            "gradients": [at_least_single(g) for each in found for g in each],
            "points": [at_least_single(met.points[place]) for place in asked.found],
            "products": [at_least_single(zero_if_none(h, x)) for each in curved for h, x in zip(each, order, strict=True)],
            "rates": [zero_if_none(rate, point) for rate, point in zip(rates, order, strict=False)],
        }

    def _forward(self, tensors: Tensors, met: _Met, tapes: Sequence[Any]) -> None:
        """Run the model on leaves, and with layers, that the tapes watch where derivatives are taken."""

        def watched(tensor: Any) -> Any:
            point = tf.identity(tensor)
            for tape in tapes:
                tape.watch(point)
            return point

        asked, dtype = self.asked, self.program.dtype
        derived = {*asked.wrt, *asked.moving} - {OUTPUT}
        given = dict(zip(asked.leaves, tensors["leaves"], strict=True))
        replaced = dict(zip(asked.replaced, tensors["replaced"], strict=True))
        for place in derived:
            for known in (given, replaced):
                if place in known:
                    known[place] = met.points[place] = watched(known[place])
        edits: list[tuple[Layer, Edit]] = [(layer, _given(value)) for layer, value in replaced.items()]
        edits += [(place, _derived(place, watched, met)) for place in asked.found if place != OUTPUT]
        neurons = (wish.layer for wish in asked.wishes if wish.layer is not None)
        edits += [(layer, _read(layer, met)) for layer in dict.fromkeys([*neurons, *asked.keep])]
        given = {name: tf.cast(leaf, dtype) if dtype and leaf.dtype.is_floating else leaf for name, leaf in given.items()}
        layers = self.program.layers
        with ExitStack() as stack:
            stack.enter_context(without_new_variables())
            if edits and layers is not None:
                stack.enter_context(inline())
                stack.enter_context(edited(layers, edits))
            outputs = self.program.run(tree.fill(self.skeleton, given))
        named = {name: number(leaf, name) for name, leaf in tree.flatten(outputs).items()}
        self.output_skeleton = tree.skeleton(outputs)
        met.outputs = {name: leaf for name, leaf in named.items() if leaf is not None}
        if OUTPUT in asked.wrt:
            met.outputs = {name: watched(leaf) if leaf.dtype.is_floating else leaf for name, leaf in met.outputs.items()}
        if not met.outputs:
            raise InputError(f"{self.program.whole} returned no numbers ({', '.join(named)}); return scores or probabilities.")
        self.shapes = {name: _shape(leaf) for name, leaf in met.outputs.items()}
        self.layer_shapes = {layer: _shape(leaf) for layer, leaf in met.layers.items()}

    def _value(self, index: int, tensors: Tensors, met: _Met) -> Any:
        """One number per row."""
        target, wish = self.targets[index], self.asked.wishes[index]
        outputs = tree.fill(self.output_skeleton, met.outputs)
        layer = None if wish.layer is None else at_least_single(met.layers[wish.layer])
        if tf.executing_eagerly():
            return wishes.value_as_it_stands(target, outputs, self.rows, layer)
        entry = tensors["entries"][index]
        if wish.function is not None:
            return wishes.called(wish.function, outputs, [entry] if wish.labelled else [])
        scores = met.outputs[wishes.leaf_of(target, self.rows, self.shapes)] if layer is None else layer
        return wishes.picked(scores, entry)

    def _gradients(self, tape: Any, value: Any, met: _Met) -> list[Any]:
        if OUTPUT in self.asked.wrt:
            met.points[OUTPUT] = output_read(tape, value, met.outputs)
        return gradients(tape, value, self.asked.wrt, met.points)


@dataclass
class _Met:
    """Tensors of one pass: those to differentiate by, those that lead to layers among them, outputs, layers that are read."""

    points: dict[Place, Any] = field(default_factory=dict)
    attached: dict[Layer, Any] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    layers: dict[Layer, Any] = field(default_factory=dict)


def _tape(persistent: bool) -> tf.GradientTape:
    return tf.GradientTape(persistent=persistent, watch_accessed_variables=False)


def _given(value: Any) -> Edit:
    def edit(output: Any) -> Any:
        return tf.cast(value, output.dtype)

    return edit


def _derived(place: Layer, watched: Callable[[Any], Any], met: _Met) -> Edit:
    """The derivative by a layer's output is that by the copy which goes on from there."""

    def edit(output: Any) -> Any:
        met.attached[place] = output
        met.points[place] = watched(output)
        return met.points[place]

    return edit


def _read(layer: Layer, met: _Met) -> Edit:
    def edit(output: Any) -> None:
        met.layers[layer] = output

    return edit


def _shape(tensor: Any) -> Shape:
    return None if tensor.shape.rank is None else tuple(tensor.shape)
