"""Puts the parts together: one row per sample, with the kind of drawing that suits the values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, get_args

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..core.errors import InputError, nearest
from ..core.records import Explanation
from . import bars, beeswarms, dependences, heatmaps, lines, networks, texts, waterfalls
from .canvas import NotebookFigure, figure_of, heading, in_range
from .fonts import fonts_for
from .outputs import outputs
from .reading import Drawable, Form, Names, drawable, output_gradient, output_names
from .style import Look, sample_names

Kind = Literal["bar", "waterfall", "beeswarm", "heatmap", "text", "network", "dependence", "series"]
"""What ``plot`` draws."""

FORMS: dict[str, Form] = {"bar": "bars", "waterfall": "bars", "heatmap": "map", "series": "series"}
"""The form in which each kind of drawing of a single sample wants the values; others take them as they are."""

TOP = {"heatmap": heatmaps.MARKED, "text": texts.LABELLED, "network": networks.NODES}
"""How much is shown where 12 is not usual."""

FIRST = 6
"""Samples that are drawn when none are chosen."""


def draw(
    explanation: Explanation,
    *,
    kind: Kind | None,
    samples: int | Sequence[int] | None,
    leaf: str | None,
    names: Sequence[str] | None,
    features: Names,
    top: int | None,
    cell: int | None,
    absolute: bool,
    feature: str | int | None,
    other: str | int | None,
    ax: Axes | None,
) -> Figure:
    """See ``pellucid.plots.plot``."""
    if kind is not None and kind not in get_args(Kind):
        kinds = get_args(Kind)
        raise InputError(f"kind= must be one of {', '.join(map(repr, kinds))}; got {kind!r}.{nearest(str(kind), kinds)}")
    chosen = kind or usual(explanation, leaf, samples, feature)
    if chosen != "dependence" and (feature, other) != (None, None):
        raise InputError(f"feature= and other= are for kind='dependence'; this is {chosen!r}.")
    most = top or TOP.get(chosen, 12)
    if chosen in ("beeswarm", "dependence"):
        if samples is not None:
            explanation = _some(explanation, samples)
        if chosen == "beeswarm":
            return figure_of(beeswarms.beeswarm(explanation, top=most, leaf=leaf, features=features, ax=ax))
        if feature is None:
            raise InputError("dependence draws one feature: name it, feature=.")
        one = dependences.dependence(explanation, feature, other=other, leaf=leaf, features=features, ax=ax)
        return figure_of(one)
    if kind == "bar" and samples is None and len(explanation) > 1:
        return figure_of(bars.bar(explanation, top=most, absolute=absolute, leaf=leaf, features=features, ax=ax))
    return _rows(explanation, chosen, samples, leaf, names, features, Look(most, cell, absolute), ax)


def usual(explanation: Explanation, leaf: str | None, samples: int | Sequence[int] | None, feature: str | int | None) -> Kind:
    """The kind of drawing that suits the values: by what they are of, and of how many samples."""
    if feature is not None:
        return "dependence"
    form = drawable(explanation, leaf).form
    if form != "bars":
        kinds: dict[Form, Kind] = {"map": "heatmap", "series": "series", "text": "text", "pairs": "network"}
        return kinds[form]
    shared = explanation.features is None or not isinstance(explanation.features, tuple)
    if samples is None and len(explanation) > FIRST and shared:
        return "beeswarm"
    sums = explanation.base_value is not None and len(explanation.leaves) == 1 and explanation.over in ("input", "players")
    return "waterfall" if sums else "bar"


def _rows(
    explanation: Explanation,
    kind: Kind,
    samples: int | Sequence[int] | None,
    leaf: str | None,
    names: Sequence[str] | None,
    features: Names,
    look: Look,
    ax: Axes | None,
) -> Figure:
    rows = _chosen(explanation, samples, ax)
    if kind == "waterfall":
        waterfalls.check(explanation)
    drawn = drawable(explanation, leaf, FORMS.get(kind), features)
    titles = sample_names(names, len(explanation))
    with fonts_for(_texts(explanation, drawn, titles)):
        if ax is not None:
            _main(ax, explanation, kind, drawn, rows[0], look)
            heading(ax, explanation, rows[0], titles[rows[0]])
            return figure_of(ax)
        pictures = kind == "heatmap" and drawn.pictures is not None
        gradient = output_gradient(explanation) is not None
        sizes = [_size(kind, drawn, row, look) for row in rows]
        widths = [2.9] * pictures + [max(width for width, _ in sizes)] + [2.6, 2.2] * gradient
        heights = [height for _, height in sizes]
        figure = NotebookFigure(figsize=(sum(widths), sum(heights)), layout="compressed" if kind == "heatmap" else "constrained")
        grid = figure.subplots(len(rows), len(widths), squeeze=False, width_ratios=widths, height_ratios=heights)
        for panels, row in zip(grid, rows, strict=True):
            panel = list(panels)
            if pictures:
                heatmaps.photo(panel.pop(0), drawn, row)
            _main(panel[0], explanation, kind, drawn, row, look)
            heading(panel[0], explanation, row, titles[row])
            if gradient:
                outputs(panel[1], panel[2], explanation, row)
        if samples is None and len(rows) < len(explanation):
            figure.suptitle(f"first {len(rows)} of {len(explanation)} samples", fontsize="small")
        return figure


def _size(kind: Kind, drawn: Drawable, row: int, look: Look) -> tuple[float, float]:
    """Width and height in inches of one sample's panel."""
    if kind == "heatmap":
        return 3.8, 3.0 + 0.4 * bool(drawn.players)
    if kind == "series":
        return 6.0, 3.0
    if kind == "text":
        texts.check(drawn)
        return texts.size(drawn.features[row])
    if kind == "network":
        return networks.SIZE
    count = len(drawn.entries(row).values)
    return waterfalls.size(count, look.top) if kind == "waterfall" else bars.size(count, look.top)


