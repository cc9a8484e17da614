"""Beeswarm: every sample's value of every feature, coloured by what the feature is."""

from __future__ import annotations

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize, to_rgba
from matplotlib.offsetbox import AnnotationBbox, HPacker, TextArea

from ..core.errors import InputError
from ..core.records import Explanation
from .canvas import at_least_one, axes, heading
from .columns import Column, column
from .entries import Top, top_of
from .reading import Drawable, Names, drawable
from .style import LEVELS, MISSING, NEUTRAL, SCALE, number

TIERS = 90
"""Places along the axis at which dots are stacked."""


def beeswarm(
    explanation: Explanation,
    *,
    top: int = 12,
    leaf: str | None = None,
    features: Names = None,
    ax: Axes | None = None,
) -> Axes:
    """A dot for each sample and feature, at its value; features by falling mean of ``|values|``.

    The colour of a dot is what the feature is in that sample: numbers and ordered categories from low to high (5th to 95th
    percentile), other categories by level, named below the feature. Missing is grey. The sum of the features that are not
    shown is the last row.

    Parameters
    ----------
    explanation
        What ``pl.explain`` returned, for samples that share their features.
    top
        How many features, besides the sum of the others.
    leaf
        The attributed leaf, where there are several.
    features
        Names, where the explanation has none.
    ax
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        One collection of dots for each row, from the top.

    Raises
    ------
    InputError
        Where each sample has features of its own.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> e = pl.explain(torch.nn.Linear(4, 2), torch.rand(30, 4), target=0, method="shapley")
    >>> ax = pl.plots.beeswarm(e, top=2)
    >>> [label.get_text() for label in ax.get_yticklabels()][-1]
    '2 smaller ones, summed'
    """
    at_least_one(top=top)
    drawn = drawable(explanation, leaf, "bars", features)
    names, values = shared(drawn)
    columns = [_column(drawn, entry) for entry in range(len(names))]
    top_found = top_of(np.abs(values).mean(axis=0), top)
    texts = (*drawn.texts(), *explanation.target.names)
    with axes(ax, (7.4, 0.42 * (len(top_found.chosen) + (top_found.others > 0)) + 1.7), texts) as ax:
        _draw(ax, names, values, columns, top_found)
        ax.set_xlabel("attribution" + _typical_error(drawn))
        heading(ax, explanation, None)
    return ax


def shared(drawn: Drawable) -> tuple[tuple[str, ...], np.ndarray]:
    """The names that all samples share, and values ``(samples, entries)``; refused where samples differ in their features."""
    rows = [drawn.entries(row) for row in range(len(drawn.values))]
    names = {row.names for row in rows}
    if len(names) != 1:
        raise InputError("each sample has features of its own: there is nothing to compare. Draw one: kind='bar', samples=0.")
    return names.pop(), np.stack([row.values for row in rows])


def _column(drawn: Drawable, entry: int) -> Column | None:
    given = [each.given for each in (drawn.entries(row) for row in range(len(drawn.values)))]
    if any(each is None for each in given):
        return None
    if any(entry >= len(each) for each in given if each is not None):
        return None  # a set of features
    player = drawn.features[0].players[entry] if drawn.features else None
    return column([each[entry] for each in given if each is not None], player)


def _draw(ax: Axes, names: tuple[str, ...], values: np.ndarray, columns: list[Column | None], top: Top) -> None:
    chosen: list[int] = top.chosen.tolist()
    rows = [values[:, entry] for entry in chosen]
    shades = [dots(columns[entry], len(values)) for entry in chosen]
    labels = [names[entry] for entry in chosen]
    if top.others:
        rows.append(np.delete(values, chosen, axis=1).sum(axis=1))
        shades.append(dots(None, len(values)))
        labels.append(top.words)
    low, high = min(row.min() for row in rows), max(row.max() for row in rows)
    side = float(np.clip(900 / max(len(values), 1), 3, 22))
    for place, (row, shade) in enumerate(zip(rows, shades, strict=True)):
        ax.scatter(row, place + offsets(row, float(low), float(high)), c=shade, s=side, linewidths=0, zorder=2)
    ax.axvline(0, color="black", linewidth=0.8, zorder=1)
    ax.set_ylim(len(rows) - 0.45, -0.6)
    ax.hlines(range(len(rows)), 0, 1, transform=ax.get_yaxis_transform(), color="#dddddd", linewidth=0.5, zorder=0)
    ax.set_yticks(range(len(rows)), labels)
    for place, entry in enumerate(chosen):
        _levels(ax, place, columns[entry])
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.tick_params(axis="y", length=0)
    if any(columns[entry] is not None and columns[entry].has_scale for entry in chosen):  # pyright: ignore[reportOptionalMemberAccess]
        _scale(ax, any(each is not None and bool(np.isnan(each.places).any()) for each in (columns[entry] for entry in chosen)))


