"""``pellucid info``: what a model's file holds, and whether it opens safely, before any of it is run."""

from __future__ import annotations

import json as plain_json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table as Drawn
from rich.text import Text

from ..models.files.info import info as looked_into
from ..models.files.recognise import KNOWN
from ..models.files.record import Cell, FileInfo, Table
from .terminal import console, plain, say, waiting

MOST_ROWS = 20
"""Rows of a table that are shown, unless all are asked for."""

MOST_LETTERS = 300
"""Letters of a text from the file that are shown; --json has all of them."""

_UNITS = ("bytes", "kB", "MB", "GB", "TB")
_TRUSTED = "A type that a .skops file may hold; repeatable."


def info(
    model: Annotated[str, typer.Argument(metavar="MODEL", help=KNOWN, show_default=False)],
    trusted_type: Annotated[list[str] | None, typer.Option(metavar="MODULE.CLASS", help=_TRUSTED)] = None,
    show_all: Annotated[bool, typer.Option("--all", help="Show every layer, tensor and operator.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print everything as one JSON object.")] = False,
) -> None:
    """Say what a model's file holds and whether it opens safely. Reads headers only; nothing in the file is run."""
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, here)
    with waiting(f"looking into {model}"):
        about = looked_into(model, trusted_types=tuple(trusted_type or ()))
    if json:
        sys.stdout.write(f"{plain_json.dumps({**about.to_dict(), 'verdict': about.verdict}, indent=2)}\n")
        return
    show(about, show_all)


def show(about: FileInfo, show_all: bool = False) -> None:
    """Draw the record: what it is, one line per fact, tables, the verdict, the command."""
    size = "" if about.size is None else f", {amount(about.size)}"
    say(f"{about.name}: {about.title}{size}", style="bold")
    facts = {**about.facts, **({} if about.parameters is None else {"parameters": about.parameters})}
    if facts:
        console().print(_facts(facts))
    for table in about.tables:
        _show(table, None if show_all else MOST_ROWS)
    say("")
    for note in about.notes:
        say(f"note: {note}", style="dim")
    if about.refused:
        say(f"refused: {about.refused}", style="bold yellow")
        for way in about.ways_out:
            say(f"  - {way}")
    elif about.size is not None:
        say("opens safely: nothing that its author wrote is run", style="bold green")
    if about.command:
        say(f"\n  {about.command}")


def amount(size: int) -> str:
    """Bytes in the unit that fits.

    >>> amount(512), amount(28_400), amount(4_200_000_000)
    ('512 bytes', '28.4 kB', '4.2 GB')
    """
    number, unit = float(size), 0
    while number >= 1000 and unit < len(_UNITS) - 1:
        number, unit = number / 1000, unit + 1
    return f"{number:.3g} {_UNITS[unit]}" if unit else f"{size} bytes"


def _facts(facts: dict[str, Cell]) -> Drawn:
    drawn = Drawn(box=None, pad_edge=False, show_header=False)
    drawn.add_column(style="dim")
    drawn.add_column(overflow="fold")
    for name, fact in facts.items():
        drawn.add_row(Text(plain(name)), Text(_cell(fact)))
    return drawn


def _show(table: Table, most: int | None) -> None:
    """One table below its name; numbers to the right."""
    say("")
    drawn = Drawn(title=Text(plain(table.name), style="bold"), title_justify="left", box=None, pad_edge=False, header_style="dim")
    numbers = [all(isinstance(row[at], (int, type(None))) for row in table.rows) for at in range(len(table.columns))]
    for name, right in zip(table.columns, numbers, strict=True):
        drawn.add_column(name, justify="right" if right else "left", overflow="fold")
    for row in table.rows[:most]:
        drawn.add_row(*(Text(_cell(cell)) for cell in row))
    console().print(drawn)
    if most is not None and len(table.rows) > most:
        say(f"and {len(table.rows) - most:,} more; --all shows them", style="dim")


def _cell(cell: Cell) -> str:
    if cell is None or isinstance(cell, int):
        return "" if cell is None else f"{cell:,}"
    return plain(cell if len(cell) <= MOST_LETTERS else f"{cell[:MOST_LETTERS]}...")
