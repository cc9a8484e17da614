"""ONNX models: graphs of operators and numbers, which may lie in other files beside the model."""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...core.errors import InputError, UnsafeFileError
from .kinds import Kind
from .libraries import required
from .record import FLOATS, Cell, FileInfo, Table, sample_for, shape_words, some

QUANTISED = frozenset({"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"})
_STANDARD = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft"})
WAY_OUT = "where you trust it, put its weights into it: onnx.save(onnx.load(path), 'model.onnx')"
_FILES = "pellucid.models.onnx.files"


def inspect(path: Path, _: tuple[str, ...] = ()) -> FileInfo:
    """Inputs, outputs, operators, parameters, and where its numbers lie."""
    onnx = required("onnx", "an .onnx file")
    files = importlib.import_module(_FILES)
    if path.stat().st_size > files.MOST_BYTES:
        raise InputError(f"{str(path)!r} is larger than one graph can be; its weights belong into a file beside it.")
    model = files.parsed(path.read_bytes(), repr(str(path)))
    outside, problem = _outside(files, path, model)
    graph = model.graph
    nodes = [node for each in graphs(model) for node in each.node]
    given = {tensor.name for tensor in graph.initializer} | {tensor.values.name for tensor in graph.sparse_initializer}
    places = [(each, role) for role, all_of in (("input", graph.input), ("output", graph.output)) for each in all_of]
    described = tuple((each.name, role, *_described(onnx, each.type)) for each, role in places if each.name not in given)
    counts = Counter(f"{node.domain}::{node.op_type}" if node.domain else node.op_type for node in nodes)
    strange = sorted({node.domain for node in nodes} - _STANDARD - {function.domain for function in model.functions})
    facts: dict[str, Cell] = {
        "IR version": model.ir_version,
        "opset": some([f"{each.domain or 'ai.onnx'} {each.version}" for each in model.opset_import]),
        "producer": f"{model.producer_name} {model.producer_version}".strip(),
        "graph": graph.name,
        "external data": some(outside),
        "quantised": "yes" if any(_quantised(name) for name in counts) else "no",
        **{entry.key: entry.value for entry in model.metadata_props},
    }
    notes = [f"operators of {some(strange)} run only where their library is registered with onnxruntime"] if strange else []
    return FileInfo(
        name=str(path),
        kind=KIND.name,
        title=KIND.title,
        size=path.stat().st_size,
        facts={name: fact for name, fact in facts.items() if fact != ""},
        tables=(
            Table("inputs and outputs", ("name", "what", "shape", "dtype"), described),
            Table("operators", ("operator", "count"), tuple(sorted(counts.items(), key=lambda each: (-each[1], each[0])))),
        ),
        parameters=sum(_count(tensor.dims) for each in graphs(model) for tensor in each.initializer),
        refused=problem,
        ways_out=(WAY_OUT,) if problem else (),
        sample=sample_for(next((_axes(each.type.tensor_type) for each in graph.input if each.name not in given), None)),
        notes=tuple(notes),
    )


def open_safely(path: Path, _: tuple[str, ...] = ()) -> Any:
    """The model with all its numbers."""
    required("onnx", "an .onnx file")
    return importlib.import_module(_FILES).read(path)


def _outside(files: Any, path: Path, model: Any) -> tuple[list[str], str]:
    """The files with numbers of the model, or why they are not read."""
    try:
        return files.check(path, model), ""
    except UnsafeFileError as error:
        return [], str(error).removeprefix(f"{str(path)!r} is not opened: ").partition(". ")[0]


def graphs(model: Any) -> Iterator[Any]:
    """The graph, those within it, and functions, which have nodes as graphs have."""
    waiting = [model.graph, *model.functions]
    while waiting:
        each = waiting.pop()
        if hasattr(each, "initializer"):
            yield each
        attributes = [attribute for node in each.node for attribute in node.attribute]
        waiting += [inner for attribute in attributes for inner in (attribute.g, *attribute.graphs) if inner.node]


def _described(onnx: Any, kind: Any) -> tuple[str, str]:
    """Shape and dtype of an input or output."""
    tensor = kind.tensor_type
    if not kind.HasField("tensor_type"):
        return "", str(kind.WhichOneof("value") or "?").removesuffix("_type")
    shape = shape_words(_axes(tensor)) if tensor.HasField("shape") else "any"
    known = tensor.elem_type in onnx.TensorProto.DataType.values()
    dtype = onnx.TensorProto.DataType.Name(tensor.elem_type).lower() if known else "?"
    return shape, FLOATS.get(dtype, dtype)


def _axes(tensor: Any) -> list[int | str | None]:
    return [axis.dim_value if axis.HasField("dim_value") else axis.dim_param or None for axis in tensor.shape.dim]


def _quantised(operator: str) -> bool:
    name = operator.rpartition("::")[2]
    return name in QUANTISED or name.startswith("QLinear") or name.endswith("Integer")


def _count(sizes: Any) -> int:
    count = 1
    for size in sizes:
        count *= max(0, size)
    return count


KIND = Kind("onnx", "ONNX model", (".onnx",), inspect, open=open_safely, library="onnx", gradients=False)
