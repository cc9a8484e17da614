"""A graph as a ``ModelView``: onnxruntime computes, gradients are those of a converted network where there is one.

Native arrays are NumPy's, and where there are gradients torch's, so that a target of the user's is written in one of them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnxruntime

from ...core import tree
from ...core.errors import CapabilityError, LayerError
from ...core.targets import Layer, RowTarget
from ...core.types import MemoryFormat, Native, Rows
from ...core.view import Capability, Gradient, Inputs, Place, Spec
from ..host import HostView, Program
from ..inside import Inside
from ..layers import Seen
from .answers import Answers
from .feeds import Inputs as Taken
from .layers import GraphLayers
from .network import Network
from .runtime import in_calls, is_floating, run, type_of

if TYPE_CHECKING:
    from ..torch.view import TorchView
    from .gradient import Gradients

_FIELDS = ("values", "gradients", "points", "outputs", "hessian_products", "rates")


@dataclass(frozen=True, eq=False)
class Opened:
    """A model and what is known of it.

    ``plain`` is the user's own session, ``turned`` are tensors with channels first where images have them last, ``why`` says
    why there are no ``gradients``.
    """

    network: Network
    plain: onnxruntime.InferenceSession | None
    takes: Taken
    gives: Answers
    turned: frozenset[str]
    gradients: Gradients | None
    why: str


class OnnxView:
    """One graph; see ``core.view.ModelView`` for what the methods promise."""

    adapter = "onnx"

    def __init__(self, opened: Opened, spec: Spec) -> None:
        network, gives, plain = opened.network, opened.gives, opened.plain
        self.subject, self._opened, self._gradients = network, opened, opened.gradients
        versions = {} if opened.gradients is None else opened.gradients.view.versions
        self.versions: Mapping[str, str] = {"onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__, **versions}
        self.device = "cpu" if plain is None else plain.get_providers()[0].removesuffix("ExecutionProvider").lower()
        self._layers = None
        if network.graph is not None:
            self._layers = GraphLayers(
                network, network.graph, gives.tensors[0], str(opened.takes), watch=self._watched, native=self.to_native
            )
        self.inside = Inside(self._layers, self._look, broken=self._broken, whole="this model")
        reasons: dict[Capability, str] = {"gradient": opened.why, "layers": network.why}
        self.absent: Mapping[Capability, str] = {need: why for need, why in reasons.items() if why}
        inner: set[Capability] = set() if self._layers is None else {"replace", "layers"}
        slopes: set[Capability] = set() if self._gradients is None else {"gradient", "hessian"}
        self.capabilities: frozenset[Capability] = frozenset({"predict", *inner, *slopes})
        self._host = HostView(
            Program(
                self.adapter,
                network,
                self._call,
                inside=self.inside,
                open_to_view=self._layers is not None,
                whole="this model",
                notes=gives.notes,
            ),
            spec,
        )
        self._leaves: dict[str, str] = {}
        self._static: frozenset[str] = frozenset()
        self._size: int | None = None
        self._agreed = np.zeros(0, bool)
        self._watching: tuple[Collection[str] | None, Seen] | None = None

    @property
    def _arrays(self) -> HostView | TorchView:
        """Whose arrays are the native ones."""
        return self._host if self._gradients is None else self._gradients.view

    @property
    def spec(self) -> Spec:
        """What is known of inputs and outputs."""
        return self._host.spec

    @property
    def notes(self) -> tuple[str, ...]:
        """How far the network that gradients come from is from the graph."""
        if self._gradients is None or not self._agreed.any():
            return ()
        return (
            "gradients are those of the network that onnx2torch made of the graph; its outputs differ from onnxruntime's on "
            f"these samples by at most {self._gradients.difference:.1g} of the largest",
        )

    @contextmanager
    def session(self, seed: int) -> Generator[None]:
        """Nothing is kept between runs; the generators of NumPy, and of torch for gradients, are held still."""
        with ExitStack() as stack:
            stack.enter_context(self._host.session(seed))
            if self._gradients is not None:
                stack.enter_context(self._gradients.view.session(seed))
            yield

    def inputs(self, x: Any) -> Inputs:
        """Arrays in the types of the graph's inputs, by name, by position, or the only one."""
        takes = self._opened.takes
        numbers = takes.numbers(x)
        self._host.spec = dataclasses.replace(self.spec, static=tuple(dict.fromkeys([*self.spec.static, *numbers])))
        read = self._host.inputs(x)
        names = takes.names_of(list(read.leaves), read.skeleton)
        checked = {leaf: takes.checked(names[leaf], array, leaf in read.static) for leaf, array in read.leaves.items()}
        leaves = {leaf: array if self._gradients is None else self.to_native(array) for leaf, array in checked.items()}
        self._leaves = {name: leaf for leaf, name in names.items()}
        self._static = frozenset(names[leaf] for leaf in read.static)
        self._size = takes.rows(self._static)
        inputs = dataclasses.replace(read, leaves=leaves)
        self._agreed = np.zeros(inputs.samples, bool)
        return inputs

    def take(self, inputs: Inputs, rows: Rows, memory_format: MemoryFormat, leaves: Mapping[str, Native] | None = None) -> Inputs:
        """Packed rows."""
        return self._arrays.take(inputs, rows, memory_format, leaves)

    def predict(
        self,
        batch: Inputs,
        *,
        keep: Sequence[Layer] = (),
        replace: Mapping[Layer, Native] | None = None,
        prefix: Any = None,
    ) -> tuple[Any, list[Native]]:
        """One run of the part of the graph that is needed."""
        cut = {layer: tree.on_host(array) for layer, array in (replace or {}).items()}
        outputs, kept = self._host.predict(_on_host(batch), keep=keep, replace=cut)
        if self._gradients is None:
            return outputs, kept
        return tree.map_leaves(self.to_native, outputs), [self.to_native(array) for array in kept]

    def prefix(self, row: Inputs, layers: Sequence[Layer]) -> None:
        """Nothing is kept: what comes before replaced layers is not run."""

    def gradient(
        self,
        batch: Inputs,
        targets: Sequence[RowTarget],
        rows: Rows,
        *,
        wrt: Sequence[Place],
        replace: Mapping[Layer, Native] | None = None,
        along: Sequence[Native] | None = None,
        moving: Mapping[Place, Native] | None = None,
    ) -> Gradient:
        """By the converted network, as long as its outputs are those of onnxruntime."""
        gradients = self._gradients
        if gradients is None:
            raise CapabilityError(f"the onnx adapter has no 'gradient' here: {self._opened.why}.")
        replace, moving = replace or {}, moving or {}

        def one(index: np.ndarray | None) -> Any:
            def picked(array: Native) -> Native:
                return array if index is None else array[index]

            found = gradients.at(
                batch.put({name: picked(leaf) for name, leaf in batch.batched.items()}),
                targets,
                picked(rows),
                wrt=wrt,
                replace={layer: picked(array) for layer, array in replace.items()},
                along=None if along is None else [picked(array) for array in along],
                moving={place: picked(array) for place, array in moving.items()},
            )
            return tuple(getattr(found, field) for field in _FIELDS)

        found = Gradient(**dict(zip(_FIELDS, in_calls(batch.samples, self._size, one), strict=True)))
        if not self._agreed[rows].all():
            gradients.agree(found.outputs, self.predict(batch, replace=replace)[0])
            self._agreed[rows] = True
        return found

    def out_of_memory(self, error: BaseException) -> bool:
        """By type."""
        return self._host.out_of_memory(error) or (self._gradients is not None and self._gradients.view.out_of_memory(error))

    def to_native(self, array: Any) -> Native:
        """An array on the host."""
        return self._arrays.to_native(array)

    def to_numpy(self, array: Any) -> np.ndarray:
        """A copy."""
        return self._arrays.to_numpy(array)

    def _call(self, given: Any, keep: Sequence[Layer], replace: Mapping[Layer, np.ndarray]) -> tuple[Any, list[np.ndarray]]:
        feed, gives = self._opened.takes.feed(given), self._opened.gives
        cut = {self._tensor(layer): array for layer, array in replace.items()}
        kept = [self._tensor(layer) for layer in keep]
        wanted = [tensor for tensor in dict.fromkeys([*gives.tensors, *kept]) if tensor not in cut]
        found = dict(cut)
        if wanted:
            found |= self._run(self._session(wanted, [*cut]), wanted, feed, cut)
        outputs = gives.shaped([_at_least_single(found[tensor]) for tensor in gives.tensors])
        if self._watching is not None:
            self._tell(tree.flatten(given), feed, outputs, *self._watching)
        return outputs, [_floating(found[tensor], layer) for tensor, layer in zip(kept, keep, strict=True)]

    def _session(self, wanted: Sequence[str], cut: Sequence[str]) -> onnxruntime.InferenceSession:
        plain, sessions = self._opened.plain, self._opened.network.sessions
        if plain is not None and not cut and {*wanted} <= {output.name for output in plain.get_outputs()}:
            return plain
        if sessions is None:
            raise CapabilityError(f"layers cannot be reached: {self._opened.network.why}")
        return sessions.of(wanted, cut)

    def _run(
        self,
        session: onnxruntime.InferenceSession,
        wanted: Sequence[str],
        feed: Mapping[str, np.ndarray],
        cut: Mapping[str, np.ndarray],
    ) -> dict[str, np.ndarray]:
        """Tensors by name, in calls of the size that the graph was made for."""
        fed: dict[str, np.ndarray] = {}
        for each in session.get_inputs():
            if each.name in cut:
                first = np.moveaxis(cut[each.name], -1, 1) if self._is_turned(each.name, cut[each.name]) else cut[each.name]
                fed[each.name] = np.ascontiguousarray(first, type_of(each.type))
            else:
                fed[each.name] = feed[each.name]
        rows = next(len(array) for name, array in (*feed.items(), *cut.items()) if name not in self._static)

        def one(index: np.ndarray | None) -> list[np.ndarray]:
            call = fed if index is None else {n: a if n in self._static else a[index] for n, a in fed.items()}
            return run(session, wanted, call)

        made = zip(wanted, in_calls(rows, self._size, one), strict=True)
        return {name: np.moveaxis(array, 1, -1) if self._is_turned(name, array) else array for name, array in made}

    def _is_turned(self, tensor: str, array: np.ndarray) -> bool:
        return tensor in self._opened.turned and array.ndim == 4

    def _tensor(self, layer: Layer) -> str:
        assert self._layers is not None
        return self._layers.tensor(layer)

    def _look(self, batch: Inputs, names: Collection[str] | None, seen: Seen) -> Inputs:
        assert self._layers is not None
        batch = _on_host(batch)
        with self._layers.watched(names, seen):
            self.predict(batch)
        return batch

    @contextmanager
    def _watched(self, names: Collection[str] | None, seen: Seen) -> Generator[None]:
        """Outputs are told of after the run; what takes their place is put into the graph by ``predict``."""
        self._watching = names, seen
        try:
            yield
        finally:
            self._watching = None

    def _tell(
        self,
        leaves: Mapping[str, np.ndarray],
        feed: Mapping[str, np.ndarray],
        outputs: Any,
        names: Collection[str] | None,
        seen: Seen,
    ) -> None:
        """Keep these layers in a run of their own: with all tensors kept, onnxruntime joins no nodes."""
        layers, sessions = self._layers, self._opened.network.sessions
        assert layers is not None
        assert sessions is not None
        inner = [name for name in (layers.graph.layers if names is None else names) if name]
        tensors = {name: layers.tensor(Layer(name)) for name in inner}
        session = sessions.once(layers.graph.part([*tensors.values()]), optimised=False)
        floats = [output.name for output in session.get_outputs() if is_floating(output.type)]
        found = self._run(session, floats, feed, {})
        for name in inner:
            ids = layers.ids(name)
            if tensors[name] in found:
                seen(name, () if ids is None else (leaves[self._leaves[ids]],), found[tensors[name]])
        if names is None or "" in names:
            seen("", (), outputs)

    def _broken(self, batch: Inputs, targets: Sequence[RowTarget], rows: Rows) -> str:
        """Asked of gradients alone, which have a network of their own."""
        assert self._gradients is not None
        return self._gradients.view.inside.first_nonfinite(batch, targets, rows)


def _on_host(batch: Inputs) -> Inputs:
    return batch.put({name: tree.on_host(leaf) for name, leaf in batch.leaves.items()})


def _floating(array: np.ndarray, layer: Layer) -> np.ndarray:
    """A layer's output in the type in which it is explained."""
    if array.dtype.kind != "f":
        raise LayerError(f"the output of {layer} is {array.dtype} and holds no floating-point numbers.")
    return _at_least_single(array)


def _at_least_single(array: np.ndarray) -> np.ndarray:
    """Half precision as float32."""
    return array.astype(np.float32) if array.dtype == np.float16 else array
