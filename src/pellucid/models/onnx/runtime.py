"""onnxruntime: sessions of parts of a graph, calls of the size that it was made for, and its errors in words."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import onnxruntime
import optree
from array_api_compat import array_namespace
from onnx.helper import make_tensor_value_info, tensor_dtype_to_np_dtype
from onnxruntime.capi import onnxruntime_pybind11_state as native

from ...core.errors import CapabilityError, InputError
from ..padding import plan
from .graph import Graph

MOST_SESSIONS = 6
"""Sessions that are kept of one model; each has its own copy of the weights."""

_ERRORS = (
    native.EPFail,
    native.EngineError,
    native.Fail,
    native.InvalidArgument,
    native.InvalidGraph,
    native.InvalidProtobuf,
    native.NoModel,
    native.NoSuchFile,
    native.NotImplemented,
    native.RuntimeException,
)
_CODE = re.compile(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ")
_MEMORY = re.compile(r"allocat|bad_alloc|out of memory", re.IGNORECASE)
_UNKNOWN = re.compile(r"([\w.]*):(\w+)\S* is not a registered function/op|No Op registered for (\w+)|implementation for (\w+)")
_WHOLE = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
_OTHER = ("float", "double", "float16", "bfloat16", "bool", "string")
_TYPES = {f"tensor({name})": getattr(onnx.TensorProto, name.upper()) for name in (*_OTHER, *_WHOLE)}
"""Numbers of types by the names that onnxruntime gives them."""

onnxruntime.disable_telemetry_events()


@dataclass(frozen=True)
class Value:
    """An input or output as onnxruntime describes it; ``shape`` has names or ``None`` for axes of any size."""

    name: str
    kind: str
    shape: tuple[Any, ...] | None

    @classmethod
    def of(cls, value: onnx.ValueInfoProto) -> Value:
        """The same, of what the graph says."""
        if not value.type.HasField("tensor_type"):
            return cls(value.name, value.type.WhichOneof("value") or "tensor(float)", None)
        tensor = value.type.tensor_type
        kind = next((kind for kind, number in _TYPES.items() if number == tensor.elem_type), f"tensor({tensor.elem_type})")
        sizes = tuple(size.dim_value if size.HasField("dim_value") else size.dim_param or None for size in tensor.shape.dim)
        return cls(value.name, kind, sizes if tensor.HasField("shape") else None)


class Sessions:
    """Sessions by the tensors that they give, and those that they are given instead of computing them."""

    def __init__(self, graph: Graph, like: onnxruntime.InferenceSession | None = None) -> None:
        self._graph = graph
        self._providers = ["CPUExecutionProvider"] if like is None else list(like.get_provider_options().items())
        self._threads = None if like is None else _threads(like)
        self._made: OrderedDict[tuple[tuple[str, ...], tuple[str, ...]], onnxruntime.InferenceSession] = OrderedDict()
        self._types: dict[str, onnx.ValueInfoProto] = {}

    def of(self, outputs: Sequence[str], given: Sequence[str] = ()) -> onnxruntime.InferenceSession:
        """The session that makes these tensors."""
        key = tuple(outputs), tuple(given)
        if key not in self._made:
            cut = {tensor: self._type(tensor) for tensor in given}
            self._made[key] = self.once(self._graph.part(outputs, cut))
            if len(self._made) > MOST_SESSIONS:
                self._made.popitem(last=False)
        self._made.move_to_end(key)
        return self._made[key]

    def once(self, model: onnx.ModelProto, optimised: bool = True) -> onnxruntime.InferenceSession:
        """A session that is not kept."""
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # what it would log is in its exceptions, too
        if self._threads is not None:
            options.intra_op_num_threads, options.inter_op_num_threads, options.execution_mode = self._threads
        if not optimised:
            options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        content = serialised(model)
        try:
            session = onnxruntime.InferenceSession(content, options, providers=self._providers, enable_fallback=0)
        except (*_ERRORS, ValueError, RuntimeError) as error:
            raise _refused(error) from error
        for output in session.get_outputs():
            if output.type in _TYPES:
                any_rows = [None, *output.shape[1:]] if output.shape else None
                self._types[output.name] = make_tensor_value_info(output.name, _TYPES[output.type], any_rows)
        return session

    def _type(self, tensor: str) -> onnx.ValueInfoProto:
        """What onnxruntime knows of a tensor."""
        if tensor not in self._types:
            self.once(self._graph.part([tensor]), optimised=False)
        return self._types[tensor]


def serialised(model: onnx.ModelProto) -> bytes:
    """A model as bytes; refused where it is larger than its format allows."""
    try:
        return model.SerializeToString()
    except Exception as error:  # protobuf raises one of several kinds
        raise InputError(
            f"the graph cannot be written to memory, where at most 2 GiB fit ({error}). Give onnxruntime the file itself, and "
            "explain the session: pl.explain(onnxruntime.InferenceSession(path), ...)."
        ) from error


def run(session: onnxruntime.InferenceSession, outputs: Sequence[str], feed: Mapping[str, np.ndarray]) -> list[Any]:
    """One run. Memory that ran out is told by type, everything else in onnxruntime's words."""
    try:
        return session.run(list(outputs), feed)
    except _ERRORS as error:
        kind = MemoryError if _MEMORY.search(str(error)) else RuntimeError
        raise kind(_CODE.sub("", str(error))) from error


