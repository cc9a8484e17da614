"""Waterfall: from the base value to the value of the target, one feature at a time."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from ..core.errors import InputError
from ..core.records import Explanation
from .canvas import at_least_one, axes, heading, one_sample
from .entries import Entries, top_of
from .reading import Drawable, Names, drawable
from .style import NEGATIVE, NEUTRAL, POSITIVE, Look, number

MISSED = 1e-3
"""Share of the whole way from which on what the values do not account for has a bar of its own."""


def waterfall(
    explanation: Explanation,
    *,
    sample: int | None = None,
    top: int = 12,
    leaf: str | None = None,
    features: Names = None,
    ax: Axes | None = None,
) -> Axes:
    """From the base value (below) to the value of the target (above), each feature's value a step on the way.

    The strongest features stand on top; the others make one step together. What the values do not account for, where they miss
    completeness, is a step of its own. Whiskers are one standard error to each side.

    Parameters
    ----------
    explanation
        What ``pl.explain`` returned, by a method with a base value: Shapley values, integrated gradients.
    sample
        Which sample, where there are several.
    top
        How many steps, besides that of the others.
    leaf
        The attributed leaf, where there are several; the others then are one step.
    features
        Names, where the explanation has none.
    ax
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        Where the method has no base value, or the sample is not there.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> e = pl.explain(torch.nn.Linear(4, 2), torch.rand(3, 4), target=0, method="shapley")
    >>> ax = pl.plots.waterfall(e, sample=1)
    >>> last = ax.patches[0]  # the strongest feature takes the last step
    >>> bool(abs(last.get_x() + last.get_width() - e.value[1]) < 1e-6)
    True
    """
    at_least_one(top=top)
    check(explanation)
    row = one_sample(explanation, sample)
    drawn = drawable(explanation, leaf, "bars", features)
    found = drawn.entries(row)
    with axes(ax, size(len(found.values), top), (*drawn.texts(), *explanation.target.names)) as ax:
        steps(ax, explanation, drawn, row, Look(top))
        heading(ax, explanation, row)
    return ax


def size(entries: int, top: int) -> tuple[float, float]:
    """Width and height in inches of a figure for so many entries."""
    return 7.0, 0.33 * min(top + 1, entries) + 2.0


def check(explanation: Explanation) -> None:
    """Refuse explanations whose values start nowhere."""
    if explanation.base_value is None:
        raise InputError(
            f"a waterfall starts at the base value, and {explanation.method} has none: its values do not sum to anything. "
            "Draw bars: kind='bar'."
        )


def steps(ax: Axes, explanation: Explanation, drawn: Drawable, sample: int, look: Look) -> None:
    """Floating bars with connecting lines, the sum written at the end of each."""
    assert explanation.base_value is not None
    base, value = float(explanation.base_value[sample]), float(explanation.value[sample])
    found = drawn.entries(sample)
    labels, lengths, errors, colours = _listed(found, look.top)
    if abs(missed := value - base - sum(lengths)) > MISSED * max(abs(value - base), float(np.abs(lengths).max(initial=0.0))):
        labels.append("not accounted for" if len(explanation.leaves) == 1 else "other inputs")
        lengths.append(missed)
        errors.append(0.0)
        colours.append("#c9c9c9")
    ends = value - np.concatenate([[0.0], np.cumsum(lengths)[:-1]])
    starts = ends - lengths
    places = np.arange(len(labels))
    ax.barh(places, lengths, left=starts, color=colours, height=0.7)
    for place in places[:-1]:
        ax.plot([starts[place]] * 2, [place - 0.35, place + 1.35], color=NEUTRAL, linewidth=0.7, zorder=0)
    if any(errors):
        ax.errorbar(ends, places, xerr=errors, fmt="none", ecolor="black", elinewidth=1, capsize=2)
    reach = np.maximum(starts, ends) + np.array(errors)
    _ends(ax, base, value, explanation.target.names[sample], len(labels))
    spread = max(float(np.max(reach)) - float(np.min(np.minimum(starts, ends) - errors)), 1e-12)
    for place, length, far in zip(places, lengths, reach, strict=True):
        ax.text(far + 0.012 * spread, float(place), f"{length:+.3g}", va="center", ha="left", fontsize="small", color="#333333")
    low, high = float(np.min(np.minimum(starts, ends) - errors)), float(np.max(reach))
    ax.set_xlim(low - 0.04 * spread, high + 0.14 * spread)
    ax.set_yticks(places, labels)
    ax.set_ylim(len(places) - 0.4, -0.6)
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.tick_params(axis="y", length=0)


def _listed(found: Entries, top: int) -> tuple[list[str], list[float], list[float], list[str]]:
    """Names, lengths, standard errors and colours of the steps from the last to the first."""
    shown = top_of(found.values, top)
    chosen: list[int] = shown.chosen.tolist()
    lengths: list[float] = found.values[chosen].tolist()
    errors: list[float] = [0.0] * len(chosen) if found.standard_errors is None else found.standard_errors[chosen].tolist()
    labels = [found.label(entry) for entry in chosen]
    colours = [POSITIVE if length > 0 else NEGATIVE for length in lengths]
    if shown.others:
        labels.append(shown.words)
        lengths.append(shown.rest)
        errors.append(0.0)  # unknown: the errors of a sample's values hang together
        colours.append(NEUTRAL)
    return labels, lengths, errors, colours


def _ends(ax: Axes, base: float, value: float, target: str, count: int) -> None:
    """Lines at the base value and at the value, and what they are."""
    for place, low, high in ((value, -0.6, 0.35), (base, count - 1.35, count - 0.4)):
        ax.plot([place] * 2, [low, high], color="black", linewidth=1.0, linestyle=":")
    ax.set_xlabel(f"base value {number(base)}  →  {target} {number(value)}")
