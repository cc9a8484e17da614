"""TensorFlow SavedModel folders: their graphs may read and write files when they run, so only the user's word opens them."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ...core.errors import InputError
from ...core.extras import require
from .archive import damaged
from .kinds import TRUST, Kind
from .record import FLOATS, Cell, FileInfo, Table, shape_words, some, words

GRAPH = "saved_model.pb"
_MOST_GRAPH = 2 * 2**30
_FILES = words(
    "ReadFile WriteFile MatchingFiles PrintV2 PyFunc PyFuncStateless EagerPyFunc SaveV2 RestoreV2 MergeV2Checkpoints "
    "ShardedFilename TFRecordReaderV2 FixedLengthRecordReaderV2 TextLineReaderV2 WholeFileReaderV2 TextLineDataset "
    "TFRecordDataset FixedLengthRecordDataset SaveDataset SaveDatasetV2 LoadDataset DebugIdentityV2 WriteGraphSummary"
)


def inspect(path: Path, _: tuple[str, ...] = ()) -> FileInfo:
    """Signatures and operators, where TensorFlow is there to read them."""
    graph, facts, tables, notes = path / GRAPH, {}, (), []
    files = [each for each in path.rglob("*") if each.is_file()]
    if not graph.is_file():
        notes = ["its graph is kept as text (saved_model.pbtxt), which is not read here"]
    elif find_spec("tensorflow") is None:
        notes = ["its signatures can be read where tensorflow is installed: pip install 'pellucid[tensorflow]'"]
    else:
        facts, tables = _graph(graph)
    touching = [str(row[0]) for table in tables if table.name == "operators" for row in table.rows if row[0] in _FILES - _OWN]
    doing = f" (this one: {some(touching)})" if touching else ""
    return FileInfo(
        name=str(path),
        kind=KIND.name,
        title=KIND.title,
        size=sum(each.stat().st_size for each in files),
        facts={"files": len(files), **facts},
        tables=tables,
        refused=f"it is a TensorFlow program, and its operators may read and write files when it is loaded or run{doing}",
        ways_out=("save the model from Keras with model.save('model.keras')", "convert it to ONNX with tf2onnx", TRUST),
        notes=tuple(notes),
    )


def trusted(path: Path, _: tuple[str, ...] = ()) -> Any:
    """Load it with TensorFlow."""
    tensorflow = require("tensorflow", "tensorflow", "a SavedModel")
    with damaged(path, "SavedModel"):
        return tensorflow.saved_model.load(str(path))


_OWN = frozenset({"SaveV2", "RestoreV2", "MergeV2Checkpoints", "ShardedFilename"})
"""What every SavedModel has: its own weights are read and written with them."""


def _graph(graph: Path) -> tuple[dict[str, Cell], tuple[Table, ...]]:
    if graph.stat().st_size > _MOST_GRAPH:
        raise InputError(f"{str(graph)!r} is larger than any SavedModel.")
    messages = importlib.import_module("tensorflow.core.protobuf.saved_model_pb2")
    types = importlib.import_module("tensorflow.core.framework.types_pb2").DataType
    with damaged(graph, "SavedModel"):
        read = messages.SavedModel.FromString(graph.read_bytes())
    rows: list[tuple[Cell, ...]] = []
    counts: dict[str, int] = {}
    versions: dict[str, None] = {}
    for each in read.meta_graphs:
        versions[each.meta_info_def.tensorflow_version] = None
        for name, signature in each.signature_def.items():
            if name.startswith("__saved_model"):
                continue
            for role, held in (("input", signature.inputs), ("output", signature.outputs)):
                for key, tensor in held.items():
                    sizes = [None if axis.size < 0 else axis.size for axis in tensor.tensor_shape.dim]
                    shape = "any" if tensor.tensor_shape.unknown_rank else shape_words(sizes)
                    dtype = types.Name(tensor.dtype).removeprefix("DT_").lower()
                    rows.append((name, f"{role} {key}", shape, FLOATS.get(dtype, dtype)))
        nodes: Iterable[Any] = [*each.graph_def.node, *(n for f in each.graph_def.library.function for n in f.node_def)]
        for node in nodes:
            counts[node.op] = counts.get(node.op, 0) + 1
    common = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    tables = [
        Table("signatures", ("signature", "what", "shape", "dtype"), tuple(rows)),
        Table("operators", ("operator", "count"), tuple(common)),
    ]
    return {"tensorflow version": some(list(versions))}, tuple(table for table in tables if table.rows)


KIND = Kind("saved-model", "TensorFlow SavedModel", (), inspect, trusted=trusted, library="tensorflow")