def in_calls(rows: int, size: int | None, run: Callable[[np.ndarray | None], Any]) -> Any:
    """What ``run`` gives for all rows, in calls of the one size that a graph was made for.

    Parameters
    ----------
    rows
        How many there are.
    size
        How many every call takes, or ``None`` for any number.
    run
        Takes the rows of one call (``None`` for all, as they are), the last of them repeated where it must be filled up, and
        gives a tree of arrays. Of those whose first axis is the rows, the filling is cut off; others are those of the first call.
    """
    if size is None or size == rows:
        return run(None)
    starts = [size * call for call, _ in enumerate(plan(rows, [size], most=1))]
    made = [run(np.minimum(np.arange(start, start + size), rows - 1)) for start in starts]

    def joined(*leaves: Any) -> Any:
        if not leaves[0].ndim or len(leaves[0]) != size:
            return leaves[0]
        return array_namespace(*leaves).concat([leaf[: rows - start] for leaf, start in zip(leaves, starts, strict=True)])

    return optree.tree_map(joined, *made)


def element(kind: str) -> int | None:
    """The number of a tensor's type; ``None`` for a sequence, a map, or a type that is not known.

    >>> element("tensor(float)"), element("seq(map(int64,tensor(float)))")
    (1, None)
    """
    return _TYPES.get(kind)


def type_of(kind: str) -> np.dtype:
    """The NumPy type of such a tensor.

    >>> type_of("tensor(float)")
    dtype('float32')
    """
    return np.dtype(tensor_dtype_to_np_dtype(_TYPES[kind]))


def is_floating(kind: str) -> bool:
    """Whether a tensor holds floating-point numbers that NumPy has, too.

    >>> is_floating("tensor(float16)"), is_floating("tensor(int64)")
    (True, False)
    """
    return kind in ("tensor(float)", "tensor(double)", "tensor(float16)")


def _threads(session: onnxruntime.InferenceSession) -> tuple[Any, ...]:
    options = session.get_session_options()
    return options.intra_op_num_threads, options.inter_op_num_threads, options.execution_mode


def _refused(error: BaseException) -> Exception:
    """Why a graph is not run."""
    said = _CODE.sub("", str(error))
    unknown = _UNKNOWN.search(said)
    if unknown is None:
        return InputError(f"onnxruntime cannot run this graph: {said}")
    domain, *operators = unknown.groups()
    operator = next(filter(None, operators))
    if not domain:
        return CapabilityError(
            f"onnxruntime {onnxruntime.__version__} does not know the operator {operator!r} ({said}). Export the model with an "
            "older set of operators, or install a newer onnxruntime."
        )
    return CapabilityError(
        f"onnxruntime {onnxruntime.__version__} does not know the operator {operator!r} of the domain {domain!r}. Libraries of "
        "operators are not loaded from here; make a session with one that you trust, and explain that: "
        "pl.explain(onnxruntime.InferenceSession(path, options), ...)."
    )
