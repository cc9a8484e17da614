"""Heat maps: a map over its picture, transparent where nothing is, with a colour bar."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize

from .reading import Drawable, summed
from .style import SIGNED, UNSIGNED, Look, colour_limit

_GREY = np.array([0.299, 0.587, 0.114])


def photo(ax: Axes, drawn: Drawable, sample: int) -> None:
    """The picture alone, as the model saw it."""
    assert drawn.pictures is not None
    ax.imshow(drawn.pictures[sample])
    ax.set_axis_off()


def heatmap(ax: Axes, drawn: Drawable, sample: int, look: Look) -> None:
    """The map, over the picture in grey if there is one: the stronger the value, the less of the picture is left."""
    values = drawn.values[sample]
    if look.absolute:
        values = np.abs(values)
    cell = look.cell or (1 if drawn.smooth or drawn.pictures is None else max(1, round(values.shape[1] / 56)))
    shown = drawn.values.shape[1:]
    values = summed(values, cell)
    limit = colour_limit(values) or 1.0
    signed = bool((values < 0).any())
    colours = LinearSegmentedColormap.from_list("pellucid", SIGNED if signed else UNSIGNED)
    norm = Normalize(-limit if signed else 0, limit)
    if drawn.pictures is None:
        ax.imshow(values, cmap=colours, norm=norm, aspect="auto", interpolation="nearest")
        ax.set(xlabel="second axis", ylabel="first axis")
    else:
        height, width = drawn.pictures.shape[1:3]
        ax.imshow(drawn.pictures[sample] @ _GREY, cmap="gray", vmin=0, vmax=255)
        ax.imshow(
            values,
            cmap=colours,
            norm=norm,
            alpha=np.clip(np.abs(values) / limit, 0, 1) ** 0.6 * 0.9,
            extent=_extent(height, width, shown, values.shape, cell),
            interpolation="nearest" if values.shape[1] < width / 2 else "auto",
        )
        ax.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
        ax.set_axis_off()
    clipped = bool((np.abs(values) > limit).any())
    figure = ax.get_figure()
    assert figure is not None
    label = ("|attribution|" if look.absolute else "attribution") + (f", {cell} × {cell} px" if cell > 1 else "")
    extend = "neither" if not clipped else "both" if signed else "max"
    figure.colorbar(ScalarMappable(norm, colours), ax=ax, label=label, extend=extend, shrink=0.9)


def _extent(
    height: int, width: int, source: tuple[int, ...], cells: tuple[int, ...], cell: int
) -> tuple[float, float, float, float]:
    """Where the cells lie over the picture; squares cut at the far edges reach beyond it."""
    down, across = (size * cell * count / whole for size, count, whole in zip((height, width), cells, source, strict=True))
    return (-0.5, across - 0.5, down - 0.5, -0.5)
