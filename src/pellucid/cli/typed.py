"""What is typed for a declared parameter: how it is spelled, what it may be, and the value that it becomes."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import MISSING
from pathlib import Path
from typing import Any, get_args

from ..core.declare import Parameter
from ..core.errors import InputError
from .inputs import ARRAYS, read_array

_INTEGERS = re.compile(r"-?\d+(,-?\d+)*")
_KINDS = {bool: "switch", int: "integer", float: "number", str: "text"}


def flag(name: str, value: str | bool = True) -> str:
    """How a parameter is spelled on the command line.

    >>> flag("relu", False)
    '--no-relu'
    """
    return f"--{'no-' if value is False else ''}{name.replace('_', '-')}"


def kind(parameter: Parameter) -> str:
    """What the command line takes for it: a switch, choices, a number, text, a file, or a value of any of these."""
    if parameter.choices:
        return "|".join(map(str, parameter.choices))
    if str in get_args(parameter.kind):
        return "text"
    return _KINDS.get(parameter.kind, "file" if parameter.default is MISSING else "value")


def metavar(parameters: Sequence[Parameter]) -> str:
    """What stands for the value in the help."""
    kinds = {kind(each): each for each in parameters}
    return "|".join(name if each.choices else name.upper() for name, each in kinds.items())


def told(parameter: Parameter) -> str:
    """Its meaning, with the range."""
    return f"{parameter.doc}{f' ({parameter.range})' if parameter.range else ''}"


def value(owner: str, parameter: Parameter, text: str | bool, read: Callable[[Path], Any] = read_array) -> Any:
    """The text as a value for a parameter of ``owner``; ``read`` opens files of numbers.

    Raises
    ------
    InputError
        If it is not of the declared kind.
    """
    wanted = kind(parameter)
    if isinstance(text, bool):
        return text
    if parameter.choices:
        return next((choice for choice in parameter.choices if str(choice) == text), text)
    said = f"{owner}: {flag(parameter.name)} takes"
    if wanted == "integer":
        return _number(int, text, f"{said} an integer; got {text!r}.")
    if wanted == "number":
        return _number(float, text, f"{said} a number; got {text!r}.")
    if wanted == "text":
        return int(text) if int in get_args(parameter.kind) and _INTEGERS.fullmatch(text) and "," not in text else text
    if wanted == "file" and Path(text).suffix.lower() not in ARRAYS:
        raise InputError(f"{said} a {_FILES} file; got {text!r}.")
    return _any(parameter, text, f"{said} a number, integers joined by commas, or a {_FILES} file; got {text!r}.", read)


_FILES = f"{', '.join(ARRAYS[:-1])} or {ARRAYS[-1]}"


def _any(parameter: Parameter, text: str, otherwise: str, read: Callable[[Path], Any]) -> Any:
    """What no type says: a file, numbers, and a name where the default is one."""
    if Path(text).suffix.lower() in ARRAYS:
        return read(Path(text))
    if _INTEGERS.fullmatch(text):
        numbers = [int(part) for part in text.split(",")]
        return numbers if len(numbers) > 1 else numbers[0]
    if isinstance(parameter.default, str):
        return text
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    return _number(float, text, otherwise)


def _number(made: Callable[[str], Any], text: str, otherwise: str) -> Any:
    try:
        return made(text)
    except ValueError as error:
        raise InputError(otherwise) from error
