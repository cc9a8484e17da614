"""``--masker NAME`` and its settings, read off ``pl.maskers`` so that nothing is written twice."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from ..core import declare
from ..core.declare import Parameter
from ..core.errors import InputError, nearest
from ..games import maskers
from . import typed
from .inputs import read_array, there
from .typed import flag

MASKER = "masker"
"""The parameter of methods that takes one."""


def _typed_name(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower()


MASKERS: dict[str, type[Any]] = {_typed_name(name): getattr(maskers, name) for name in maskers.__all__}
"""Maskers by the name that is typed."""


@cache
def settings(name: str) -> dict[str, Parameter]:
    """The settings of a masker by the name of their option.

    >>> settings("blur")["masker_sigma"].default
    10.0
    """
    masker = MASKERS[name]
    return {
        f"{MASKER}_{parameter.name}": dataclasses.replace(
            parameter,
            name=f"{MASKER}_{parameter.name}",
            doc=_meaning(masker, parameter.name),
            choices=get_args(parameter.kind) if get_origin(parameter.kind) is Literal else (),
        )
        for parameter in declare.parameters(masker)
    }


@cache
def owners() -> dict[str, list[tuple[str, Parameter]]]:
    """Every setting, with the maskers that have it."""
    found: dict[str, list[tuple[str, Parameter]]] = {}
    for name in MASKERS:
        for setting, parameter in settings(name).items():
            found.setdefault(setting, []).append((name, parameter))
    return found


def required(parameter: Parameter) -> bool:
    """Whether a masker cannot be made without this setting."""
    return parameter.default is dataclasses.MISSING


def summary(name: str) -> str:
    """What removed features become, in a sentence."""
    first = inspect.cleandoc(MASKERS[name].__doc__ or "").partition("\n\n")[0]
    return " ".join(first.split()).replace("``", "")


def check(given: Mapping[str, str | bool]) -> None:
    """Refuse a masker that there is not, settings that it does not have, and a missing one that it needs.

    Raises
    ------
    InputError
        With the maskers that do have the setting.
    """
    name, of = given.get(MASKER), owners()
    if name is not None and name not in MASKERS:
        raise InputError(f"there is no masker {name!r}.{nearest(str(name), MASKERS)}")
    known = {} if name is None else settings(str(name))
    for setting in given:
        if setting in of and setting not in known:
            others = [owner for owner, _ in of[setting]]
            chosen = f"{name} does not have it" if name is not None else f"name it: --{MASKER} {others[0]}"
            raise InputError(f"{flag(setting)} is a setting of the masker {' or '.join(others)}; {chosen}.")
    for setting, parameter in known.items():
        if required(parameter) and setting not in given:
            raise InputError(f"--{MASKER} {name} needs {flag(setting)}, a file: {parameter.doc}.")
    if name is not None:
        _read(str(name), given, there)


def made(given: Mapping[str, str | bool], read: Callable[[Path], Any] = read_array) -> Any:
    """The masker that was typed, or ``None``; ``read`` opens files of rows.

    >>> made({"masker": "blur", "masker_sigma": "3"})
    Blur(sigma=3.0)
    """
    name = given.get(MASKER)
    return None if name is None else MASKERS[str(name)](**_read(str(name), given, read))


def _read(name: str, given: Mapping[str, str | bool], read: Callable[[Path], Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for setting, parameter in settings(name).items():
        if setting not in given:
            continue
        if parameter.choices and given[setting] not in parameter.choices:
            raise InputError(f"{flag(setting)} must be one of {parameter.range}; got {given[setting]!r}.")
        found[setting.removeprefix(f"{MASKER}_")] = typed.value(f"{MASKER} {name}", parameter, given[setting], read)
    return found


def _meaning(masker: type[Any], name: str) -> str:
    """What the docstring says of a parameter, to the end of its first sentence; else what the masker does."""
    text = inspect.cleandoc(masker.__doc__ or "")
    found = re.search(rf"^{name}\n((?: {{4}}.*\n?)+)", text, re.MULTILINE)
    said = " ".join((found[1] if found else text.partition("\n\n")[0]).split()).replace("``", "")
    said = re.split(r"\.(?: |$)", said, maxsplit=1)[0]
    return f"{name} o{said[1:]}" if said.startswith("Of ") else said
