"""The derivative of an estimator, where its parts have one."""

from __future__ import annotations

from typing import Any

from . import affine, linear, networks
from .parts import opened
from .pieces import Piece, joined

HAVE = "linear models and multi-layer perceptrons have one, alone or behind scalers, PCA and selections of columns"


def piece_of(model: Any, method: str) -> tuple[Piece | None, str]:
    """What this method of the model gives, as a piece; or nothing, and why."""
    steps, last = opened(model)
    pieces: list[Piece] = []
    for name, step in steps:
        piece = affine.piece_of(step)
        if piece is None:
            return None, f"its step {name!r} ({type(step).__name__}) has no derivative here: {HAVE}"
        pieces.append(piece)
    end = networks.piece_of(last, method) or linear.piece_of(last, method)
    if end is None:
        return None, f"{_called(last, method)} has no derivative here: {HAVE}"
    return joined([*pieces, end]), ""


def _called(model: Any, method: str) -> str:
    return f"{type(model).__name__}.{method}"