def dots(found: Column | None, count: int) -> np.ndarray:
    """Colours of the dots of one feature, RGBA ``(samples, 4)``."""
    if found is None:
        return np.tile(to_rgba(NEUTRAL), (count, 1))
    shades = np.tile(to_rgba(MISSING), (count, 1))
    known = ~np.isnan(found.places)
    if found.has_scale:
        low, high = np.percentile(found.places[known], [5, 95]) if not found.levels else (0, len(found.levels) - 1)
        shares = np.clip((found.places[known] - low) / ((high - low) or 1.0), 0, 1) if high > low else np.full(known.sum(), 0.5)
        shades[known] = scale()(shares)
    else:
        palette = np.array([to_rgba(level_colour(level)) for level in range(len(found.levels))])
        shades[known] = palette[found.places[known].astype(int)]
    return shades


def level_colour(level: int) -> str:
    """The colour of a category's level; levels beyond the colours share grey."""
    return LEVELS[level] if level < len(LEVELS) else NEUTRAL


def scale() -> LinearSegmentedColormap:
    """Colours from low to high."""
    return LinearSegmentedColormap.from_list("pellucid-scale", SCALE)


def offsets(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """How far each dot is moved off its row, -0.4 to 0.4, so that dots at the same value stand beside each other.

    >>> offsets(np.array([0.0, 0.0, 0.0, 1.0]), 0.0, 1.0)
    array([ 0. ,  0.4, -0.4,  0. ])
    """
    tiers = np.rint(TIERS * (values - low) / ((high - low) or 1.0)).astype(int)
    order = np.argsort(tiers, kind="stable")
    starts = np.flatnonzero(np.diff(tiers[order], prepend=tiers[order[0]] - 1)) if len(values) else np.array([], int)
    turn = np.empty(len(values))
    turn[order] = np.arange(len(values)) - np.repeat(starts, np.diff(np.append(starts, len(values))))
    sides = np.where(turn % 2 == 1, 1, -1) * np.ceil(turn / 2)
    most = np.abs(sides).max(initial=0.0)
    return sides * (0.4 / max(most, 1.0)) + 0.0


def _levels(ax: Axes, place: int, found: Column | None) -> None:
    """The names of a category's levels, in their colours, below its own name."""
    if found is None or found.has_scale:
        return
    count = min(len(found.levels), len(LEVELS))
    named = [(level, level_colour(at)) for at, level in enumerate(found.levels[:count])]
    if len(found.levels) > count:
        named.append((f"{len(found.levels) - count} more", NEUTRAL))
    if np.isnan(found.places).any():
        named.append(("missing", MISSING))
    parts: list[Artist] = [TextArea(f"● {name}", textprops={"color": colour, "fontsize": "x-small"}) for name, colour in named]
    box = HPacker(children=parts, pad=0, sep=4)
    where = AnnotationBbox(
        box, (0, place), xybox=(-5, -10), xycoords=("axes fraction", "data"), boxcoords="offset points",
        box_alignment=(1, 0.5), frameon=False, pad=0, annotation_clip=False,
    )  # fmt: skip
    ax.add_artist(where)


def _scale(ax: Axes, missing: bool) -> None:
    figure = ax.get_figure()
    assert figure is not None
    bar = figure.colorbar(ScalarMappable(Normalize(0, 1), scale()), ax=ax, ticks=[0, 1], aspect=30, fraction=0.04, pad=0.02)
    bar.ax.set_yticklabels(["low", "high"])
    bar.set_label("feature value" + (" (grey: missing)" if missing else ""), labelpad=-12)


def _typical_error(drawn: Drawable) -> str:
    held = [drawn.entries(row).standard_errors for row in range(len(drawn.values))]
    known = [each for each in held if each is not None]
    return f" (median standard error {number(float(np.median(np.concatenate(known))))})" if known else ""
