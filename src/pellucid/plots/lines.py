"""Series: the attribution of every step or segment as an area, the series itself as a line behind it."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from ..core.records import Explanation
from .canvas import axes, heading, one_sample
from .reading import Drawable, drawable
from .style import NEGATIVE, NEUTRAL, POSITIVE, Look

CHANNELS = 6
"""Most channels that are drawn behind the values."""


def series(
    explanation: Explanation,
    *,
    sample: int | None = None,
    absolute: bool = False,
    leaf: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Values along time, with the series behind them in grey.

    Each step has its value; a segment has its whole value all along it, and its borders are drawn. Whiskers, or a band, are
    one standard error to each side.

    Parameters
    ----------
    explanation
        What ``pl.explain`` returned.
    sample
        Which sample, where there are several.
    absolute
        Draw magnitudes.
    leaf
        The attributed leaf, where there are several.
    ax
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        Where the values are no series, or the sample is not there.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Sequential(torch.nn.Conv1d(1, 4, 5), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.LazyLinear(2))
    >>> segments = pl.Features.segments(40, 8)
    >>> e = pl.explain(net, torch.rand(1, 1, 40), method="shapley", features=segments, target=0)
    >>> pl.plots.series(e).get_xlabel()
    'step'
    """
    row = one_sample(explanation, sample)
    drawn = drawable(explanation, leaf, "series")
    with axes(ax, (6.4, 3.0), explanation.target.names) as ax:
        timeline(ax, drawn, row, Look(absolute=absolute))
        heading(ax, explanation, row)
    return ax


def timeline(ax: Axes, drawn: Drawable, sample: int, look: Look) -> None:
    """Attribution against the left axis (with standard errors), the input in grey against the right one."""
    values = np.abs(drawn.painted(sample)) if look.absolute else drawn.painted(sample)
    plane = drawn.plane(sample)
    steps = np.arange(len(values))
    if plane is None:
        ax.fill_between(steps, np.clip(values, 0, None), color=POSITIVE, alpha=0.75, linewidth=0)
        ax.fill_between(steps, np.clip(values, None, 0), color=NEGATIVE, alpha=0.75, linewidth=0)
        if drawn.standard_errors is not None:
            spread = drawn.standard_errors[sample]
            ax.fill_between(steps, values - spread, values + spread, color="black", alpha=0.2, linewidth=0)
    else:
        _segments(ax, drawn, sample, plane, values)
    ax.axhline(0, color=NEUTRAL, linewidth=0.8)
    label = "|attribution|" if look.absolute else "attribution"
    ax.set(xlabel="step", ylabel=label if plane is None else f"{label} of a segment")
    ax.margins(x=0)
    if drawn.inputs is not None:
        behind = ax.twinx()
        lines = np.atleast_2d(drawn.inputs[sample])
        for line in lines[:CHANNELS]:
            behind.plot(steps, line, color="#3a3a3a", linewidth=0.9, alpha=1.0 if len(lines) == 1 else 0.55)
        more = f", first {CHANNELS} of {len(lines)} channels" if len(lines) > CHANNELS else ""
        behind.set_ylabel(f"input{more}", color=NEUTRAL)
        behind.tick_params(axis="y", colors=NEUTRAL)
        behind.margins(x=0)


def _segments(ax: Axes, drawn: Drawable, sample: int, plane: np.ndarray, values: np.ndarray) -> None:
    """A bar for each run of steps of one player, with a whisker in its middle."""
    found = drawn.players[sample]
    first = np.flatnonzero(np.diff(plane, prepend=plane[0] - 1))
    ends = np.append(first[1:], len(plane))
    colours = [POSITIVE if value > 0 else NEGATIVE for value in found.values[plane[first]]]
    errors = None if found.standard_errors is None else np.append(found.standard_errors, 0.0)[plane[first]]
    ax.bar(
        (first + ends - 1) / 2,
        values[first],
        width=ends - first,
        color=colours,
        alpha=0.75,
        edgecolor="white",
        linewidth=0.8,
        yerr=errors,
        error_kw={"elinewidth": 1, "capsize": 2},
    )
