"""Explanations in several threads: they take turns where a framework has one state for all, and other threads see nothing."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import wraps
from threading import Lock, RLock, get_ident
from typing import Any

import numpy as np

TURN = RLock()
"""Held while a model is held still by flags, hooks or attributes of its own, or by what the whole process has once."""


def only_here(ours: Callable[..., Any], others: Callable[..., Any] = lambda *_: None) -> Callable[..., Any]:
    """A function that is ``ours`` in this thread and ``others`` in any other, where the user may run the same model."""
    thread = get_ident()

    @wraps(ours)
    def either(*args: Any, **keywords: Any) -> Any:
        return (ours if get_ident() == thread else others)(*args, **keywords)

    return either


class _Held:
    """NumPy's global generator as the first who holds it found it."""

    lock = Lock()
    holders = 0
    state: Any = None


@contextmanager
def numpy_seeded(seed: int) -> Generator[None]:
    """NumPy's global generator starts from the seed (a user's model may draw from it), and then goes on as if it had not.

    Threads need not take turns for it: the last one puts back what the first one found.
    """
    with _Held.lock:
        if not _Held.holders:
            _Held.state = np.random.get_state()  # noqa: NPY002
        _Held.holders += 1
        np.random.seed(seed % 2**32)  # noqa: NPY002
    try:
        yield
    finally:
        with _Held.lock:
            _Held.holders -= 1
            if not _Held.holders:
                np.random.set_state(_Held.state)  # noqa: NPY002
