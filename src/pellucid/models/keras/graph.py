"""What a Keras model says of itself: the inputs that it declares or was built on, and which operation made an output."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

Shape = tuple[int | None, ...]


def graph_of(model: Any) -> Any:
    """The functional model that says how a model computes (a sequential one holds such a model); ``None`` if it has its own
    ``call``.
    """
    if not type(model).call.__module__.startswith("keras."):
        return None
    inner = model._functional if isinstance(model, keras.Sequential) else model
    return inner if isinstance(inner, keras.Function) else None


def declared(model: Any) -> tuple[Any, dict[str, keras.KerasTensor]] | None:
    """How a functional model takes its inputs (a name, or a list or dict of names), and the inputs by name.

    ``None`` where it declares none, or nests them.
    """
    graph = graph_of(model)
    if graph is None:
        return None
    shape = graph.input
    shape = shape[0] if isinstance(shape, (list, tuple)) and len(shape) == 1 else shape
    if isinstance(shape, Mapping):
        named, skeleton = dict(shape), {name: name for name in shape}
    else:
        tensors = list(shape) if isinstance(shape, (list, tuple)) else [shape]
        if not all(isinstance(tensor, keras.KerasTensor) for tensor in tensors):
            return None
        named = {tensor.name: tensor for tensor in tensors}
        skeleton = list(named) if isinstance(shape, (list, tuple)) else tensors[0].name
    whole = all(isinstance(tensor, keras.KerasTensor) for tensor in named.values()) and len(named) == len(graph.inputs)
    return (skeleton, named) if whole else None


def built_on(model: keras.Layer) -> dict[str, Any]:
    """Shapes (or trees of them), batch axis included, on which a model was built, by argument; ``""`` is the only one."""
    config = model.get_build_config() or {}
    if "shapes_dict" in config:
        return {name.removesuffix("_shape"): shape for name, shape in config["shapes_dict"].items()}
    return {"": config["input_shape"]} if config.get("input_shape") else {}


def is_shape(shape: Any) -> bool:
    """Whether this is one shape, and no tree of shapes."""
    return isinstance(shape, (list, tuple)) and all(size is None or isinstance(size, int) for size in shape)


def expected(model: keras.Layer) -> str:
    """What a model takes, as a sentence with a leading space; empty when it is not known."""
    taken = declared(model)
    if taken is not None:
        inputs = [f"{name!r} {said(tensor.shape)} of {tensor.dtype}" for name, tensor in taken[1].items()]
        return f" The model takes {' and '.join(inputs)}."
    shapes = [shape for shape in built_on(model).values() if is_shape(shape)]
    return f" The model was built on {' and '.join(map(said, shapes))}." if shapes else ""


def said(shape: Shape) -> str:
    """A shape with its batch axis, in words."""
    return f"({', '.join(['samples', *('any' if size is None else str(size) for size in shape[1:])])})"


def read_by(model: Any, tensor: keras.KerasTensor) -> list[Any]:
    """The operations that are given an input, inside of nested models, too."""
    graph = graph_of(model)
    if graph is None:
        return [model]
    nodes = [node for together in graph._nodes_by_depth.values() for node in together]
    readers: list[Any] = []
    for node in nodes:
        for at, given in enumerate(node.input_tensors):
            if given is tensor:
                inner = graph_of(node.operation) if isinstance(node.operation, keras.Model) else None
                readers += [node.operation] if inner is None else read_by(inner, inner.inputs[at])
    return readers


def made_by(graph: Any, tensor: keras.KerasTensor) -> Any:
    """The operation whose only call in a graph, nested graphs included, made this output for nobody else; ``None`` if none."""
    nodes = [node for together in graph._nodes_by_depth.values() for node in together]
    makers = [node for node in nodes if any(output is tensor for output in node.outputs)]
    if not makers or any(given is tensor for node in nodes for given in node.input_tensors):
        return None
    operation = makers[0].operation
    if sum(node.operation is operation for node in nodes) > 1:
        return None
    inner = graph_of(operation) if isinstance(operation, keras.Model) else None
    if inner is None:
        return operation
    at = next(at for at, output in enumerate(makers[0].outputs) if output is tensor)
    return made_by(inner, inner.outputs[at])
