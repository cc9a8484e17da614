"""Puts the parts together: one row per sample, with the form that suits the leaf."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..core.errors import InputError
from ..core.records import Explanation
from .bars import bars
from .fonts import fonts_for
from .heatmap import heatmap, photo
from .outputs import outputs
from .reading import Drawable, Form, Names, drawable, output_gradient, output_names
from .series import series
from .style import Look, facts, sample_names

FIRST = 6
"""Samples that are drawn when none are chosen."""


class NotebookFigure(Figure):
    """A figure that shows itself in a notebook: only figures of pyplot, which keeps global state, do so on their own."""

    def _repr_png_(self) -> bytes:
        held = io.BytesIO()
        self.savefig(held, format="png", dpi=110)
        return held.getvalue()


def draw(
    explanation: Explanation,
    *,
    samples: int | Sequence[int] | None,
    leaf: str | None,
    form: Form | None,
    names: Sequence[str] | None,
    features: Names,
    look: Look,
    ax: Axes | None,
) -> Figure:
    """See ``pellucid.plots.plot``."""
    rows = _rows(explanation, samples, ax)
    drawn = drawable(explanation, leaf, form, features)
    titles = sample_names(names, len(explanation))
    with fonts_for(_texts(explanation, drawn, titles)):
        if ax is not None:
            _main(ax, drawn, rows[0], look)
            _head(ax, explanation, rows[0], titles)
            return _root(ax)
        gradient = output_gradient(explanation) is not None
        width = 2.9 * (drawn.pictures is not None) + (3.6 if drawn.form == "map" else 5.4) + 4.8 * gradient
        height = 0.27 * min(look.top, drawn.values.shape[1]) + 1.6 if drawn.form == "bars" else 3.0
        figure = NotebookFigure(
            figsize=(width, height * len(rows)), layout="compressed" if drawn.form == "map" else "constrained"
        )
        widths = [2.9] * (drawn.pictures is not None) + [3.6 if drawn.form == "map" else 5.4] + [2.6, 2.2] * gradient
        grid = figure.subplots(len(rows), len(widths), squeeze=False, width_ratios=widths)
        for axes, row in zip(grid, rows, strict=True):
            _row(list(axes), explanation, drawn, row, look, titles)
        if samples is None and len(rows) < len(explanation):
            figure.suptitle(f"first {len(rows)} of {len(explanation)} samples", fontsize="small")
        return figure


def _row(axes: list[Axes], explanation: Explanation, drawn: Drawable, row: int, look: Look, titles: Sequence[str]) -> None:
    """One sample: photograph, attribution, outputs, as far as there are any."""
    if drawn.pictures is not None:
        photo(axes.pop(0), drawn, row)
    _main(axes[0], drawn, row, look)
    _head(axes[0], explanation, row, titles)
    if output_gradient(explanation) is not None:
        outputs(axes[1], axes[2], explanation, row)


def _main(ax: Axes, drawn: Drawable, row: int, look: Look) -> None:
    if drawn.form == "map":
        heatmap(ax, drawn, row, look)
    elif drawn.form == "series":
        series(ax, drawn, row, look)
    else:
        bars(ax, drawn, row, look)


def _head(ax: Axes, explanation: Explanation, row: int, titles: Sequence[str]) -> None:
    where = f" at {explanation.layer}" if explanation.layer and explanation.over != "input" else ""
    ax.set_title(
        f"{titles[row]}: {explanation.target.names[row]}\n{explanation.method}{where}\n{facts(explanation, row)}",
        fontsize="medium",
        loc="left",
    )


def _rows(explanation: Explanation, samples: int | Sequence[int] | None, ax: Axes | None) -> list[int]:
    count = len(explanation)
    chosen = range(min(FIRST, count)) if samples is None else samples
    rows = [chosen] if isinstance(chosen, int) else list(chosen)
    for row in rows:
        if not -count <= row < count:
            raise InputError(f"samples={row} is outside the explanation, which holds {count} (0 to {count - 1}).")
    if not rows:
        raise InputError("samples= is empty: name at least one sample to draw.")
    if ax is not None and len(rows) > 1:
        raise InputError("ax= takes one sample; choose it with samples=.")
    return [row % count for row in rows]


def _texts(explanation: Explanation, drawn: Drawable, titles: Sequence[str]) -> Iterator[str]:
    yield from titles
    yield from explanation.target.names
    yield from drawn.names
    if output_gradient(explanation) is not None:
        yield from output_names(explanation)


def _root(ax: Axes) -> Figure:
    figure = ax.get_figure(root=True)
    assert isinstance(figure, Figure)
    return figure
