"""What a model returns, on its way through compiled functions: which forget the order of a dict's keys."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

import jax

from ...core import tree
from .arrays import is_floating, wide


@dataclass(frozen=True)
class _Form:
    """The tree that the arrays were in: its structure, the order of its keys, and the arrays by name."""

    structure: Any
    order: Hashable
    names: tuple[tuple[str, int], ...]


@jax.tree_util.register_pytree_node_class
@dataclass(frozen=True)
class Outputs:
    """The arrays of a model's outputs, and how they hang together."""

    arrays: tuple[Any, ...]
    form: _Form

    @classmethod
    def of(cls, made: Any) -> Outputs:
        """What a model returned; half precision as float32."""
        leaves, structure = jax.tree.flatten(made)
        where = {id(leaf): position for position, leaf in reversed(list(enumerate(leaves)))}
        names = tuple((name, where[id(leaf)]) for name, leaf in tree.flatten(made).items() if id(leaf) in where)
        return cls(tuple(map(wide, leaves)), _Form(structure, _order(made), names))

    def tree(self) -> Any:
        """The arrays as the model returned them."""
        return _ordered(jax.tree.unflatten(self.form.structure, self.arrays), self.form.order)

    def put(self, arrays: Any) -> Outputs:
        """Other arrays in the place of these."""
        return Outputs(tuple(arrays), self.form)

    def map(self, function: Callable[[Any], Any]) -> Outputs:
        """A function of each array."""
        return self.put(map(function, self.arrays))

    @property
    def floats(self) -> tuple[Any, ...]:
        """The arrays that can be differentiated."""
        return tuple(array for array in self.arrays if is_floating(array))

    def with_floats(self, floats: Any) -> Outputs:
        """Others in the place of those."""
        others = iter(floats)
        return self.map(lambda array: next(others) if is_floating(array) else array)

    def number(self, name: str) -> int | None:
        """Which of the floats has this name; ``None`` for one of integers."""
        position = dict(self.form.names)[name]
        if not is_floating(self.arrays[position]):
            return None
        return sum(is_floating(array) for array in self.arrays[:position])

    def tree_flatten(self) -> tuple[tuple[Any, ...], _Form]:
        """For JAX."""
        return self.arrays, self.form

    @classmethod
    def tree_unflatten(cls, form: _Form, arrays: Any) -> Outputs:
        """For JAX."""
        return cls(tuple(arrays), form)


def _order(made: Any) -> Hashable:
    if type(made) is dict:
        return tuple((key, _order(child)) for key, child in made.items())
    return tuple(_order(child) for child in made) if type(made) in (tuple, list) else None


def _ordered(made: Any, order: Any) -> Any:
    if type(made) is dict:
        return {key: _ordered(made[key], inner) for key, inner in order}
    if type(made) in (tuple, list):
        return type(made)(_ordered(child, inner) for child, inner in zip(made, order, strict=True))
    return made
