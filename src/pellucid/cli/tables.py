"""Explanations as a table in the terminal, with what should be known about them below it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from rich.table import Table
from rich.text import Text

from ..core.card import KIND
from ..core.records import Explanation
from ..plots.entries import Entries, of_pairs, of_players, top_of
from .terminal import console, plain, say

MOST_SAMPLES = 20
"""Samples of one explanation that the table shows."""

MOST_VALUES, MOST_VALUES_EACH = 10, 3
"""Values of features that are shown of a single sample, and of each of several."""

_COLUMNS = ("input", "method", "target", "value", "probability", "error", "residual", "rows", "seconds")
_LEFT = 3
"""So many columns are text; the rest are numbers."""
_VALUES = ("input", "method", "target", "feature", "value", "standard error")


def show(explanations: Sequence[Explanation], names: Sequence[str], title: str = "") -> None:
    """Print one row per sample, method and target; evidence and notes below."""
    rows = [row for at, one in enumerate(explanations) for row in _rows(one, names, _again(explanations, at))]
    _print(_COLUMNS, _LEFT, rows, len(names) > 1, title)
    if len(names) > MOST_SAMPLES:
        say(f"and {len(names) - MOST_SAMPLES} more samples; a file in --out keeps them all", style="dim")
    _show_features(explanations, names)
    removals: dict[str, list[str]] = {}
    for one in explanations:
        if one.removal is not None:
            removals.setdefault(one.removal, []).append(one.method)
    for removal, methods in removals.items():
        say(f"{', '.join(_once(methods))}: removed features are {removal}")
    for sentence in evidence(explanations):
        say(sentence, style="yellow")
    for note in _once(note for one in explanations for note in one.plan.notes):
        say(f"note: {note}", style="dim")


def evidence(explanations: Sequence[Explanation]) -> list[str]:
    """What the explanations found out about themselves, each sentence once, with the methods that it is said of.

    Trust cards are shown apart.
    """
    said: dict[str, list[str]] = {}
    for one in explanations:
        for finding in (each for each in one.evidence if each.kind != KIND):
            said.setdefault(finding.sentence, []).append(one.method)
    return [f"{', '.join(_once(methods))}: {sentence}" for sentence, methods in said.items()]


def _print(columns: Sequence[str], left: int, rows: Sequence[Sequence[str]], several: bool, title: str) -> None:
    """A table without the columns that are empty, or of the input where there is one only; ``left`` of them are text."""
    kept = [at for at, name in enumerate(columns) if any(row[at] for row in rows) and (name != "input" or several)]
    table = Table(title=Text(plain(title), style="bold") if title else None, title_justify="left", box=None, pad_edge=False)
    for at in kept:
        table.add_column(columns[at], justify="left" if at < left else "right", header_style="bold", overflow="fold")
    for row in rows:
        table.add_row(*(Text(plain(row[at])) for at in kept))
    console().print(table)


def _show_features(explanations: Sequence[Explanation], names: Sequence[str]) -> None:
    """The largest values of features, where there are any, with their standard errors."""
    most = MOST_VALUES if len(names) == 1 else MOST_VALUES_EACH
    rows: list[tuple[str, ...]] = []
    for one in explanations:
        if one.over in ("players", "interactions"):
            held = of_players(one) if one.over == "players" else of_pairs(one)
            for sample, found in enumerate(held[:MOST_SAMPLES]):
                rows += [(names[sample], one.method, one.target.names[sample], *told) for told in _largest(found, most)]
    if rows:
        say("")
        _print(_VALUES, _LEFT + 1, rows, len(names) > 1, "")


def _largest(found: Entries, most: int) -> list[tuple[str, str, str]]:
    """Feature, value and standard error of the largest values of a sample, and the sum of the others."""
    errors, top = found.standard_errors, top_of(found.values, most)
    told = [
        (_called(found, at), f"{found.values[at]:.4g}", "" if errors is None else f"{errors[at]:.2g}")
        for at in top.chosen.tolist()
    ]
    return [*told, (top.words, f"{top.rest:.4g}", "")] if top.others else told


def _called(found: Entries, at: int) -> str:
    """A feature with what it is; one of several of the same name, such as a word that recurs, with its number."""
    again = found.names[: at + 1].count(found.names[at]) if found.names.count(found.names[at]) > 1 else 0
    return f"{found.label(at)} ({again})" if again else found.label(at)


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
