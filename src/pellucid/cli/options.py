"""Options for the parameters of methods, read off the declarations so that nothing is written twice."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from .. import catalog
from ..core import declare
from ..core.declare import Method, Parameter
from ..core.errors import InputError
from .inputs import read_array

Given = Mapping[str, str | bool]
"""Parameters as they were typed: text, or a switch."""

PANEL = "Parameters of methods"


_INTEGERS = re.compile(r"-?\d+(,-?\d+)*")
_KINDS = {bool: "switch", int: "integer", float: "number", str: "text"}


def declared(method: type[Method]) -> dict[str, Parameter]:
    """The parameters of a method by name.

    >>> declared(catalog.method_named("smoothgrad"))["noise"].range
    'above 0'
    """
    return {parameter.name: parameter for parameter in declare.parameters(method)}


def with_method_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command one option for each parameter that some method declares.

    The command takes them as one mapping, ``parameters``, which holds those that were typed.
    """
    users: dict[str, list[tuple[str, Parameter]]] = {}
    for method in catalog.METHODS:
        for name, parameter in declared(method).items():
            users.setdefault(name, []).append((method.name, parameter))
    own = [p for p in inspect.signature(command, eval_str=True).parameters.values() if p.name != "parameters"]
    extra = [_option(name, users[name]) for name in users]

    @functools.wraps(command)
    def run(**typed: Any) -> None:
        given = {name: value for name in users if (value := typed.pop(name)) is not None}
        command(**typed, parameters=given)

    run.__signature__ = inspect.Signature([*own, *extra])  # type: ignore[attr-defined]
    return run


def values(method: type[Method], given: Given) -> dict[str, Any]:
    """The typed parameters that this method has, as values, each within its declared range.

    Raises
    ------
    InputError
        If a text is not of the declared kind, or outside of the range.
    """
    known = declared(method)
    parsed = {name: _value(method.name, known[name], text) for name, text in given.items() if name in known}
    declare.build(method, parsed)
    return parsed


def check(methods: Sequence[type[Method]], given: Given) -> None:
    """Refuse parameters that none of the chosen methods has, and values that one of them refuses.

    Raises
    ------
    InputError
        With the methods that do have the parameter.
    """
    for name in given:
        if not any(name in declared(method) for method in methods):
            owners = [other.name for other in catalog.METHODS if name in declared(other)]
            chosen = ", ".join(method.name for method in methods)
            raise InputError(f"{flag(name)} is a parameter of {', '.join(owners)}; {chosen} does not have it.")
    for method in methods:
        values(method, given)


def flag(name: str, value: str | bool = True) -> str:
    """How a parameter is spelled on the command line.

    >>> flag("relu", False)
    '--no-relu'
    """
    return f"--{'no-' if value is False else ''}{name.replace('_', '-')}"


def _option(name: str, users: Sequence[tuple[str, Parameter]]) -> inspect.Parameter:
    _, first = users[0]
    docs = list(dict.fromkeys(f"{p.doc}{f' ({p.range})' if p.range else ''}" for _, p in users))
    told = f"{', '.join(method for method, _ in users)}: {'; '.join(docs)}"
    switch = all(_kind(parameter) == "switch" for _, parameter in users)
    spelled = f"{flag(name)}/{flag(name, False)}" if switch else flag(name)
    option = typer.Option(
        spelled,
        help=escape(told),
        metavar=None if switch else _kind(first) if first.choices else _kind(first).upper(),
        rich_help_panel=PANEL,
        show_default=False,
    )
    kind = bool if switch else str
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, option])


def _kind(parameter: Parameter) -> str:
    """What the command line takes for it: a switch, choices, a number, or anything that can be read from a file."""
    return "|".join(map(str, parameter.choices)) or _KINDS.get(parameter.kind, "value")


def _value(method: str, parameter: Parameter, text: str | bool) -> Any:
    kind = _kind(parameter)
    if isinstance(text, bool) or kind == "text":
        return text
    if kind == "integer":
        return _number(int, text, f"{method}: {flag(parameter.name)} takes an integer; got {text!r}.")
    if kind == "number":
        return _number(float, text, f"{method}: {flag(parameter.name)} takes a number; got {text!r}.")
    if kind == "value":
        if Path(text).suffix.lower() in (".npy", ".npz", ".csv"):
            return read_array(Path(text))
        if _INTEGERS.fullmatch(text):
            numbers = [int(part) for part in text.split(",")]
            return numbers if len(numbers) > 1 else numbers[0]
        wanted = "a number, integers joined by commas, or a .npy, .npz or .csv file"
        return _number(float, text, f"{method}: {flag(parameter.name)} takes {wanted}; got {text!r}.")
    return text


def _number(kind: Callable[[str], Any], text: str, otherwise: str) -> Any:
    try:
        return kind(text)
    except ValueError as error:
        raise InputError(otherwise) from error
