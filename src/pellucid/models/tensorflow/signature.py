"""What a function of tensors declares of its inputs: names, shapes and dtypes, read off its signature."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import tensorflow as tf

from ...core import tree
from ...core.errors import InputError, nearest
from ...core.view import Spec
from ..reading import Read, leaves_of


@dataclass(frozen=True)
class Signature:
    """Declared inputs by leaf name; empty where nothing is declared.

    ``keywords`` where inputs are given by name alone, as the signatures of saved models take them.
    """

    specs: Mapping[str, tf.TensorSpec] = field(default_factory=dict)
    keywords: bool = False

    @property
    def dtype(self) -> str | None:
        """The floating dtype of the inputs."""
        return next((spec.dtype.name for spec in self.specs.values() if spec.dtype.is_floating), None)

    def of(self, leaf: str) -> tf.TensorSpec | None:
        """What is declared of a leaf; an only input may be given without its name, several in their order."""
        if leaf in self.specs:
            return self.specs[leaf]
        in_order = [tree.BARE] if len(self.specs) == 1 else [] if self.keywords else [str(at) for at in range(len(self.specs))]
        return dict(zip(in_order, self.specs.values(), strict=False)).get(leaf)

    def rows(self, static: tuple[str, ...]) -> int | None:
        """The only number of rows that it takes; ``None`` where it takes any."""
        known = [spec.shape for at, (name, spec) in enumerate(self.specs.items()) if not {name, str(at)} & set(static)]
        return next((int(shape[0]) for shape in known if shape.rank and shape[0] is not None), None)

    def completed(self, spec: Spec) -> Spec:
        """What was stated, with the shapes that are declared."""
        names = [*self.specs, tree.BARE, *map(str, range(len(self.specs)))]
        found = {name: each.shape for name in names if name not in spec.static and (each := self.of(name)) is not None}
        shapes = {name: tuple(shape[1:]) for name, shape in found.items() if shape.rank}
        return replace(spec, shapes={**shapes, **spec.shapes})

    def read(self, x: Any, spec: Spec) -> Read:
        """The user's data as leaves of the declared names and kinds.

        Raises
        ------
        InputError
            If names, their number or dtypes are not the declared ones.
        """
        if words := [name for name, each in self.specs.items() if each.dtype == tf.string]:
            raise InputError(f"{words[0]!r} takes strings, which have no derivative; explain a signature that takes numbers.")
        read = leaves_of(x, spec)
        if not self.specs:
            return read
        if wrong := [name for name in read.leaves if self.of(name) is None]:
            raise InputError(f"the model has no input {wrong[0]!r}.{nearest(wrong[0], self.specs)} It takes {self}.")
        if len(read.leaves) < len(self.specs):
            missing = [name for name in self.specs if name not in read.leaves]
            raise InputError(f"the input {missing[0]!r} is missing; got {', '.join(read.leaves)}. The model takes {self}.")
        return replace(read, leaves={name: self._fitting(name, leaf) for name, leaf in read.leaves.items()})

    def cast(self, given: Any) -> Any:
        """Tensors in the declared dtypes."""
        leaves = {}
        for name, leaf in tree.flatten(given).items():
            spec = self.of(name)
            leaves[name] = leaf if spec is None or spec.dtype == leaf.dtype else tf.cast(leaf, spec.dtype)
        return tree.fill(tree.skeleton(given), leaves)

    def __str__(self) -> str:
        return ", ".join(f"{name} {spec.dtype.name} {spec.shape}" for name, spec in self.specs.items())

    def _fitting(self, name: str, leaf: Any) -> Any:
        """Whole numbers where floats are taken are floats; the reverse is refused."""
        spec, given = self.of(name), tree.on_host(leaf)
        assert spec is not None
        floating = given.dtype.kind == "f" or "float" in given.dtype.name
        if spec.dtype.is_floating and not floating:
            return given.astype(np.float64 if spec.dtype == tf.float64 else np.float32)
        if not spec.dtype.is_floating and floating:
            raise InputError(f"{name!r} takes whole numbers ({spec.dtype.name}); got {given.dtype.name}.")
        return leaf


def declared(function: Any) -> Signature:
    """What a traced function, a saved one, or one with an ``input_signature`` declares."""
    concrete = _concrete(function)
    if concrete is not None and concrete.structured_input_signature is not None:
        args, keywords = concrete.structured_input_signature
        names = [*concrete.function_type.parameters][: len(args)]
        return _signature(dict(zip(names, args, strict=False)), keywords)
    specs = getattr(function, "input_signature", None)
    if specs is None:
        return Signature()
    names = [*function.function_type.parameters]
    return _signature(dict(zip(names, specs, strict=False)), {})


def _signature(args: Mapping[str, Any], keywords: Mapping[str, Any]) -> Signature:
    """Leaves are named as ``explain`` names them: by position, by keyword, or as the tree that the only argument is."""
    tensors = {name: spec for name, spec in args.items() if _is_input(spec)}
    if keywords and not tensors:
        return Signature(tree.flatten({name: spec for name, spec in sorted(keywords.items()) if _is_input(spec)}), keywords=True)
    given = next(iter(tensors.values())) if len(tensors) == 1 else tensors
    return Signature(tree.flatten(given))


def _is_input(spec: Any) -> bool:
    leaves = tree.flatten(spec).values()
    return bool(leaves) and all(isinstance(leaf, tf.TensorSpec) for leaf in leaves)


def _concrete(function: Any) -> Any:
    """The trace that says what is taken; ``None`` where there are none, or several that differ in it."""
    if isinstance(function, tf.types.experimental.ConcreteFunction):
        return function
    traces = [trace for trace in getattr(function, "concrete_functions", []) if trace.structured_input_signature is not None]
    inputs = {
        repr([spec for spec in tf.nest.flatten(trace.structured_input_signature) if isinstance(spec, tf.TensorSpec)])
        for trace in traces
    }
    return traces[0] if len(inputs) == 1 else None
