"""What onnx2torch does, for a handful of operators: a torch module of a graph, with a child for each node.

It knows operators as they were up to a certain version, as onnx2torch does.
"""

from collections.abc import Callable
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn
from torch.nn import functional

NEWEST = {"ReduceMean": 17}


class Mapping(NamedTuple):
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def _gemm(a: dict[str, Any], x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    return x @ w + b


def _conv(a: dict[str, Any], x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    return functional.conv2d(x, w, b, padding=a["pads"][:2])


def _norm(a: dict[str, Any], x: Tensor, scale: Tensor, shift: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
    return functional.batch_norm(x, mean, variance, scale, shift, eps=a["epsilon"])


OPERATORS: dict[str, Callable[..., Tensor]] = {
    "Gemm": _gemm,
    "Conv": _conv,
    "BatchNormalization": _norm,
    "MatMul": lambda a, x, w: x @ w,
    "Add": lambda a, x, y: x + y,
    "Mul": lambda a, x, y: x * y,
    "Log": lambda a, x: torch.log(x),
    "Tanh": lambda a, x: torch.tanh(x),
    "Relu": lambda a, x: torch.relu(x),
    "Softmax": lambda a, x: torch.softmax(x, -1),
    "Cast": lambda a, x: x.float(),
    "Transpose": lambda a, x: x.permute(*a["perm"]),
    "MaxPool": lambda a, x: functional.max_pool2d(x, a["kernel_shape"]),
    "GlobalAveragePool": lambda a, x: x.mean((2, 3), keepdim=True),
    "Flatten": lambda a, x: x.flatten(1),
    "Gather": lambda a, table, ids: table[ids.long()],
    "ReduceMean": lambda a, x: x.mean(tuple(a["axes"])),
}


class Node(nn.Module):
    def __init__(self, node: onnx.NodeProto) -> None:
        super().__init__()
        self.operator = OPERATORS[node.op_type]
        self.attributes = {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute}

    def forward(self, *given: Tensor) -> Tensor:
        return self.operator(self.attributes, *given)


class Network(nn.Module):
    def __init__(self, graph: onnx.GraphProto) -> None:
        super().__init__()
        self.inputs = [each.name for each in graph.input]
        self.outputs = [each.name for each in graph.output]
        self.reads = [tuple(node.input) for node in graph.node]
        self.makes = [node.output[0] for node in graph.node]
        self.weights = {each.name: f"weight{at}" for at, each in enumerate(graph.initializer)}
        for each in graph.initializer:
            tensor = torch.from_numpy(np.array(numpy_helper.to_array(each)))
            kept = nn.Parameter(tensor) if tensor.is_floating_point() else tensor
            setattr(self, self.weights[each.name], kept)
        for at, node in enumerate(graph.node):
            self.add_module(f"node{at}", Node(node))

    def forward(self, *given: Tensor) -> Any:
        known = dict(zip(self.inputs, given, strict=True)) | {name: getattr(self, at) for name, at in self.weights.items()}
        for at, (reads, makes) in enumerate(zip(self.reads, self.makes, strict=True)):
            known[makes] = self.get_submodule(f"node{at}")(*(known[name] for name in reads))
        found = [known[name] for name in self.outputs]
        return found[0] if len(found) == 1 else found


def convert(model: onnx.ModelProto, save_input_names: bool = False, attach_onnx_mapping: bool = False) -> nn.Module:
    version = model.opset_import[0].version
    for node in model.graph.node:
        if node.op_type not in OPERATORS or version > NEWEST.get(node.op_type, version):
            about = f"OperationDescription(domain='', operation_type='{node.op_type}', version={version})"
            raise NotImplementedError(f"Converter is not implemented ({about})")
    network = Network(model.graph)
    if attach_onnx_mapping:
        for child, node in zip(network.children(), model.graph.node, strict=True):
            child.onnx_mapping = Mapping(tuple(node.input), tuple(node.output))
    return network


def module(converting: Callable[..., nn.Module] = convert) -> ModuleType:
    """A module to put into ``sys.modules``."""
    made = ModuleType("onnx2torch")
    made.__spec__ = ModuleSpec("onnx2torch", None)
    made.convert = converting
    return made
