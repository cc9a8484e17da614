"""The parameters of a JAX function, read and exchanged as the arguments that they are."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ...core.errors import CapabilityError
from ..randomise import Name, Weight
from ..wrap import Wrapped

LEARNED = "params"
"""What flax calls the collection of what is learned, beside statistics."""


def weights(model: Wrapped) -> Sequence[Weight]:
    """The leaves of ``params``; a layer is the branch that holds some, or a leaf that no branch holds."""
    if model.params is None:
        raise CapabilityError(
            "a JAX function without parameters shows no weights that could be drawn anew; wrap it with them: "
            "pl.wrap(lambda params, x: ..., params)."
        )
    return of_tree(model.params, ".")


@contextmanager
def exchanged(model: Wrapped, values: Mapping[Name, np.ndarray]) -> Generator[Wrapped]:
    """The same function with other parameters: what was compiled serves these, too."""
    yield replace(model, params=with_values(model.params, ".", values))


def of_tree(params: Any, sign: str) -> list[Weight]:
    """The leaves of a tree, ``sign`` between the parts of a layer's name; half precision as float32."""
    found: list[Weight] = []

    def seen(name: Name, leaf: Any) -> Any:
        found.append(Weight(*name, np.asarray(leaf, np.float64 if leaf.dtype == np.float64 else np.float32)))
        return leaf

    _over(params, sign, seen)
    return found


def with_values(params: Any, sign: str, values: Mapping[Name, np.ndarray]) -> Any:
    """The tree with some leaves exchanged, each in its own dtype."""
    return _over(params, sign, lambda name, leaf: jnp.asarray(values[name], leaf.dtype) if name in values else leaf)


def _over(params: Any, sign: str, change: Callable[[Name, Any], Any]) -> Any:
    """The tree with what is made of each floating-point leaf that is learned."""
    collections = isinstance(params, Mapping) and LEARNED in params

    def changed(path: tuple[Any, ...], leaf: Any) -> Any:
        keys = [str(getattr(key, "key", getattr(key, "idx", getattr(key, "name", key)))) for key in path]
        if not jnp.issubdtype(getattr(leaf, "dtype", np.dtype(object)), jnp.floating) or (collections and keys[0] != LEARNED):
            return leaf
        *within, own = keys[1:] if collections else keys or [""]
        return change((sign.join(within) if within or collections else own, own), leaf)

    return jax.tree_util.tree_map_with_path(changed, params)
