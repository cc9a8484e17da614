"""The small networks as ONNX graphs, written node by node; a node and its first output have the same name; pictures are NCHW."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from twins.weights import EPSILON, Weights, weights

OPSET, IR_VERSION = 20, 10


class Graph:
    """Nodes in the order in which they were added, and the constants that they use."""

    def __init__(self, values: Weights) -> None:
        self.values = values
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}

    def node(self, kind: str, name: str, *inputs: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        return name

    def constant(self, name: str, array: np.ndarray) -> str:
        self.constants[name] = numpy_helper.from_array(np.array(array, order="C"), name)
        return name

    def weight(self, name: str) -> str:
        return self.constant(name, self.values[name])

    def integers(self, name: str, *numbers: int) -> str:
        return self.constant(name, np.array(numbers, dtype=np.int64))

    def dense(self, name: str, x: str, result: str | None = None) -> str:
        """Of a batch of vectors."""
        return self.node("Gemm", result or name, x, self.weight(f"{name}.kernel"), self.weight(f"{name}.bias"))

    def convolution(self, name: str, x: str) -> str:
        kernel = self.constant(f"{name}.kernel", self.values[f"{name}.kernel"].transpose(3, 2, 0, 1))
        return self.node("Conv", name, x, kernel, self.weight(f"{name}.bias"), kernel_shape=[3, 3], pads=[1, 1, 1, 1])

    def norm(self, name: str, x: str) -> str:
        parts = [self.weight(f"{name}.{part}") for part in ("scale", "bias", "mean", "variance")]
        return self.node("BatchNormalization", name, x, *parts, epsilon=EPSILON)

    def lstm(self, name: str, x: str, units: int) -> str:
        """``(samples, steps, features)`` to ``(samples, steps, units)``; the operator wants steps first and gates i, o, f, c."""

        def gates(part: str) -> np.ndarray:
            i, f, c, o = np.split(self.values[f"{name}.{part}"].T, 4)
            return np.concatenate([i, o, f, c])[None]

        bias = np.concatenate([gates("bias"), np.zeros((1, 4 * units), np.float32)], axis=1)
        steps_first = self.node("Transpose", f"{name}.steps_first", x, perm=[1, 0, 2])
        kernel, recurrent = (self.constant(f"{name}.{part}", gates(part)) for part in ("kernel", "recurrent"))
        states = [steps_first, kernel, recurrent, self.constant(f"{name}.bias", bias)]
        directions = self.node("LSTM", f"{name}.directions", *states, hidden_size=units)
        one = self.node("Squeeze", f"{name}.forward", directions, self.integers("direction", 1))
        return self.node("Transpose", name, one, perm=[1, 0, 2])

    def model(self, name: str, shape: tuple[int, ...], kind: int, classes: int) -> onnx.ModelProto:
        """A checked model with input ``x`` and output ``logits``, for batches of any size."""
        graph = helper.make_graph(
            self.nodes,
            name,
            [helper.make_tensor_value_info("x", kind, ["samples", *shape])],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["samples", classes])],
            list(self.constants.values()),
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
        onnx.checker.check_model(model, full_check=True)
        return model


def mlp(values: Weights, second: str) -> onnx.ModelProto:
    graph = Graph(values)
    x = graph.node("Tanh", "tanh1", graph.dense("hidden1", "x"))
    graph.dense("head", graph.node(second, f"{second.lower()}2", graph.dense("hidden2", x)), "logits")
    return graph.model("mlp", (6,), TensorProto.FLOAT, 3)


def cnn(values: Weights) -> onnx.ModelProto:
    graph = Graph(values)
    first = graph.node("Relu", "relu1", graph.convolution("conv1", "x"))
    x = graph.node("Relu", "relu2", graph.convolution("conv2", first))
    x = graph.norm("norm", graph.node("Add", "add", x, first))
    x = graph.node("MaxPool", "pool", x, kernel_shape=[2, 2], strides=[2, 2])
    x = graph.node("Relu", "relu3", graph.convolution("conv3", x))
    x = graph.node("Flatten", "flat", graph.node("GlobalAveragePool", "average", x))
    graph.dense("head", x, "logits")
    return graph.model("cnn", (3, 16, 16), TensorProto.FLOAT, 5)


def rnn(values: Weights) -> onnx.ModelProto:
    graph = Graph(values)
    steps = graph.lstm("lstm", "x", 8)
    last = graph.node("Gather", "last", steps, graph.constant("last_step", np.array(-1, dtype=np.int64)), axis=1)
    graph.dense("head", last, "logits")
    return graph.model("rnn", (7, 4), TensorProto.FLOAT, 3)


def embedding(values: Weights) -> onnx.ModelProto:
    graph = Graph(values)
    vectors = graph.node("Gather", "embedding", graph.weight("embedding.table"), "x")
    products = graph.node("MatMul", "token.product", vectors, graph.weight("token.kernel"))
    tokens = graph.node("Tanh", "tanh", graph.node("Add", "token", products, graph.weight("token.bias")))
    mean = graph.node("ReduceMean", "mean", tokens, graph.integers("time", 1), keepdims=0)
    graph.dense("head", graph.node("Relu", "relu", graph.dense("hidden", mean)), "logits")
    return graph.model("embedding", (6,), TensorProto.INT32, 2)


_MADE: dict[str, Callable[[Weights], onnx.ModelProto]] = {
    "mlp": lambda values: mlp(values, "Relu"),
    "mlp_tanh": lambda values: mlp(values, "Tanh"),
    "cnn": cnn,
    "rnn": rnn,
    "embedding": embedding,
}


def build(network: str, values: Weights | None = None) -> onnx.ModelProto:
    """A network of ``weights.NETWORKS``: input ``x``, output ``logits``."""
    return _MADE[network](weights(network) if values is None else values)


def run_all(model: onnx.ModelProto, x: np.ndarray) -> dict[str, np.ndarray]:
    """Every output that the graph declares, by name, as onnxruntime gives it for a batch."""
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {session.get_inputs()[0].name: x}), strict=True))


def run(model: onnx.ModelProto, x: np.ndarray) -> np.ndarray:
    """The first output."""
    return next(iter(run_all(model, x).values()))


def outputs(network: str, x: np.ndarray) -> np.ndarray:
    """What onnxruntime itself gives for a batch."""
    return run(build(network), x)
