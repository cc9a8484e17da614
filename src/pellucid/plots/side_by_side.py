"""Several methods side by side: maps over the picture or bars, with the grade and the scores of each, and how far they agree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.image import AxesImage
from matplotlib.ticker import MaxNLocator

from ..core.errors import InputError
from ..verdict import Comparison
from . import heatmaps, lines
from .canvas import NotebookFigure, at_least_one, in_range
from .entries import strongest
from .fonts import fonts_for
from .grades import COLOURS, MARKS, WORDS
from .reading import Drawable, drawable
from .style import NEGATIVE, POSITIVE, SIGNED, Look, number, wrapped

FIRST = 4
"""Samples that are drawn when none are chosen."""
METRICS = 3
"""Most scores below a panel."""


def methods(
    comparison: Comparison,
    *,
    samples: int | Sequence[int] | None = None,
    names: Sequence[str] | None = None,
    top: int | None = None,
    cell: int | None = None,
) -> Figure:
    """Draw what ``pl.compare`` found: one row per sample, one column per method.

    Maps are each method's own values over the picture, on one signed scale for all samples of the method, whose colour bar
    stands below it. Other values are bars of the same features in the same order, each method with a scale of its own. Below each
    stand its grade, where there is a trust card, and its scores. The last panel is the rank correlation between every two
    methods on their common players, the mean over the samples.

    Parameters
    ----------
    comparison
        What ``pl.compare`` returned.
    samples
        Positions of the samples to draw; by default the first four.
    names
        One name per sample.
    top
        How many features have bars (10), or how many regions their value written on them (none).
    cell
        Side, in pixels, of the squares over which a map of pixels is summed; see ``plot``.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If a sample is not there, or names do not fit.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
    >>> found = pl.compare(net, torch.rand(2, 4), ["shapley", "integrated-gradients"], metrics=["srg"], trust=False)
    >>> figure = pl.plots.methods(found, samples=0)
    >>> [ax.get_title(loc="left") for ax in figure.axes][-1]
    'agreement'
    """
    if not isinstance(comparison, Comparison):
        raise InputError(f"methods() draws what pl.compare returned; got {type(comparison).__name__}.")
    at_least_one(top=top, cell=cell)
    count = comparison.agreement.shape[2]
    rows = _chosen(samples, count)
    if names is not None and len(names) != count:
        raise InputError(f"names= must give one name for each of the {count} samples; got {len(names)}.")
    drawn = {name: drawable(e) for name, e in comparison.explanations.items()}
    first = next(iter(drawn.values()))
    forms = {each.form for each in drawn.values()}
    maps = forms == {"map"}
    pictures = maps and first.pictures is not None
    with fonts_for(_texts(comparison, drawn, names)):
        widths = [2.5] * pictures + [2.5 if maps else 3.6] * len(drawn) + [0.55 * len(drawn) + 1.7]
        height = 3.0 if maps else 2.9 if forms == {"series"} else 0.27 * min(top or 10, first.values.shape[1]) + 1.7
        figure = NotebookFigure(figsize=(sum(widths), height * len(rows) + 0.5 * maps))
        figure.set_layout_engine("constrained", h_pad=0.12, w_pad=0.08)
        grid = figure.add_gridspec(
            len(rows) + maps, len(widths), width_ratios=widths, height_ratios=[1] * len(rows) + [0.04] * maps
        )
        for at, row in enumerate(rows):
            title = (names[row] if names else f"sample {row + 1}", next(iter(comparison.explanations.values())).target.names[row])
            _first_of_row(figure, grid, at, drawn, row, title, pictures)
            order = _order(comparison, row, top or 10)
            for column, name in enumerate(drawn):
                ax = figure.add_subplot(grid[at, column + pictures])
                if maps:
                    _map(figure, ax, grid, drawn[name], row, rows, Look(top or 0, cell), at, column + pictures)
                elif forms == {"series"}:
                    lines.timeline(ax, drawn[name], row, Look(top or 10))
                else:
                    _bars(ax, comparison, name, drawn, row, order, labelled=column == 0)
                above = [] if pictures or column else [f"{title[0]}: {wrapped(title[1], 36)}"]
                ax.set_title("\n".join([*above, *([name] if at == 0 else [])]), fontsize="medium", loc="left")
                _scores(ax, comparison, name, row, 5 if maps else 20 if forms != {"series"} else 32)
        _agreement(figure.add_subplot(grid[: len(rows), -1]), comparison, rows)
        if samples is None and len(rows) < count:
            figure.suptitle(f"first {len(rows)} of {count} samples", fontsize="small")
        return figure


def _chosen(samples: int | Sequence[int] | None, count: int) -> list[int]:
    asked = range(min(FIRST, count)) if samples is None else [samples] if isinstance(samples, int) else list(samples)
    rows = [in_range(row, count, "samples") for row in asked]
    if not rows:
        raise InputError("samples= is empty: name at least one sample to draw.")
    return rows


def _first_of_row(
    figure: Figure,
    grid: GridSpec,
    at: int,
    drawn: dict[str, Drawable],
    row: int,
    title: tuple[str, str],
    pictures: bool,
) -> None:
    if pictures:
        ax = figure.add_subplot(grid[at, 0])
        heatmaps.photo(ax, next(iter(drawn.values())), row)
        ax.set_title(title[0], fontsize="medium", loc="left")
        ax.text(0, -0.04, wrapped(title[1], 30), transform=ax.transAxes, fontsize="small", va="top")


def _map(
    figure: Figure, ax: Axes, grid: GridSpec, drawn: Drawable, row: int, rows: Sequence[int], look: Look, at: int, column: int
) -> None:
    """A map on the scale of its method; below the last one, its colours."""
    limit = max(heatmaps.squares(drawn, each, look)[2] for each in rows) or 1.0
    colours = heatmaps.colour_map(ax, drawn, row, Look(look.top, look.cell, limit=limit), bar=False)
    if at == len(rows) - 1:
        bar = figure.colorbar(colours, cax=figure.add_subplot(grid[len(rows), column]), orientation="horizontal")
        bar.set_ticks([-limit, 0, limit], labels=[number(-limit), "0", number(limit)], fontsize="x-small")


def _order(comparison: Comparison, row: int, top: int) -> np.ndarray:
    """The players with the largest shares of ``|values|``, the mean over the methods."""
    shares = [np.abs(values[row]) / (np.abs(values[row]).sum() or 1.0) for values in comparison.players.values()]
    return strongest(np.nan_to_num(np.mean(shares, axis=0)), top)


def _bars(
    ax: Axes, comparison: Comparison, name: str, drawn: dict[str, Drawable], row: int, order: np.ndarray, labelled: bool
) -> None:
    """Bars of the common players, alike in all panels of a row."""
    values = comparison.players[name][row]
    shown = values[order]
    places = np.arange(len(order))
    ax.barh(places, shown, color=[POSITIVE if value > 0 else NEGATIVE for value in shown], height=0.7)
    ax.axvline(0, color="black", linewidth=0.8)
    ax.set_yticks(places, [wrapped(label, 28) for label in _labels(drawn, row, order, len(values))] if labelled else [])
    ax.set_ylim(max(len(places), 3) - 0.4, -0.6)
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.tick_params(axis="y", length=0)
    ax.tick_params(axis="x", labelsize="x-small")
    ax.xaxis.set_major_locator(MaxNLocator(4))


def _labels(drawn: dict[str, Drawable], row: int, order: np.ndarray, count: int) -> list[str]:
    """Names of the common players: from a method whose values are of them, those with names of their own first."""
    known = [each.entries(row) for each in drawn.values() if each.form in ("bars", "text") and each.entries(row).names]
    players = [each.players[row] for each in drawn.values() if each.players and each.form != "pairs"]
    for entries in (*players, *known):
        if len(entries.names) >= min(count, int(order.max(initial=0)) + 1):
            return [entries.label(at) for at in order.tolist()]
    return [f"player {at}" for at in order.tolist()]


def _scores(ax: Axes, comparison: Comparison, name: str, row: int, drop: float) -> None:
    """The grade with its mark, and the first scores, so many points below a panel."""
    told = [f"{metric} {number(float(score.values[row]))}" for metric, score in list(comparison.scores[name].items())[:METRICS]]
    below: dict[str, Any] = {"xycoords": "axes fraction", "textcoords": "offset points", "va": "top"}
    if name in comparison.cards:
        grade = comparison.cards[name].grades[row]
        said = f"{MARKS[grade]} {WORDS[grade]}"
        ax.annotate(said, (0, 0), xytext=(0, -drop), fontsize="medium", fontweight="bold", color=COLOURS[grade], **below)
        drop += 14
    ax.annotate("\n".join(told), (0, 0), xytext=(0, -drop), fontsize="small", linespacing=1.25, **below)


def _agreement(ax: Axes, comparison: Comparison, rows: Sequence[int]) -> None:
    """Mean rank correlation between every two methods, with its number."""
    held = comparison.agreement[:, :, list(rows)]
    known = ~np.isnan(held)
    mean = np.where(known.any(axis=2), np.where(known, held, 0).sum(axis=2) / np.maximum(known.sum(axis=2), 1), np.nan)
    colours = LinearSegmentedColormap.from_list("pellucid", SIGNED)
    image: AxesImage = ax.imshow(mean, cmap=colours, vmin=-1.6, vmax=1.6)
    image.set_alpha(np.nan_to_num(np.abs(mean)).clip(0, 1) * 0.85)
    for (down, across), value in np.ndenumerate(mean):
        ax.text(across, down, "?" if np.isnan(value) else f"{value:.2f}", ha="center", va="center", fontsize="small")
    places = range(len(comparison.names))
    ax.set_xticks(places, [wrapped(name, 14) for name in comparison.names], rotation=40, ha="right", fontsize="small")
    ax.set_yticks(places, [wrapped(name, 14) for name in comparison.names], fontsize="small")
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    ax.set_title("agreement", fontsize="medium", loc="left")
    ax.set_anchor("N")


def _texts(comparison: Comparison, drawn: dict[str, Drawable], names: Sequence[str] | None) -> Iterator[str]:
    yield from (*comparison.names, *(names or ()))
    for name, e in comparison.explanations.items():
        yield from e.target.names
        yield from drawn[name].texts()
