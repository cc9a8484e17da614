"""The nodes of a graph as ``models.layers.Layers``."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import onnx

from ...core.targets import Layer
from ...core.types import Native
from ..layers import Seen, Table
from .graph import Graph

Watch = Callable[[Collection[str] | None, Seen], AbstractContextManager[None]]


class GraphLayers:
    """The nodes of one graph; see ``models.layers.Layers`` for what the methods promise.

    Parameters
    ----------
    subject
        What is remembered of the model.
    graph
        The graph.
    output
        The tensor that the empty name stands for.
    takes
        What the graph takes, in words.
    watch
        ``watched``, by whatever runs the graph.
    native
        Makes native arrays of NumPy's.
    """

    def __init__(
        self, subject: Any, graph: Graph, output: str, takes: str, *, watch: Watch, native: Callable[[np.ndarray], Native]
    ) -> None:
        self.subject, self.graph, self.output, self._takes = subject, graph, output, takes
        self.watched, self._native = watch, native

    def kinds(self) -> Mapping[str, str]:
        """Operators by name."""
        return {name: self.graph.kind(name) for name in self.graph.layers} | {"": "graph"}

    def structure(self) -> Hashable:
        """The graph is read once, and stays as it is."""
        return self.output

    def tensor(self, layer: Layer) -> str:
        """The tensor that a layer gives."""
        return self.output if layer.name == "" else self.graph.tensor(layer)

    def named(self, layer: Layer) -> str:
        """The name of the node, where its tensor was named."""
        names = [name for name, tensor in self.graph.layers.items() if tensor == layer.name]
        return layer.name if layer.name in self.graph.layers or not names else names[0]

    def embeddings(self) -> Collection[str]:
        """``Gather`` nodes that pick rows of a constant matrix by an input."""
        return [name for name in self.graph.layers if self.ids(name)]

    def ids(self, name: str) -> str | None:
        """The input by which such a node picks; ``None`` for any other node."""
        node = self.graph.node(name)
        if node.op_type != "Gather" or any(attribute.name == "axis" and attribute.i for attribute in node.attribute):
            return None
        picked = self.graph.source(node.input[1])
        vectors = self.graph.constant(node.input[0]) if picked in self.graph.inputs else None
        return picked if vectors is not None and vectors.ndim == 2 and vectors.dtype.kind == "f" else None

    def table(self, name: str) -> Table:
        """The matrix."""
        vectors = self.graph.constant(self.graph.node(name).input[0])
        assert vectors is not None
        return Table(self._native(vectors.astype(np.float32) if vectors.dtype == np.float16 else vectors))

    def bias(self, name: str) -> Native | None:
        """Of convolutions and products of matrices, of what is added to these, and of batch norms."""
        found = self._bias(self.graph.node(name)) if name else None
        return None if found is None else self._native(found.astype(np.float32) if found.dtype == np.float16 else found)

    def expected(self) -> str:
        """What the graph takes."""
        return f" The graph takes {self._takes}."

    def _bias(self, node: onnx.NodeProto) -> np.ndarray | None:
        held = {attribute.name: attribute for attribute in node.attribute}
        constants = [self.graph.constant(tensor) if tensor else None for tensor in node.input]
        match node.op_type, constants:
            case (("Conv" | "ConvTranspose"), [_, _, np.ndarray() as bias]):
                return bias
            case "Gemm", [_, _, np.ndarray() as bias] if bias.ndim == 1:
                return bias * (held["beta"].f if "beta" in held else 1)
            case "Add", [None, np.ndarray() as bias] | [np.ndarray() as bias, None] if bias.size == max(bias.shape, default=0):
                return bias.reshape(-1) if bias.size > 1 else None
            case "BatchNormalization", [_, *parts] if all(part is not None for part in parts):
                scale, shift, mean, variance = parts
                return shift - mean * scale / np.sqrt(variance + (held["epsilon"].f if "epsilon" in held else 1e-5))
        return None
