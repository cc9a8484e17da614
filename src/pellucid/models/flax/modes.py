"""How a flax module is called: its flags set for inference, its inputs as the arguments that it takes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

INFERENCE = {
    "train": False,
    "training": False,
    "is_training": False,
    "deterministic": True,
    "use_running_average": True,
}
"""What modules call the difference between training and inference."""


def flags(call: Callable[..., Any], module: Any) -> dict[str, bool]:
    """Keywords of a module's call that say that it is not training; a flag that the module holds itself is not said twice."""
    found: dict[str, bool] = {}
    for name, parameter in _parameters(call).items():
        held = parameter.default is None and getattr(module, name, None) is not None
        if name in INFERENCE and not held and parameter.default is not INFERENCE[name]:
            found[name] = INFERENCE[name]
    return found


def arguments(call: Callable[..., Any], given: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """A tuple as arguments, a mapping as keywords where the call takes them, anything else as one argument."""
    if isinstance(given, tuple):
        return given, {}
    if isinstance(given, Mapping) and all(isinstance(name, str) for name in given):
        parameters = _parameters(call)
        open_to_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
        if open_to_any or set(given) <= set(parameters):
            return (), dict(given)
    return (given,), {}


def _parameters(call: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    return dict(inspect.signature(call).parameters)
