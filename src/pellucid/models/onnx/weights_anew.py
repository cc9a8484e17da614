"""The weights of an ONNX graph: a copy of the graph has others."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

from ...core.errors import CapabilityError
from ..randomise import Name, Weight
from ..wrap import Wrapped
from .graph import Graph
from .network import of_model, of_session

AFFINE = ("kernel", "bias")
RECURRENT = ("kernel", "recurrent", "bias")
NORM = ("scale", "bias")
ROLES: Mapping[str, Sequence[str]] = {
    "Conv": AFFINE,
    "ConvTranspose": AFFINE,
    "Gemm": AFFINE,
    "LSTM": RECURRENT,
    "GRU": RECURRENT,
    "RNN": RECURRENT,
    "BatchNormalization": NORM,
    "InstanceNormalization": NORM,
    "LayerNormalization": NORM,
    "GroupNormalization": NORM,
    "PRelu": ("slope",),
}
"""What operators learn, from their second input on; the statistics of a batch norm come after that."""
PRODUCTS = ("MatMul", "Conv", "ConvTranspose", "Gemm")


def weights(model: Wrapped) -> Sequence[Weight]:
    """Initialisers of floating-point numbers that operators learn, in the order in which the graph uses them."""
    graph = _graph(model)
    return [
        Weight(*name, values, turned) for name, tensor, turned in _found(graph) if (values := graph.constant(tensor)) is not None
    ]


@contextmanager
def exchanged(model: Wrapped, values: Mapping[Name, np.ndarray]) -> Generator[Wrapped]:
    """A session is made of the copy when it is explained: an ``onnxruntime.InferenceSession`` keeps its weights to itself."""
    graph = _graph(model)
    changed = onnx.ModelProto()
    changed.CopyFrom(graph.model)
    held = {tensor.name: tensor for tensor in changed.graph.initializer}
    for name, tensor, _ in _found(graph):
        if name in values:
            held[tensor].CopyFrom(numpy_helper.from_array(np.ascontiguousarray(values[name]), tensor))
    yield replace(model, model=changed)


def _graph(model: Wrapped) -> Graph:
    network = of_session(model.model) if isinstance(model.model, onnxruntime.InferenceSession) else of_model(model.model)
    if network.graph is None:
        raise CapabilityError(f"its weights cannot be drawn anew: {network.why}")
    return network.graph


def _found(graph: Graph) -> list[tuple[Name, str, bool]]:
    """Name, initialiser, and whether outputs come first, each once."""
    named = {tensor: name for name, tensor in graph.layers.items()}
    found: dict[Name, tuple[str, bool]] = {}
    floating = {
        tensor.name
        for tensor in graph.model.graph.initializer
        if tensor.data_type in (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE, onnx.TensorProto.FLOAT16)
    }
    used: set[str] = set()
    for node in graph.nodes:
        for role, given, turned in _learned(graph, node):
            tensor = graph.source(given)
            if tensor not in floating or tensor in used:
                continue
            used.add(tensor)
            layer = tensor.rpartition(".")[0] or named.get(node.output[0], node.output[0])
            while (layer, role) in found:
                layer += "'"
            found[layer, role] = tensor, turned
    return [(name, tensor, turned) for name, (tensor, turned) in found.items()]


def _learned(graph: Graph, node: onnx.NodeProto) -> list[tuple[str, str, bool]]:
    """What each input of a node is, where it is learned: its role, the tensor, and whether outputs come first."""
    given = list(node.input)
    if node.op_type in ROLES:
        first = node.op_type in ("Conv", "ConvTranspose") or (node.op_type == "Gemm" and _attribute(node, "transB"))
        roles = zip(ROLES[node.op_type], given[1:], strict=False)  # biases may be left out, and statistics follow
        return [(role, tensor, first and role == "kernel") for role, tensor in roles if tensor]
    if node.op_type == "MatMul":
        return [("kernel", tensor, False) for tensor in given]
    if node.op_type == "Gather":
        return [("embedding", given[0], False)]
    makers = [graph.maker(graph.source(tensor)) for tensor in given]
    if node.op_type == "Add" and any(maker is not None and maker.op_type in PRODUCTS for maker in makers):
        return [("bias", tensor, False) for tensor, maker in zip(given, makers, strict=True) if maker is None]
    return []


def _attribute(node: onnx.NodeProto, name: str) -> Any:
    return any(attribute.name == name and attribute.i for attribute in node.attribute)
