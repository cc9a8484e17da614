"""Small graphs, written node by node."""

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FLOAT, INT64, STRING, UINT8 = TensorProto.FLOAT, TensorProto.INT64, TensorProto.STRING, TensorProto.UINT8


def value(name: str, shape: Sequence[int | str | None] | None, kind: int = FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)


def node(kind: str, inputs: str, outputs: str, **more: object) -> onnx.NodeProto:
    return helper.make_node(kind, inputs.split(), outputs.split(), **more)


def model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
    constants: Mapping[str, np.ndarray] | None = None,
    domains: Sequence[str] = (),
) -> onnx.ModelProto:
    held = [numpy_helper.from_array(np.asarray(array), name) for name, array in (constants or {}).items()]
    graph = helper.make_graph(nodes, "graph", inputs, outputs, held)
    imports = [helper.make_opsetid("", 20), *(helper.make_opsetid(domain, 1) for domain in domains)]
    return helper.make_model(graph, opset_imports=imports, ir_version=10)


def copy(given: onnx.ModelProto) -> onnx.ModelProto:
    made = onnx.ModelProto()
    made.CopyFrom(given)
    return made


def fixed(given: onnx.ModelProto, rows: int) -> onnx.ModelProto:
    """The same graph for batches of one size alone."""
    made = copy(given)
    for each in (*made.graph.input, *made.graph.output):
        each.type.tensor_type.shape.dim[0].dim_value = rows
    return made


def channels_last(given: onnx.ModelProto) -> onnx.ModelProto:
    """The same graph for NHWC images, which it turns itself, as exporters of Keras write it."""
    made = copy(given)
    image = made.graph.input[0]
    inner, sizes = image.name, image.type.tensor_type.shape.dim
    image.name = "image"
    for axis, size in enumerate([sizes[axis].dim_value for axis in (2, 3, 1)], 1):
        sizes[axis].dim_value = size
    made.graph.node.insert(0, node("Transpose", "image", inner, perm=[0, 3, 1, 2], name="turn"))
    return made


def half(given: onnx.ModelProto) -> onnx.ModelProto:
    """The same graph in half precision."""
    made = copy(given)
    for each in made.graph.initializer:
        if each.data_type == FLOAT:
            each.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(each).astype(np.float16), each.name))
    for each in (*made.graph.input, *made.graph.output):
        each.type.tensor_type.elem_type = TensorProto.FLOAT16
    return made


def close(found: np.ndarray, expected: np.ndarray, tolerance: float = 1e-4) -> None:
    """Within this share of the largest number."""
    scale = np.abs(expected).max()
    assert scale > 0
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * scale)
