"""Heat maps: a map over its picture, transparent where nothing is, with a colour bar; borders where it is made of regions."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator

from ..core.errors import InputError
from ..core.records import Explanation
from .canvas import at_least_one, axes, heading, one_sample
from .entries import strongest
from .reading import Drawable, borders, drawable, summed
from .style import SIGNED, UNSIGNED, Look, colour_limit, floor_of, number

MARKED = 3
"""Regions whose value is written on them."""

_GREY = np.array([0.299, 0.587, 0.114])


def heatmap(
    explanation: Explanation,
    *,
    sample: int | None = None,
    top: int = MARKED,
    cell: int | None = None,
    absolute: bool = False,
    leaf: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """A map over the picture: of pixels, positions, or regions, whose borders are drawn.

    A region has the colour of its whole value, whatever its size. Colours end at the 99.5th percentile of ``|values|``.

    Parameters
    ----------
    explanation
        What ``pl.explain`` returned.
    sample
        Which sample, where there are several.
    top
        How many of the strongest regions have their value written on them.
    cell
        Side, in pixels, of the squares over which a map of pixels is summed; see ``plot``.
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
        Where the values have no two axes to be drawn over, or the sample is not there.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.LazyLinear(2))
    >>> x = torch.rand(1, 3, 16, 16)
    >>> e = pl.explain(net, x, method="shapley", features=pl.Features.grid((3, 16, 16), cell=8), target=0)
    >>> ax = pl.plots.heatmap(e)
    >>> bool((ax.images[1].get_array()[:8, :8] == e.values[0, 0]).all())
    True
    """
    at_least_one(top=top, cell=cell)
    row = one_sample(explanation, sample)
    drawn = drawable(explanation, leaf, "map")
    with axes(ax, (4.6, 4.2), explanation.target.names) as ax:
        colour_map(ax, drawn, row, Look(top, cell, absolute))
        heading(ax, explanation, row)
    return ax


def photo(ax: Axes, drawn: Drawable, sample: int) -> None:
    """The picture alone, as the model saw it."""
    assert drawn.pictures is not None
    ax.imshow(drawn.pictures[sample])
    ax.set_axis_off()


def colour_map(ax: Axes, drawn: Drawable, sample: int, look: Look, bar: bool = True) -> ScalarMappable:
    """The map, over the picture in grey if there is one: the stronger the value, the less of the picture is left.

    Its colours are what comes back; ``bar`` draws them beside it.
    """
    plane, shown = drawn.plane(sample), drawn.painted(sample).shape
    values, cell, own = squares(drawn, sample, look)
    limit = look.limit or own or 1.0
    signed = look.limit is not None or bool((values < 0).any())
    colours = LinearSegmentedColormap.from_list("pellucid", SIGNED if signed else UNSIGNED)
    low = 0.0 if signed or plane is not None else floor_of(values)
    norm = Normalize(-limit if signed else low, limit)
    if drawn.pictures is None:
        ax.imshow(values, cmap=colours, norm=norm, aspect="auto", interpolation="nearest")
        ax.set(xlabel="second axis", ylabel="first axis")
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_locator(MaxNLocator(integer=True))
    else:
        height, width = drawn.pictures.shape[1:3]
        ax.imshow(drawn.pictures[sample] @ _GREY, cmap="gray", vmin=0, vmax=255)
        ax.imshow(
            values,
            cmap=colours,
            norm=norm,
            alpha=np.clip((np.abs(values) - low) / (limit - low or 1.0), 0, 1) ** 0.6 * 0.9,
            extent=_extent(height, width, shown, values.shape, cell),
            interpolation="nearest" if plane is not None or values.shape[1] < width / 2 else "auto",
        )
        ax.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
        ax.set_axis_off()
    if plane is not None:
        ax.add_collection(LineCollection(borders(plane), colors="white", linewidths=0.6, alpha=0.75))
        _mark(ax, drawn, sample, plane, look)
    scale = ScalarMappable(norm, colours)
    if bar:
        _bar(ax, scale, _label(drawn, sample, look, cell), bool((np.abs(values) > limit).any()), signed)
    return scale


def squares(drawn: Drawable, sample: int, look: Look) -> tuple[np.ndarray, int, float]:
    """What is drawn of a map: sums over squares, the side of those, and the magnitude at which its own colours would end."""
    plane = drawn.plane(sample)
    if plane is not None and look.cell is not None:
        raise InputError("cell= sums the pixels of a map; these values are of regions, which are drawn as they are.")
    values = drawn.painted(sample)
    if look.absolute:
        values = np.abs(values)
    cell = look.cell or (1 if drawn.smooth or drawn.pictures is None else max(1, round(values.shape[1] / 56)))
    values = summed(values, cell)
    return values, cell, colour_limit(values if plane is None else drawn.of_players(sample))


def _mark(ax: Axes, drawn: Drawable, sample: int, plane: np.ndarray, look: Look) -> None:
    """Values written on the strongest regions, at the pixel of theirs that is nearest to their middle."""
    values = np.abs(drawn.of_players(sample)) if look.absolute else drawn.of_players(sample)
    for player in strongest(values, look.top).tolist():
        if values[player] == 0:
            continue
        places = np.argwhere(plane == player)
        y, x = places[np.abs(places - places.mean(axis=0)).sum(axis=1).argmin()].tolist()
        halo = [withStroke(linewidth=2, foreground="white")]
        ax.text(x, y, f"{values[player]:+.2g}", ha="center", va="center", fontsize="small", color="black", path_effects=halo)


def _label(drawn: Drawable, sample: int, look: Look, cell: int) -> str:
    label = "|attribution|" if look.absolute else "attribution"
    if drawn.plane(sample) is None:
        return label + (f", {cell} × {cell} px" if cell > 1 else "")
    errors = drawn.players[sample].standard_errors
    middle = "" if errors is None else f"\n(median standard error {number(float(np.median(errors)))})"
    sets = len(drawn.players[sample].values) - len(drawn.features[sample])
    return f"{label} of a region{middle}" + (f"\n(pairs of regions, not shown: {sets})" if sets else "")


def _bar(ax: Axes, colours: ScalarMappable, label: str, clipped: bool, signed: bool) -> None:
    assert isinstance(colours.cmap, Colormap)
    figure = ax.get_figure()
    assert figure is not None
    extend = "neither" if not clipped else "both" if signed else "max"
    figure.colorbar(colours, ax=ax, label=label, extend=extend, shrink=0.9)


def _extent(
    height: int, width: int, source: tuple[int, ...], cells: tuple[int, ...], cell: int
) -> tuple[float, float, float, float]:
    """Where the cells lie over the picture; squares cut at the far edges reach beyond it."""
    down, across = (size * cell * count / whole for size, count, whole in zip((height, width), cells, source, strict=True))
    return (-0.5, across - 0.5, down - 0.5, -0.5)
