"""Safetensors: a length, a JSON header, then numbers. Nothing in it can run."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...core.errors import InputError
from .archive import parsed
from .kinds import Kind
from .libraries import required
from .record import Cell, FileInfo, Table, shape_words
from .tensors import COLUMNS

MOST_HEADER = 100_000_000
"""The format's own limit, in bytes."""


_DTYPES = {"BOOL": "bool", "BF16": "bfloat16"} | {
    f"{letter}{bits}": f"{word}{bits}"
    for letter, word, sizes in (("F", "float", (16, 32, 64)), ("I", "int", (8, 16, 32, 64)), ("U", "uint", (8, 16, 32, 64)))
    for bits in sizes
}


def header_length(head: bytes, size: int) -> int:
    """The length that the first bytes state, or 0 if this is no such file."""
    stated = int.from_bytes(head[:8], "little")
    return stated if head[8:9] == b"{" and 2 <= stated <= min(MOST_HEADER, size - 8) else 0


def inspect(path: Path, _: tuple[str, ...] = ()) -> FileInfo:
    """The tensors that the header names."""
    with path.open("rb") as file:
        length = header_length(file.read(9), path.stat().st_size)
        file.seek(8)
        header = parsed(file.read(length), f"{str(path)!r}: its header") if length else None
    if not isinstance(header, dict):
        raise InputError(f"{str(path)!r} is damaged, or is no safetensors file: it has no header.")
    said = header.pop("__metadata__", None)
    room = path.stat().st_size - 8 - length
    rows = [_row(path, name, entry, room) for name, entry in header.items()]
    metadata = {str(key): str(value) for key, value in said.items()} if isinstance(said, dict) else {}
    return FileInfo(
        name=str(path),
        kind=KIND.name,
        title=KIND.title,
        size=path.stat().st_size,
        facts={"tensors": len(rows), **metadata},
        tables=(Table("tensors", COLUMNS, tuple(row for row, _ in rows)),) if rows else (),
        parameters=sum(count for _, count in rows),
        weights=True,
    )


def _row(path: Path, name: str, entry: Any, room: int) -> tuple[tuple[Cell, ...], int]:
    """Name, shape and dtype of one tensor, and how many numbers it has; they must be there."""
    shape, place = (entry.get("shape"), entry.get("data_offsets")) if isinstance(entry, dict) else (None, None)
    sizes, ends = (
        held if isinstance(held, list) and all(type(each) is int for each in held) else None for held in (shape, place)
    )
    if sizes is None or ends is None or len(ends) != 2 or not 0 <= ends[0] <= ends[1] <= room:
        raise InputError(f"{str(path)!r} is damaged: its header does not say where {name[:80]!r} is, or it is not there.")
    numbers = 1
    for size in sizes:
        numbers *= max(0, size)
        if numbers > 8 * (ends[1] - ends[0]):  # not even one bit for each
            raise InputError(f"{str(path)!r} is damaged: {name[:80]!r} claims more numbers than there are.")
    dtype = str(entry.get("dtype"))
    return (name, shape_words(sizes), _DTYPES.get(dtype, dtype)), numbers


def read(path: Path, _: tuple[str, ...] = ()) -> Mapping[str, Any]:
    """The tensors by name."""
    required("torch", "a file of weights")
    return importlib.import_module("pellucid.models.torch.weights").read_safetensors(path)


KIND = Kind("safetensors", "safetensors file", (".safetensors",), inspect, open=read, library="torch")
