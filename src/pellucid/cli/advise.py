"""``pellucid advise``: which method suits a model, samples and a purpose, with the reason for every method."""

from __future__ import annotations

import json as plain_json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from ..core.errors import InputError
from . import choosing
from .asked import Opened, opened
from .inputs import read_rows, there
from .job import Job
from .terminal import console, plain, say, waiting

if TYPE_CHECKING:
    from ..verdict import Advice

_PURPOSE = (
    "debug: what the network reacts to; justify: values that add up to the change of the output; select: a feature without "
    "effect gets 0; monitor: few model rows per sample."
)
_TASK = "classification or regression; by default read off the kind of output, if that is known."
_ROWS = "Most model rows of the choice."
_BACKGROUND = "Rows of data: removed features take their values."
_STYLES = {"best": "bold green", "measured": "", "left out": "dim"}


def advise(
    job: Job,
    purpose: Annotated[str, typer.Option(metavar="debug|justify|select|monitor", help=_PURPOSE)] = "debug",
    task: Annotated[str | None, typer.Option(metavar="TASK", help=_TASK)] = None,
    rows: Annotated[int, typer.Option(metavar="ROWS", help=_ROWS)] = 2000,
    removal_rows: Annotated[Path | None, typer.Option(metavar="FILE", help=_BACKGROUND, show_default=False)] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the table as one JSON object, and nothing else.")] = False,
) -> None:
    """Choose a method by what is measured on the first samples, with the reason for every method of the catalog.

    `pellucid explain --method auto` does so and explains with the method that was chosen.

    Exit codes: 0 done; 2 after an error; 130 after Ctrl-C.
    """
    if job.methods:
        raise InputError("advise looks at every method, and takes no --method; `pellucid compare` sets some side by side.")
    if job.budget is not None or job.budget_seconds is not None:
        raise InputError("advise has no --budget for each sample: --rows says how many model rows the whole choice may take.")
    if removal_rows is not None:
        there(removal_rows)
    held = opened(job)
    background = None if removal_rows is None else read_rows(removal_rows, held.samples)
    with waiting("measuring methods"):
        found = choosing.advice_for(job, held.model, held.samples, purpose=purpose, task=task, budget=rows, background=background)
    if json:
        sys.stdout.write(f"{plain_json.dumps(_numbers(found), indent=2)}\n")
    else:
        _show(found, held)


def _show(found: Advice, held: Opened) -> None:
    """A row per method, the best first; what should be known, and the command that explains with the best."""
    say(plain(held.title), style="bold")
    table = Table(box=None, pad_edge=False)
    for name, side in (("method", "left"), ("", "left"), ("faithfulness", "right"), ("held out", "right"), ("rows", "right")):
        table.add_column(name, justify=side, header_style="bold", overflow="fold")  # type: ignore[arg-type]
    table.add_column("reason", header_style="bold", overflow="fold")
    for each in found.candidates:
        numbers = (_told(each.chosen_by, ".2f"), _told(each.held_out, ".2f"), _told(each.rows, ".0f"))
        table.add_row(Text(each.method), each.standing, *numbers, Text(plain(each.reason)), style=_STYLES[each.standing])
    console().print(table)
    say("faithfulness of the order of features, the best under each removal being 1; rows are model rows per sample", style="dim")
    for title, policies in zip(("chosen where removed features are", "held out:"), found.policies, strict=True):
        if policies:
            say(f"{title} {'; '.join(policies)}", style="dim")
    for note in found.notes:
        say(f"note: {note}", style="yellow")
    say(f"cost of the choice: {found.cost}", style="dim")
    say(f"explain with it: {held.job.command(found.best)}")


def _numbers(found: Advice) -> dict[str, Any]:
    """Everything in the advice, for programs: undefined numbers are null."""
    return {
        "best": found.best,
        "reason": found.reason,
        "purpose": found.purpose,
        "task": found.task,
        "methods": [
            {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in vars(each).items()}
            for each in found.candidates
        ],
        "removed features": {"chosen with": list(found.policies[0]), "held out": list(found.policies[1])},
        "cost": {
            "forward rows": found.cost.forward_rows,
            "backward rows": found.cost.backward_rows,
            "seconds": found.cost.seconds,
        },
        "notes": list(found.notes),
    }


def _told(number: float, how: str) -> str:
    return "" if math.isnan(number) else format(number, how)
