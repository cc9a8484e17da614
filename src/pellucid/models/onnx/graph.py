"""The graph of an ONNX model: its nodes by name, and the parts of it between some tensors and others.

A layer is a node that depends on the inputs; bodies of ``If``, ``Loop`` and ``Scan`` and of functions are not entered.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np
import onnx
from onnx import numpy_helper

from ...core.errors import LayerError, nearest
from ...core.targets import Layer

SIZES = frozenset({"Shape", "Size"})
"""Operators that look at sizes alone: what is made of these does not depend on the inputs' values."""

FOLDS = frozenset({"Reshape", "Flatten", "Squeeze", "Unsqueeze"})
"""Operators after which axes are no longer those of an image."""


class Graph:
    """One model's graph; the model is not written to."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.model = model
        graph = model.graph
        self.nodes = list(graph.node)
        self._initializers = {tensor.name: tensor for tensor in graph.initializer}
        held = {*self._initializers, *(sparse.values.name for sparse in graph.sparse_initializer)}
        self.inputs = tuple(value.name for value in graph.input if value.name not in held)  # old graphs list weights there, too
        self.outputs = tuple(value.name for value in graph.output)
        self._makers = {tensor: at for at, node in enumerate(self.nodes) for tensor in node.output if tensor}
        self._reads = [(*filter(None, node.input), *_read_inside(node)) for node in self.nodes]
        self._dependent = self._depending()
        self.layers = self._named()

    def kind(self, name: str) -> str:
        """The operator of a layer."""
        return self.node(name).op_type

    def node(self, name: str) -> onnx.NodeProto:
        """A layer's node."""
        return self.nodes[self._makers[self.layers[name]]]

    def tensor(self, layer: Layer) -> str:
        """The tensor that a layer gives: that of a node by its name, or any other that is named itself.

        Raises
        ------
        LayerError
            If there is none, or more than one call is asked for.
        """
        name = layer.name
        found = self.layers.get(name) or (name if name in self._makers and name in self._dependent else None)
        if found is None:
            raise LayerError(f"the graph has no node {name!r} that depends on its inputs.{nearest(name, self.layers)}")
        if layer.call not in (None, 1):
            raise LayerError(f"node {name!r} is called once in one pass; there is no call {layer.call}.")
        return found

    def maker(self, tensor: str) -> onnx.NodeProto | None:
        """The node that makes a tensor; ``None`` for an input or a constant."""
        at = self._makers.get(tensor)
        return None if at is None else self.nodes[at]

    def constant(self, tensor: str) -> np.ndarray | None:
        """A weight of the graph, or what a ``Constant`` node gives; ``None`` for anything that is computed."""
        if tensor in self._initializers:
            return numpy_helper.to_array(self._initializers[tensor])
        node = self.maker(tensor)
        if node is None or node.op_type != "Constant" or node.attribute[0].name != "value":
            return None
        return numpy_helper.to_array(node.attribute[0].t)

    def source(self, tensor: str) -> str:
        """The tensor that was copied or cast to make this one."""
        while (node := self.maker(tensor)) is not None and node.op_type in ("Identity", "Cast"):
            tensor = node.input[0]
        return tensor

    def part(self, outputs: Sequence[str], given: Mapping[str, onnx.ValueInfoProto] | None = None) -> onnx.ModelProto:
        """The part of the model that makes these tensors; those in ``given`` become inputs, and what they were made of is left
        out. Without them all inputs stay.
        """
        given = given or {}
        needed, used = self._needed(outputs, given)
        model = onnx.ModelProto()
        for field in ("opset_import", "functions", "metadata_props"):
            getattr(model, field).extend(getattr(self.model, field))
        whole, graph = self.model.graph, model.graph
        model.ir_version, graph.name = self.model.ir_version, "graph"
        graph.node.extend(self.nodes[at] for at in needed)
        for node in graph.node:
            node.output[:] = [f"{tensor} (replaced)" if tensor in given else tensor for tensor in node.output]
        graph.initializer.extend(tensor for tensor in whole.initializer if tensor.name in used)
        graph.sparse_initializer.extend(sparse for sparse in whole.sparse_initializer if sparse.values.name in used)
        graph.input.extend(value for value in whole.input if value.name in used or (not given and value.name in self.inputs))
        graph.input.extend(given.values())
        known = {value.name: value for value in whole.output}
        graph.output.extend(known.get(tensor) or onnx.ValueInfoProto(name=tensor) for tensor in outputs)
        made = {tensor for node in graph.node for tensor in node.output} - set(outputs)
        graph.value_info.extend(value for value in whole.value_info if value.name in made)
        return model

    def channels_first(self, images: Collection[str]) -> set[str]:
        """Tensors that a transposition made NCHW of these NHWC images, or of what was made of them."""
        return {tensor for tensor, first in self._turned(images).items() if first}

    def reads_channels_last(self, image: str) -> bool | None:
        """Whether an image's channels are brought to the front before it is convolved; ``None`` if it is never convolved."""
        turned = self._turned([image])
        for node in self.nodes:
            if ("Conv" in node.op_type or "Pool" in node.op_type) and node.input[0] in turned:
                return turned[node.input[0]]
        return None

    def _turned(self, images: Collection[str]) -> dict[str, bool]:
        """Whether channels came first in what was made of images that have them last."""
        turned = dict.fromkeys(images, False)
        for node in self.nodes:
            of = next((tensor for tensor in node.input if tensor in turned), None)
            if of is None or node.op_type in FOLDS:
                continue
            first = turned[of]
            if node.op_type == "Transpose":
                order = next((list(attribute.ints) for attribute in node.attribute if attribute.name == "perm"), [])
                if order not in ([0, 3, 1, 2], [0, 2, 3, 1]):
                    continue
                first = order == [0, 3, 1, 2]
            turned.update(dict.fromkeys(node.output, first))
        return turned

    def _needed(self, outputs: Sequence[str], given: Collection[str]) -> tuple[list[int], set[str]]:
        """The nodes that make these tensors, in order, and every tensor that is used."""
        wanted, used, needed = [*outputs], set(outputs), set[int]()
        while wanted:
            tensor = wanted.pop()
            at = self._makers.get(tensor)
            if tensor in given or at is None or at in needed:
                continue
            needed.add(at)
            used.update(self._reads[at])
            wanted.extend(self._reads[at])
        return sorted(needed), used - set(given)

    def _depending(self) -> set[str]:
        found = set(self.inputs)
        for node, reads in zip(self.nodes, self._reads, strict=True):
            if node.op_type not in SIZES and not found.isdisjoint(reads):
                found.update(node.output)
        return found - {""}

    def _named(self) -> dict[str, str]:
        """Main tensors by name of the layer: that of the node where it is its alone, else that of the tensor."""
        own = Counter(node.name for node in self.nodes)
        found: dict[str, str] = {}
        for node in self.nodes:
            main = next((tensor for tensor in node.output if tensor), "")
            if main in self._dependent:
                name = node.name if node.name and own[node.name] == 1 else main
                while name in found:  # the name of a node is that of another's tensor
                    name = f"{name} ({node.op_type})"
                found[name] = main
        return found


def _read_inside(node: onnx.NodeProto) -> Iterator[str]:
    """Tensors that the bodies of a node may take from outside."""
    for attribute in node.attribute:
        for body in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
            own = {tensor for inner in body.node for tensor in inner.output}
            own |= {value.name for value in (*body.input, *body.initializer)}
            for inner in body.node:
                yield from (tensor for tensor in (*inner.input, *_read_inside(inner)) if tensor and tensor not in own)
            yield from (value.name for value in body.output if value.name not in own)
