"""What every figure is drawn on, and its heading."""

from __future__ import annotations

import io
from collections.abc import Generator, Iterable
from contextlib import contextmanager

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..core.errors import InputError
from ..core.records import Explanation
from .fonts import fonts_for
from .style import facts, wrapped


class NotebookFigure(Figure):
    """A figure that shows itself in a notebook: only figures of pyplot, which keeps global state, do so on their own."""

    def _repr_png_(self) -> bytes:
        held = io.BytesIO()
        self.savefig(held, format="png", dpi=110)
        return held.getvalue()


@contextmanager
def axes(ax: Axes | None, size: tuple[float, float], texts: Iterable[str]) -> Generator[Axes]:
    """The axes that were given, or those of a new figure of this size in inches; texts made inside find their characters."""
    with fonts_for(texts):
        yield NotebookFigure(figsize=size, layout="constrained").subplots() if ax is None else ax


def one_sample(explanation: Explanation, sample: int | None) -> int:
    """The sample that is drawn: the one named, or the only one."""
    count = len(explanation)
    if sample is None:
        if count == 1:
            return 0
        raise InputError(f"the explanation holds {count} samples; choose one: sample=0 to sample={count - 1}.")
    return in_range(sample, count, "sample")


def in_range(sample: int, count: int, argument: str) -> int:
    """A position from the start."""
    if not -count <= sample < count:
        raise InputError(f"{argument}={sample} is outside the explanation, which holds {count} (0 to {count - 1}).")
    return sample % count


def at_least_one(**given: int | None) -> None:
    """Refuse counts below 1."""
    for name, count in given.items():
        if count is not None and count < 1:
            raise InputError(f"{name}= must be at least 1; got {count}.")


def heading(ax: Axes, explanation: Explanation, sample: int | None, name: str = "") -> None:
    """Above the axes: which sample and target, by what method, what is known of the values, what "removed" meant.

    Without a sample, of all of them.
    """
    where = f" at {explanation.layer}" if explanation.layer and explanation.over != "input" else ""
    if sample is None:
        first = f"{len(explanation)} samples: {explanation.target}"
    else:
        first = f"{name or f'sample {sample + 1}'}: {explanation.target.names[sample]}"
    lines = [first, f"{explanation.method}{where}"]
    if sample is not None:
        lines.append(facts(explanation, sample))
    if explanation.removal is not None:
        lines.append(f"removed: {explanation.removal}")
    ax.set_title("\n".join(wrapped(line, _room(ax)) for line in lines), fontsize="medium", loc="left")


def figure_of(ax: Axes) -> Figure:
    """The whole figure that axes stand in."""
    figure = ax.get_figure(root=True)
    assert isinstance(figure, Figure)
    return figure


def _room(ax: Axes) -> int:
    """About how many columns of a title fit over the axes and what stands beside them."""
    figure, place = figure_of(ax), ax.get_subplotspec()
    width = ax.get_position().width
    if place is not None:
        whole = place.get_topmost_subplotspec()
        ratios = [float(ratio) for ratio in np.ravel(whole.get_gridspec().get_width_ratios())]
        width = 0.62 * sum(ratios[whole.colspan.start : whole.colspan.stop]) / sum(ratios)
    return max(int(width * figure.get_figwidth() * 14), 24)
