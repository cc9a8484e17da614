"""``pellucid trust``: how far explanations can be trusted."""

from __future__ import annotations

import json as plain_json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from ..core.errors import InputError
from . import cards
from .asked import opened
from .destinations import FIGURES, Destination, destinations
from .explain import write
from .inputs import read_rows, there
from .job import Job
from .terminal import say

_OUT = "Where to write: card.png, report.html, one.pellucid, or a folder; repeatable."
_BACKGROUND = "Rows of data, for tables: removed columns become their means, or those of other rows."
_STRICT = "Exit with 1 where an explanation should not be relied on."
DISTRUSTED = 1


def trust(
    job: Job,
    out: Annotated[list[str] | None, typer.Option("--out", "-o", metavar="PATH", help=_OUT)] = None,
    removal_rows: Annotated[Path | None, typer.Option(metavar="FILE", help=_BACKGROUND, show_default=False)] = None,
    orders: Annotated[int, typer.Option(metavar="NUMBER", help="Random orders, and smooth maps, to compare with.")] = 10,
    rows: Annotated[int, typer.Option(metavar="ROWS", help="Most forward rows per sample that removals take.")] = 700,
    radius: Annotated[float, typer.Option(metavar="SHARE", help="Size of small changes, in spreads of each sample.")] = 0.05,
    changes: Annotated[int, typer.Option(metavar="NUMBER", help="Changed inputs that are explained anew; 0 for none.")] = 3,
    draws: Annotated[int, typer.Option(metavar="NUMBER", help="Copies with random weights that are explained; 0 for none.")] = 5,
    json: Annotated[bool, typer.Option("--json", help="Print the cards as one JSON array, and nothing else.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help=_STRICT)] = False,
) -> None:
    """Explain, and check how far each explanation can be trusted: a verdict, and the gates that led to it.

    Exit codes: 0 done; 1 with --strict, where an explanation should not be relied on; 2 after an error; 130 after Ctrl-C.
    """
    places = destinations(out or [], len(job.methods) * len(job.targets))
    if removal_rows is not None:
        there(removal_rows)
    held = opened(job)
    settings: dict[str, Any] = {"orders": orders, "rows": rows, "radius": radius, "changes": changes, "draws": draws}
    if removal_rows is not None:
        settings["background"] = read_rows(removal_rows, held.samples)
    explanations = held.job.run(held.model, held.samples, held.values)
    found = [cards.made(held, each, **settings) for each in explanations]
    if json:
        sys.stdout.write(f"{plain_json.dumps([cards.numbers(card, held.samples.names) for card in found], indent=2)}\n")
    else:
        for card in found:
            cards.show(card, held.samples.names)
    for place in places:
        if place.path.suffix in FIGURES and not place.is_folder:
            _figure(place, found[0])
        elif not json:
            write([place], [card.explanation for card in found], held.samples.names, held.title)
        else:
            place.write([card.explanation for card in found], held.samples.names, held.title)
        if place.path.suffix in FIGURES and not json:
            say(f"wrote {place.path}", style="green")
    if strict and any(card.grade == "fail" for card in found):
        raise typer.Exit(DISTRUSTED)


def _figure(place: Destination, card: Any) -> None:
    from ..plots.cards import card as drawn

    try:
        place.path.parent.mkdir(parents=True, exist_ok=True)
        drawn(card).savefig(place.path)
    except OSError as error:
        raise InputError(f"{str(place.path)!r} cannot be written: {error.strerror or error}.") from error
