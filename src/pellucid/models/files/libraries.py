"""The libraries that open files: new enough to be without known holes, and Keras on a backend that is installed."""

from __future__ import annotations

import json
import os
import re
import sys
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from ...core.errors import MissingExtraError, UnsafeFileError
from ...core.extras import require
from ...core.warned import warn

FLOORS = {
    "torch": ("2.10", "run code from files that it calls weights"),
    "keras": ("3.13.2", "run code from .keras files, or let them read other files"),
    "onnx": ("1.21", "let .onnx files read other files"),
    "skops": ("0.13", "run code from .skops files"),
}
"""By library, the version from which on it is used, and what older ones do."""

BACKENDS = ("torch", "jax", "tensorflow")
"""Backends that are looked for, in this order, where the configured one is not installed."""


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


def keras(purpose: str) -> ModuleType:
    """Import Keras; where it would fail for want of its backend, choose one that is installed, and warn.

    Raises
    ------
    MissingExtraError
        If Keras, or every backend, or the one that KERAS_BACKEND names, is not installed.
    """
    if "keras" not in sys.modules and find_spec("keras") is not None:
        chosen = os.environ.get("KERAS_BACKEND")
        configured = chosen or _configured()
        if configured in (*BACKENDS, "openvino") and find_spec(configured) is None:
            if chosen:
                raise MissingExtraError(
                    f"KERAS_BACKEND is {chosen!r}, which is not installed. Install it, or name one that is: "
                    f"{', '.join(_installed()) or 'none of ' + ', '.join(BACKENDS) + ' is'}."
                )
            _choose(configured, purpose)
    return required("keras", purpose)


def _choose(configured: str, purpose: str) -> None:
    found = _installed()
    if not found:
        raise MissingExtraError(
            f"{purpose} needs a backend of Keras, and none of {', '.join(BACKENDS)} is installed. "
            "Install one with: pip install 'pellucid[torch]'"
        )
    os.environ["KERAS_BACKEND"] = found[0]
    warn(
        f"Keras is set to run on {configured}, which is not installed; it runs on {found[0]} here. "
        f"KERAS_BACKEND={found[0]} in the environment says so for good.",
    )


def _installed() -> list[str]:
    return [name for name in BACKENDS if find_spec(name) is not None]


def _configured() -> str:
    """What Keras would read from its configuration."""
    home = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras"))
    try:
        said = json.loads((home / "keras.json").read_text(encoding="utf-8")).get("backend")
    except (OSError, ValueError, AttributeError):  # Keras takes its default, too
        said = None
    return said if isinstance(said, str) else "tensorflow"
