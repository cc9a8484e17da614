"""Copies of models that take a shift of their input off again: what is said of them should not depend on it."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ..core import tree
from ..core.errors import CapabilityError
from .lookup import framework_of
from .wrap import Wrapped

ROOMS = {"torch": "pellucid.models.torch.shifted_input"}
"""By framework, where ``shifted(model, leaf, shift)`` is."""


def shifted(model: Any, leaf: str, shift: float) -> Any:
    """A copy ``g`` with ``g(x + shift) = f(x)``, the shift being on one leaf; layers keep their names.

    Raises
    ------
    CapabilityError
        If that is not known of the framework, or of a function of several inputs.
    """
    wrapped = model if isinstance(model, Wrapped) else None
    inner = model if wrapped is None else wrapped.model
    framework = framework_of(inner)
    if framework in ROOMS:
        copy = importlib.import_module(ROOMS[framework]).shifted(inner, leaf, shift)
        return copy if wrapped is None else replace(wrapped, model=copy)
    plain = wrapped is not None and framework is None and wrapped.adapter in (None, "function") and callable(inner)
    if wrapped is None or not plain or leaf != tree.BARE:
        kind = f"a model of {framework}" if framework else "a function of a framework, or of several inputs"
        raise CapabilityError(
            f"the input of {kind} is not shifted here; known are models of {', '.join(ROOMS)}, and functions of one array. "
            "Leave input-invariance out."
        )
    gradient = None if wrapped.gradient is None else _before(wrapped.gradient, shift)
    return replace(wrapped, model=_before(inner, shift), gradient=gradient)


def _before(function: Callable[..., Any], shift: float) -> Callable[..., Any]:
    """The function of an input less the shift; it still says what arguments it takes."""

    @functools.wraps(function)
    def moved(batch: Any, *rest: Any) -> Any:
        return function(batch - shift, *rest)

    return moved
