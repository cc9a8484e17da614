"""ONNX files from strangers: nothing outside of the model's own folder is read, and nothing larger than it says.

``onnx.load`` follows what a file says of its weights before anyone can look. Here the graph is read first, every place that it
names is checked, and then the numbers are read from there.
"""

from __future__ import annotations

import math
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import onnx
from google.protobuf.message import DecodeError

from ...core.errors import InputError, UnsafeFileError

MOST_BYTES = 2**31 - 1
"""What one graph can hold in memory, weights included: a limit of its format."""

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_DIGITS = re.compile(r"[0-9]{1,18}")
_BITS = re.compile(r"(?:B?FLOAT|U?INT|COMPLEX)(\d+)")
_NAMED_BITS = {"BOOL": 8, "FLOAT": 32, "DOUBLE": 64}
WAY_OUT = (
    "Put copies of the weights beside the model as plain files, or into it, where you trust the file: "
    "onnx.save(onnx.load(path), 'whole.onnx')."
)


def read(path: Path) -> onnx.ModelProto:
    """A model with its weights, those in files beside it included.

    Raises
    ------
    InputError
        If it is no ONNX model, damaged, or larger than a graph can be in memory.
    UnsafeFileError
        If it names weights anywhere but in plain files within its own folder.
    """
    size = path.stat().st_size if path.is_file() else None
    if size is None:
        raise InputError(f"there is no file {str(path)!r}.")
    _check_size(path, size)
    model = parsed(path.read_bytes(), repr(str(path)))
    for tensor in outside(model):
        data = _numbers(path, tensor)
        size += len(data)
        _check_size(path, size)
        tensor.raw_data = data
        tensor.data_location = onnx.TensorProto.DEFAULT
        del tensor.external_data[:]
    return model


def parsed(content: bytes, name: str) -> onnx.ModelProto:
    """A model from its bytes, or an error that names it; other files are not looked at."""
    try:
        model = onnx.ModelProto.FromString(content)
    except DecodeError as error:
        raise InputError(f"{name} is damaged, or is no ONNX model: {error}") from error
    if not model.ir_version or not model.HasField("graph"):
        raise InputError(f"{name} is no ONNX model: there is no graph in it.")
    return model


def outside(model: onnx.ModelProto) -> list[onnx.TensorProto]:
    """The tensors whose numbers are in other files."""
    return [tensor for tensor in _tensors(model) if tensor.data_location == onnx.TensorProto.EXTERNAL]


def check(path: Path, model: onnx.ModelProto) -> list[str]:
    """Where the weights in other files are, each place checked as ``read`` does, without reading them."""
    places: set[str] = set()
    for tensor in outside(model):
        place = _place(path, tensor, _said(path, tensor).get("location", ""))
        _plain(path, tensor, place)
        places.add(str(place.relative_to(path.parent)))
    return sorted(places)


def _said(path: Path, tensor: onnx.TensorProto) -> dict[str, str]:
    """What a tensor says of its numbers in another file."""
    said = {entry.key: entry.value for entry in tensor.external_data}
    if len(said) < len(tensor.external_data):
        raise _unsafe(path, tensor, "something is said twice of them, so that two readers may see two different things")
    return said


def _tensors(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    """Every tensor of a model, those in bodies, functions and attributes included."""
    todo: list[onnx.GraphProto | onnx.FunctionProto] = [model.graph, *model.functions]
    todo += [graph for training in model.training_info for graph in (training.initialization, training.algorithm)]
    while todo:
        body = todo.pop()
        attributes = [attribute for node in body.node for attribute in node.attribute]
        sparse = [tensor for attribute in attributes for tensor in (attribute.sparse_tensor, *attribute.sparse_tensors)]
        if isinstance(body, onnx.GraphProto):
            yield from body.initializer
            sparse += body.sparse_initializer
        else:
            attributes += body.attribute_proto
        for attribute in attributes:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
            todo += [*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs]
        for each in sparse:
            yield from (each.values, each.indices)


def _numbers(path: Path, tensor: onnx.TensorProto) -> bytes:
    """The bytes of one tensor, from a plain file within the model's folder."""
    said = _said(path, tensor)
    if not all(isinstance(text, str) for pair in said.items() for text in pair):  # what protobuf gives for broken UTF-8
        raise InputError(f"{str(path)!r} is damaged: what it says of the weights {tensor.name!r} is no text.")
    file = _place(path, tensor, said.get("location", ""))
    offset, length = (_count(path, tensor, said, key) for key in ("offset", "length"))
    before = _plain(path, tensor, file)
    needed = _bytes(tensor)
    available = before.st_size - (offset or 0)
    length = available if length is None else length
    if available < max(length, 0) or length != (length if needed is None else needed):
        raise InputError(
            f"{str(path)!r} is damaged: of the weights {tensor.name!r}, {tuple(tensor.dims)}, it says that they are {length:,} "
            f"bytes from {offset or 0:,} in {file.name!r}, which has {before.st_size:,}"
            + (f"; they need {needed:,}." if needed is not None else ".")
        )
    _check_size(path, length)
    with os.fdopen(os.open(file, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)), "rb") as stream:
        opened = os.fstat(stream.fileno())
        if (opened.st_dev, opened.st_ino) != (before.st_dev, before.st_ino):
            raise _unsafe(path, tensor, f"{file.name!r} was exchanged while it was looked at")
        stream.seek(offset or 0)
        return stream.read(length)


