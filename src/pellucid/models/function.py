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
    """The user's gradient as a pull-back. It takes what the function takes, and returns the Jacobian; or weights, too."""
    arguments = _arguments(gradient)

    def pull(given: Any, weights: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        inputs = given if isinstance(given, tuple) else (given,)
        if arguments not in (None, len(inputs), len(inputs) + 1):
            raise InputError(
                f"gradient= takes {arguments} arguments; it must take what the function takes, here {len(inputs)}, and return "
                "the Jacobian, or one more: the weights of the outputs."
            )
        whole_jacobian = arguments == len(inputs)
        asked = next(iter(weights.values())) if len(weights) == 1 else dict(weights)
        found = gradient(*inputs) if whole_jacobian else gradient(*inputs, asked)
        leaves = tree.flatten(given)
        derivatives = _by_leaf(found, leaves)
        if whole_jacobian:
            weight = _only(weights)
            derivatives = {name: _contracted(name, d, weight, np.shape(leaves[name])) for name, d in derivatives.items()}
        for name, derivative in derivatives.items():
            if derivative.shape != np.shape(leaves[name]):
                raise InputError(
                    f"gradient= returned shape {derivative.shape} for input {name!r}, whose shape is {np.shape(leaves[name])}; "
                    "with weights, a derivative has the shape of what it is taken by."
                )
        return {name: derivative for name, derivative in derivatives.items() if name not in spec.static}

    return pull


def _by_leaf(found: Any, leaves: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """What a gradient returned, as arrays of floats by input."""
    if len(leaves) == 1 and not isinstance(found, Mapping):  # some libraries return a tuple of one
        named = {name: found[0] if isinstance(found, tuple) and len(found) == 1 else found for name in leaves}
    else:
        named = tree.flatten(found)
    named = {name: tree.on_host(leaf) for name, leaf in named.items()}
    if set(named) - set(leaves) or not named:
        raise InputError(f"gradient= returned {', '.join(named) or 'nothing'}; the inputs are {', '.join(leaves)}.")
    for name, derivative in named.items():
        if derivative.dtype.kind not in "iuf":
            raise InputError(f"gradient= returned {derivative.dtype} for input {name!r}, and not numbers.")
    return {name: derivative * 1.0 for name, derivative in named.items()}


def _only(weights: Mapping[str, np.ndarray]) -> np.ndarray:
    if len(weights) > 1:
        raise InputError(
            f"the function has {len(weights)} outputs ({', '.join(weights)}); its gradient= then takes their weights, too (a "
            "mapping by output), and returns the derivative of the sum of outputs times weights."
        )
    return next(iter(weights.values()))


def _contracted(name: str, jacobian: np.ndarray, weight: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Weights times a Jacobian ``(rows, outputs..., inputs...)``; the outputs may be left out where there is one."""
    if jacobian.shape == shape and weight.size == shape[0]:
        return jacobian * weight.reshape(shape[0], *[1] * (len(shape) - 1))
    if jacobian.shape != (*weight.shape, *shape[1:]):
        raise InputError(
            f"gradient= returned shape {jacobian.shape} for input {name!r}; it must be {(*weight.shape, *shape[1:])}: rows, "
            "outputs, then the axes of the input."
        )
    flat = jacobian.reshape(shape[0], weight.size // shape[0], -1)
    return np.einsum("no,noi->ni", weight.reshape(shape[0], -1), flat).reshape(shape)


def _arguments(function: Callable[..., Any]) -> int | None:
    """How many arguments must be given; ``None`` where that is not known."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return None
    return sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) and p.default is p.empty for p in parameters)
