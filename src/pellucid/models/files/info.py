"""What a model's file holds, found out without running any of it."""

from __future__ import annotations

import dataclasses
import os
import shlex
from importlib.util import find_spec
from pathlib import Path

from ...core.errors import UnsafeFileError
from ..naming import NAMED
from . import floors, named
from .archive import damaged
from .kinds import Kind
from .recognise import recognise
from .record import FileInfo


def info(name: str | os.PathLike[str], *, trusted_types: tuple[str, ...] | list[str] = ()) -> FileInfo:
    """Say what a model's file holds, and whether it opens safely. Only headers are read; nothing in the file is run.

    Parameters
    ----------
    name
        The path of a model's file, or ``module:attribute``, which is imported.
    trusted_types
        Types that a ``.skops`` file may hold, by their full names.

    Returns
    -------
    FileInfo
        Kind (by content, not by name), facts, tables of layers, tensors or operators, the verdict, and the command that
        explains the model.

    Raises
    ------
    InputError
        If there is no such file, it is none that is known, or it is damaged.

    Examples
    --------
    >>> about = info("torch.nn:Identity")
    >>> about.facts["adapter"], about.verdict
    ('torch', 'opens safely')
    """
    path, text = Path(name), os.fspath(name)
    if is_name(text):
        return dataclasses.replace(named.inspect(text), command=f"pellucid explain {text} rows.npy")
    try:
        kind = recognise(path)
    except UnsafeFileError as error:
        return FileInfo(text, "archive", "zip archive", path.stat().st_size, refused=_reason(error, path))
    return looked_into(kind, path, tuple(trusted_types))


def is_name(text: str) -> bool:
    """Whether a text names a model in a module; a file of that name comes first."""
    return NAMED.fullmatch(text) is not None and ".py:" not in text and not Path(text).is_file()


def looked_into(kind: Kind, path: Path, trusted_types: tuple[str, ...]) -> FileInfo:
    """What a file of a kind holds, and whether it opens."""
    try:
        with damaged(path, kind.title):
            about = kind.inspect(path, trusted_types)
    except UnsafeFileError as error:
        return FileInfo(str(path), kind.name, kind.title, path.stat().st_size, refused=_reason(error, path))
    missing = kind.library and find_spec(kind.library) is None
    if missing:
        note = f"{kind.library}, which opens it, is not installed here: pip install 'pellucid[{kind.library}]'"
        about = dataclasses.replace(about, notes=(*about.notes, note))
    elif kind.library in floors.FLOORS and (old := floors.too_old(kind.library)):
        about = dataclasses.replace(about, refused=old, ways_out=(f"update it: pip install '{floors.wanted(kind.library)}'",))
    return dataclasses.replace(about, command=_command(about, trusted_types))


def _command(about: FileInfo, trusted_types: tuple[str, ...]) -> str:
    """What to type; nothing where the file is refused."""
    if about.refused:
        return ""
    words = ["pellucid", "explain", about.name, about.sample]
    words += ["--arch", "module:factory"] if about.weights else []
    words += [word for name in trusted_types for word in ("--trusted-type", name)]
    return shlex.join(words)


def _reason(error: UnsafeFileError, path: Path) -> str:
    return str(error).removeprefix(f"{str(path)!r} is not opened: ").rstrip(".")
