"""Warnings that point at the user's own line, however many calls of this package lie between."""

from __future__ import annotations

import contextlib
import sys
import warnings
from pathlib import Path

from .errors import PellucidWarning

_OURS = (str(Path(__file__).parent.parent), contextlib.__file__)
"""Where frames are that nobody looks for: this package, and what its decorators go through."""


def warn(message: str) -> None:
    """Warn at the first line up the stack that is not of this package."""
    frame, level = sys._getframe(1), 2  # pyright: ignore[reportPrivateUsage]
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_OURS):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, PellucidWarning, stacklevel=level)
