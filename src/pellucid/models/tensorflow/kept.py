"""Giving modules back as they were: attributes that a pass writes, and what it puts into lists and dicts among them."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import Any


@contextmanager
def restored(modules: Iterable[Any]) -> Generator[None]:
    """Put attributes back when this ends; a trace that a module keeps would be a symbol without a value."""
    kept = [_Attributes(module) for module in modules if hasattr(module, "__dict__")]
    try:
        yield
    finally:
        for each in kept:
            each.put_back()


class _Attributes:
    """The attributes of one module, and the contents of its lists and dicts."""

    def __init__(self, module: Any) -> None:
        self._own = vars(module)
        self._before = dict(self._own)
        self._lists = [(held, list(held)) for held in self._before.values() if isinstance(held, list)]
        self._dicts = [(held, dict(held)) for held in self._before.values() if isinstance(held, dict)]

    def put_back(self) -> None:
        if self._own.keys() != self._before.keys() or any(self._own[name] is not value for name, value in self._before.items()):
            self._own.clear()  # past __setattr__, which would track what it is given
            self._own.update(self._before)
        for held, before in self._lists:
            if len(held) > len(before):
                del held[len(before) :]
            if not _are(held, before):
                held[:] = before
        for held, before in self._dicts:
            if held.keys() != before.keys() or not _are(held.values(), [before[name] for name in held]):
                held.clear()
                held.update(before)


def _are(these: Iterable[Any], those: Iterable[Any]) -> bool:
    return all(one is other for one, other in zip(these, those, strict=True))
