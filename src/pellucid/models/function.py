"""Any function from a batch to outputs: rows of numbers, of a frame, or strings; with gradients where the user has them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..core import tree
from ..core.errors import CapabilityError, InputError
from ..core.targets import Layer
from ..core.view import Spec
from .host import HostView, Program, Pull
from .inside import Inside
from .wrap import Wrapped

WHOLE = "a function"


def view(wrapped: Wrapped) -> HostView:
    """A function seen through its calls."""
    function: Callable[..., Any] = wrapped.model
    if not callable(function):
        raise CapabilityError(f"pl.wrap takes a model or a function of a batch; got {type(function).__name__}.")

    def call(given: Any, _keep: Sequence[Layer], _replace: Mapping[Layer, np.ndarray]) -> tuple[Any, list[np.ndarray]]:
        return (function(*given) if isinstance(given, tuple) else function(given)), []

    pull = None if wrapped.gradient is None else _pull(wrapped.gradient, wrapped.spec)
    why = "pl.wrap(fn, gradient=) gives it one"
    return HostView(Program("function", function, call, pull, Inside(whole=WHOLE), whole=WHOLE, why=why), wrapped.spec)


def _pull(gradient: Callable[..., Any], spec: Spec) -> Pull:
    """The user's gradient as a pull-back; a function of the batch alone gives the whole Jacobian."""
    whole_jacobian = _arguments(gradient) == 1

    def pull(given: Any, weights: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        asked = next(iter(weights.values())) if len(weights) == 1 else dict(weights)
        found = gradient(given) if whole_jacobian else gradient(given, asked)
        leaves = tree.flatten(given)
        derivatives = {name: tree.on_host(leaf) for name, leaf in tree.flatten(found).items()}
        if set(derivatives) - set(leaves) or not derivatives:
            raise InputError(f"gradient= returned the leaves {', '.join(derivatives)}; the inputs are {', '.join(leaves)}.")
        if whole_jacobian:
            weight = _only(weights)
            derivatives = {name: _contracted(name, d, weight, np.asarray(leaves[name])) for name, d in derivatives.items()}
        for name, derivative in derivatives.items():
            if derivative.shape != np.shape(leaves[name]):
                raise InputError(
                    f"gradient= returned shape {derivative.shape} for input {name!r}, whose shape is {np.shape(leaves[name])}; "
                    "a derivative has the shape of what it is taken by."
                )
        return {name: derivative for name, derivative in derivatives.items() if name not in spec.static}

    return pull


def _only(weights: Mapping[str, np.ndarray]) -> np.ndarray:
    if len(weights) > 1:
        raise InputError(
            f"the function has {len(weights)} outputs ({', '.join(weights)}); its gradient= takes (batch, weights) then, weights "
            "by output, and returns the derivative of the sum of outputs times weights."
        )
    return next(iter(weights.values()))


def _contracted(name: str, jacobian: np.ndarray, weight: np.ndarray, leaf: np.ndarray) -> np.ndarray:
    """Weights times a Jacobian ``(rows, outputs..., inputs...)``; the outputs may be left out where there is one."""
    if jacobian.shape == leaf.shape and weight.size == len(leaf):
        return jacobian * weight.reshape(len(leaf), *[1] * (leaf.ndim - 1))
    if jacobian.shape != (*weight.shape, *leaf.shape[1:]):
        raise InputError(
            f"gradient= returned shape {jacobian.shape} for input {name!r}; it must be {(*weight.shape, *leaf.shape[1:])}: rows, "
            "outputs, then the axes of the input."
        )
    flat = jacobian.reshape(len(leaf), weight.size // len(leaf), -1)
    return np.einsum("no,noi->ni", weight.reshape(len(leaf), -1), flat).reshape(leaf.shape)


def _arguments(function: Callable[..., Any]) -> int:
    """How many arguments must be given; two where the signature is not known."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return 2
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(p.kind in kinds and p.default is p.empty for p in parameters)
