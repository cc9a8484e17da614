"""What a kind of model file is: how it is looked into, how it is opened, and how where its author is trusted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .record import FileInfo

Inspect = Callable[[Path, tuple[str, ...]], FileInfo]
"""Looks into a file without running any of it; the names are types that the user trusts."""

Open = Callable[[Path, tuple[str, ...]], Any]
"""Makes a model of a file, or, for files of weights, arrays by name."""


@dataclass(frozen=True)
class Kind:
    """One kind of file.

    Attributes
    ----------
    name
        What ``FileInfo.kind`` says.
    title
        The same in words, as the object of "is a".
    suffixes
        How such files are usually called.
    inspect
        Looks into it; what it says decides whether the file is opened.
    open
        Opens what was found to be safe; ``None`` where that is never said.
    trusted
        Opens it with the framework's ordinary loader, which may run code from it; ``None`` where there is none.
    library
        What opens it; an extra of Pellucid has the same name.
    gradients
        Whether every such model has them; the command that ``info`` shows names a method that needs none where not.
    """

    name: str
    title: str
    suffixes: tuple[str, ...]
    inspect: Inspect
    open: Open | None = None
    trusted: Open | None = None
    library: str = ""
    gradients: bool = True


TRUST = "if you trust its author as you trust code that you run, --trust-model (in Python, trust=True) opens it all the same"
"""The way out of every refusal."""

STATE_DICT = (
    "save the weights alone (safetensors.torch.save_file(model.state_dict(), 'model.safetensors'), or "
    "torch.save(model.state_dict(), 'model.pt')) and name the function that builds the network: --arch module:factory (in "
    "Python, arch=)"
)
"""The way out for torch."""
