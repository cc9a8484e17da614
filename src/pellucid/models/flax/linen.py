"""A ``flax.linen`` module and its variables as a program of JAX."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Hashable, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import flax
import jax
from flax import linen
from flax.core import unfreeze
from flax.core.tracers import current_trace

from ...core.errors import CapabilityError, InputError
from ...core.view import Spec
from ..jax.arrays import native
from ..jax.compiled import memory_of
from ..jax.view import JaxView
from ..layers import Layers, Seen, Table
from ..reading import Read, leaves_of
from ..wrap import Wrapped
from . import affine, modes


def view(wrapped: Wrapped) -> JaxView:
    """A module seen through JAX: bound to its variables, or wrapped with them."""
    module, variables = unbound(wrapped)
    if not callable(module):
        raise CapabilityError(
            f"{type(module).__name__} has no __call__; wrap the method that gives the outputs: "
            "pl.wrap(lambda variables, x: module.apply(variables, x, method='...'), variables)."
        )
    return JaxView(LinenProgram(wrapped.model, module, variables), wrapped.laid_out("NHWC"))


def unbound(wrapped: Wrapped) -> tuple[linen.Module, Mapping[str, Any]]:
    """A module and its variables by collection, from wherever they were given."""
    module: linen.Module = wrapped.model
    if wrapped.params is not None:
        return (module.unbind()[0] if module.scope else module), _variables(wrapped.params)
    if module.scope is not None:
        return module.unbind()
    name = type(module).__name__
    raise CapabilityError(
        f"a flax.linen module has no weights of its own. Give its variables with it: pl.wrap({name}(...), variables), with "
        'variables = {"params": ..., "batch_stats": ...} as init returns them; or bind them: module.bind(variables).'
    )


def _variables(params: Any) -> Mapping[str, Any]:
    """Variables by collection; parameters alone are the collection ``params``."""
    if not isinstance(params, Mapping):
        raise InputError(
            f"the variables of a linen module are a mapping, {{'params': ..., 'batch_stats': ...}}; got {type(params).__name__}. "
            "Of a training state take its parts: {'params': state.params}."
        )
    return params if "params" in params or not params else {"params": params}


class LinenProgram:
    """One module; see ``jax.view.Program`` for what the methods promise."""

    adapter = "flax"
    whole = "a linen module"
    pure = True

    def __init__(self, subject: Any, module: linen.Module, variables: Mapping[str, Any]) -> None:
        self.subject = subject
        held = {name: value for name, value in modes.INFERENCE.items() if getattr(module, name, None) is (not value)}
        self._module = module.clone(**held) if held else module
        self._variables = variables
        self._flags = modes.flags(self._module.__call__, self._module)
        self.layers: Layers | None = LinenLayers(subject, variables)
        self.versions: Mapping[str, str] = {"jax": jax.__version__, "flax": flax.__version__}

    def state(self) -> tuple[Hashable, Any]:
        """The variables; a module says nothing else that could change."""
        return None, self._variables

    def read(self, x: Any, spec: Spec) -> Read:
        """Leaves as they are."""
        return leaves_of(x, spec)

    def run(self, static: Hashable, state: Any, given: Any) -> Any:
        """Nothing is written: no statistics, no cache, no random numbers."""
        args, keywords = modes.arguments(self._module.__call__, given)
        try:
            return self._module.apply(state, *args, mutable=False, **keywords, **self._flags)
        except flax.errors.FlaxError as error:
            raise InputError(f"flax failed on these inputs: {str(error).partition(' (https:')[0]}") from error

    def session(self, seed: int) -> AbstractContextManager[None]:
        """Modules have no state to hold."""
        return nullcontext()


@dataclass(frozen=True)
class _Known:
    """What a submodule said of itself when it was called."""

    kind: type[linen.Module]
    epsilon: float | None
    axis: int | None


class LinenLayers:
    """The submodules of one module, by path: ``"block/conv"``. They are known once the module has run."""

    def __init__(self, subject: Any, variables: Mapping[str, Any]) -> None:
        self.subject = subject
        self._variables = variables
        self._known: dict[str, _Known] = memory_of(subject).layers

    def kinds(self) -> Mapping[str, str]:
        """Classes by path, in the order of the calls; empty before the first pass."""
        return {name: known.kind.__name__ for name, known in self._known.items()}

    def structure(self) -> Hashable:
        """Modules do not change."""
        return None

    @contextmanager
    def watched(self, names: Collection[str] | None, seen: Seen) -> Generator[None]:
        """Method interceptors while this holds. What runs inside of another transformation (a scan) is not seen from here."""
        running: set[str] = set()
        outside = current_trace()

        def intercept(call: Callable[..., Any], args: tuple[Any, ...], keywords: dict[str, Any], context: Any) -> Any:
            name = "/".join(context.module.path)
            if context.method_name != "__call__" or name in running or current_trace() != outside:
                return call(*args, **keywords)
            self._note(name, context.module)
            running.add(name)
            try:
                output = call(*args, **keywords)
            finally:
                running.discard(name)
            changed = seen(name, (*args, *keywords.values()), output) if names is None or name in names else None
            return output if changed is None else changed

        with linen.intercept_methods(intercept):
            yield

    def embeddings(self) -> Collection[str]:
        """Modules of the kind ``nn.Embed``."""
        return [name for name, known in self._known.items() if issubclass(known.kind, linen.Embed)]

    def table(self, name: str) -> Table:
        """Its table; no id stands for nothing."""
        return Table(native(self._weights(name)["embedding"]))

    def bias(self, name: str) -> Any | None:
        """Biases of convolutions, dense layers and batch norms."""
        known = self._known[name]
        return affine.bias(known.kind.__name__, self._weights(name), known.epsilon, known.axis)

    def expected(self) -> str:
        """The shape that the first convolution or dense layer takes."""
        found = (
            affine.expected(known.kind.__name__, name, self._weights(name).get("kernel")) for name, known in self._known.items()
        )
        return next((clause for clause in found if clause), "")

    def _note(self, name: str, module: linen.Module) -> None:
        if name not in self._known:
            self._known[name] = _Known(type(module), getattr(module, "epsilon", None), getattr(module, "axis", None))

    def _weights(self, name: str) -> dict[str, Any]:
        """The variables of a submodule itself, of all collections."""
        found: dict[str, Any] = {}
        for collection in unfreeze(linen.meta.unbox(dict(self._variables))).values():
            inner: Any = collection
            for step in name.split("/") if name else ():
                inner = inner.get(step, {}) if isinstance(inner, Mapping) else {}
            if isinstance(inner, Mapping):
                found |= {key: array for key, array in inner.items() if not isinstance(array, Mapping)}
        return found