def _place(path: Path, tensor: onnx.TensorProto, location: str) -> Path:
    """The file that a location names, if it can lie within the model's folder."""
    parts = PurePosixPath(location).parts
    if not parts or "\0" in location:
        raise _unsafe(path, tensor, f"they are said to be in {location!r}, which is no file")
    if location.startswith("/") or "\\" in location or _SCHEME.match(location):
        raise _unsafe(path, tensor, f"they are said to be in {location!r}, which is no path within the model's folder")
    if ".." in parts or "*" in location:
        raise _unsafe(path, tensor, f"they are said to be in {location!r}, which leads out of the model's folder")
    return path.parent.joinpath(*parts)


def _plain(path: Path, tensor: onnx.TensorProto, file: Path) -> os.stat_result:
    """What is known of a file, if it is a plain one, and no folder on the way to it is a link."""
    way = [*reversed(file.relative_to(path.parent).parents)][1:]
    for step in (*(path.parent / folder for folder in way), file):
        try:
            found = os.lstat(step)
        except OSError as error:
            raise InputError(
                f"the weights {tensor.name!r} of {str(path)!r} are said to be in {str(file)!r}, which cannot be read "
                f"({error.strerror}). Put that file beside the model."
            ) from error
        if stat.S_ISLNK(found.st_mode):
            raise _unsafe(path, tensor, f"{step.name!r} is a symbolic link, which may lead anywhere")
        if not (stat.S_ISREG(found.st_mode) if step == file else stat.S_ISDIR(found.st_mode)):
            raise _unsafe(path, tensor, f"{step.name!r} is no plain {'file' if step == file else 'folder'}")
    if found.st_nlink > 1:
        raise _unsafe(path, tensor, f"{file.name!r} is a hard link: the same file has a name elsewhere, too")
    return found


def _count(path: Path, tensor: onnx.TensorProto, said: dict[str, str], key: str) -> int | None:
    if key not in said:
        return None
    if not _DIGITS.fullmatch(said[key]):
        raise InputError(f"{str(path)!r} is damaged: the {key} of the weights {tensor.name!r} is {said[key][:40]!r}.")
    return int(said[key])


def _bytes(tensor: onnx.TensorProto) -> int | None:
    """Bytes that a tensor of this shape takes; ``None`` for a type that is not known."""
    if any(size < 0 for size in tensor.dims):
        return None
    name = next((name for name, number in onnx.TensorProto.DataType.items() if number == tensor.data_type), "")
    written = _BITS.match(name)
    bits = int(written[1]) if written else _NAMED_BITS.get(name)
    return None if bits is None else (math.prod(tensor.dims) * bits + 7) // 8


def _check_size(path: Path, size: int) -> None:
    if size > MOST_BYTES:
        raise InputError(
            f"{str(path)!r} is at least {size / 2**30:.1f} GiB with its weights, and a graph in memory is at most 2. Give "
            "onnxruntime the file itself and explain the session, where you trust the file: "
            "pl.explain(onnxruntime.InferenceSession(path), ...)."
        )


def _unsafe(path: Path, tensor: onnx.TensorProto, reason: str) -> UnsafeFileError:
    return UnsafeFileError(
        f"{str(path)!r} is not opened: its weights {tensor.name!r} are in other files, and {reason}. {WAY_OUT}"
    )
