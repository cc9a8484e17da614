"""Looks into an HDF5 file in a process of its own, because the HDF5 library crashes or hangs on some hostile files.

``python hdf5_child.py PATH OFFSET LENGTH SECONDS [read]`` prints what it found as JSON; with ``read`` it also reads every number
once, so that a file that gets through here can be read by others. It is run as a script and imports nothing of the package.
"""

from __future__ import annotations

import importlib
import io
import json
import math
import sys
from importlib.util import find_spec
from typing import Any

import h5py

MOST_OBJECTS = 100_000
MOST_DEPTH = 64
MEMORY = 4 * 2**30
EXPANSION, SMALL = 100, 16 * 2**20
ATTRIBUTES = ("model_config", "keras_version", "backend", "layer_names")


class Part(io.RawIOBase):
    """Some bytes of a file as a file: an HDF5 file within an uncompressed archive."""

    def __init__(self, path: str, offset: int, length: int) -> None:
        self.file, self.offset, self.length, self.at = open(path, "rb"), offset, length, 0  # noqa: SIM115

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def seek(self, to: int, whence: int = 0) -> int:
        """Move within the part."""
        self.at = max(0, to + (0, self.at, self.length)[whence])
        return self.at

    def tell(self) -> int:
        """Where it is in the part."""
        return self.at

    def readinto(self, into: Any) -> int:
        """Fill a buffer as far as the part goes."""
        view = memoryview(into).cast("B")
        count = max(0, min(len(view), self.length - self.at))
        self.file.seek(self.offset + self.at)
        taken = self.file.readinto(view[:count])
        self.at += taken
        return taken


def survey(file: Any, read: bool) -> dict[str, Any]:
    """Datasets with their shapes, attributes of Keras, and what leads out of the file or claims too much."""
    datasets: list[tuple[str, list[int], str]] = []
    dangers: list[str] = []
    waiting = [(file, "", 0)]
    seen = 0
    while waiting:
        group, path, depth = waiting.pop()
        for name in group:
            seen += 1
            if seen > MOST_OBJECTS or depth > MOST_DEPTH:
                dangers.append("it has more groups in groups than any model")
                return {"datasets": [], "attributes": {}, "dangers": dangers}
            where = f"{path}/{name}"[:1000]
            link = group.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink):
                dangers.append(f"{where!r} is a link, which may lead to another file")
                continue
            held = group[name]
            if isinstance(held, h5py.Group):
                waiting.append((held, where, depth + 1))
            elif isinstance(held, h5py.Dataset):
                dangers += _dataset(held, where, read)
                datasets.append((where, list(held.shape or ()), str(held.dtype)[:40]))
    attributes = {name: _text(file.attrs[name]) for name in ATTRIBUTES if name in file.attrs}
    return {"datasets": datasets, "attributes": attributes, "dangers": dangers}


def _dataset(held: Any, where: str, read: bool) -> list[str]:
    if held.external:
        return [f"the numbers of {where!r} are in another file"]
    if held.is_virtual:
        return [f"{where!r} is put together from other files"]
    claimed, stored = math.prod(held.shape or ()) * held.dtype.itemsize, held.id.get_storage_size()
    if claimed > EXPANSION * stored + SMALL:
        return [f"{where!r} claims {claimed:,} bytes and holds {stored:,}"]
    if read:
        held[()]
    return []


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str) else str(value)[:1000]


def limited(seconds: int, length: int) -> None:
    """Give up after so much work, and before memory runs out, where the system knows such limits."""
    if find_spec("resource") is not None:
        resource = importlib.import_module("resource")
        wanted = {resource.RLIMIT_CPU: seconds, resource.RLIMIT_AS: MEMORY + 3 * length, resource.RLIMIT_CORE: 0}
        for kind, most in wanted.items():
            hard = resource.getrlimit(kind)[1]
            allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(kind, (allowed, allowed))


if __name__ == "__main__":
    name, offset, length, seconds, *more = sys.argv[1:]
    limited(int(seconds), int(length))
    with h5py.File(Part(name, int(offset), int(length)), "r") as opened:
        json.dump(survey(opened, "read" in more), sys.stdout)
