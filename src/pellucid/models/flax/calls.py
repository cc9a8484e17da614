"""Calls of nnx modules, seen from outside: their classes are told of, and are as they were when nobody looks any more."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from threading import Lock
from typing import Any

Watch = Callable[[Any, Callable[[], Any], tuple[Any, ...]], Any]
"""``watch(module, call, arguments)`` in the place of a call; what it returns is the call's output."""

_WATCH: ContextVar[Watch] = ContextVar("watch")
"""Whoever looks in this context. Other threads call the same classes, and nothing is different for them."""


@dataclass
class _Changed:
    """A class whose ``__call__`` is another, and by how many."""

    original: Callable[..., Any]
    watching: Callable[..., Any]
    holders: int = 0


_CHANGED: dict[type, _Changed] = {}
_LOCK = Lock()


@contextmanager
def told(classes: Iterable[type], watch: Watch) -> Generator[None]:
    """While this holds, calls of these classes in this context go through ``watch``."""
    owners = {owner for kind in classes for owner in kind.__mro__ if "__call__" in vars(owner) and owner is not object}
    token = _WATCH.set(watch)
    with _LOCK:
        for owner in owners:
            _hold(owner)
    try:
        yield
    finally:
        with _LOCK:
            for owner in owners:
                _release(owner)
        _WATCH.reset(token)


def _hold(owner: type) -> None:
    if owner not in _CHANGED:
        original = vars(owner)["__call__"]
        _CHANGED[owner] = _Changed(original, _watching(original))
        type.__setattr__(owner, "__call__", _CHANGED[owner].watching)
    _CHANGED[owner].holders += 1


def _release(owner: type) -> None:
    changed = _CHANGED[owner]
    changed.holders -= 1
    if not changed.holders:
        del _CHANGED[owner]
        if vars(owner)["__call__"] is changed.watching:  # else somebody has changed it since, and calls ours
            type.__setattr__(owner, "__call__", changed.original)


def _watching(original: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(original)
    def call(self: Any, *args: Any, **keywords: Any) -> Any:
        watch = _WATCH.get(None)
        if watch is None:
            return original(self, *args, **keywords)
        return watch(self, lambda: original(self, *args, **keywords), (*args, *keywords.values()))

    return call
