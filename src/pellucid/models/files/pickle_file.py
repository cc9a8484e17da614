"""Pickles, of whatever library: unpickling runs what their author put into them, so they are opened on the user's word only."""

from __future__ import annotations

import bz2
import gzip
import importlib
import io
import lzma
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from ...core.errors import InputError
from . import pickles
from .archive import line
from .kinds import STATE_DICT, TRUST, Kind
from .record import FileInfo, Table, some

MOST_UNPACKED = 64 * 2**20
"""Bytes of a compressed pickle that are looked at."""

_STREAMS: dict[bytes, tuple[str, Callable[[IO[bytes]], IO[bytes]]]] = {
    b"\x1f\x8b": ("gzip", lambda file: gzip.GzipFile(fileobj=file)),
    b"BZh": ("bz2", bz2.BZ2File),
    b"\xfd7zXZ": ("xz", lzma.LZMAFile),
    b"]\x00\x00": ("lzma", lzma.LZMAFile),
}
_ZLIB = (b"x\x01", b"x\x5e", b"x\x9c", b"x\xda")
REASON = "it is a pickle, and unpickling runs whatever code the file's author put into it"


def inspect(path: Path, _: tuple[str, ...] = ()) -> FileInfo:
    """What a pickle would import."""
    with path.open("rb") as file:
        packed, stream = _unpacked(file)
        reading = pickles.read(stream)
    notes = [f"looked at up to a place where it breaks off ({reading.problem})"] if reading.problem else []
    return FileInfo(
        name=str(path),
        kind=KIND.name,
        title=KIND.title,
        size=path.stat().st_size,
        facts={"protocol": reading.protocol, **({"compressed": packed} if packed else {})},
        tables=(names_table(reading.names),) if reading.names else (),
        refused=REASON + would_import(reading.names),
        ways_out=ways_out(reading.names),
        notes=tuple(notes),
    )


def looks_like(head: bytes) -> bool:
    """Whether bytes are the beginning of a pickle, as it is or compressed."""
    packed, stream = _unpacked(io.BytesIO(head))
    start = _taken(stream, 4096)
    if len(start) > 1 and start[0] == 0x80 and start[1] <= 5:
        return True
    if not packed and (not start or start[0] not in b"(c]}lIFVSGKJMNUXi\x8c\x95"):
        return False
    reading = pickles.read(io.BytesIO(start))
    return reading.value is not None and (not reading.problem or (bool(reading.names) and len(start) == 4096))


def names_table(names: tuple[str, ...]) -> Table:
    """What a pickle would import, one line per name."""
    return Table("imports when it is unpickled", ("name",), tuple((name,) for name in sorted(names)))


def would_import(names: tuple[str, ...]) -> str:
    """The same as a clause: first what is of no known library, then models, then what holds their numbers."""
    known, plumbing = ("sklearn.", "torch.", "keras."), ("numpy.", "scipy.", "pandas.", "collections.", "joblib.", "copyreg.")
    order = sorted(names, key=lambda name: (name.startswith(known) + 2 * name.startswith(plumbing), name))
    return f" (this one imports {some(order)})" if names else ""


def ways_out(names: tuple[str, ...]) -> tuple[str, ...]:
    """What can be done instead, by the libraries that a pickle imports; all of it where that tells nothing."""
    ways = {
        "sklearn": "save the scikit-learn model with skops.io.dump(model, 'model.skops')",
        "keras": "save the Keras model with model.save('model.keras')",
        "torch": STATE_DICT,
    }
    used = {name.partition(".")[0] for name in names}
    known = [way for library, way in ways.items() if library in used]
    return (*(known or [f"for {library}, {way}" for library, way in ways.items()]), TRUST)


def trusted(path: Path, _: tuple[str, ...] = ()) -> Any:
    """Unpickle it, whatever it does."""
    return unpickled(path, importlib.import_module("joblib").load)


def unpickled(path: Path, load: Callable[[Path], Any]) -> Any:
    """What a loader makes of a pickle, or an error in words."""
    try:
        return load(path)
    except Exception as error:  # code of the file's author: what it raises has no end
        raise InputError(
            f"{str(path)!r} could not be unpickled: {line(error)}. The classes in it must be importable here, in the "
            "versions that wrote it."
        ) from error


def _unpacked(file: IO[bytes]) -> tuple[str, IO[bytes]]:
    """A stream of what is in a file that may be compressed, and with what."""
    head = file.read(6)
    file.seek(0)
    for magic, (name, opener) in _STREAMS.items():
        if head.startswith(magic):
            return name, io.BytesIO(_taken(opener(file), MOST_UNPACKED))
    if head.startswith(_ZLIB):
        return "zlib", io.BytesIO(_inflated(file.read(MOST_UNPACKED)))
    return "", file


def _taken(stream: IO[bytes], most: int) -> bytes:
    """As much as can be unpacked, up to so many bytes."""
    taken = bytearray()
    try:
        while len(taken) < most and (part := stream.read(min(65536, most - len(taken)))):
            taken += part
    except (OSError, EOFError, zlib.error, lzma.LZMAError):
        return bytes(taken)
    return bytes(taken)


def _inflated(packed: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(packed, MOST_UNPACKED)
    except zlib.error:
        return b""


KIND = Kind(
    "pickle",
    "pickle",
    (".pkl", ".pickle", ".joblib", ".sav", ".dill", ".cloudpickle"),
    inspect,
    trusted=trusted,
)
