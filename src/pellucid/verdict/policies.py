"""What "removed" means where nothing was said of it: several policies, so that a verdict does not hang on one."""

from __future__ import annotations

from typing import Any

from ..engine.passes import Passes
from ..games.maskers import Background, Blur, Conditional, Constant, Delete, MaskToken, Mean
from ..games.maskers.entries import is_text, is_whole
from ..games.maskers.masker import Masker

DRAWN = 8
"""Background rows where features are replaced by those of other rows."""

FEW = 2
"""Rows where a choice of method is to be cheap."""

ENOUGH = 16
"""Rows of a table from which the samples themselves serve as its background."""


def rows_of(masker: Masker) -> int:
    """Model rows that one removal takes, at most."""
    if isinstance(masker, Background):
        return min(len(masker.rows), masker.size or len(masker.rows))
    return masker.draws if isinstance(masker, Conditional) else 1


def spaced(rows: Any, count: int, start: int = 0) -> Any:
    """So many rows of an array or a frame, at equal distances from the one at ``start`` on."""
    return rows[start :: max(len(rows) // count, 1)][:count]


def choosing(passes: Passes, background: Any) -> tuple[Masker, ...]:
    """Policies that choose a method: values of other rows, which agree best with ground truth; else the usual ones."""
    if background is None:
        return usual(passes)[:-1] or usual(passes)
    return (Background(spaced(background, FEW)),)


def holding(passes: Passes, background: Any) -> tuple[Masker, ...]:
    """Policies that had no part in the choice, as far as there are several."""
    if background is None:
        return usual(passes)[-1:]
    beside = (Constant(0.0), Blur(_extent(passes) / 20)) if passes.leaf(passes.masked).ndim >= 3 else ()
    return beside or (Mean(background),)


def _extent(passes: Passes) -> int:
    """The shorter side of an image, or the length of a series."""
    leaf = passes.leaf(passes.masked)
    channel = leaf.ndim - 1 if passes.channels_last else 1
    return min(size for axis, size in enumerate(leaf.shape[1:], start=1) if axis != channel)


def usual(passes: Passes, background: Any = None) -> tuple[Masker, ...]:
    """Policies that suit the leaf: three for images, series and texts, and for tables where there are rows of data.

    A table of fewer than 16 samples and no background is left with one: other constants would ask another question.
    """
    leaf = passes.leaf(passes.masked)
    if is_text(leaf):
        return Delete(), MaskToken("[MASK]"), MaskToken("[UNK]")
    if is_whole(leaf) and background is None:
        return Constant(0), Delete()
    if leaf.ndim >= 3 and background is None:
        return Constant(0.0), Blur(_extent(passes) / 20), Blur(_extent(passes) / 4)
    if background is None and leaf.shape[0] >= ENOUGH:
        background = passes.view.to_numpy(leaf)
    return (Constant(0.0),) if background is None else (Constant(0.0), Mean(background), Background(background, size=DRAWN))
