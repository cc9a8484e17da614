"""Bars: the entries with the largest magnitudes, and the sum of the rest."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from .reading import Drawable, strongest
from .style import NEGATIVE, NEUTRAL, POSITIVE, Look, number


def bars(ax: Axes, drawn: Drawable, sample: int, look: Look) -> None:
    """Horizontal bars, largest on top, with whiskers of one standard error where there are any."""
    values = np.abs(drawn.values[sample]) if look.absolute else drawn.values[sample]
    chosen: list[int] = strongest(values, look.top).tolist()
    labels = [drawn.names[entry] for entry in chosen]
    if drawn.inputs is not None:
        labels = [f"{label} = {number(drawn.inputs[sample, entry])}" for label, entry in zip(labels, chosen, strict=True)]
    lengths = values[chosen]
    colours = [POSITIVE if length > 0 else NEGATIVE for length in lengths]
    errors = None if drawn.standard_errors is None else drawn.standard_errors[sample][chosen]
    if (others := len(values) - len(chosen)) > 0:
        labels.append(f"{others} other{'s' * (others > 1)}, summed")
        lengths = np.append(lengths, values.sum() - lengths.sum())
        colours.append(NEUTRAL)
        errors = None if errors is None else np.append(errors, np.nan)  # the entries are not independent
    places = np.arange(len(labels))
    ax.barh(places, lengths, color=colours, height=0.72, xerr=errors, error_kw={"linewidth": 1, "capsize": 2})
    ax.axvline(0, color="black", linewidth=0.8)
    ax.set_yticks(places, labels)
    ax.invert_yaxis()
    ax.set_xlabel("|attribution|" if look.absolute else "attribution")
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.tick_params(axis="y", length=0)
