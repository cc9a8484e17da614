"""The record of what is asked of an estimator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...core.types import OutputKind

Ask = Callable[[Any], Any]
"""Outputs for rows in the form that the estimator takes."""


@dataclass(frozen=True)
class Outputs:
    """What is asked of an estimator.

    Parameters
    ----------
    ask
        Its outputs.
    method
        Which of its methods these are, as far as gradients are concerned.
    kind
        What a record calls them.
    names
        One for each output, where they have names.
    instead
        What else could be explained, as a clause, where a choice was made for the user.
    notes
        What a reader should know of them.
    """

    ask: Ask
    method: str
    kind: OutputKind
    names: tuple[str, ...] | None = None
    instead: str = ""
    notes: tuple[str, ...] = ()
