"""The weights of flax modules: those of linen are exchanged as the arguments that they are, those of nnx in their variables."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import linen, nnx

from ..jax.weights_anew import of_tree, with_values
from ..randomise import Name, Weight
from ..wrap import Wrapped
from .linen import unbound


def weights(model: Wrapped) -> Sequence[Weight]:
    """The collection ``params`` of linen, the ``nnx.Param`` of nnx: statistics and caches are elsewhere."""
    if isinstance(model.model, linen.Module):
        return of_tree(_variables(model), "/")
    held = {name: param[...] for name, param in _params(model.model).items()}
    return [
        Weight(*name, np.asarray(array, np.float64 if array.dtype == np.float64 else np.float32)) for name, array in held.items()
    ]


@contextmanager
def exchanged(model: Wrapped, values: Mapping[Name, np.ndarray]) -> Generator[Wrapped]:
    """The same module, so that what was compiled serves these weights, too."""
    if isinstance(model.model, linen.Module):
        yield replace(model, params=with_values(_variables(model), "/", values))
        return
    params = {name: param for name, param in _params(model.model).items() if name in values}
    before = {name: param[...] for name, param in params.items()}
    try:
        for name, param in params.items():
            param[...] = jnp.asarray(values[name], before[name].dtype)
        yield model
    finally:
        for name, param in params.items():
            param[...] = before[name]


def _variables(model: Wrapped) -> dict[str, Any]:
    return {"params": {}, **unbound(model)[1]}


def _params(module: nnx.Module) -> dict[Name, nnx.Param[Any]]:
    """Each once, by the path of attributes that leads to it first."""
    found = {tuple(map(str, path)): node for path, node in nnx.iter_graph(module) if isinstance(node, nnx.Param)}
    floats = {path: param for path, param in found.items() if jnp.issubdtype(param[...].dtype, jnp.floating)}
    return {(".".join(path[:-1]), path[-1]): param for path, param in floats.items()}
