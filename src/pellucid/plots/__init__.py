"""Explanations as matplotlib figures: reading.py (what there is to draw), figure.py (puts together heatmap.py, series.py,
bars.py and outputs.py), style.py (colours, numbers in words), fonts.py (Chinese, Japanese and Korean names).
``plot`` is the verb. matplotlib is imported when the first figure is drawn, and pyplot is never touched.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..core.errors import InputError
from ..core.records import Explanation
from .reading import Form, Names
from .style import Look

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot"]


def plot(
    explanation: Explanation,
    *,
    samples: int | Sequence[int] | None = None,
    leaf: str | None = None,
    form: Form | None = None,
    names: Sequence[str] | None = None,
    features: Names = None,
    top: int = 12,
    cell: int | None = None,
    absolute: bool = False,
    ax: Axes | None = None,
) -> Figure:
    """Draw an explanation: heat maps over pictures, bars for tables, lines for series.

    Values with a sign are red where positive and blue where negative, on a scale with zero in the middle; values without
    one run from pale to dark. Colours end at the 99.5th percentile of ``|values|``, so that one bright pixel does not hide
    the rest. ``output-gradient`` also shows the gradient of every output beside the prediction.

    Parameters
    ----------
    explanation
        What ``pl.explain`` returned.
    samples
        Positions of the samples to draw; by default the first six.
    leaf
        The attributed leaf to draw, where there are several; by default the first that is a picture, else the first.
    form
        ``"map"``, ``"series"`` or ``"bars"`` to override what the shape suggests.
    names
        One name per sample of the explanation, file names say.
    features
        Names of the entries of the leaf (or a mapping of leaf to names), for bars.
    top
        How many bars; the rest is summed in one more.
    cell
        Side, in pixels, of the squares over which a map is summed before it is drawn: single pixels of a gradient are hard
        to see. By default a 56th of the width for values over a picture's pixels, and 1 for maps that are smooth already;
        the colour bar says which.
    absolute
        Draw magnitudes. They are taken per pixel (channels summed) and then summed over the squares.
    ax
        Draw one sample into these axes instead of a new figure; without ``samples``, the explanation must hold just one.

    Returns
    -------
    matplotlib.figure.Figure
        It shows itself at the end of a notebook cell; elsewhere use ``savefig``.

    Raises
    ------
    InputError
        If a leaf, sample or name is not there.

    Examples
    --------
    >>> import torch, pellucid as pl
    >>> net = torch.nn.Linear(4, 2)
    >>> e = pl.explain(net, torch.rand(3, 4), method="input-x-gradient")
    >>> figure = e.plot(samples=0, features=["length", "width", "height", "weight"])
    >>> [text.get_text() for text in figure.axes[0].get_yticklabels()][-1] != ""
    True
    """
    if not isinstance(explanation, Explanation):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InputError(f"plot() draws an Explanation, as pl.explain returns it; got {type(explanation).__name__}.")
    for name, given in (("top", top), ("cell", cell)):
        if given is not None and given < 1:
            raise InputError(f"{name}= must be at least 1; got {given}.")
    from .figure import draw  # noqa: PLC0415, matplotlib starts here

    look = Look(top, cell, absolute)
    return draw(explanation, samples=samples, leaf=leaf, form=form, names=names, features=features, look=look, ax=ax)
