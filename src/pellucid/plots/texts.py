"""Highlighted text: every word on the colour of its value, as the text was written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.text import Text
from matplotlib.transforms import IdentityTransform

from ..core.errors import InputError
from ..core.features import Features
from ..core.records import Explanation
from .canvas import at_least_one, axes, heading, one_sample
from .entries import Entries, strongest
from .pieces import Piece, pieces
from .reading import Drawable, drawable
from .style import SIGNED, Look, cells, colour_limit

LABELLED = 5
"""Words whose value is written below them."""
LINE = 74
"""About how many columns stand in a line of a figure of its own."""


def text(
    explanation: Explanation,
    *,
    sample: int | None = None,
    top: int = LABELLED,
    ax: Axes | None = None,
) -> Axes:
    """The text with its words highlighted: red where they raise the target, blue where they lower it.

    Parameters
    ----------
    explanation
        What ``pl.explain`` returned, of words or tokens.
    sample
        Which text, where there are several.
    top
        How many words have their value written below them, with its standard error if there is one.
    ax
        Where to draw; by default a new figure. Lines break at its width.

    Returns
    -------
    matplotlib.axes.Axes
        Every word is one of its ``texts``.

    Raises
    ------
    InputError
        Where the values are of no words, or the sample is not there.

    Examples
    --------
    >>> import pellucid as pl
    >>> model = pl.wrap(lambda texts: np.array([[float("good" in each)] for each in texts]))
    >>> e = pl.explain(model, ["A good film."], method="shapley")
    >>> [word.get_text() for word in pl.plots.text(e).texts if word.get_bbox_patch() is not None]
    ['A', 'good', 'film']
    """
    at_least_one(top=top)
    row = one_sample(explanation, sample)
    drawn = drawable(explanation)
    check(drawn)
    with axes(ax, size(drawn.features[row]), (*drawn.texts(), *explanation.target.names)) as ax:
        highlighted(ax, drawn, row, Look(top))
        heading(ax, explanation, row)
    return ax


def size(features: Features) -> tuple[float, float]:
    """Width and height in inches of a figure for a text."""
    lines = sum(1 + cells(line) // LINE for line in "".join(piece.text for piece in pieces(features)).split("\n"))
    return 7.2, 0.36 * lines + 1.55


def check(drawn: Drawable) -> None:
    """Refuse what is no text."""
    if drawn.form != "text":
        raise InputError("these values are of no words or tokens; explain texts, or describe token ids by pl.Features.tokens.")


def highlighted(ax: Axes, drawn: Drawable, sample: int, look: Look) -> None:
    """The words in the axes, and a colour bar below."""
    check(drawn)
    found = drawn.entries(sample)
    values = np.abs(drawn.of_players(sample)) if look.absolute else drawn.of_players(sample)
    sets = len(found.values) - len(values)
    limit = colour_limit(values) or 1.0
    colours, norm = LinearSegmentedColormap.from_list("pellucid", SIGNED), Normalize(-limit, limit)
    labelled = {player for player in strongest(values, look.top).tolist() if values[player]}
    ax.set(xlim=(0, 1), ylim=(0, 1))
    ax.set_axis_off()
    words: list[_Word] = []
    for piece in pieces(drawn.features[sample]):
        shade = None if piece.player is None else colours(norm(values[piece.player]))
        note = _note(found, values, piece.player) if piece.player in labelled else ""
        words += _words(ax, piece, shade, note)
    ax.add_artist(_Flow(words))
    figure = ax.get_figure()
    assert figure is not None
    bar = figure.colorbar(
        ScalarMappable(norm, colours), ax=ax, location="bottom", shrink=0.45, aspect=30, pad=0.02, anchor=(0.0, 1.0)
    )
    label = "|attribution|" if look.absolute else "attribution"
    bar.set_label(label + (f" (pairs of words, not shown: {sets})" if sets else ""), fontsize="small")
    bar.ax.tick_params(labelsize="small")
    bar.outline.set_visible(False)  # pyright: ignore[reportCallIssue, reportAttributeAccessIssue]


def _note(found: Entries, values: np.ndarray, player: int | None) -> str:
    if player is None:
        return ""
    error = None if found.standard_errors is None else found.standard_errors[player]
    return f"{values[player]:+.2g}" + ("" if not error else f" ± {error:.1g}")


@dataclass(frozen=True, eq=False)
class _Word:
    """What never breaks: a text, with a note below it. A line ends behind ``"\\n"``."""

    drawn: Text
    note: Text | None = None


def _words(ax: Axes, piece: Piece, shade: tuple[float, float, float, float] | None, note: str) -> list[_Word]:
    if shade is not None:
        dark = float(np.dot(shade[:3], (0.299, 0.587, 0.114))) < 0.55
        box = {"boxstyle": "round,pad=0.12,rounding_size=0.15", "facecolor": shade, "edgecolor": "none"}
        drawn = ax.text(0, 0, piece.text, color="white" if dark else "black", fontsize=11.5, bbox=box)
        below = ax.text(0, 0, note, color="#444444", fontsize=7) if note else None
        return [_Word(drawn, below)]
    parts = re.findall(r"\n|[^\S\n]+|\S+", piece.text)
    return [_Word(ax.text(0, 0, part, color="black", fontsize=11.5)) for part in parts]


class _Flow(Artist):
    """Puts words in lines when they are drawn: only then is it known how wide the axes, and how wide the words, are."""

    def __init__(self, words: list[_Word]) -> None:
        super().__init__()
        self._words = words
        self.set_in_layout(False)
        for text in (text for word in words for text in (word.drawn, word.note) if text is not None):
            text.set_transform(IdentityTransform())
            text.set_in_layout(False)
            text.set_verticalalignment("baseline")
        self.set_zorder(-1)  # before the words themselves are drawn

    def draw(self, renderer: Any) -> None:
        axes = self.axes
        assert axes is not None
        box = axes.get_window_extent(renderer)
        points = renderer.points_to_pixels(1.0)
        left, right, top, bottom = box.x0 + 3 * points, box.x1 - 3 * points, box.y1, box.y0
        for shrink in (1.0, 0.85, 0.72, 0.6, 0.5, 0.4):
            lowest = self._lay(renderer, left, right, top, points, shrink)
            if lowest >= bottom:
                break

    def _lay(self, renderer: Any, left: float, right: float, top: float, points: float, shrink: float) -> float:
        """Place every word; where the last line ends."""
        line = 23.0 * points * shrink
        x, y = left, top - 15 * points * shrink
        for word in self._words:
            word.drawn.set_fontsize(11.5 * shrink)
            if word.drawn.get_text() == "\n":
                word.drawn.set_visible(False)
                x, y = left, y - line
                continue
            highlighted = word.drawn.get_bbox_patch() is not None
            width = _width(renderer, word.drawn)
            if word.note is not None:
                word.note.set_fontsize(7 * max(shrink, 0.7))
                width = max(width, _width(renderer, word.note) + 2 * points)
            space = not highlighted and not word.drawn.get_text().strip()
            if x + width > right and x > left and not (not highlighted and _width(renderer, word.drawn) < 8 * points):
                x, y = left, y - line
                if space:
                    continue
            word.drawn.set_position((x, y))
            if word.note is not None:
                word.note.set_position((x, y - 9.5 * points * shrink))
            x += width + (1.6 * points if highlighted else 0)
        return y - 12 * points * shrink


def _width(renderer: Any, text: Text) -> float:
    """Width in pixels, spaces at the ends included."""
    held = text.get_text()
    stripped = held.strip()
    spaces = (len(held) - len(stripped)) * 0.3 * float(text.get_fontsize()) * renderer.points_to_pixels(1.0)
    if not stripped:
        return spaces
    text.set_text(stripped)
    box = Text.get_window_extent(text, renderer)
    width = box.width
    text.set_text(held)
    return width + spaces
