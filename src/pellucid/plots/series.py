"""Series: the attribution of every step as an area, the series itself as a line behind it."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from .reading import Drawable
from .style import NEGATIVE, NEUTRAL, POSITIVE, Look


def series(ax: Axes, drawn: Drawable, sample: int, look: Look) -> None:
    """Attribution against the left axis (with a band of one standard error), the input in grey against the right one."""
    values = np.abs(drawn.values[sample]) if look.absolute else drawn.values[sample]
    steps = np.arange(len(values))
    ax.fill_between(steps, np.clip(values, 0, None), color=POSITIVE, alpha=0.75, linewidth=0)
    ax.fill_between(steps, np.clip(values, None, 0), color=NEGATIVE, alpha=0.75, linewidth=0)
    if drawn.standard_errors is not None:
        spread = drawn.standard_errors[sample]
        ax.fill_between(steps, values - spread, values + spread, color="black", alpha=0.2, linewidth=0)
    ax.axhline(0, color=NEUTRAL, linewidth=0.8)
    ax.set(xlabel="step", ylabel="|attribution|" if look.absolute else "attribution")
    ax.margins(x=0)
    if drawn.inputs is not None:
        behind = ax.twinx()
        behind.plot(steps, drawn.inputs[sample], color="#3a3a3a", linewidth=0.9)
        behind.set_ylabel("input", color=NEUTRAL)
        behind.tick_params(axis="y", colors=NEUTRAL)
