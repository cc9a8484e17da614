"""A ``flax.nnx`` module as a program of JAX."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Hashable, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

import flax
import jax
from flax import nnx
from flax.core.tracers import current_trace

from ...core.errors import CapabilityError, InputError
from ...core.view import Spec
from ..jax.arrays import native
from ..jax.view import JaxView
from ..layers import Layers, Seen, Table
from ..reading import Read, leaves_of
from ..wrap import Wrapped
from . import affine, modes
from .calls import told

_NAMES: ContextVar[Mapping[int, str]] = ContextVar("names", default=MappingProxyType({}))
"""Names by identity of the modules of the copy that runs."""


def view(wrapped: Wrapped) -> JaxView:
    """A module seen through JAX."""
    if wrapped.params is not None:
        raise InputError(
            "an nnx module holds its own variables: pl.wrap(model), without them; nnx.update(model, state) puts others in."
        )
    if not callable(wrapped.model):
        raise CapabilityError(
            f"{type(wrapped.model).__name__} has no __call__; wrap the method that gives the outputs: "
            "pl.wrap(model.method, adapter='jax')."
        )
    return JaxView(NnxProgram(wrapped.model), wrapped.laid_out("NHWC"))


class NnxProgram:
    """One module; see ``jax.view.Program`` for what the methods promise."""

    adapter = "flax"
    whole = "an nnx module"
    pure = True

    def __init__(self, module: nnx.Module) -> None:
        self.subject = module
        self._call = type(module).__call__.__get__(module)
        self._flags = modes.flags(self._call, module)
        self.layers: Layers | None = NnxLayers(module)
        self.versions: Mapping[str, str] = {"jax": jax.__version__, "flax": flax.__version__}

    def state(self) -> tuple[Hashable, Any]:
        """The graph of the modules, and their variables."""
        return nnx.split(self.subject)

    def read(self, x: Any, spec: Spec) -> Read:
        """Leaves as they are."""
        return leaves_of(x, spec)

    def run(self, static: Any, state: Any, given: Any) -> Any:
        """A copy runs, in evaluation mode: the user's modules, statistics and counts of random numbers stay as they are."""
        copy = nnx.merge(static, state, copy=True)
        copy.eval()
        args, keywords = modes.arguments(self._call, given)
        token = _NAMES.set({id(module): _name(path) for path, module in nnx.iter_modules(copy)})
        try:
            return copy(*args, **keywords, **self._flags)
        except flax.errors.FlaxError as error:
            raise InputError(f"flax failed on these inputs: {str(error).partition(' (https:')[0]}") from error
        finally:
            _NAMES.reset(token)

    def session(self, seed: int) -> AbstractContextManager[None]:
        """The user's modules are never run."""
        return nullcontext()


class NnxLayers:
    """The modules inside of one, by the path of attributes: ``"blocks.0.conv"``."""

    def __init__(self, module: nnx.Module) -> None:
        self.subject = module
        self._modules = {_name(path): inner for path, inner in nnx.iter_modules(module)}
        self._called: dict[str, None] = {}

    def kinds(self) -> Mapping[str, str]:
        """Classes by path."""
        return {name: type(module).__name__ for name, module in self._modules.items()}

    def structure(self) -> Hashable:
        """The classes, by name."""
        return tuple((name, type(module)) for name, module in self._modules.items())

    @contextmanager
    def watched(self, names: Collection[str] | None, seen: Seen) -> Generator[None]:
        """Calls are told while this holds. What runs inside of another transformation (a scan) is not seen from here."""
        outside, running = current_trace(), set[str]()

        def watch(module: nnx.Module, call: Callable[[], Any], args: tuple[Any, ...]) -> Any:
            name = _NAMES.get().get(id(module))
            if name is None or name in running or current_trace() != outside:
                return call()
            self._called[name] = None
            running.add(name)
            try:
                output = call()
            finally:
                running.discard(name)
            changed = seen(name, args, output) if names is None or name in names else None
            return output if changed is None else changed

        with told({type(module) for module in self._modules.values()}, watch):
            yield

    def embeddings(self) -> Collection[str]:
        """Modules of the kind ``nnx.Embed``."""
        return [name for name, module in self._modules.items() if isinstance(module, nnx.Embed)]

    def table(self, name: str) -> Table:
        """Its table; no id stands for nothing."""
        return Table(native(self._weights(name)["embedding"]))

    def bias(self, name: str) -> Any | None:
        """Biases of convolutions, dense layers and batch norms."""
        module = self._modules[name]
        epsilon, axis = getattr(module, "epsilon", None), getattr(module, "axis", None)
        return affine.bias(type(module).__name__, self._weights(name), epsilon, axis)

    def expected(self) -> str:
        """The shape that the first convolution or dense layer takes."""
        named = ((name, type(self._modules[name]).__name__) for name in (self._called or self._modules))
        found = (affine.expected(kind, name, self._weights(name).get("kernel")) for name, kind in named)
        return next((clause for clause in found if clause), "")

    def _weights(self, name: str) -> dict[str, Any]:
        """The variables of a module itself."""
        return {key: held[...] for key, held in vars(self._modules[name]).items() if isinstance(held, nnx.Variable)}


def _name(path: tuple[Any, ...]) -> str:
    return ".".join(map(str, path))
