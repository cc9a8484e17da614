"""What is remembered of a model: its graph, sessions of it, and the network that it was converted to."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import onnx
import onnxruntime

from ...core.errors import CapabilityError, InputError, UnsafeFileError
from . import files
from .graph import Graph
from .runtime import Sessions, Value, serialised

MOST_REMEMBERED = 2
"""Models that are remembered by their content: nothing says when an ``onnx.ModelProto`` is gone."""


@dataclass(eq=False)
class Network:
    """One model. Where the graph of a session cannot be read there is none, and ``why`` says why."""

    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    graph: Graph | None = None
    sessions: Sessions | None = None
    why: str = ""
    converted: dict[Any, Any] = field(default_factory=dict)


_MODELS: OrderedDict[bytes, Network] = OrderedDict()
_SESSIONS: WeakKeyDictionary[onnxruntime.InferenceSession, Network] = WeakKeyDictionary()


def of_model(model: onnx.ModelProto) -> Network:
    """What is known of a graph in memory. It may have been written to since, so it is known by its content."""
    if away := files.outside(model):
        raise InputError(
            f"the weights of this model are in other files ({away[0].name!r} and {len(away) - 1} more), and were not loaded: "
            "onnx.load(path) loads them."
        )
    content = serialised(model)
    key = hashlib.sha256(content).digest()
    if key not in _MODELS:
        graph = Graph(onnx.ModelProto.FromString(content))
        if not graph.nodes:
            raise CapabilityError("the model is empty: its graph has no nodes.")
        _MODELS[key] = _network(graph, Sessions(graph))
        if len(_MODELS) > MOST_REMEMBERED:
            _MODELS.popitem(last=False)
    _MODELS.move_to_end(key)
    return _MODELS[key]


def of_session(session: onnxruntime.InferenceSession) -> Network:
    """What is known of a session, whose graph is read again from where it came from."""
    if session not in _SESSIONS:
        _SESSIONS[session] = _of_session(session)
    return _SESSIONS[session]


def _of_session(session: onnxruntime.InferenceSession) -> Network:
    inputs, outputs = (
        tuple(Value(each.name, each.type, tuple(each.shape) or None) for each in described)
        for described in (session.get_inputs(), session.get_outputs())
    )
    content, path = getattr(session, "_model_bytes", None), getattr(session, "_model_path", None)
    try:
        if content is None and path is None:
            raise InputError("it does not say where it came from.")
        model = files.read(Path(path)) if content is None else files.parsed(content, "what the session was made of")
        if away := files.outside(model):
            raise InputError(f"its weights {away[0].name!r} are in other files, next to no file of its own.")
    except (InputError, UnsafeFileError) as error:
        return Network(inputs, outputs, why=f"the graph of this session cannot be read: {error}")
    graph = Graph(model)
    found = _network(graph, Sessions(graph, session))
    names = [value.name for value in outputs] == [value.name for value in found.outputs]
    if not names or {value.name: _sizes(value) for value in inputs} != {value.name: _sizes(value) for value in found.inputs}:
        return Network(inputs, outputs, why=f"the file {path!r} is no longer the one that this session was made of")
    return found


def _sizes(value: Value) -> list[int | None]:
    """Sizes of axes where they are fixed."""
    return [size if isinstance(size, int) and size > 0 else None for size in value.shape or ()]


def _network(graph: Graph, sessions: Sessions) -> Network:
    values = {value.name: value for value in (*graph.model.graph.input, *graph.model.graph.output)}
    inputs, outputs = (tuple(Value.of(values[name]) for name in names) for names in (graph.inputs, graph.outputs))
    return Network(inputs, outputs, graph, sessions)
