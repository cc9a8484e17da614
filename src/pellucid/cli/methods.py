"""``pellucid methods``: what can be asked for, and with which parameters."""

from __future__ import annotations

import inspect
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from .. import catalog
from . import masking, typed
from .masking import MASKER, MASKERS
from .options import declared
from .terminal import console, say
from .typed import flag


def methods(
    name: Annotated[str | None, typer.Argument(help="Show one method with its parameters.", show_default=False)] = None,
) -> None:
    """List the methods; with a NAME, its parameters, ranges, cost and source."""
    if name is None:
        table = _table("method", "engine", "for", "what it computes")
        for row in catalog.methods():
            table.add_row(Text(row.name, style="bold"), row.engine, ", ".join(row.modalities), row.summary)
        console().print(table)
        say("pellucid methods NAME shows the parameters of one.", style="dim")
        return
    _one(name)


def _one(name: str) -> None:
    method, row = catalog.method_named(name), catalog.methods()[name]
    say(f"{row.name}: {row.summary}", style="bold")
    about, _, _ = inspect.cleandoc(method.__doc__ or "").partition("\nSource:")
    for paragraph in about.strip().split("\n\n")[1:]:
        say(" ".join(paragraph.split()).replace("``", ""))
    if row.parameters:
        table = _table("parameter", "default", "takes", "meaning")
        for parameter in declared(method).values():
            switch = parameter.kind is bool
            spelled = flag(parameter.name) + (f"/{flag(parameter.name, False)}" if switch else "")
            takes = ", ".join(part for part in ("" if parameter.choices else parameter.type, parameter.range) if part)
            takes = "a name from below" if parameter.name == MASKER else takes
            table.add_row(Text(spelled, style="bold"), _default(parameter.default), takes, Text(parameter.doc))
        console().print(table)
    if MASKER in declared(method):
        _maskers()
    for what, held in (("engine", (row.engine,)), ("needs", row.needs), ("for", row.modalities), ("axioms", row.axioms)):
        if held:
            say(f"{what}: {', '.join(held)}")
    say(f"source: {', '.join(row.citations) or 'none'}")


def _maskers() -> None:
    """What removed features can become, with the settings of each."""
    table = _table("masker", "settings", "meaning")
    for name in MASKERS:
        settings = [
            f"{flag(setting)} {typed.metavar([parameter])}" if masking.required(parameter) else f"[{flag(setting)}]"
            for setting, parameter in masking.settings(name).items()
        ]
        table.add_row(Text(name, style="bold"), Text(" ".join(settings)), Text(masking.summary(name)))
    console().print(table)


def _default(value: object) -> str:
    """A default as it would be typed."""
    return {None: "", True: "on", False: "off"}[value] if value is None or isinstance(value, bool) else str(value)


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
