"""A plain function of JAX arrays as a program of JAX."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import numpy as np

from ...core.errors import CapabilityError
from ...core.view import Spec
from ..baked import Library, described
from ..layers import Layers
from ..reading import Read, leaves_of
from ..wrap import Wrapped
from .view import JaxView

_JITTED = type(jax.jit(lambda: None))
_ARRAYS = (jax.Array, np.ndarray)
OWN = "the function itself"
_JAX = Library(written=lambda thing: thing.__wrapped__ if isinstance(thing, _JITTED) else None)


@dataclass(frozen=True, eq=False)
class _Same:
    """Something among the parameters that is no array: the same thing, or an equal number or word."""

    value: Any

    def __eq__(self, other: object) -> bool:
        plain = isinstance(self.value, (bool, int, float, complex, str, bytes))
        return (
            isinstance(other, _Same)
            and type(self.value) is type(other.value)
            and (self.value == other.value if plain else self.value is other.value)
        )

    def __hash__(self) -> int:
        return hash(type(self.value))


def view(wrapped: Wrapped) -> JaxView:
    """A function seen through JAX."""
    if not callable(wrapped.model):
        raise CapabilityError(f"the JAX adapter explains functions of arrays; got {type(wrapped.model).__name__}.")
    return JaxView(FunctionProgram(wrapped.model, wrapped.params), wrapped.spec)


class FunctionProgram:
    """A function of the batch, or of parameters and the batch; see ``view.Program`` for what the methods promise.

    A function without parameters may read whatever is around it, and that may have changed since it was last explained. One
    that the user has compiled may not, by the rules of JAX; nor has one that carries its arrays as a pytree a reason to. Of a
    function with parameters it is looked at what else it reads.
    """

    adapter = "jax"
    whole = "a JAX function"
    layers: Layers | None = None

    def __init__(self, function: Callable[..., Any], params: Any) -> None:
        self.subject = function
        carried = type(function) is partial
        self._function = jax.tree_util.Partial(function.func, *function.args, **function.keywords) if carried else function
        self._params = params
        self.pure = params is not None or isinstance(function, _JITTED) or not jax.tree_util.all_leaves([self._function])
        self._reads = params is not None and not isinstance(function, _JITTED)
        self.versions: Mapping[str, str] = {"jax": jax.__version__}

    def state(self) -> tuple[Hashable, Any]:
        """Arrays among the parameters, and those that the function carries; what else there is among them is static."""
        leaves, structure = jax.tree.flatten((self._function, self._params))
        arrays = [leaf for leaf in leaves if isinstance(leaf, _ARRAYS)]
        others = tuple(None if isinstance(leaf, _ARRAYS) else _Same(self._own(leaf)) for leaf in leaves)
        around = described(self._function, _JAX) if self._reads else None
        return (structure, others, around), arrays

    def read(self, x: Any, spec: Spec) -> Read:
        """Leaves as they are."""
        return leaves_of(x, spec)

    def run(self, static: Any, state: Any, given: Any) -> Any:
        """A tuple as arguments, anything else as one."""
        (structure, others, _), arrays = static, iter(state)
        leaves = [next(arrays) if other is None else self._function if other.value is OWN else other.value for other in others]
        function, params = jax.tree.unflatten(structure, leaves)
        return function(*(() if params is None else (params,)), *(given if isinstance(given, tuple) else (given,)))

    def session(self, seed: int) -> AbstractContextManager[None]:
        """Functions have no state to hold."""
        return nullcontext()

    def _own(self, leaf: Any) -> Any:
        """The function does not stand in its own static part, which is kept with it and would keep it."""
        return OWN if leaf is self._function else leaf
