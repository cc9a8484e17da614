"""Which library of flax a model is of: imported on first use."""

from __future__ import annotations

import importlib

from ...core.errors import CapabilityError
from ..jax.view import JaxView
from ..wrap import Wrapped


def view(wrapped: Wrapped) -> JaxView:
    """A module of linen or nnx seen through JAX."""
    bases = [(base.__module__, base.__qualname__) for base in type(wrapped.model).__mro__]
    for library in ("linen", "nnx"):
        if any(module.startswith(f"flax.{library}.") and name == "Module" for module, name in bases):
            return importlib.import_module(f".{library}", __package__).view(wrapped)
    raise CapabilityError(
        f"{type(wrapped.model).__name__} is of flax, but neither a linen nor an nnx module. A linen module is explained with its "
        "variables, pl.wrap(module, {'params': state.params}), an nnx module as it is."
    )
