"""Trust cards in the terminal: the verdict, then a row per gate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from rich.table import Table
from rich.text import Text

from .. import catalog
from ..core import declare
from ..core.card import Gate, Grade, TrustCard
from ..core.records import Explanation
from ..plots.grades import MARKS, WORDS, told, told_of_all
from .asked import Opened
from .tables import MOST_SAMPLES
from .terminal import console, plain, say

STYLES: dict[Grade, str] = {"pass": "green", "caution": "yellow", "fail": "red", "unknown": "dim"}
_PLAIN: dict[Grade, str] = {"pass": "+", "caution": "!", "fail": "x", "unknown": "?"}
"""Marks where the terminal knows ASCII alone."""


def made(held: Opened, explanation: Explanation, **settings: Any) -> TrustCard:
    """Check an explanation of this job; its method is asked again with the parameters that were typed."""
    from ..verdict import trust

    method = declare.build(catalog.method_named(explanation.method), held.values[explanation.method])
    return trust(explanation, held.model, method=method, seed=held.job.seed, batch_size=held.job.batch_size, **settings)


def marked(grade: Grade, word: str = "") -> Text:
    """A grade as its mark and a word, in its colour."""
    ascii_only = not (console().encoding or "").lower().startswith("utf")
    return Text(f"{(_PLAIN if ascii_only else MARKS)[grade]} {word or WORDS[grade]}", style=STYLES[grade])


def show(card: TrustCard, names: Sequence[str]) -> None:
    """Print a card: the verdict, the gates, the faithfulness under each policy, what it cost, the samples one by one."""
    e = card.explanation
    say("")
    say(f"{e.method}, target: {e.target}", style="dim")
    console().print(marked(card.grade, plain(card.verdict)), style="bold", soft_wrap=True)
    table = Table(box=None, pad_edge=False)
    for name, side in (("gate", "left"), ("grade", "left"), ("value", "right"), ("passed with", "left"), ("", "left")):
        table.add_column(name, justify=side, header_style="bold", overflow="fold")  # type: ignore[arg-type]
    for gate in card.gates:
        table.add_row(Text(gate.name), _grade(gate), _value(gate), gate.check.limit, Text(plain(gate.note), style="dim"))
        if gate.name == "faithfulness" and len(card.policies) > 1:
            for policy, values in zip(card.policies, card.faithfulness, strict=True):
                under = Gate(gate.name, values)
                table.add_row(Text(plain(f"  removed: {policy}"), style="dim"), _grade(under), _value(under), "", "")
    console().print(table)
    if len(card) > 1:
        for name, grade, verdict in list(zip(names, card.grades, card.verdicts, strict=True))[:MOST_SAMPLES]:
            console().print(Text.assemble(f"{plain(name)}: ", marked(grade, plain(verdict))), soft_wrap=True)
        if len(card) > MOST_SAMPLES:
            say(f"and {len(card) - MOST_SAMPLES} more samples; --json has them all", style="dim")
    if card.cost.forward_rows:
        say(f"cost of the check: {card.cost}", style="dim")


def numbers(card: TrustCard, names: Sequence[str]) -> dict[str, Any]:
    """Everything in a card, for programs: undefined numbers are null."""
    return {
        "method": card.explanation.method,
        "verdict": card.verdict,
        "grade": card.grade,
        "samples": [
            {"sample": name, "target": target, "grade": grade, "verdict": verdict}
            for name, target, grade, verdict in zip(names, card.explanation.target.names, card.grades, card.verdicts, strict=True)
        ],
        "gates": [
            {
                "gate": gate.name,
                "passed with": gate.check.limit,
                "note": gate.note,
                "grades": gate.grades,
                "values": known(gate.values),
            }
            for gate in card.gates
        ],
        "policies": {policy: known(values) for policy, values in zip(card.policies, card.faithfulness, strict=True)},
        "percent of random orders": known(card.random),
        "percent of smooth maps": known(card.smooth),
        "cost": {"forward rows": card.cost.forward_rows, "backward rows": card.cost.backward_rows, "seconds": card.cost.seconds},
    }


def known(values: np.ndarray) -> list[float | None]:
    """Numbers as JSON has them: ``None`` where they are undefined or infinite."""
    return [float(value) if np.isfinite(value) else None for value in values]


def _grade(gate: Gate) -> Text:
    many = gate.grades.count(gate.grade)
    return marked(gate.grade, WORDS[gate.grade] + (f" ({many} of {len(gate.grades)})" if many < len(gate.grades) else ""))


def _value(gate: Gate) -> str:
    return told(gate, 0) if len(gate.values) == 1 else told_of_all(gate)
