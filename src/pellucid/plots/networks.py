"""Interaction network: players as discs on a circle, their interactions as lines between them."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke

from ..core.records import Explanation
from .canvas import at_least_one, axes, heading, one_sample
from .entries import pairs_of, strongest
from .graphs import Graph, circle_places, graph, grouped
from .reading import Names, drawable
from .style import NEGATIVE, NEUTRAL, POSITIVE, Look, number, wrapped

NODES = 10
"""Players that have a disc of their own."""
SIZE = (6.2, 7.0)
"""Width and height in inches of a figure."""
WRITTEN = 6
"""Lines whose value is written on them."""
FAINT = 0.004
"""Share of the strongest line below which a line is too thin to be seen."""


def network(
    explanation: Explanation,
    *,
    sample: int | None = None,
    top: int = NODES,
    features: Names = None,
    ax: Axes | None = None,
) -> Axes:
    """Features as discs and their interactions as lines: the larger, the stronger; red raises the target, blue lowers it.

    Values are written at the features and on the strongest lines. Features beyond the strongest are one disc together, with
    their interactions among themselves: all that is drawn sums to what the whole matrix sums to.

    Parameters
    ----------
    explanation
        What ``pl.explain`` returned, over interactions.
    sample
        Which sample, where there are several.
    top
        How many features, besides that for the others.
    features
        Names, in place of the explanation's.
    ax
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        Where the values are of no pairs, or the sample is not there.
    """
    at_least_one(top=top)
    row = one_sample(explanation, sample)
    drawn = drawable(explanation, features=features)
    found = graph(explanation, drawn, row)
    with axes(ax, SIZE, (*drawn.texts(), *explanation.target.names)) as ax:
        circle(ax, found, Look(top))
        heading(ax, explanation, row)
    return ax


def circle(ax: Axes, whole: Graph, look: Look) -> None:
    """Discs on a circle, lines between them, names outside."""
    found = grouped(whole, look.top)
    count = len(found.main)
    places = circle_places(count)
    _lines(ax, found, places)
    largest = np.abs(found.main).max(initial=0.0) or 1.0
    for player in range(count):
        value = found.main[player]
        colour = NEUTRAL if value == 0 else POSITIVE if value > 0 else NEGATIVE
        ax.scatter(
            *places[player].tolist(), s=40 + 460 * abs(value) / largest, c=colour, edgecolors="white", linewidths=1.2, zorder=4
        )
        _name(ax, found, player, places[player])
    ax.set(xlim=(-1.75, 1.75), ylim=(-1.5, 1.5))
    ax.set_aspect("equal", anchor="S")
    ax.set_axis_off()
    thickest = number(float(np.abs(found.pairs).max(initial=0.0)))
    shown = [
        Line2D([], [], color=POSITIVE, linewidth=3, label="raises the target"),
        Line2D([], [], color=NEGATIVE, linewidth=3, label="lowers it"),
        Line2D([], [], color="none", label=f"thickest line: {thickest}"),
    ]
    if found.sets:
        shown.append(Line2D([], [], color="none", label=f"triples, not drawn: {found.sets}, sum {number(found.more)}"))
    ax.legend(handles=shown, loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=2, frameon=False, fontsize="small")


def _lines(ax: Axes, found: Graph, places: np.ndarray) -> None:
    one, other = pairs_of(len(found.main))
    values = found.pairs[one, other]
    largest = np.abs(values).max(initial=0.0)
    if not largest:
        return
    taken: list[np.ndarray] = list(places)
    order = strongest(values, len(values)).tolist()
    for rank, pair in enumerate(order):
        share = abs(values[pair]) / largest
        if not share:
            continue
        i, j = int(one[pair]), int(other[pair])
        colour = POSITIVE if values[pair] > 0 else NEGATIVE
        ends = np.stack([places[i], places[j]])
        ax.plot(*ends.T, color=colour, linewidth=max(0.25, 7 * share), alpha=0.25 + 0.5 * share, zorder=2, solid_capstyle="butt")
        if rank < WRITTEN and share > FAINT:
            candidates = [places[i] + at * (places[j] - places[i]) for at in (0.5, 0.4, 0.6, 0.32, 0.68)]
            spot = max(candidates, key=lambda place: min(float(np.hypot(*(place - each))) for each in taken))
            taken.append(spot)
            error = None if found.errors is None else found.errors[i, j]
            text = f"{values[pair]:+.2g}" + ("" if error is None or np.isnan(error) or not error else f" ± {error:.1g}")
            halo = [withStroke(linewidth=2.5, foreground="white")]
            ax.text(
                float(spot[0]),
                float(spot[1]),
                text,
                ha="center",
                va="center",
                fontsize=8,
                color="black",
                path_effects=halo,
                zorder=5,
            )


def _name(ax: Axes, found: Graph, player: int, place: np.ndarray) -> None:
    """Name and main effect outside the circle, aligned away from it."""
    x, y = 1.14 * place
    error = None if found.errors is None else found.errors[player, player]
    value = f"{found.main[player]:+.2g}" + ("" if error is None or np.isnan(error) or not error else f" ± {error:.1g}")
    across = "center" if abs(place[0]) < 0.25 else "left" if place[0] > 0 else "right"
    down = "center" if abs(place[1]) < 0.9 else "bottom" if place[1] > 0 else "top"
    ax.text(x, y, f"{wrapped(found.names[player], 22)}\n{value}", ha=across, va=down, fontsize=9, zorder=5, linespacing=1.1)
