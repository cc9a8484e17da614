"""A plain function of JAX arrays as a program of JAX."""

from __future__ import annotations

from functools import partial

from ..wrap import Wrapped
from .view import JaxView


def view(wrapped: Wrapped) -> JaxView:
    """A function seen through JAX."""
    function = wrapped.model if wrapped.params is None else partial(wrapped.model, wrapped.params)
    return JaxView(function, wrapped.spec)
