"""Keras, imported on a backend that is installed."""

from __future__ import annotations

import json
import os
import sys
import warnings
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from ...core.errors import MissingExtraError, PellucidWarning
from .floors import required

BACKENDS = ("torch", "jax", "tensorflow")
"""Backends that are looked for, in this order, where the configured one is not installed."""


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
    warnings.warn(
        f"Keras is set to run on {configured}, which is not installed; it runs on {found[0]} here. "
        f"KERAS_BACKEND={found[0]} in the environment says so for good.",
        PellucidWarning,
        stacklevel=3,
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
