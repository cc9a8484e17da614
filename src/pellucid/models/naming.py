"""Models by name, ``module:attribute``: imported, and made where the name is that of a factory."""

from __future__ import annotations

import importlib
import inspect
import re
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from ..core.errors import InputError, PellucidError, nearest
from .lookup import framework_of
from .wrap import Wrapped

NAMED = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")
"""What a name looks like: two dotted names with a colon between them."""


def made(name: str) -> Any:
    """The model that ``module:attribute`` names: the object itself, or what it returns if it is a factory of models.

    Raises
    ------
    InputError
        If it cannot be imported (the nearest names are offered), is no model, or fails when it is called.
    """
    module_name, _, attribute = name.partition(":")
    found = _attribute(_imported(module_name), module_name, attribute)
    if isinstance(found, Wrapped) or framework_of(found):
        return found
    if not callable(found):
        raise InputError(f"{name!r} is of type {type(found).__name__}, which is no model.")
    missing = _required(found)
    if missing:
        raise InputError(
            f"{name!r} needs arguments ({', '.join(missing)}), so it is not a factory of models. Name a function without "
            "required arguments that returns the model; a function that is the model itself needs pl.wrap(function)."
        )
    try:
        model = found()
    except PellucidError:
        raise
    except (Exception, SystemExit) as error:
        raise InputError(f"{name!r} failed when it was called: {_said(error)}") from error
    if model is None:
        raise InputError(f"{name!r} returned None; it must return the model.")
    return model


def without_attribute(name: str) -> str:
    """For the name of a module alone, a sentence that offers what in it could be meant; empty if there is no such module."""
    if not all(part.isidentifier() for part in name.split(".")):
        return ""
    try:
        module = _imported(name)
    except PellucidError:
        return ""
    held = [f"{name}:{attribute}" for attribute in _models_in(module)]
    return f"{name!r} is a module; name what in it is the model, as {name}:attribute.{nearest('', held)}"


def _imported(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except PellucidError:
        raise
    except ModuleNotFoundError as error:
        missing = error.name or name
        if name != missing and not name.startswith(f"{missing}."):
            raise InputError(f"importing {name!r} failed: it needs {missing!r}, which is not installed.") from error
        raise InputError(f"there is no module {missing!r} here or among the installed ones.{_near_module(missing)}") from error
    except (Exception, SystemExit) as error:
        raise InputError(f"importing {name!r} failed: {_said(error)}") from error


def _near_module(name: str) -> str:
    """Modules beside the missing one: those of its package, or those in the current folder."""
    package, _, last = name.rpartition(".")
    folders = list(getattr(sys.modules.get(package), "__path__", [])) if package else [str(Path.cwd())]
    files = [path for folder in folders if Path(folder).is_dir() for path in Path(folder).iterdir()]
    names = sorted(path.stem for path in files if path.suffix == ".py" or (path / "__init__.py").is_file())
    return nearest(last, [each for each in names if each.isidentifier() and not each.startswith("_")])


def _attribute(module: ModuleType, module_name: str, path: str) -> Any:
    found: Any = module
    walked = module_name
    for part in path.split("."):
        if not hasattr(found, part):
            raise InputError(f"{walked!r} has no attribute {part!r}.{nearest(part, _models_in(found))}")
        found, walked = getattr(found, part), f"{walked}.{part}"
    return found


def _models_in(holder: Any) -> list[str]:
    """Attributes of a module or class that may be what was meant: models, and what is defined there and could make one."""
    home = holder.__name__ if isinstance(holder, ModuleType) else getattr(holder, "__module__", None)
    public = (
        {name: value for name, value in vars(holder).items() if not name.startswith("_")} if hasattr(holder, "__dict__") else {}
    )

    def may_be(value: Any) -> bool:
        if isinstance(value, Wrapped) or framework_of(value) is not None:
            return True
        return callable(value) and getattr(value, "__module__", None) == home and not _required(value)

    return [name for name, value in public.items() if may_be(value)]


def _required(factory: Callable[..., Any]) -> list[str]:
    """Arguments that a call cannot leave out; none where the signature is not known."""
    try:
        parameters = inspect.signature(factory).parameters.values()
    except (TypeError, ValueError):
        return []
    named = (p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD))
    return [p.name for p in named if p.default is p.empty]


def _said(error: BaseException) -> str:
    """An error of someone else's code in one line, with the place where it happened."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{where}"
