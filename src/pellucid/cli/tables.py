"""Explanations as a table in the terminal, with what should be known about them below it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from rich.table import Table
from rich.text import Text

from ..core.records import Explanation
from .terminal import console, plain, say

MOST_SAMPLES = 20
"""Samples of one explanation that the table shows."""

_COLUMNS = ("input", "method", "target", "value", "probability", "error", "residual", "rows", "seconds")
_LEFT = 3
"""So many columns are text; the rest are numbers."""


def show(explanations: Sequence[Explanation], names: Sequence[str], title: str = "") -> None:
    """Print one row per sample, method and target; evidence and notes below."""
    rows = [row for at, one in enumerate(explanations) for row in _rows(one, names, _again(explanations, at))]
    kept = [at for at, name in enumerate(_COLUMNS) if any(row[at] for row in rows) and (name != "input" or len(names) > 1)]
    table = Table(title=Text(plain(title), style="bold") if title else None, title_justify="left", box=None, pad_edge=False)
    for at in kept:
        table.add_column(_COLUMNS[at], justify="left" if at < _LEFT else "right", header_style="bold", overflow="fold")
    for row in rows:
        table.add_row(*(Text(plain(row[at])) for at in kept))
    console().print(table)
    if len(names) > MOST_SAMPLES:
        say(f"and {len(names) - MOST_SAMPLES} more samples; a file in --out keeps them all", style="dim")
    for sentence in evidence(explanations):
        say(sentence, style="yellow")
    for note in _once(note for one in explanations for note in one.plan.notes):
        say(f"note: {note}", style="dim")


def evidence(explanations: Sequence[Explanation]) -> list[str]:
    """What the explanations found out about themselves, each sentence once, with the methods that it is said of."""
    said: dict[str, list[str]] = {}
    for one in explanations:
        for finding in one.evidence:
            said.setdefault(finding.sentence, []).append(one.method)
    return [f"{', '.join(_once(methods))}: {sentence}" for sentence, methods in said.items()]


def _rows(one: Explanation, names: Sequence[str], again: bool) -> list[tuple[str, ...]]:
    shown = range(min(len(one), MOST_SAMPLES))
    cost = one.cost.forward_rows + one.cost.other_rows
    return [
        (
            names[sample],
            one.method,
            one.target.names[sample],
            f"{one.value[sample]:.4g}",
            _probability(one, sample),
            _share(one.error, sample),
            _share(one.residual, sample),
            str(cost) if sample == 0 and not again else "",
            f"{one.cost.seconds:.2f}" if sample == 0 and not again else "",
        )
        for sample in shown
    ]


def _again(explanations: Sequence[Explanation], at: int) -> bool:
    """Whether this explanation comes from the same call as the one before it: their cost is said once."""
    return at > 0 and explanations[at - 1].cost is explanations[at].cost


def _probability(one: Explanation, sample: int) -> str:
    probabilities, indices = one.probabilities, one.target.indices
    if probabilities is None or indices is None or one.target.layer is not None or indices.shape[1:] != (1,):
        return ""
    return f"{probabilities[sample, indices[sample, 0]]:.1%}"


def _share(numbers: np.ndarray | None, sample: int) -> str:
    return "" if numbers is None else f"{numbers[sample]:.1%}" if np.isfinite(numbers[sample]) else "inf"


def _once(sentences: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(sentences))
