"""What a trace holds besides variables: the Python values that were read while tracing, told so that a change is seen."""

from __future__ import annotations

import dataclasses
import functools
import types
import weakref
from collections.abc import Hashable, Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

_PLAIN = (bool, int, float, complex, str, bytes, type(None), np.generic, tf.DType)

_SMALL, _SHORT = 2**16, 2**10
"""Bytes of an array, and entries of a container, up to which the content is told; of larger ones which array, or how long."""


def described(thing: Any) -> Hashable:
    """Something that changes when a function, a module or an object would be traced to something else.

    Values of variables do not count. Closures, globals, containers, modules, data classes and functions of the same package are
    followed; of any other object it is told which one it is.
    """
    return _Telling(_package(thing)).told(thing, attributes=True)


def reached(thing: Any) -> tuple[list[Any], list[Any]]:
    """The variables (TensorFlow's own) and the objects whose attributes are followed, each once."""
    telling = _Telling(_package(thing))
    telling.told(thing, attributes=True)
    return list({id(variable): variable for variable in telling.variables}.values()), telling.owners


def read_by(function: types.FunctionType) -> Iterator[tuple[str, Any]]:
    """What a function written in Python reads besides its arguments: defaults, closures and globals."""
    yield "defaults", function.__defaults__
    yield "keyword defaults", function.__kwdefaults__
    code = function.__code__
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        if cell != types.CellType():  # an empty one is filled later
            yield name, cell.cell_contents
    for name in sorted(_names(code)):
        if name in function.__globals__:
            yield name, function.__globals__[name]


class Identity:
    """One object: equal to itself alone, and to nothing once it is gone."""

    def __init__(self, thing: Any) -> None:
        self._number = id(thing)
        try:
            self._thing = weakref.ref(thing)
        except TypeError:
            self._thing = lambda: thing

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Identity) and self._thing() is not None and self._thing() is other._thing()

    def __hash__(self) -> int:
        return self._number


class _Telling:
    """One description, which tells each object once."""

    def __init__(self, package: str) -> None:
        self._package = package
        self._seen: dict[int, int] = {}
        self.variables: list[Any] = []
        self.owners: list[Any] = []

    def told(self, thing: Any, attributes: bool = False) -> Hashable:
        if isinstance(thing, _PLAIN):
            return type(thing).__name__, repr(thing)
        if id(thing) in self._seen:
            return "told before", self._seen[id(thing)]
        self._seen[id(thing)] = len(self._seen)
        if isinstance(thing, np.ndarray) and thing.nbytes <= _SMALL and thing.dtype != object:
            return thing.shape, thing.dtype.str, thing.tobytes()
        self.variables += _variables(thing)
        if isinstance(thing, (list, tuple, Mapping)):
            known = (type(thing).__name__, len(thing))
            return known if len(thing) > _SHORT else (*known, self._all(_entries(thing)))
        parts = self._attributes(thing) if attributes or _is_followed(thing) else []
        return Identity(thing), self._all([*parts, *self._inside(thing)])

    def _all(self, parts: list[tuple[str, Any]]) -> Hashable:
        return tuple((name, self.told(part)) for name, part in parts)

    def _attributes(self, thing: Any) -> list[tuple[str, Any]]:
        """Without what TensorFlow keeps about it."""
        own = getattr(thing, "__dict__", None)
        if own is None:
            return []
        self.owners.append(thing)
        return [(name, value) for name, value in own.items() if not name.startswith(("_self_", "_tf_", "__"))]

    def _inside(self, thing: Any) -> list[tuple[str, Any]]:
        """What is followed of a function."""
        if isinstance(thing, functools.partial):
            return [("function", thing.func), ("arguments", thing.args), ("keywords", thing.keywords)]
        if isinstance(thing, types.MethodType):
            return [("function", thing.__func__), *self._attributes(thing.__self__)]
        if isinstance(thing, types.FunctionType):
            return list(read_by(thing)) if _package(thing) == self._package else []
        if isinstance(thing, tf.types.experimental.PolymorphicFunction):
            return [("function", thing.python_function)]
        return []


def _entries(thing: Any) -> list[tuple[str, Any]]:
    named = thing.items() if isinstance(thing, Mapping) else enumerate(thing)
    return [(str(name), part) for name, part in named]


def _is_followed(thing: Any) -> bool:
    trackable = isinstance(thing, tf.__internal__.tracking.AutoTrackable) and not _is_of_keras(thing)
    return trackable or (dataclasses.is_dataclass(thing) and not isinstance(thing, type))


def _variables(thing: Any) -> list[Any]:
    """A variable, or those of a layer of Keras, which is not followed."""
    if isinstance(thing, tf.Variable):
        return [thing]
    return [variable.value for variable in getattr(thing, "variables", [])] if _is_of_keras(thing) else []


def _is_of_keras(thing: Any) -> bool:
    return any(kind.__module__.startswith("keras.") for kind in type(thing).__mro__)


def _package(thing: Any) -> str:
    while isinstance(thing, functools.partial):
        thing = thing.func
    if isinstance(thing, tf.types.experimental.PolymorphicFunction):
        thing = thing.python_function
    named = thing if isinstance(thing, (types.FunctionType, types.MethodType)) else type(thing)
    return (named.__module__ or "").partition(".")[0]


def _names(code: types.CodeType) -> set[str]:
    """Names that code may read as globals, inner functions included."""
    inner = (constant for constant in code.co_consts if isinstance(constant, types.CodeType))
    return set(code.co_names).union(*map(_names, inner))
