"""Zip archives from strangers: names, sizes and members are checked before anything is unpacked."""

from __future__ import annotations

import json
import os
import re
import stat
import struct
import zipfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ...core.errors import InputError, PellucidError, UnsafeFileError

MOST_JSON = 64 * 2**20
"""Bytes of JSON that are read."""

_MOST_LISTING = 32 * 2**20
_SMALL = 16 * 2**20
_EXPANSION = 100
_DRIVE = re.compile(r"[A-Za-z]:")
_END, _END64, _LOCATOR = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"


@dataclass(frozen=True)
class Archive:
    """An open archive whose members have plain names and believable sizes."""

    path: Path
    zip: zipfile.ZipFile
    members: dict[str, zipfile.ZipInfo]

    def read(self, name: str, most: int) -> bytes:
        """One member, if it is not larger than ``most`` bytes."""
        size = self.members[name].file_size
        if size > most:
            raise InputError(f"{str(self.path)!r}: {name!r} in it is {size:,} bytes long; at most {most:,} are read.")
        with self.zip.open(name) as file:
            return file.read(most)

    def json(self, name: str) -> Any:
        """One member that is JSON."""
        return parsed(self.read(name, MOST_JSON), f"{str(self.path)!r}: {name!r} in it")

    def place(self, name: str) -> tuple[int, int]:
        """Where an uncompressed member lies in the file, and how long it is."""
        member = self.members[name]
        with self.path.open("rb") as file:
            file.seek(member.header_offset)
            head = file.read(30)
        named, extra = struct.unpack_from("<HH", head, 26)
        return member.header_offset + 30 + named + extra, member.file_size


def is_zip(path: Path) -> bool:
    """Whether a file begins as a zip archive does; one that only ends as one is something else, too."""
    with path.open("rb") as file:
        return file.read(4) == b"PK\x03\x04"


@contextmanager
def opened(path: Path) -> Generator[Archive]:
    """A zip archive, checked.

    Raises
    ------
    UnsafeFileError
        If a member would land outside the archive's folder, is a link, occurs twice, or unpacks to far more than it holds.
    InputError
        If it is damaged.
    """
    with damaged(path, "zip archive"), path.open("rb") as file:
        if _listing_size(file) > _MOST_LISTING:
            raise UnsafeFileError(f"{str(path)!r} is not opened: its list of members alone is larger than any model's.")
        with zipfile.ZipFile(file) as archive:
            yield Archive(path, archive, _checked(path, archive.infolist()))


@contextmanager
def damaged(path: Path, kind: str) -> Generator[None]:
    """Whatever a broken or hostile file raises while it is read becomes one error in words."""
    try:
        yield
    except PellucidError:
        raise
    except Exception as error:  # what a hostile file can raise has no end
        raise InputError(f"{str(path)!r} is damaged, or is no {kind}: {line(error)}") from error


def parsed(text: bytes, what: str) -> Any:
    """JSON, or an error that says where it was."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{what} is damaged: it is no JSON ({line(error)}).") from error


def line(error: BaseException) -> str:
    """The first line of an error, without terminal codes, cut where it is long."""
    said = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).strip().partition("\n")[0]
    short = said if len(said) <= 300 else f"{said[:300]}..."
    return f"{type(error).__name__}: {short}" if short else type(error).__name__


def _checked(path: Path, members: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    found: dict[str, zipfile.ZipInfo] = {}
    for member in members:
        name = member.orig_filename
        parts = name.replace("\\", "/").split("/")
        reason = ""
        if "\0" in name or name.startswith("/") or _DRIVE.match(name) or "\\" in name or ".." in parts:
            reason = f"the name {name!r} in it leads out of the archive"
        elif stat.S_ISLNK(member.external_attr >> 16):
            reason = f"{name!r} in it is a link"
        elif name in found:
            reason = f"{name!r} is in it twice, so that two readers may see two different files"
        elif member.file_size > _EXPANSION * member.compress_size + _SMALL:
            reason = f"{name!r} in it unpacks from {member.compress_size:,} to {member.file_size:,} bytes"
        if reason:
            raise UnsafeFileError(f"{str(path)!r} is not opened: {reason}. Ask where the file came from, and fetch it again.")
        found[name] = member
    return found


def _listing_size(file: IO[bytes]) -> int:
    """Bytes that the archive's end claims for the list of its members, before anything is made of them."""
    length = file.seek(0, os.SEEK_END)
    start = max(0, length - 2**16 - 128)
    file.seek(start)
    tail = file.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) < at + 22:
        return 0
    (size,) = struct.unpack_from("<I", tail, at + 12)
    if tail[at - 20 : at - 16] == _LOCATOR and at >= 76 and (at64 := tail.rfind(_END64, 0, at)) >= 0:
        (size,) = struct.unpack_from("<Q", tail, at64 + 40)
    file.seek(0)
    return size
