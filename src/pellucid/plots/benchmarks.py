"""Methods on ground truth as one table of colours: how far each comes, from chance to the truth."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from ..core.errors import InputError
from ..suites.controls import CONTROLS
from ..suites.results import Results
from .canvas import NotebookFigure
from .fonts import fonts_for
from .style import SIGNED, percent

COLOURS = (SIGNED[-1], "#f7f7f7", "#1b7837")
"""Worse than chance, chance, the truth."""
DARK = 0.6
"""From here on text is white."""
ALARMS_MOST = 0.05
"""More false alarms than this are too many."""


def benchmark(results: Results) -> Figure:
    """Draw what ``pl.suites.run`` found: methods by suites, the best first.

    A cell is the mean skill over the cases of a suite: 0 by chance, 1 at best, below 0 where a method says the opposite. Empty
    cells are methods that cannot be asked. Where a suite counts false alarms there is a column of their share.

    Parameters
    ----------
    results
        What ``pl.suites.run`` returned.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        For anything else, or no results at all.

    Examples
    --------
    >>> import pellucid as pl
    >>> results = pl.suites.run("logic", ["shapley", "saliency"], samples=4)
    >>> len(pl.plots.benchmark(results).axes)
    1
    """
    if not isinstance(results, Results):
        raise InputError(f"benchmark() draws what pl.suites.run returned; got {type(results).__name__}.")
    if not len(results):
        raise InputError("there are no results to draw.")
    suites = results.suites
    alarming = [suite for suite in suites if any(row.how == "alarm" for row in results.of(suite))]
    columns = [*suites, *(f"{suite}:\nfalse alarms" for suite in alarming)]
    skills = {method: [results.skill(method, suite) for suite in suites] for method in results.methods}
    asked = [method for method, held in skills.items() if not all(map(math.isnan, held))]
    order = sorted(asked, key=lambda method: (method in CONTROLS, -float(np.nanmean(skills[method]))))
    with fonts_for([*columns, *order]):
        size = (1.15 * len(columns) + 2.6, 0.3 * len(order) + 1.6)
        figure = NotebookFigure(figsize=size, layout="constrained")
        ax = figure.subplots()
        for at, method in enumerate(order):
            for place, skill in enumerate(skills[method]):
                _cell(ax, place, at, skill, "" if math.isnan(skill) else f"{skill:.2f}")
            for place, suite in enumerate(alarming, len(suites)):
                share = results.alarms(method, suite)
                shown = -1.0 if share > ALARMS_MOST else 0.0  # either all right, or not
                _cell(ax, place, at, math.nan if math.isnan(share) else shown, "" if math.isnan(share) else percent(share))
        _frame(ax, columns, order)
        return figure


def _cell(ax: Axes, place: int, at: int, skill: float, text: str) -> None:
    if math.isnan(skill):
        return
    colour = _COLOURS((np.clip(skill, -1, 1) + 1) / 2)
    ax.fill(
        [place - 0.5, place + 0.5, place + 0.5, place - 0.5], [at - 0.5, at - 0.5, at + 0.5, at + 0.5], color=colour, linewidth=0
    )
    ax.text(place, at, text, ha="center", va="center", fontsize="small", color="white" if abs(skill) > DARK else "black")


def _frame(ax: Axes, columns: list[str], order: list[str]) -> None:
    ax.set_xlim(-0.5, len(columns) - 0.5)
    ax.set_ylim(len(order) - 0.5, -0.5)
    ax.set_xticks(range(len(columns)), columns, fontsize="small")
    ax.set_yticks(range(len(order)), order, fontsize="small")
    ax.tick_params(length=0)
    ax.xaxis.tick_top()
    ax.spines[:].set_visible(False)
    ax.set_xlabel("skill: 0 by chance, 1 at best; empty: cannot be asked", fontsize="small")


_COLOURS = LinearSegmentedColormap.from_list("skill", COLOURS)
