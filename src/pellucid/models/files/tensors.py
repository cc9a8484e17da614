"""Tensors as ``torch.save`` describes them, listed from the description alone."""

from __future__ import annotations

import re
from typing import Any

from .pickles import Items, Made, Named, Reading, Stored
from .record import Cell, Table, shape_words, words

COLUMNS = ("tensor", "shape", "dtype")
_DTYPES = {
    "Float": "float32",
    "Double": "float64",
    "Half": "float16",
    "BFloat16": "bfloat16",
    "Long": "int64",
    "Int": "int32",
    "Short": "int16",
    "Char": "int8",
    "Byte": "uint8",
    "Bool": "bool",
    "ComplexFloat": "complex64",
    "ComplexDouble": "complex128",
    "QInt8": "qint8",
    "QUInt8": "quint8",
    "QInt32": "qint32",
}
_REBUILDERS = {"_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3", "_rebuild_qtensor"}
_MODULES = (
    "torch.cuda.sparse.",
    "torch.cuda.",
    "torch.sparse.",
    "torch.nn.parameter.",
    "torch.serialization.",
    "torch.storage.",
    "torch._utils.",
    "torch._tensor.",
    "torch.",
)
_PLAIN = words(
    "collections.OrderedDict collections.Counter _codecs.encode builtins.bytearray builtins.complex builtins.set "
    "__builtin__.bytearray __builtin__.complex __builtin__.set"
)
_ALLOWED = words(
    "Parameter TypedStorage UntypedStorage Tensor Size device bool _get_layout _rebuild_from_type_v2 "
    "per_channel_affine per_channel_affine_float_qparams per_channel_symmetric per_tensor_affine per_tensor_symmetric"
)
_NUMBERS = re.compile(r"_rebuild_\w+|(float|bfloat|int|uint|complex|bits|qint|quint)\d\w*|\w*Storage|\w*Tensor")


def is_data(name: str) -> bool:
    """Whether ``torch.load(weights_only=True)`` takes this name: tensors and what describes them, nothing that runs.

    >>> is_data("torch.FloatStorage"), is_data("torch._utils._rebuild_tensor_v2"), is_data("posix.system")
    (True, True, False)
    """
    module = next((start for start in _MODULES if name.startswith(start)), "")
    rest = name.removeprefix(module)
    if not module or "." in rest:
        return name in _PLAIN
    return rest in _ALLOWED or _NUMBERS.fullmatch(rest) is not None


def listed(reading: Reading) -> tuple[Table, int] | None:
    """The tensors of a state dict, or of the state dicts in a checkpoint, and how many numbers they hold."""
    pairs = _pairs(reading.value)
    rows = [row for key, value in pairs if (row := _row(str(key), value)) is not None]
    for key, value in pairs:
        rows += [row for inner, held in _pairs(value) if (row := _row(f"{key}: {inner}", held)) is not None]
    if not rows:
        return None
    return Table("tensors", COLUMNS, tuple(row for row, _ in rows)), sum(count for _, count in rows)


def entries(reading: Reading) -> list[str]:
    """The names of a checkpoint's entries."""
    return [str(key) for key, _ in _pairs(reading.value)]


def _pairs(value: Any) -> list[tuple[Any, Any]]:
    held = value.held if isinstance(value, (Items, Made)) else []
    return [each for each in held if isinstance(each, tuple) and len(each) == 2 and isinstance(each[0], (str, int))]


def _row(name: str, value: Any) -> tuple[tuple[Cell, ...], int] | None:
    while isinstance(value, Made) and _maker(value) in ("_rebuild_parameter", "_rebuild_parameter_with_state", "Parameter"):
        value = value.arguments[0] if isinstance(value.arguments, tuple) and value.arguments else None
    if not isinstance(value, Made) or _maker(value) not in _REBUILDERS or not isinstance(value.arguments, tuple):
        return None
    if len(value.arguments) < 3 or not isinstance(value.arguments[2], tuple):
        return None
    stored, shape = value.arguments[0], value.arguments[2]
    if not all(isinstance(size, int) and size >= 0 for size in shape):
        return None
    count = 1
    for size in shape:
        count *= size
    return (name, shape_words(shape), _dtype(stored)), count


def _maker(value: Made) -> str:
    return value.maker.name if isinstance(value.maker, Named) else ""


def _dtype(stored: Any) -> str:
    key = stored.key if isinstance(stored, Stored) else None
    storage = key[1] if isinstance(key, tuple) and len(key) > 1 else None
    name = storage.name.removesuffix("Storage") if isinstance(storage, Named) else ""
    return _DTYPES.get(name, name or "?")
