"""What a trace holds besides variables: the Python values that were read while tracing, told so that a change is seen."""

from __future__ import annotations

import dataclasses
import functools
import types
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .identity import Identity, content

_PLAIN = (bool, int, float, complex, str, bytes, type(None), np.generic)

_SHORT = 2**10
"""Entries of a container up to which they are told; of larger ones how long it is."""


@dataclass(frozen=True)
class Library:
    """What must be known of a framework to tell its objects.

    Parameters
    ----------
    plain
        Further types whose values are told as they are written.
    follows
        Whether the attributes of an object of the framework's are followed.
    variables
        The variables that an object is, or has where it is not followed.
    written
        What the user has written of a compiled function; ``None`` for anything else.
    """

    plain: tuple[type, ...] = ()
    follows: Callable[[Any], bool] = lambda thing: False  # noqa: ARG005
    variables: Callable[[Any], list[Any]] = lambda thing: []  # noqa: ARG005
    written: Callable[[Any], Any] = lambda thing: None  # noqa: ARG005


def described(thing: Any, library: Library) -> Hashable:
    """Something that changes when a function, a module or an object would be traced to something else.

    Values of variables do not count. Closures, globals, containers, data classes, what the library follows, and functions and
    objects of the same package are followed; of any other object it is told which one it is.
    """
    return _Telling(library, _package(thing, library)).told(thing, attributes=True)


def reached(thing: Any, library: Library) -> tuple[list[Any], list[Any]]:
    """The variables, and the objects whose attributes are followed, each once."""
    telling = _Telling(library, _package(thing, library))
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


class _Telling:
    """One description, which tells each object once."""

    def __init__(self, library: Library, package: str) -> None:
        self._library, self._package = library, package
        self._seen: dict[int, int] = {}
        self.variables: list[Any] = []
        self.owners: list[Any] = []

    def told(self, thing: Any, attributes: bool = False) -> Hashable:
        if isinstance(thing, (*_PLAIN, *self._library.plain)):
            return type(thing).__name__, repr(thing)
        if id(thing) in self._seen:
            return "told before", self._seen[id(thing)]
        self._seen[id(thing)] = len(self._seen)
        if isinstance(thing, np.ndarray) and not thing.dtype.hasobject:
            return content(thing)
        self.variables += self._library.variables(thing)
        if isinstance(thing, (list, tuple, Mapping)):
            known = (type(thing).__name__, len(thing))
            return known if len(thing) > _SHORT else (*known, self._all(_entries(thing)))
        parts = self._attributes(thing) if attributes or self._is_followed(thing) else []
        return Identity(thing), self._all([*parts, *self._inside(thing)])

    def _all(self, parts: list[tuple[str, Any]]) -> Hashable:
        return tuple((name, self.told(part)) for name, part in parts)

    def _is_followed(self, thing: Any) -> bool:
        if isinstance(thing, (type, types.FunctionType, types.ModuleType)):
            return False
        return self._library.follows(thing) or dataclasses.is_dataclass(thing) or _root(type(thing)) == self._package

    def _attributes(self, thing: Any) -> list[tuple[str, Any]]:
        """Without what a framework keeps about it."""
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
            return list(read_by(thing)) if _root(thing) == self._package else []
        written = self._library.written(thing)
        return [] if written is None else [("function", written)]


def _entries(thing: Any) -> list[tuple[str, Any]]:
    named = thing.items() if isinstance(thing, Mapping) else enumerate(thing)
    return [(str(name), part) for name, part in named]


def _package(thing: Any, library: Library) -> str:
    while isinstance(thing, functools.partial):
        thing = thing.func
    written = library.written(thing)
    thing = thing if written is None else written
    return _root(thing if isinstance(thing, (types.FunctionType, types.MethodType)) else type(thing))


def _root(named: Any) -> str:
    return (named.__module__ or "").partition(".")[0]


def _names(code: types.CodeType) -> set[str]:
    """Names that code may read as globals, inner functions included."""
    inner = (constant for constant in code.co_consts if isinstance(constant, types.CodeType))
    return set(code.co_names).union(*map(_names, inner))
