"""Files of ``torch.save``: state dicts and checkpoints open without running code; pickled modules and TorchScript do not."""

from __future__ import annotations

import importlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...core.errors import InputError, UnsafeFileError
from . import pickles, tensors
from .archive import damaged, is_zip, opened
from .kinds import STATE_DICT, TRUST, Kind
from .libraries import required
from .pickle_file import unpickled, would_import
from .record import FileInfo, sentences, some

MAGIC = 0x1950A86A20F9469CFC6C
"""The number that opens the older format."""

_MOST_PICKLE = 256 * 2**20
_WAYS_OUT = (STATE_DICT, TRUST)


def inspect(path: Path, _: tuple[str, ...] = ()) -> FileInfo:
    """The tensors, or what unpickling would import beside them."""
    reading, entries, byte_order = _archived(path) if is_zip(path) else _legacy(path)
    strange = tuple(name for name in reading.names if not tensors.is_data(name))
    if reading.problem and not strange and reading.problem != pickles.TOO_LONG:
        raise InputError(f"{str(path)!r} is damaged, or is no file of torch.save: {reading.problem}")
    found = tensors.listed(reading)
    facts: dict[str, Any] = {"format": "zip archive" if entries else "older than torch 1.6"}
    facts |= {"byte order": byte_order} if byte_order else {}
    kept = tensors.entries(reading)
    if found is not None and kept and found[0].rows[0][0] != kept[0]:
        facts["entries"] = some(kept, 8)
    refused = f"it holds Python objects{would_import(strange)}, and unpickling them would run code" if strange else ""
    notes = [] if not reading.problem else [f"looked at up to where {reading.problem}"]
    notes += [] if found or strange or reading.problem else ["no tensors were found in it"]
    return FileInfo(
        name=str(path),
        kind=KIND.name,
        title="pickled torch module" if _is_module(reading) else KIND.title,
        size=path.stat().st_size,
        facts=facts,
        tables=() if found is None else (found[0],),
        parameters=None if found is None else found[1],
        refused=refused,
        ways_out=_WAYS_OUT if refused else (),
        weights=not _is_module(reading),
        notes=tuple(notes),
    )


def inspect_script(path: Path, _: tuple[str, ...] = ()) -> FileInfo:
    """Which source a TorchScript program brings."""
    with opened(path) as archive:
        sources = sorted(name for name in archive.members if "/code/" in name and name.endswith(".py"))
    return FileInfo(
        name=str(path),
        kind=SCRIPT.name,
        title=SCRIPT.title,
        size=path.stat().st_size,
        facts={"source files": some([name.partition("/code/")[2] for name in sources])},
        refused="it is a TorchScript program: code of its author, compiled when it is loaded and run by every pass",
        ways_out=(STATE_DICT, "export the network with torch.export.save(torch.export.export(model, (x,)), 'model.pt2')", TRUST),
    )


def read(path: Path, _: tuple[str, ...] = ()) -> Mapping[str, Any]:
    """The state dict in a file."""
    required("torch", "a file of weights")
    try:
        return importlib.import_module("pellucid.models.torch.weights").read_archive(path)
    except UnsafeFileError as error:
        raise UnsafeFileError(f"{str(path)!r} is not opened: {error}. {sentences(_WAYS_OUT)}") from error


def trusted(path: Path, _: tuple[str, ...] = ()) -> Any:
    """Unpickle it, whatever it does."""
    torch = required("torch", "a file of torch.save")
    held = unpickled(path, lambda file: torch.load(file, map_location="cpu", weights_only=False))
    if isinstance(held, Mapping):
        return importlib.import_module("pellucid.models.torch.weights").state_of(held, path)
    return held


def trusted_script(path: Path, _: tuple[str, ...] = ()) -> Any:
    """Compile the program, whatever it does."""
    torch = required("torch", "a TorchScript program")
    with damaged(path, "TorchScript program"):
        return torch.jit.load(str(path), map_location="cpu")


def _archived(path: Path) -> tuple[pickles.Reading, list[str], str]:
    with opened(path) as archive:
        (name,) = [each for each in archive.members if each.count("/") == 1 and each.endswith("/data.pkl")][:1] or [""]
        reading = pickles.read(io.BytesIO(archive.read(name, _MOST_PICKLE)))
        order = name.replace("data.pkl", "byteorder")
        return reading, list(archive.members), archive.read(order, 64).decode() if order in archive.members else ""


def _legacy(path: Path) -> tuple[pickles.Reading, list[str], str]:
    """The fourth pickle of five is the object; those before it are numbers and versions."""
    with path.open("rb") as file:
        before = [pickles.read(file) for _ in range(3)]
        reading = pickles.read(file)
    names = tuple(dict.fromkeys([name for each in (*before, reading) for name in each.names]))
    return pickles.Reading(reading.value, names, reading.protocol, reading.problem), [], ""


def _is_module(reading: pickles.Reading) -> bool:
    value = reading.value
    return isinstance(value, pickles.Made) and not tensors.is_data(str(value.maker))


KIND = Kind(
    "torch",
    "file of torch.save",
    (".pt", ".pth", ".bin", ".ckpt"),
    inspect,
    open=read,
    trusted=trusted,
    library="torch",
)
SCRIPT = Kind("torchscript", "TorchScript program", (".pt", ".ptl"), inspect_script, trusted=trusted_script, library="torch")
