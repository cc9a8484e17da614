"""Two models side by side: the map of each on one scale and their difference, or bars in pairs, beside the outputs of both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..core.errors import InputError
from ..verdict import ModelComparison
from . import heatmaps
from .canvas import NotebookFigure, at_least_one, in_range
from .entries import Entries, strongest
from .fonts import fonts_for
from .reading import Drawable, drawable
from .style import NEUTRAL, Look, number, percent, wrapped

FIRST = 4
"""Samples that are drawn when none are chosen."""
COLOURS = ("#3b528b", "#d58a00")
"""One for each model; neither stands for a sign."""


def comparison(
    found: ModelComparison,
    *,
    samples: int | Sequence[int] | None = None,
    leaf: str | None = None,
    top: int | None = None,
    cell: int | None = None,
) -> Figure:
    """Draw what ``pl.compare_models`` found, one row per sample.

    Maps lie over the picture, one for each model and one for the difference, all on one scale; other values are bars in pairs,
    largest first, with whiskers of one standard error. The last panel has one point for each output: what the models agree on
    lies on the diagonal.

    Parameters
    ----------
    found
        What ``pl.compare_models`` returned.
    samples
        Positions of the samples to draw; by default the four that agree least.
    leaf
        The attributed leaf to draw, where there are several.
    top
        How many features have bars (12), or how many regions their value written on them (3).
    cell
        Side, in pixels, of the squares over which a map of pixels is summed; see ``plot``.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If a sample or a leaf is not there.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Linear(4, 2)
    >>> figure = pl.plots.comparison(pl.compare_models(net, net, torch.rand(3, 4)))
    >>> len(figure.axes)
    6
    """
    if not isinstance(found, ModelComparison):
        raise InputError(f"comparison() draws what pl.compare_models returned; got {type(found).__name__}.")
    at_least_one(top=top, cell=cell)
    rows = _chosen(found, samples)
    drawn = [drawable(each, leaf) for each in (found.trained, found.deployed, found.change)]
    maps = drawn[0].form == "map"
    if not maps:
        drawn = [drawable(each, leaf, None if each.features is not None else "bars") for each in (found.trained, found.deployed)]
    with fonts_for(_texts(found, drawn)):
        pictures = maps and drawn[0].pictures is not None
        widths = [2.6] * pictures + ([3.3] * 3 if maps else [6.4]) + [3.2]
        height = 3.2 if maps else max(0.38 * min(top or 12, _most(drawn[0])) + 1.5, 3.2)
        figure = NotebookFigure(figsize=(sum(widths), height * len(rows)), layout="compressed" if maps else "constrained")
        grid = figure.subplots(len(rows), len(widths), squeeze=False, width_ratios=widths)
        for panels, row in zip(grid, rows, strict=True):
            panel = list(panels)
            if pictures:
                heatmaps.photo(panel[0], drawn[0], row)
                _title(panel.pop(0), found.name_of(row), found.trained.target.names[row])
            if maps:
                _maps(panel, found, drawn, row, Look(top or heatmaps.MARKED, cell))
            else:
                _pairs(panel[0], found, drawn, row, top or 12)
            _outputs(panel[-1], found, row)
        if samples is None and len(rows) < len(found):
            figure.suptitle(f"the {len(rows)} of {len(found)} samples that agree least", fontsize="small")
        return figure


def _chosen(found: ModelComparison, samples: int | Sequence[int] | None) -> list[int]:
    asked = found.order[:FIRST] if samples is None else [samples] if isinstance(samples, int) else list(samples)
    rows = [in_range(row, len(found), "samples") for row in asked]
    if not rows:
        raise InputError("samples= is empty: name at least one sample to draw.")
    return rows


def _maps(panels: Sequence[Axes], found: ModelComparison, drawn: Sequence[Drawable], row: int, look: Look) -> None:
    """Both maps and the difference, on the scale of the stronger map."""
    limit = max(heatmaps.squares(each, row, look)[2] for each in drawn[:2]) or 1.0
    shared = Look(look.top, look.cell, limit=limit)
    for panel, each in zip(panels, drawn, strict=False):
        heatmaps.colour_map(panel, each, row, shared)
    for panel, name, each in zip(panels, found.names, (found.trained, found.deployed), strict=False):
        error = "" if each.error is None else f" · error {percent(float(each.error[row]))}"
        _title(panel, name, f"target {number(float(each.value[row]))}{error}")
    _title(panels[2], f"{found.names[1]} less {found.names[0]}", *_agreement(found, row))


def _pairs(ax: Axes, found: ModelComparison, drawn: Sequence[Drawable], row: int, top: int) -> None:
    """One bar of each model for every one of the strongest entries."""
    entries = [each.entries(row) for each in drawn]
    values = np.stack([each.values for each in entries])
    chosen = strongest(np.abs(values).max(axis=0), top)
    places = np.arange(len(chosen))
    for at, (each, name, colour) in enumerate(zip(entries, found.names, COLOURS, strict=True)):
        ax.barh(
            places + (at - 0.5) * 0.38,
            each.values[chosen],
            height=0.36,
            color=colour,
            label=name,
            xerr=_whiskers(each, chosen),
            error_kw={"linewidth": 1, "capsize": 2},
        )
    ax.axvline(0, color="black", linewidth=0.8)
    ax.set_yticks(places, [wrapped(entries[0].label(at), 30) for at in chosen.tolist()])
    ax.set_ylim(max(len(places), 3) - 0.4, -0.6)
    rest = values.shape[1] - len(chosen)
    ax.set_xlabel("attribution" + (f" ({rest} smaller ones not shown)" if rest else ""))
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.tick_params(axis="y", length=0)
    ax.legend(fontsize="small", frameon=False)
    _title(ax, f"{found.name_of(row)}: {found.trained.target.names[row]}", *_agreement(found, row))


def _whiskers(entries: Entries, chosen: np.ndarray) -> np.ndarray | None:
    errors = entries.standard_errors
    return None if errors is None or not np.nan_to_num(errors).any() else errors[chosen]


def _outputs(ax: Axes, found: ModelComparison, row: int) -> None:
    """Every output of one sample: what the first model says across, what the second says upwards."""
    across, up = (np.asarray(each[row], np.float64).reshape(-1) for each in (found.outputs.one, found.outputs.other))
    ends = min(across.min(), up.min()), max(across.max(), up.max())
    ax.plot(ends, ends, color=NEUTRAL, linewidth=0.8, zorder=1)
    ax.scatter(across, up, s=14, color="black", alpha=0.5 if len(across) > 20 else 0.9, linewidths=0, zorder=2)
    ax.set_aspect("equal", adjustable="datalim")
    kind = {"logits": "logits", "probabilities": "probabilities"}.get(found.outputs.kind, "outputs")
    ax.set_xlabel(f"{kind} of {found.names[0]}")
    ax.set_ylabel(f"{kind} of {found.names[1]}")
    ax.spines[["top", "right"]].set_visible(False)
    if found.outputs.predicted is None:
        _title(ax, f"largest difference {number(float(found.outputs.largest[row]))}")
        return
    classes = [int(each[row]) for each in found.outputs.predicted]
    for index, side in zip(dict.fromkeys(classes), (-1, 1), strict=False):
        at = min(index, len(across) - 1)
        ax.annotate(
            found.class_name(index),
            (across[at], up[at]),
            xytext=(4 * side, -4 * side),
            textcoords="offset points",
            ha="right" if side < 0 else "left",
            va="bottom" if side < 0 else "top",
            fontsize="small",
        )
    named = [wrapped(found.class_name(index), 26) for index in classes]
    said = f"both predict {named[0]}" if classes[0] == classes[1] else f"{named[0]}\nbecame {named[1]}"
    _title(ax, said, f"largest difference {number(float(found.outputs.largest[row]))}")


def _agreement(found: ModelComparison, row: int) -> list[str]:
    """How far the explanations of one sample agree, in lines."""
    if found.identical[row]:
        return ["equal, number by number"]
    held = found.agreement
    told = [f"rank correlation {number(float(held.rank_correlation[row]))} · differ by {percent(float(held.difference[row]))}"]
    if found.noise is not None and found.noise_from != "exact":
        told.append(f"estimates' own error {percent(float(found.noise[row]))}")
    return told


def _title(ax: Axes, *lines: str) -> None:
    ax.set_title("\n".join(lines), fontsize="small", loc="left")


def _most(drawn: Drawable) -> int:
    return max((len(drawn.entries(row).values) for row in range(len(drawn.values))), default=1)


def _texts(found: ModelComparison, drawn: Sequence[Drawable]) -> Iterator[str]:
    yield from (*found.names, *(found.sample_names or ()), *found.trained.target.names, *drawn[0].texts())
    for classes in found.outputs.predicted or ():
        yield from (found.class_name(int(index)) for index in classes)
