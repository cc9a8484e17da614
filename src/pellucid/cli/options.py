"""Options for the parameters of methods, read off the declarations so that nothing is written twice."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from .. import catalog
from ..core import declare
from ..core.declare import Method, Parameter
from ..core.errors import InputError
from . import masking, typed
from .inputs import read_array, there
from .masking import MASKER, MASKERS
from .typed import flag

Given = Mapping[str, str | bool]
"""Parameters as they were typed: text, or a switch."""

PANEL = "Parameters of methods"
MASKER_PANEL = "Settings of maskers"


def declared(method: type[Method]) -> dict[str, Parameter]:
    """The parameters of a method by name.

    >>> declared(catalog.method_named("smoothgrad"))["noise"].range
    'above 0'
    """
    return {parameter.name: parameter for parameter in declare.parameters(method)}


def belongs(name: str, method: type[Method]) -> bool:
    """Whether what was typed under this name is for the method: one of its parameters, or a setting of its masker."""
    own = declared(method)
    return name in own or (MASKER in own and name in masking.owners())


def with_method_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command one option for each parameter that some method declares, and for each setting of a masker.

    The command takes them as one mapping, ``parameters``, which holds those that were typed.
    """
    users: dict[str, list[tuple[str, Parameter]]] = {}
    for method in catalog.METHODS:
        for name, parameter in declared(method).items():
            users.setdefault(name, []).append((method.name, parameter))
    settings = masking.owners()
    own = [p for p in inspect.signature(command, eval_str=True).parameters.values() if p.name != "parameters"]
    extra = [_masker_option(users[name]) if name == MASKER else _option(name, users[name], PANEL) for name in users]
    extra += [_option(name, settings[name], MASKER_PANEL) for name in settings]

    @functools.wraps(command)
    def run(**given: Any) -> None:
        parameters = {name: value for name in (*users, *settings) if (value := given.pop(name)) is not None}
        command(**given, parameters=parameters)

    run.__signature__ = inspect.Signature([*own, *extra])  # type: ignore[attr-defined]
    return run


def values(method: type[Method], given: Given, read: Callable[[Path], Any] = read_array) -> dict[str, Any]:
    """The typed parameters that this method has, as values, each within its declared range; its masker apart.

    ``read`` opens the files that were named.

    Raises
    ------
    InputError
        If a text is not of the declared kind, or outside of the range.
    """
    known = declared(method)
    parsed = {
        name: typed.value(method.name, known[name], text, read)
        for name, text in given.items()
        if name in known and name != MASKER
    }
    declare.build(method, parsed)
    return parsed


def check(methods: Sequence[type[Method]], given: Given) -> None:
    """Refuse parameters that none of the chosen methods has, values that one of them refuses, and files that are not there.

    Raises
    ------
    InputError
        With the methods that do have the parameter.
    """
    for name in given:
        if not any(belongs(name, method) for method in methods):
            owners = [other.name for other in catalog.METHODS if belongs(name, other)]
            chosen = ", ".join(method.name for method in methods)
            rest = f"{chosen} does not have it" if chosen else "name one of them with --method to set it"
            raise InputError(f"{flag(name)} is a parameter of {', '.join(owners)}; {rest}.")
    masking.check(given)
    for method in methods:
        values(method, given, there)


def _option(name: str, users: Sequence[tuple[str, Parameter]], panel: str) -> inspect.Parameter:
    docs = dict.fromkeys(typed.told(parameter) for _, parameter in users)
    switch = all(typed.kind(parameter) == "switch" for _, parameter in users)
    metavar = None if switch else typed.metavar([parameter for _, parameter in users])
    return _made(
        name,
        f"{flag(name)}/{flag(name, False)}" if switch else flag(name),
        f"{', '.join(user for user, _ in users)}: {'; '.join(docs)}",
        metavar,
        panel,
        bool if switch else str,
    )


def _masker_option(users: Sequence[tuple[str, Parameter]]) -> inspect.Parameter:
    told = f"{', '.join(user for user, _ in users)}: {users[0][1].doc}: {', '.join(MASKERS)}"
    return _made(MASKER, flag(MASKER), told, "NAME", PANEL, str, lambda: list(MASKERS))


def _made(
    name: str,
    spelled: str,
    told: str,
    metavar: str | None,
    panel: str,
    kind: type,
    completion: Callable[[], list[str]] | None = None,
) -> inspect.Parameter:
    option = typer.Option(
        spelled,
        help=escape(told),
        metavar=metavar,
        rich_help_panel=panel,
        show_default=False,
        autocompletion=completion,
    )
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, option])
