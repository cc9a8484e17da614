"""What a model's file holds, found out without running any of it."""

from __future__ import annotations

import dataclasses
import os
import shlex
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ...core.errors import InputError, UnsafeFileError
from ..lookup import framework_of
from ..naming import NAMED, made, without_attribute
from ..wrap import Wrapped
from . import libraries
from .archive import damaged
from .kinds import Kind
from .recognise import KNOWN, recognise
from .record import Cell, FileInfo, Table, shape_words, some

ANY_MODEL = "shapley"
"""A method that needs no gradients."""

_WITH_GRADIENTS = frozenset({"torch", "keras", "jax", "flax", "tensorflow"})
"""Adapters whose models all have them."""


def info(name: str | os.PathLike[str], *, trusted_types: Sequence[str] = ()) -> FileInfo:
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
    >>> import pellucid as pl
    >>> about = pl.info("torch.nn:Identity")
    >>> about.facts["adapter"], about.verdict
    ('torch', 'opens safely')
    """
    text = written(name)
    path = Path(text)
    if is_name(text):
        return _of_name(text)
    must_be_there(text)
    try:
        kind = recognise(path)
    except UnsafeFileError as error:
        return FileInfo(text, "archive", "zip archive", path.stat().st_size, refused=_reason(error, path))
    return looked_into(kind, path, named_types(trusted_types))


def written(name: Any) -> str:
    """A path, or a ``module:attribute``, as text.

    Raises
    ------
    InputError
        If it is neither.
    """
    text = os.fspath(name) if isinstance(name, (str, os.PathLike)) else None
    if not isinstance(text, str):
        raise InputError(f"the path of a model's file, or 'module:attribute', is wanted; got {type(name).__name__}. {KNOWN}")
    return text


def named_types(types: Sequence[str]) -> tuple[str, ...]:
    """Types that the user trusts; one alone may be given as it is."""
    return (types,) if isinstance(types, str) else tuple(types)


def is_name(text: str) -> bool:
    """Whether a text names a model in a module; a file of that name comes first."""
    return NAMED.fullmatch(text) is not None and ".py:" not in text and not Path(text).is_file()


def must_be_there(name: str) -> None:
    """Say what could have been meant by a name that is neither a file nor ``module:attribute``.

    Raises
    ------
    InputError
        If it is the name of a module alone, or of a source file.
    """
    file, colon, attribute = name.partition(".py:")
    if (colon and not Path(name).exists()) or name.endswith(".py"):
        path = Path(file.removesuffix(".py"))
        dotted = path.name if path.is_absolute() or ".." in path.parts else ".".join(path.parts)
        where = f", in the folder {str(path.parent)!r}" if dotted != ".".join(path.parts) else ""
        raise InputError(f"{name!r} names a source file; write {dotted}:{attribute or 'attribute'}{where}. {KNOWN}")
    if not Path(name).exists() and (said := without_attribute(name)):
        raise InputError(said)


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
    elif kind.library in libraries.FLOORS and (old := libraries.too_old(kind.library)):
        about = dataclasses.replace(about, refused=old, ways_out=(f"update it: pip install '{libraries.wanted(kind.library)}'",))
    return dataclasses.replace(about, command=_command(about, kind, trusted_types))


def _command(about: FileInfo, kind: Kind, trusted_types: tuple[str, ...]) -> str:
    """What to type; nothing where the file is refused."""
    if about.refused:
        return ""
    words = ["pellucid", "explain", about.name, about.sample]
    words += ["--arch", "module:factory"] if about.weights else []
    words += [] if kind.gradients else ["--method", ANY_MODEL]
    words += [word for name in trusted_types for word in ("--trusted-type", name)]
    return shlex.join(words)


def _reason(error: UnsafeFileError, path: Path) -> str:
    return str(error).removeprefix(f"{str(path)!r} is not opened: ").rstrip(".")


def _of_name(name: str) -> FileInfo:
    """Adapter, layers and parameters of a model in a module, which is imported for that."""
    model = made(name)
    spec = model.spec if isinstance(model, Wrapped) else None
    inner = model.model if isinstance(model, Wrapped) else model
    framework = framework_of(inner)
    adapter = (model.adapter if isinstance(model, Wrapped) else None) or framework or "function"
    layers = tuple(_layers(inner, framework))
    kind = type(inner)
    facts: dict[str, Cell] = {"adapter": adapter, "type": f"{kind.__module__}.{kind.__qualname__}"}
    if spec is not None:
        facts |= {
            "inputs": some([f"{leaf}: {shape_words((None, *shape))}" for leaf, shape in spec.shapes.items()]),
            "output": spec.output if spec.output != "unknown" else "",
            "classes": some(list(spec.classes or ())),
        }
    return FileInfo(
        name=name,
        kind="name",
        title="model by name",
        facts={fact: said for fact, said in facts.items() if said},
        tables=(Table("layers", ("layer", "class", "parameters"), layers),) if layers else (),
        parameters=_parameters(inner, framework),
        command=f"pellucid explain {name} rows.npy" + (f" --method {ANY_MODEL}" if adapter not in _WITH_GRADIENTS else ""),
        notes=("it was imported: a name brings code, and that code was run",),
    )


def _layers(model: Any, framework: str | None) -> Iterator[tuple[Cell, ...]]:
    """Names, as at= takes them, classes and parameters of their own, where the framework keeps a list."""
    if framework == "torch":
        for name, module in model.named_modules():
            if name:
                yield name, type(module).__name__, sum(held.numel() for held in module.parameters(recurse=False)) or None
    elif framework == "keras":
        for layer in getattr(model, "layers", ()):
            yield layer.name, type(layer).__name__, _count(layer) or None
    elif framework == "sklearn":
        for name, step in getattr(model, "steps", ()):
            yield name, type(step).__name__, None


def _parameters(model: Any, framework: str | None) -> int | None:
    if framework == "torch":
        return sum(held.numel() for held in model.parameters())
    return _count(model) if framework == "keras" else None


def _count(model: Any) -> int | None:
    return int(model.count_params()) if getattr(model, "built", False) else None
