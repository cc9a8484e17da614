"""Which kind of file this is: by its content, whatever it is called."""

from __future__ import annotations

from pathlib import Path

from ...core.errors import InputError, nearest
from . import (
    exported_file,
    hdf5_file,
    keras_file,
    onnx_file,
    pickle_file,
    safetensors_file,
    saved_model,
    skops_file,
    torch_file,
)
from .archive import opened
from .kinds import Kind

KINDS = (
    safetensors_file.KIND,
    torch_file.KIND,
    torch_file.SCRIPT,
    exported_file.KIND,
    keras_file.KIND,
    onnx_file.KIND,
    skops_file.KIND,
    hdf5_file.KIND,
    saved_model.KIND,
    pickle_file.KIND,
)
"""Every kind of file that is known."""

_HDF5 = b"\x89HDF\r\n\x1a\n"
_ZIP = b"PK\x03\x04"
_ONNX_AFTER_VERSION = frozenset(b"\x12\x1a\x22\x2a\x32\x3a\x42\x72")
_OTHERS = {
    b"\x93NUMPY": "an array of numbers, which is an input and no model",
    b"GGUF": "weights for llama.cpp, which are not explained",
    b"\x7fELF": "a compiled program",
    b"MZ": "a compiled program",
    b"\x89PNG": "a picture, which is an input and no model",
    b"\xff\xd8\xff": "a picture, which is an input and no model",
}
_TFLITE = "a TensorFlow Lite model, which is not explained; explain the model that it was converted from"


def recognise(path: Path) -> Kind:
    """The kind of a file, or of a folder.

    Raises
    ------
    InputError
        If there is no such file, or it is none that is known.
    UnsafeFileError
        If it is an archive with members that no archive of a model has.
    """
    if path.is_dir():
        if (path / saved_model.GRAPH).exists() or (path / "saved_model.pbtxt").exists():
            return saved_model.KIND
        raise InputError(f"{str(path)!r} is a folder, and no SavedModel of TensorFlow. {KNOWN}")
    if not path.is_file():
        raise InputError(f"there is no file {str(path)!r}.{_beside(path)} {KNOWN}")
    found = _by_content(path)
    if found is None:
        found = next((kind for kind in KINDS if path.suffix.lower() in kind.suffixes), None)
        if found is None:
            raise InputError(f"{str(path)!r} is not a kind of file that is opened. {KNOWN}")
    return found


def _by_content(path: Path) -> Kind | None:
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(65536)
        if head.startswith(_ZIP):
            return _zipped(path)
        for offset in (0, 512, 1024, 2048):
            file.seek(offset)
            if file.read(8) == _HDF5:
                return hdf5_file.KIND
    for magic, words in _OTHERS.items():
        if head.startswith(magic):
            raise InputError(f"{str(path)!r} is {words}. {KNOWN}")
    if head[4:8] == b"TFL3":
        raise InputError(f"{str(path)!r} is {_TFLITE}. {KNOWN}")
    if safetensors_file.header_length(head, size):
        return safetensors_file.KIND
    if _legacy_torch(head):
        return torch_file.KIND
    if pickle_file.looks_like(head):
        return pickle_file.KIND
    if len(head) > 2 and head[0] == 8 and head[1] < 64 and head[2] in _ONNX_AFTER_VERSION:
        return onnx_file.KIND
    return None


def _zipped(path: Path) -> Kind | None:
    """By the members that only this kind has."""
    with opened(path) as archive:
        names = set(archive.members)
    inner = {name.partition("/")[2] for name in names if "/" in name} | names
    if "schema.json" in names:
        return skops_file.KIND
    if "config.json" in names and ("metadata.json" in names or keras_file.WEIGHTS in names):
        return keras_file.KIND
    if "archive_format" in inner or "serialized_exported_program.json" in inner:
        return exported_file.KIND
    if "constants.pkl" in inner and any(name.startswith("code/") for name in inner):
        return torch_file.SCRIPT
    if "data.pkl" in inner:
        return torch_file.KIND
    if names and all(name.endswith(".npy") for name in names):
        raise InputError(f"{str(path)!r} holds arrays of numbers (.npz), which are inputs and no model. {KNOWN}")
    return None


def _legacy_torch(head: bytes) -> bool:
    """Whether it begins as torch.save wrote before 1.6: a pickle of one known number."""
    return head[:1] == b"\x80" and head[2:4] == b"\x8a\n" and int.from_bytes(head[4:14], "little") == torch_file.MAGIC


def _beside(path: Path) -> str:
    """Files in the same folder that could have been meant."""
    folder = path.parent
    suffixes = {suffix for kind in KINDS for suffix in kind.suffixes}
    if not folder.is_dir():
        return f" There is no folder {str(folder)!r} either."
    names = sorted(each.name for each in folder.iterdir() if each.suffix.lower() in suffixes)
    close = nearest(path.name, names) if names else ""
    return close if "Did you mean" in close else ""


KNOWN = (
    "A model is module:attribute, or a file: .keras, .onnx, .pt2, .skops, or weights (.safetensors, .pt, .pth, .weights.h5) "
    "with --arch module:factory."
)