def _main(ax: Axes, explanation: Explanation, kind: Kind, drawn: Drawable, row: int, look: Look) -> None:
    if kind == "heatmap":
        heatmaps.colour_map(ax, drawn, row, look)
    elif kind == "series":
        lines.timeline(ax, drawn, row, look)
    elif kind == "text":
        texts.highlighted(ax, drawn, row, look)
    elif kind == "network":
        networks.circle(ax, networks.graph(explanation, drawn, row), look)
    elif kind == "waterfall":
        waterfalls.steps(ax, explanation, drawn, row, look)
    else:
        bars.bars(ax, drawn, row, look)


def _chosen(explanation: Explanation, samples: int | Sequence[int] | None, ax: Axes | None) -> list[int]:
    count = len(explanation)
    chosen = range(min(FIRST, count)) if samples is None else samples
    rows = [in_range(row, count, "samples") for row in ([chosen] if isinstance(chosen, int) else chosen)]
    if not rows:
        raise InputError("samples= is empty: name at least one sample to draw.")
    if ax is not None and len(rows) > 1:
        raise InputError("ax= takes one sample; choose it with samples=.")
    return rows


def _some(explanation: Explanation, samples: int | Sequence[int]) -> Explanation:
    """The samples that are chosen, where they stand beside each other."""
    if isinstance(samples, int):
        raise InputError("a drawing of many samples takes none, or several: samples=range(50).")
    rows = _chosen(explanation, samples, None)
    if rows != list(range(rows[0], rows[-1] + 1)):
        raise InputError("samples= must be a range without gaps for a drawing of many samples: samples=range(50).")
    return explanation[rows[0] : rows[-1] + 1]


def _texts(explanation: Explanation, drawn: Drawable, titles: Sequence[str]) -> Iterator[str]:
    yield from titles
    yield from explanation.target.names
    yield from drawn.texts()
    if output_gradient(explanation) is not None:
        yield from output_names(explanation)
