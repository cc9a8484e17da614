"""A trust card as a figure: the verdict, and one row per gate with its grade, its value and the limits."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ..core.card import Gate, Grade, TrustCard
from ..core.errors import InputError
from ..core.records import Explanation
from . import heatmaps
from .canvas import NotebookFigure, in_range
from .fonts import fonts_for
from .grades import COLOURS, MARKS, WORDS, Scale, scale, told, told_of_all
from .reading import Drawable, drawable
from .style import Look, number, wrapped

INK, SOFT, RULE = "#1d1d1f", "#68686e", "#d8d6d0"
SHAPES = {"pass": "o", "caution": "^", "fail": "s", "unknown": "o"}
"""Of the mark of each grade."""

WIDTH, EDGE = 10.0, 0.3
NAME, AXIS, VALUE = 1.75, 6.3, 9.0
"""Where names, scales and values begin, in inches from the left."""
LENGTH = 2.4
"""Of a scale."""
THUMB = 1.25
"""Side of the picture and of the map."""
LINE = 0.165
"""Between lines of small text."""


@dataclass(frozen=True)
class Row:
    """A gate, or the faithfulness under one policy, with its place from the top in inches."""

    gate: Gate
    title: str
    about: str
    top: float
    height: float
    policy: bool = False


def card(found: TrustCard | Explanation, *, sample: int | None = None) -> Figure:
    """Draw a trust card: what speaks for and against an explanation.

    The verdict stands above one row per gate: the grade as a word with a mark, what is asked, and the value on a scale on which
    the limits of all gates stand below each other, better to the right. Small dots are the other samples. What could not be
    checked is grey, with the reason where it is known. Faithfulness is shown for each way to remove features, too.

    Parameters
    ----------
    found
        What ``pl.trust`` returned, or an explanation that carries its card.
    sample
        One sample of several; by default the only one, and of several all: the grade of a row is that of its worst sample, the
        value the one in the middle.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If the explanation carries no card, or the sample is not there.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
    >>> checked = pl.trust(pl.explain(net, torch.rand(2, 6), target=0), net, draws=1, changes=1, orders=10)
    >>> figure = pl.plots.card(checked, sample=0)
    >>> checked.verdicts[0].split(":")[0] in [text.get_text() for text in figure.axes[0].texts]
    True
    """
    checked = TrustCard.of(found) if isinstance(found, Explanation) else found
    if checked is None:
        raise InputError("this explanation carries no trust card; pl.trust(explanation, model) makes one.")
    if not isinstance(checked, TrustCard):
        raise InputError(f"card() draws a TrustCard, or an Explanation that carries one; got {type(found).__name__}.")
    row = (None if len(checked) > 1 else 0) if sample is None else in_range(sample, len(checked), "sample")
    grade = checked.grade if row is None else checked.grades[row]
    verdict = checked.verdict if row is None else checked.verdicts[row]
    overall, _, because = verdict.partition(": ")
    shown = None if row is None or checked.explanation.over == "interactions" else drawable(checked.explanation)
    pictures = shown is not None and shown.pictures is not None
    reason = wrapped(f"{because[:1].upper()}{because[1:]}", 76 if pictures else 104)
    top = max(1.5 + LINE * 1.25 * reason.count("\n"), 1.85 * pictures)
    rows = list(_rows(checked, top))
    height = rows[-1].top + rows[-1].height + 0.35
    with fonts_for([verdict, _subject(checked, row)]):
        figure = NotebookFigure(figsize=(WIDTH, height))
        ax = figure.add_axes((0, 0, 1, 1))
        ax.set(xlim=(0, WIDTH), ylim=(height, 0))
        ax.set_axis_off()
        _heading(ax, grade, overall, reason, _subject(checked, row))
        _legend(ax, top - 0.24)
        if shown is not None and pictures:
            _pictures(figure, shown, row or 0, height)
        for each in rows:
            _draw(ax, each, row)
        ax.text(EDGE, height - 0.17, _foot(checked, row), fontsize=7.5, color=SOFT, va="center")
    return figure


def _subject(checked: TrustCard, sample: int | None) -> str:
    e = checked.explanation
    if sample is None:
        return f"{e.method} · {len(checked)} samples: {e.target}"
    return f"{e.method} · {e.target.names[sample]}" + (f" · sample {sample + 1} of {len(checked)}" if len(checked) > 1 else "")


def _rows(checked: TrustCard, top: float) -> Iterator[Row]:
    """Gates from top to bottom, those of each policy under the faithfulness."""
    for gate in checked.gates:
        missing = np.isnan(gate.values).all()
        about = wrapped((f"not checked: {gate.note}" if gate.note else "not checked") if missing else gate.check.asks, 78)
        height = max(0.2 + LINE * (about.count("\n") + 1), 0.46) + 0.08
        yield Row(gate, gate.name, about, top, height)
        top += height
        if gate.name == "faithfulness" and len(checked.policies) > 1:
            for policy, values in zip(checked.policies, checked.faithfulness, strict=True):
                about = wrapped(f"removed: {policy}", 76)
                height = 0.12 + LINE * (about.count("\n") + 1)
                yield Row(Gate(gate.name, values), "", about, top, height, policy=True)
                top += height
            top += 0.06


def _heading(ax: Axes, grade: Grade, overall: str, reason: str, subject: str) -> None:
    _mark(ax, EDGE + 0.25, 0.55, grade, 900, 17)
    ax.text(EDGE + 0.7, 0.3, wrapped(subject, 110), fontsize=9, color=SOFT, va="center")
    ax.text(EDGE + 0.7, 0.58, overall, fontsize=17, fontweight="bold", color=COLOURS[grade], va="center")
    ax.text(EDGE + 0.7, 0.84, reason, fontsize=9.5, color=INK, va="top", linespacing=1.35)


def _pictures(figure: Figure, shown: Drawable, sample: int, height: float) -> None:
    """The picture and the map that the card is about, at the upper right."""
    for at in (0, 1):
        x = WIDTH - EDGE - THUMB * (2 - at) - 0.08 * (1 - at)
        ax = figure.add_axes((x / WIDTH, 1 - (EDGE - 0.12 + THUMB) / height, THUMB / WIDTH, THUMB / height))
        if at == 0:
            heatmaps.photo(ax, shown, sample)
        else:
            heatmaps.colour_map(ax, shown, sample, Look(0), bar=False)


def _legend(ax: Axes, y: float) -> None:
    ax.plot([EDGE, WIDTH - EDGE], [y + 0.17] * 2, color=RULE, linewidth=0.8)
    for x, word, side in ((AXIS, "worse", "left"), (AXIS + LENGTH, "better", "right")):
        ax.text(x, y, word, fontsize=7.5, color=SOFT, va="center", ha=side)
    ax.annotate(
        "",
        (AXIS + LENGTH - 0.45, y),
        (AXIS + 0.45, y),
        arrowprops={"arrowstyle": "->", "color": SOFT, "linewidth": 0.7},
    )
    ax.text(VALUE, y, "value", fontsize=7.5, color=SOFT, va="center")


def _draw(ax: Axes, row: Row, sample: int | None) -> None:
    gate, middle = row.gate, row.top + min(row.height, 0.46) / 2
    grade = gate.grade if sample is None else gate.grades[sample]
    known = grade != "unknown"
    if row.policy:
        ax.text(NAME + 0.15, row.top + 0.05, row.about, fontsize=8, color=SOFT, va="top")
        middle = row.top + 0.12
    else:
        _mark(ax, EDGE + 0.12, row.top + 0.16, grade, 150, 8)
        ax.text(EDGE + 0.3, row.top + 0.08, WORDS[grade], fontsize=9, color=COLOURS[grade], fontweight="bold", va="top")
        if sample is None and known and gate.grades.count(grade) < len(gate.grades):
            many = f"{gate.grades.count(grade)} of {len(gate.grades)}"
            ax.text(EDGE + 0.3, row.top + 0.25, many, fontsize=8, color=COLOURS[grade], va="top")
        ax.text(NAME, row.top + 0.08, row.title, fontsize=9.5, color=INK if known else SOFT, fontweight="bold", va="top")
        ax.text(NAME, row.top + 0.25, row.about, fontsize=8, color=SOFT, va="top")
    value = told_of_all(gate) if sample is None else told(gate, sample)
    ax.text(VALUE, middle, value, fontsize=8 if row.policy else 9.5, color=INK if known else SOFT, va="center")
    measured = scale(gate)
    if known and measured is not None:
        _scale(ax, measured, gate, sample, middle, 0.08 if row.policy else 0.15, written=not row.policy)


def _scale(ax: Axes, measured: Scale, gate: Gate, sample: int | None, y: float, height: float, written: bool) -> None:
    """Zones with their limits, every sample as a dot, and the one that is drawn as the mark of its grade."""
    for zone in measured.zones:
        start, width = AXIS + LENGTH * zone.start, LENGTH * (zone.end - zone.start)
        place = (start, y - height / 2)
        ax.add_patch(Rectangle(place, width, height, facecolor=COLOURS[zone.grade], alpha=0.16, linewidth=0))
    for at, limit in measured.limits:
        x = AXIS + LENGTH * at
        ax.plot([x, x], [y - height / 2, y + height / 2], color="white", linewidth=2)
        if written:
            ax.text(x, y + height / 2 + 0.02, number(limit), fontsize=7, color=SOFT, ha="center", va="top")
    places = AXIS + LENGTH * measured.place(gate.values)
    if len(places) > 1:
        others = np.arange(len(places)) != sample
        ax.scatter(places[others], np.full(others.sum(), y), s=13, color=INK, alpha=0.45, linewidths=0, zorder=3)
    shown = float(np.nanmedian(places)) if sample is None else float(places[sample])
    if sample is None:
        ax.plot([shown, shown], [y - height * 0.8, y + height * 0.5], color=INK, linewidth=1.6, zorder=4)
    elif not math.isnan(shown):
        grade = gate.grades[sample]
        size = 34 if not written else 75
        ax.scatter([shown], [y], s=size, marker=SHAPES[grade], color=COLOURS[grade], edgecolors="white", linewidths=0.8, zorder=5)


def _mark(ax: Axes, x: float, y: float, grade: Grade, size: float, letters: float) -> None:
    """Shape, sign and colour of a grade."""
    hollow = grade == "unknown"
    ax.scatter(
        [x],
        [y],
        s=size,
        marker=SHAPES[grade],
        facecolor="white" if hollow else COLOURS[grade],
        edgecolor=COLOURS[grade],
        linewidths=1.2,
        zorder=3,
    )
    low = y + (0.028 if grade == "caution" else 0.0) * size**0.5 / 12
    colour = COLOURS[grade] if hollow else "white"
    ax.text(x, low, MARKS[grade], fontsize=letters, color=colour, ha="center", va="center_baseline", fontweight="bold", zorder=4)


def _foot(checked: TrustCard, sample: int | None) -> str:
    dots = "dots: the other samples" if sample is not None else "dots: samples; line: the one in the middle"
    parts = [dots] if len(checked) > 1 else []
    if not math.isnan(checked.radius):
        parts.append(f"stability: changes of up to {number(checked.radius)} of the spread of the sample")
    if checked.cost.forward_rows:
        parts.append(f"cost: {checked.cost}")
    return " · ".join(parts)
