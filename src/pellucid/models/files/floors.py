"""The oldest versions of libraries that open files without known holes."""

from __future__ import annotations

import re
from importlib import metadata
from importlib.util import find_spec
from types import ModuleType

from ...core.errors import UnsafeFileError
from ...core.extras import require

FLOORS = {
    "torch": ("2.10", "run code from files that it calls weights"),
    "keras": ("3.13.2", "run code from .keras files, or let them read other files"),
    "onnx": ("1.21", "let .onnx files read other files"),
    "skops": ("0.13", "run code from .skops files"),
}
"""By library, the version from which on it is used, and what older ones do."""


def required(library: str, purpose: str) -> ModuleType:
    """Import a library that opens files, if it is new enough; its extra has its name.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    UnsafeFileError
        If it is too old to be safe.
    """
    if find_spec(library) is not None and (old := too_old(library)):
        raise UnsafeFileError(f"{purpose} is not opened: {old}. Update it: pip install '{wanted(library)}'.")
    return require(library, library, purpose)


def too_old(library: str) -> str:
    """Why the installed version is not used, as a clause; empty where it is."""
    floor, does = FLOORS[library]
    try:
        installed = metadata.version(library)
    except metadata.PackageNotFoundError:
        return ""
    old = _numbers(installed) < _numbers(floor)
    return f"{library} {installed} is installed, and versions of {library} before {floor} {does}" if old else ""


def wanted(library: str) -> str:
    """The requirement that is new enough."""
    return f"{library}>={FLOORS[library][0]}"


def _numbers(version: str) -> tuple[int, ...]:
    release = re.match(r"\d+(\.\d+)*", version)
    numbers = [int(part) for part in release[0].split(".")] if release else []
    return tuple([*numbers, 0, 0, 0][:3])
