"""Explanations as matplotlib figures: bars.py, waterfalls.py, beeswarms.py, heatmaps.py, texts.py, networks.py,
dependences.py, lines.py (series), each with a function that draws into axes; figure.py (``plot``, which chooses);
comparisons.py (two models), side_by_side.py (several methods), cards.py with grades.py (trust), benchmarks.py (methods on
ground truth); canvas.py and outputs.py (what stands around); reading.py, entries.py, pieces.py, graphs.py, columns.py (what
there is to draw); style.py (colours), fonts.py. matplotlib is imported when the first figure is drawn, and pyplot is never
touched.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..core.errors import InputError
from ..core.records import Explanation
from .reading import Names

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .bars import bar
    from .beeswarms import beeswarm
    from .benchmarks import benchmark
    from .cards import card
    from .comparisons import comparison
    from .dependences import dependence
    from .figure import Kind
    from .heatmaps import heatmap
    from .lines import series
    from .networks import network
    from .side_by_side import methods
    from .texts import text
    from .waterfalls import waterfall

__all__ = [
    "bar",
    "beeswarm",
    "benchmark",
    "card",
    "comparison",
    "dependence",
    "heatmap",
    "methods",
    "network",
    "plot",
    "series",
    "text",
    "waterfall",
]

_FILES = {
    "bar": "bars",
    "beeswarm": "beeswarms",
    "benchmark": "benchmarks",
    "card": "cards",
    "comparison": "comparisons",
    "dependence": "dependences",
    "heatmap": "heatmaps",
    "methods": "side_by_side",
    "network": "networks",
    "series": "lines",
    "text": "texts",
    "waterfall": "waterfalls",
}


def __getattr__(name: str) -> Any:
    if name in _FILES:
        return getattr(import_module(f"{__name__}.{_FILES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def plot(
    explanation: Explanation,
    *,
    kind: Kind | None = None,
    samples: int | Sequence[int] | None = None,
    leaf: str | None = None,
    names: Sequence[str] | None = None,
    features: Names = None,
    top: int | None = None,
    cell: int | None = None,
    absolute: bool = False,
    feature: str | int | None = None,
    other: str | int | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Draw an explanation in the way that suits it, or in the way that is named.

    By default: heat maps over pictures, highlighted texts, lines for series, networks for interactions. Tables are waterfalls,
    or bars where the method has no base value; more than six samples at once are a beeswarm.

    What raises the target is red, what lowers it blue, on a scale with zero in the middle; values without a sign run from pale
    to dark. Colours end at the 99.5th percentile of ``|values|``, so that one bright pixel does not hide the rest. Nothing is
    left out: what is not shown is summed and drawn as one. ``output-gradient`` also shows the gradient of every output beside
    the prediction.

    Parameters
    ----------
    explanation
        What ``pl.explain`` returned.
    kind
        ``"bar"`` (of several samples, the mean of ``|values|``), ``"waterfall"``, ``"beeswarm"``, ``"heatmap"``, ``"text"``,
        ``"network"``, ``"dependence"`` or ``"series"``; each is a function of ``pl.plots`` too, which returns the axes.
    samples
        Positions of the samples to draw; by default the first six, or all where all are drawn together.
    leaf
        The attributed leaf to draw, where there are several; by default the first that is a picture, else the first.
    names
        One name per sample of the explanation, file names say.
    features
        Names of the entries of the leaf (or a mapping of leaf to names), where the explanation has none.
    top
        How many features are drawn, or have their value written on them; the rest is summed in one more.
    cell
        Side, in pixels, of the squares over which a map is summed before it is drawn: single pixels of a gradient are hard
        to see. By default a 56th of the width for values over a picture's pixels, and 1 for maps that are smooth already;
        the colour bar says which.
    absolute
        Draw magnitudes. They are taken per pixel (channels summed) and then summed over the squares.
    feature, other
        For ``"dependence"``: the feature, and the one that gives the colours.
    ax
        Draw into these axes instead of a new figure; without ``samples``, the explanation must hold just one, unless samples are
        drawn together.

    Returns
    -------
    matplotlib.figure.Figure
        It shows itself at the end of a notebook cell; elsewhere use ``savefig``.

    Raises
    ------
    InputError
        If a leaf, sample, feature or name is not there, or the values cannot be drawn in the way that is named.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Linear(4, 2)
    >>> e = pl.explain(net, torch.rand(3, 4), method="input-x-gradient")
    >>> figure = e.plot(samples=0, features=["length", "width", "height", "weight"])
    >>> [text.get_text() for text in figure.axes[0].get_yticklabels()][-1] != ""
    True
    """
    if not isinstance(explanation, Explanation):
        raise InputError(f"plot() draws an Explanation, as pl.explain returns it; got {type(explanation).__name__}.")
    from .canvas import at_least_one  # noqa: PLC0415, matplotlib starts here
    from .figure import draw  # noqa: PLC0415

    at_least_one(top=top, cell=cell)
    return draw(
        explanation,
        kind=kind,
        samples=samples,
        leaf=leaf,
        names=names,
        features=features,
        top=top,
        cell=cell,
        absolute=absolute,
        feature=feature,
        other=other,
        ax=ax,
    )
