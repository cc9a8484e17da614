"""``pellucid explain``: why a model said what it said about some samples."""

from __future__ import annotations

from typing import Annotated

import typer

from ..core.records import Explanation
from . import cards
from .asked import opened
from .destinations import Destination, destinations
from .job import Job
from .tables import show
from .terminal import say

_OUT = "Where to write: report.html, one.pellucid, figure.png, or a folder; repeatable."
_TRUST = "Check how far each explanation can be trusted, too; `pellucid trust` has the settings."


def explain(
    job: Job,
    out: Annotated[list[str] | None, typer.Option("--out", "-o", metavar="PATH", help=_OUT)] = None,
    trust: Annotated[bool, typer.Option("--trust", help=_TRUST)] = False,
) -> None:
    """Explain a model's outputs for some samples, print what was found, and write it where --out says."""
    written_to = destinations(out or [], len(job.methods) * len(job.targets))
    held = opened(job)
    explanations = held.job.run(held.model, held.samples, held.values)
    found = [cards.made(held, each) for each in explanations] if trust else []
    explanations = [card.explanation for card in found] or explanations
    show(explanations, held.samples.names, held.title)
    for card in found:
        cards.show(card, held.samples.names)
    write(written_to, explanations, held.samples.names, held.title)


def write(places: list[Destination], explanations: list[Explanation], names: tuple[str, ...] | None, title: str) -> None:
    """Write to every place, and say where."""
    for place in places:
        for path in place.write(explanations, names, title):
            say(f"wrote {path}", style="green")
