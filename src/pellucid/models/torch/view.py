"""Whatever computes with torch tensors as a ``ModelView``: modules, and Keras models on this backend."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from ...core import tree
from ...core.errors import CapabilityError, InputError, LayerError
from ...core.targets import Layer, RowTarget
from ...core.types import MemoryFormat, Rows
from ...core.view import OUTPUT, Capability, Gradient, Inputs, Place, Spec
from .. import refusals
from ..inside import Inside
from ..layers import Edit, Layers, Seen, edited
from ..reading import Read
from . import nonfinite


class Program(Protocol):
    """A model as it runs on torch tensors."""

    adapter: str
    subject: Any
    versions: Mapping[str, str]
    layers: Layers | None

    def tensors(self) -> Iterator[Tensor]:
        """Parameters, then buffers: they say where the model is, and in which dtype it computes."""
        ...

    def read(self, x: Any, spec: Spec) -> Read:
        """The user's data as leaves that fit the model; ``reading.leaves_of`` where there is nothing to add."""
        ...

    def call(self, given: Any) -> Any:
        """The outputs for inputs in the shape that the model takes."""
        ...

    def held(self, device: torch.device, seed: int) -> AbstractContextManager[None]:
        """Hold the model in the state in which it is explained, and give it back as it was."""
        ...

    def prefix(self, given: Any, layers: Sequence[Layer]) -> Any:
        """What is computed of one row before these layers; ``None`` where that cannot be kept."""
        ...

    def served(self, kept: Any, rows: int) -> AbstractContextManager[None]:
        """While this holds, what was kept takes the place of computing it, for so many rows."""
        ...


