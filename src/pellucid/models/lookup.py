"""Which adapter speaks for a model: decided by the modules its type comes from, imported on first use."""

from __future__ import annotations

import importlib
from typing import Any

from ..core.errors import CapabilityError, InputError, nearest
from ..core.view import ModelView, Spec
from .wrap import Wrapped

ADAPTERS = {
    "torch": "pellucid.models.torch.module:view",
    "keras": "pellucid.models.keras.adapter:view",
    "tensorflow": "pellucid.models.tensorflow.function:view",
    "flax": "pellucid.models.flax.adapter:view",
    "jax": "pellucid.models.jax.function:view",
    "sklearn": "pellucid.models.sklearn.adapter:view",
    "onnx": "pellucid.models.onnx.adapter:view",
    "function": "pellucid.models.function:view",
}
"""By name, what makes a view of a wrapped model."""

ROOTS = {
    "keras": "keras",  # before torch: on that backend a Keras model is a torch module, too
    "tf_keras": "keras",  # Keras 2, which is refused in words
    "torch": "torch",
    "tensorflow": "tensorflow",
    "flax": "flax",
    "jax": "jax",
    "jaxlib": "jax",
    "sklearn": "sklearn",
    "onnx": "onnx",
    "onnxruntime": "onnx",
}
"""Adapter by the root module of a class that the model's type inherits from."""


def view_of(model: Any) -> ModelView:
    """The model seen through the adapter of its framework.

    Raises
    ------
    CapabilityError
        If the type is of no known framework; the message shows how to wrap it.
    InputError
        If something was stated of the model that its adapter has no use for.
    """
    wrapped = model if isinstance(model, Wrapped) else Wrapped(model, Spec())
    name = adapter_of(model)
    if name not in ADAPTERS:
        raise CapabilityError(f"there is no adapter {name!r}.{nearest(name, ADAPTERS)}")
    if wrapped.params is not None and name not in ("jax", "flax"):
        raise InputError(
            "params, the second argument of pl.wrap, is what a JAX function takes before the batch, or the variables of a "
            f"flax.linen module; the adapter {name!r} has no use for it."
        )
    if wrapped.gradient is not None and name != "function":
        raise InputError(
            f"gradient= is that of a plain function; the adapter {name!r} takes gradients from the model itself. Leave it out, "
            "or give the function in the model's place: pl.wrap(model.predict, gradient=...)."
        )
    module, _, attribute = ADAPTERS[name].partition(":")
    return getattr(importlib.import_module(module), attribute)(wrapped)


def adapter_of(model: Any) -> str:
    """The name of the adapter that speaks for a model, as it was stated or by its type.

    Raises
    ------
    CapabilityError
        If the type is of no known framework.
    """
    return (model.adapter or _stated(model)) if isinstance(model, Wrapped) else _adapter_of(model)


def framework_of(model: Any) -> str | None:
    """The framework that a model's type comes from; ``None`` for anything else, classes of models included."""
    found = {base.__module__.partition(".")[0] for base in type(model).__mro__}
    return next((adapter for root, adapter in ROOTS.items() if root in found), None)


def _stated(wrapped: Wrapped) -> str:
    """A wrapped function is what the user says it is: one of a batch, or of parameters and a batch."""
    model = wrapped.model
    if not callable(model) or isinstance(model, type) or framework_of(model) is not None:
        return _adapter_of(model)
    return "function" if wrapped.params is None else "jax"


def _adapter_of(model: Any) -> str:
    adapter = framework_of(model)
    if adapter is not None:
        return adapter
    if isinstance(model, type):
        raise CapabilityError(f"{model.__name__} is a class; make a model of it first: {model.__name__}(...).")
    kind = type(model)
    raise CapabilityError(
        f"{kind.__module__}.{kind.__qualname__} is of no framework known here ({', '.join(dict.fromkeys(ROOTS.values()))}). "
        "A function that maps a batch to outputs is explained with pl.wrap(fn), one of JAX arrays with "
        "pl.wrap(fn, adapter='jax'), which gives its gradients; a torch function as a torch.nn.Module."
    )
