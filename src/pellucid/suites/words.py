"""The results of a run as Markdown."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from .controls import CONTROLS

if TYPE_CHECKING:
    from .results import Result, Results

ABOVE = "*"
"""Behind a score that is not above the controls."""
MOST_INTERVALS = 6
"""Cases of a table that has intervals."""


def markdown(results: Results) -> str:
    """A table of methods by suites, one table for each suite, and why methods have no score."""
    parts = ["## Skill by suite\n", overview(results)]
    for suite in results.suites:
        parts += [f"\n## {suite}\n", by_case(results, suite)]
        if told := left_out(results, suite):
            parts += ["\nNo score:\n", told]
    return "\n".join(parts) + "\n"


def overview(results: Results) -> str:
    """The mean skill over the cases of each suite, 0 by chance and 1 at best, and what everything cost."""
    heads, *rows = overview_cells(results)
    lines = [_line(heads), _line(["---", *["--:"] * (len(heads) - 1)])]
    return "\n".join([*lines, *(_line([_name(method), *cells]) for method, *cells in rows)]) + "\n"


def overview_cells(results: Results) -> list[list[str]]:
    """The same as cells, the heads first."""
    alarming = [suite for suite in results.suites if any(row.how == "alarm" for row in results.of(suite))]
    cells = [["method", *results.suites, *(f"{suite}: false alarms" for suite in alarming), "rows per sample", "seconds"]]
    for method in results.methods:
        skills = [_number(results.skill(method, suite)) for suite in results.suites]
        alarms = [_percent(results.alarms(method, suite)) for suite in alarming]
        rows = [row for row in results.of(method=method) if row.samples]
        spent = sum(row.forward_rows + row.backward_rows for row in rows) / max(sum(row.samples for row in rows), 1)
        cost = ["", ""] if method in CONTROLS or not rows else [f"{spent:,.0f}", f"{sum(row.seconds for row in rows):.1f}"]
        cells.append([method, *skills, *alarms, *cost])
    return cells


def by_case(results: Results, suite: str) -> str:
    """Scores, with their intervals where there is room; a star where a control is as good. Methods without any are left out."""
    rows = results.of(suite)
    cases = list(dict.fromkeys((row.case, row.how) for row in rows))
    brief = len(cases) > MOST_INTERVALS
    lines = [_line(["method", *(f"{case} ({how})" for case, how in cases)]), _line(["---", *["--:"] * len(cases)])]
    for method in results.methods:
        held = {row.case: row for row in rows if row.method == method}
        if any(row.samples for row in held.values()):
            lines.append(_line([_name(method), *(_scored(held.get(case), brief) for case, _ in cases)]))
    return "\n".join(lines) + "\n"


def left_out(results: Results, suite: str) -> str:
    """Why methods have no score, those with the same reason together."""
    reasons: dict[str, dict[str, list[str]]] = {}
    for row in results.of(suite):
        if row.reason:
            reasons.setdefault(_short(row), {}).setdefault(row.method, []).append(row.case)
    cases = {row.case for row in results.of(suite)}
    lines: list[str] = []
    for reason, methods in reasons.items():
        told = [f"`{method}`" + ("" if len(of) == len(cases) else f" ({', '.join(of)})") for method, of in methods.items()]
        lines.append(f"- {', '.join(told)}: {reason}")
    return "\n".join(lines) + ("\n" if lines else "")


def _short(row: Result) -> str:
    """The beginning of a reason, without the method's name, so that methods with the same one stand together."""
    told = row.reason.removeprefix(f"{row.method} ").removeprefix(f"{row.method}: ")
    return re.split(r"[;:.](?: |$)|, which|, and this| \(", told)[0].rstrip(".")


def _scored(row: Result | None, brief: bool) -> str:
    if row is None or math.isnan(row.score):
        return ""
    interval = "" if brief or math.isnan(row.low) else f" ({row.low:.2f} to {row.high:.2f})"
    missing = f", {row.undefined} undefined" if row.undefined else ""
    known = row.method in CONTROLS or row.how == "alarm"
    star = "" if known or (row.beats_random is not False and row.beats_laplace is not False) else ABOVE
    return f"{row.score:.2f}{star}{interval}{missing}"


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.2f}"


def _percent(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.0%}"


def _name(method: str) -> str:
    return method if method in CONTROLS else f"`{method}`"


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
