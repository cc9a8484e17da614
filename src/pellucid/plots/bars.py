"""Bars: the values with the largest magnitudes, and the sum of the rest; of one sample, or averaged over samples."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from ..core.errors import InputError
from ..core.records import Explanation
from .canvas import at_least_one, axes, heading, one_sample
from .entries import Entries, top_of
from .reading import Drawable, Names, drawable
from .style import MAGNITUDE, NEGATIVE, NEUTRAL, POSITIVE, Look


def bar(
    explanation: Explanation,
    *,
    sample: int | None = None,
    top: int = 12,
    absolute: bool = False,
    leaf: str | None = None,
    features: Names = None,
    ax: Axes | None = None,
) -> Axes:
    """Bars of the features with the largest values; the others are summed in one more.

    Whiskers are one standard error to each side: of the value itself for one sample, where the method estimates; of the mean
    over the samples otherwise.

    Parameters
    ----------
    explanation
        What ``pl.explain`` returned.
    sample
        Which sample; by default the only one, and of several the mean of ``|values|`` over all.
    top
        How many bars, besides that for the sum of the others.
    absolute
        Draw the magnitudes of one sample's values.
    leaf
        The attributed leaf, where there are several.
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
        For a sample that is not there, and a mean over samples whose features differ.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> e = pl.explain(torch.nn.Linear(4, 2), torch.rand(3, 4), target=0, method="shapley")
    >>> ax = pl.plots.bar(e, sample=0)
    >>> bool(abs(sum(bar.get_width() for bar in ax.patches) - e.values[0].sum()) < 1e-6)
    True
    """
    at_least_one(top=top)
    drawn = drawable(explanation, leaf, "bars", features)
    row = None if sample is None and len(explanation) > 1 else one_sample(explanation, sample)
    found = averaged(drawn) if row is None else drawn.entries(row)
    with axes(ax, size(len(found.values), top), (*drawn.texts(), *explanation.target.names)) as ax:
        if row is None:
            _bars(ax, found, top_of(found.values, top).chosen.tolist(), _rest_of_mean(drawn, top), signed=False)
            ax.set_xlabel("mean |attribution| over samples, ± 1 standard error")
        else:
            bars(ax, drawn, row, Look(top, None, absolute))
        heading(ax, explanation, row)
    return ax


def size(entries: int, top: int) -> tuple[float, float]:
    """Width and height in inches of a figure for so many entries."""
    return 6.4, 0.27 * min(top + 1, entries) + 1.6


def bars(ax: Axes, drawn: Drawable, sample: int, look: Look) -> None:
    """Horizontal bars, largest on top, with whiskers of one standard error where there are any."""
    found = drawn.entries(sample)
    if look.absolute:
        found = Entries(found.names, np.abs(found.values), found.standard_errors, found.given)
    top = top_of(found.values, look.top)
    _bars(ax, found, top.chosen.tolist(), None if not top.others else (top.words, top.rest, np.nan), not look.absolute)
    ax.set_xlabel(("|attribution|" if look.absolute else "attribution") + (", ± 1 standard error" if _whiskers(found) else ""))


def _bars(ax: Axes, found: Entries, chosen: list[int], rest: tuple[str, float, float] | None, signed: bool) -> None:
    """Bars of the chosen entries, and one of the rest: its name, its sum, and the sum's standard error."""
    labels = [found.label(entry) for entry in chosen]
    lengths = found.values[chosen].tolist()
    errors = np.zeros(len(found.values)) if found.standard_errors is None else found.standard_errors
    whiskers = errors[chosen].tolist()
    colours = [MAGNITUDE if not signed else POSITIVE if length > 0 else NEGATIVE for length in lengths]
    if rest is not None:
        labels.append(rest[0])
        lengths.append(rest[1])
        whiskers.append(rest[2])  # undefined for one sample: errors of its entries hang together
        colours.append(NEUTRAL)
    places = np.arange(len(labels))
    error = whiskers if _whiskers(found) else None
    ax.barh(places, lengths, color=colours, height=0.72, xerr=error, error_kw={"linewidth": 1, "capsize": 2})
    ax.axvline(0, color="black", linewidth=0.8)
    ax.set_yticks(places, labels)
    ax.set_ylim(len(places) - 0.4, -0.6)
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.tick_params(axis="y", length=0)


def averaged(drawn: Drawable) -> Entries:
    """Means of ``|values|`` over the samples, with their standard errors."""
    names = {drawn.entries(row).names for row in range(len(drawn.values))}
    if len(names) != 1:
        raise InputError("each sample has features of its own; there is no mean over samples. Choose one: sample=0.")
    magnitudes = np.abs([drawn.entries(row).values for row in range(len(drawn.values))])
    return Entries(names.pop(), magnitudes.mean(axis=0), _error_of_mean(magnitudes))


def _rest_of_mean(drawn: Drawable, top: int) -> tuple[str, float, float] | None:
    magnitudes = np.abs([drawn.entries(row).values for row in range(len(drawn.values))])
    found = top_of(magnitudes.mean(axis=0), top)
    if not found.others:
        return None
    rest = np.delete(magnitudes, found.chosen, axis=1).sum(axis=1)
    return found.words, found.rest, float(_error_of_mean(rest))


def _error_of_mean(samples: np.ndarray) -> np.ndarray:
    return samples.std(axis=0, ddof=1) / np.sqrt(len(samples))


def _whiskers(found: Entries) -> bool:
    return found.standard_errors is not None and bool(np.nan_to_num(found.standard_errors).any())