class TorchView:
    """One program; see ``core.view.ModelView`` for what the methods promise."""

    absent: Mapping[Capability, str] = MappingProxyType({})
    notes: tuple[str, ...] = ()

    def __init__(self, program: Program, spec: Spec) -> None:
        self.program, self.spec = program, spec
        self.adapter, self.subject, self.versions = program.adapter, program.subject, program.versions
        open_to_view: set[Capability] = {"replace", "layers"} if program.layers is not None else set()
        self.capabilities: frozenset[Capability] = frozenset({"predict", "gradient", "hessian", *open_to_view})
        tensors = list(program.tensors())
        self._device = tensors[0].device if tensors else torch.device("cpu")
        floating = next((tensor.dtype for tensor in tensors if tensor.is_floating_point()), None)
        self.dtype = floating or torch.float32
        self._floating = floating is not None
        self._working = self.dtype if self.dtype == torch.float64 else torch.float32
        if self._device.type == "meta":
            raise CapabilityError("the model's parameters are on the 'meta' device: they have no values. Load the weights first.")
        self.inside = Inside(program.layers, self._look, _same, self._broken)

    @property
    def device(self) -> str:
        """Where the model is, and where its inputs go."""
        return str(self._device)

    def session(self, seed: int) -> AbstractContextManager[None]:
        """The program's own state, held."""
        return self.program.held(self._device, seed)

    def inputs(self, x: Any) -> Inputs:
        """Tensors on the model's device, floats in the working dtype."""
        read = self.program.read(x, self.spec)
        if not self._floating and any(str(leaf.dtype).endswith("float64") for leaf in read.leaves.values()):
            self.dtype = self._working = torch.float64  # a module without weights computes in what it is given
        notes = list(read.notes)
        moved = sorted({str(leaf.device) for leaf in read.leaves.values() if isinstance(leaf, Tensor)} - {self.device})
        if moved:
            notes.append(f"inputs were moved from {', '.join(moved)} to the model's device, {self.device}")
        return Inputs(
            {name: self.to_native(leaf) for name, leaf in read.leaves.items()}, read.skeleton, self.spec.static, tuple(notes)
        )

    def take(self, inputs: Inputs, rows: Rows, memory_format: MemoryFormat, leaves: Mapping[str, Tensor] | None = None) -> Inputs:
        """Copies of the rows: the module may write into what it is given."""
        given = leaves or {}
        first, last = int(rows[0]), int(rows[-1]) + 1
        together = last - first == len(rows) and bool((np.diff(rows) == 1).all())
        where = slice(first, last) if together else torch.as_tensor(rows, device=self._device)

        def copied(leaf: Tensor) -> Tensor:
            part = leaf[where]
            cast = self._cast(part, memory_format)
            return cast.clone() if together and cast is part else cast

        def own(leaf: Tensor) -> Tensor:
            cast = self._cast(leaf, memory_format)
            return cast.clone() if cast is leaf and leaf._is_view() else cast  # a part of what the caller keeps

        taken = {name: own(given[name]) if name in given else copied(leaf) for name, leaf in inputs.batched.items()}
        return inputs.put(taken)

    def predict(
        self,
        batch: Inputs,
        *,
        keep: Sequence[Layer] = (),
        replace: Mapping[Layer, Tensor] | None = None,
        prefix: Any = None,
    ) -> tuple[Any, list[Tensor]]:
        """One forward pass without a graph."""
        seen: dict[Layer, Tensor] = {}
        edits = [*self._replacing(replace), *((layer, _kept(layer, seen)) for layer in keep)]
        with torch.no_grad(), self._edited(edits), self.program.served(prefix, batch.samples):
            outputs = self.program.call(batch.tree())
        return outputs, [seen[layer].detach().to(self._working) for layer in keep]

    def prefix(self, row: Inputs, layers: Sequence[Layer]) -> Any:
        """What the program keeps of one row."""
        with torch.no_grad():
            return self.program.prefix(row.tree(), layers)

    def gradient(
        self,
        batch: Inputs,
        targets: Sequence[RowTarget],
        rows: Rows,
        *,
        wrt: Sequence[Place],
        replace: Mapping[Layer, Tensor] | None = None,
        along: Sequence[Tensor] | None = None,
        moving: Mapping[Place, Tensor] | None = None,
    ) -> Gradient:
        """One forward, one backward per target. Where only layers are asked for, no graph is kept before the first."""
        replace = dict(replace or {})
        at_output = OUTPUT in wrt and len(wrt) > 1  # read off the outputs, whichever of them the target uses
        inner = [place for place in wrt if not (at_output and place == OUTPUT)]
        from_input = any(isinstance(place, str) for place in (*wrt, *(moving or {})))
        leaves: dict[Place, Tensor] = {}
        moved = dict(moving or {})
        for place in [*inner, *moved]:
            if isinstance(place, str):
                leaves[place] = batch.leaves[place].detach().requires_grad_()
            elif place in replace:
                leaves[place] = replace[place] = self._cast(replace[place]).detach().requires_grad_()
        # The module gets copies: it may work in place, which autograd forbids on leaves.
        given = batch.put({place: leaf.clone() for place, leaf in leaves.items() if isinstance(place, str)})
        points: dict[Place, Tensor] = dict(leaves)
        attached: dict[Place, Tensor] = {}
        edits = self._replacing({layer: leaf.clone() if leaf.requires_grad else leaf for layer, leaf in replace.items()})
        edits += [
            (place, _differentiated(place, leaves, points, attached))
            for place in inner
            if isinstance(place, Layer) and place not in replace
        ]
        neurons: dict[Layer, Tensor] = {}
        edits += [(target.layer, _kept(target.layer, neurons)) for target in targets if target.layer is not None]
        begin = torch.enable_grad() if from_input or any(place in leaves for place in replace) else torch.no_grad()
        with begin, self._edited(edits):
            outputs = self.program.call(given.tree())
        with torch.enable_grad():
            values = [t.evaluate(outputs, rows, neurons.get(t.layer) if t.layer else None) for t in targets]
        rates = tuple(
            moved[place] if place in moved else self._rate(attached.get(place), points[place], moved, leaves)
            for place in (wrt if moved else ())
        )
        gradients, products = [], []
        for number, (target, value) in enumerate(zip(targets, values, strict=True)):
            if at_output:
                leaves[OUTPUT] = points[OUTPUT] = self._output_of(target, value, outputs)
            last = number == len(values) - 1
            first = self._derivative(value, wrt, leaves, last=last and along is None, again=along is not None)
            if along is not None:
                products.append(self._along(first, along, [leaves[place] for place in wrt], last))
            gradients.append(tuple(g.detach().to(self._working) for g in first))
        return Gradient(
            tuple(value.detach() for value in values),
            tuple(gradients),
            tuple(points[place].detach().to(self._working) for place in wrt),
            _detached(outputs),
            tuple(products),
            rates,
        )

    def out_of_memory(self, error: BaseException) -> bool:
        """CUDA says so by type, the CPU allocator in words."""
        if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
            return True
        return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)

    def to_native(self, array: Any) -> Tensor:
        """A tensor on the model's device; floats in the working dtype, integers as int64."""
        tensor = array.detach() if isinstance(array, Tensor) else torch.from_numpy(np.array(array))
        if tensor.layout != torch.strided:
            raise InputError("sparse tensors are not attributed; pass the input dense: x.to_dense().")
        tensor = tensor.to(self._device)
        if tensor.is_inference():
            tensor = tensor.clone()
        if tensor.is_complex():
            raise refusals.complex_input()
        if tensor.is_floating_point():
            return tensor.to(self._working)
        return tensor if tensor.dtype == torch.bool else tensor.long()

    def to_numpy(self, array: Tensor) -> np.ndarray:
        """A copy on the host; half precision as float32."""
        tensor = (array.detach() if isinstance(array, Tensor) else torch.as_tensor(array)).cpu()
        return np.array((tensor.float() if tensor.dtype in (torch.bfloat16, torch.float16) else tensor).numpy())

    def _cast(self, tensor: Tensor, memory_format: MemoryFormat = "as-is") -> Tensor:
        if tensor.is_floating_point():
            tensor = tensor.to(self.dtype)
        if memory_format == "channels-last" and tensor.ndim == 4:
            tensor = tensor.contiguous(memory_format=torch.channels_last)
        return tensor

    def _replacing(self, replace: Mapping[Layer, Tensor] | None) -> list[tuple[Layer, Edit]]:
        return [(layer, lambda _, value=value: self._cast(value)) for layer, value in (replace or {}).items()]

    def _output_of(self, target: RowTarget, value: Tensor, outputs: Any) -> Tensor:
        """The one output that a target reads."""
        named = {n: leaf for n, leaf in tree.flatten(outputs).items() if isinstance(leaf, Tensor) and leaf.requires_grad}
        if target.leaf is not None and target.leaf in named:
            return named[target.leaf]
        self._check_derivable(value, [])
        gradients = torch.autograd.grad(value.sum(), list(named.values()), retain_graph=True, allow_unused=True)
        read = [name for name, g in zip(named, gradients, strict=True) if g is not None]
        if len(read) != 1:
            raise refusals.several_outputs(read)
        return named[read[0]]

    def _check_derivable(self, value: Tensor, wrt: Sequence[Place]) -> None:
        if not value.is_floating_point():
            raise refusals.not_floating(value.dtype)
        if not value.requires_grad:
            raise refusals.not_reached(wrt, "torch", "detached")

    def _derivative(
        self, value: Tensor, wrt: Sequence[Place], leaves: Mapping[Place, Tensor], last: bool, again: bool
    ) -> tuple[Tensor, ...]:
        """Gradients by place; ``again`` if they are to be differentiated themselves."""
        self._check_derivable(value, wrt)
        order = [leaves[place] for place in wrt]
        gradients = torch.autograd.grad(value.sum(), order, retain_graph=not last, create_graph=again, allow_unused=True)
        if all(g is None for g in gradients) and all(isinstance(place, Layer) for place in wrt):
            raise LayerError(
                f"the target does not depend on the output of {', '.join(map(str, wrt))}. Of a layer that returns several "
                "tensors the first is read; name a layer whose first output is used."
            )
        return tuple(torch.zeros_like(leaf) if g is None else g for g, leaf in zip(gradients, order, strict=True))

    def _rate(
        self, output: Tensor | None, point: Tensor, moved: Mapping[Place, Tensor], leaves: Mapping[Place, Tensor]
    ) -> Tensor:
        """How a layer's output follows when earlier places move: a product with the Jacobian, as two with its transpose."""
        still = torch.zeros_like(point, dtype=self._working)
        if output is None:
            return still
        order = [leaves[place] for place in moved]
        with torch.enable_grad():
            weights = torch.zeros_like(output, requires_grad=True)
            pulled = torch.autograd.grad(output, order, weights, retain_graph=True, create_graph=True, allow_unused=True)
            reached = [(g, v) for g, v in zip(pulled, moved.values(), strict=True) if g is not None and g.requires_grad]
            if not reached:
                return still
            slope = torch.stack([(g * v.to(g.dtype)).sum() for g, v in reached]).sum()
        (rate,) = torch.autograd.grad(slope, [weights], retain_graph=True, allow_unused=True)
        return still if rate is None else rate.detach().to(self._working)

    def _along(
        self, gradients: Sequence[Tensor], along: Sequence[Tensor], order: Sequence[Tensor], last: bool
    ) -> tuple[Tensor, ...]:
        """Hessian times direction: the derivative of the gradients' product with it."""
        curved = [(g, v) for g, v in zip(gradients, along, strict=True) if g.requires_grad]
        if not curved:
            return tuple(torch.zeros_like(leaf, dtype=self._working) for leaf in order)
        with torch.enable_grad():
            slope = torch.stack([(g * v.to(g.dtype)).sum() for g, v in curved]).sum()
        try:
            products = torch.autograd.grad(slope, order, retain_graph=not last, allow_unused=True)
        except RuntimeError as error:
            raise CapabilityError(f"an operation of the model has no second derivative in torch: {error}") from error
        return tuple(
            torch.zeros_like(leaf, dtype=self._working) if h is None else h.detach().to(self._working)
            for h, leaf in zip(products, order, strict=True)
        )

    def _edited(self, edits: Sequence[tuple[Layer, Edit]]) -> AbstractContextManager[None]:
        return nullcontext() if self.program.layers is None else edited(self.program.layers, edits)

    def _look(self, batch: Inputs, names: Collection[str] | None, seen: Seen) -> Inputs:
        assert self.program.layers is not None
        with torch.no_grad(), self.program.layers.watched(names, seen):
            self.program.call(batch.tree())
        return batch

    def _broken(self, batch: Inputs, targets: Sequence[RowTarget], rows: Rows) -> str:
        """Run again with every layer watched."""
        floats = {name: leaf for name, leaf in batch.batched.items() if leaf.is_floating_point()}
        leaves = {name: leaf.detach().requires_grad_() for name, leaf in floats.items()}
        given = batch.put({name: leaf.clone() for name, leaf in leaves.items()})
        run = lambda: self.program.call(given.tree())  # noqa: E731
        return nonfinite.find(self.program.layers, run, targets, rows, list(leaves.values()))


