"""Small linear algebra on one thread."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController

SMALL = 512
"""Rows of a factorisation up to which a second thread costs more than it saves."""


def few_threads(rows: int) -> AbstractContextManager[Any]:
    """One thread for NumPy's and SciPy's linear algebra on so many rows, if that is few.

    Threads that wait for more of it keep spinning, and take the cores from a model that runs next.
    """
    return _controller().limit(limits=1, user_api="blas") if rows <= SMALL else nullcontext()


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()