def _same(given: Any, leaf: Tensor) -> bool:
    """Whether a layer was given a leaf of the inputs, not a copy or a view of another shape."""
    return isinstance(given, Tensor) and given.shape == leaf.shape and given.data_ptr() == leaf.data_ptr()


def _differentiated(
    place: Layer, leaves: dict[Place, Tensor], points: dict[Place, Tensor], attached: dict[Place, Tensor]
) -> Edit:
    """Make the derivative at a layer that of a zero added to its output.

    Before the first such layer there may be no graph; then the output itself starts one. ``attached`` gets the output with the
    graph that leads to it.
    """

    def edit(output: Tensor) -> Tensor:
        points[place] = output.detach().clone()
        if output.requires_grad:
            attached[place] = output
            leaves[place] = torch.zeros_like(output, requires_grad=True)
            return output + leaves[place]
        torch.set_grad_enabled(True)
        leaves[place] = output.detach().requires_grad_()
        return leaves[place].clone()

    return edit


def _kept(layer: Layer, kept: dict[Layer, Tensor]) -> Edit:
    def edit(output: Tensor) -> Tensor:
        kept[layer] = output
        return output.clone()  # a later operation in place must not change what was kept

    return edit


def _detached(outputs: Any) -> Any:
    return tree.map_leaves(lambda leaf: leaf.detach() if isinstance(leaf, Tensor) else leaf, tree.plain(outputs))
