"""What "removed" means where nothing was said of it: several policies, so that a verdict does not hang on one."""

from __future__ import annotations

from typing import Any

from ..engine.passes import Passes
from ..games.maskers import Background, Blur, Constant, Delete, MaskToken, Mean
from ..games.maskers.entries import is_text, is_whole
from ..games.maskers.masker import Masker

DRAWN = 8
"""Background rows where features are replaced by those of other rows."""

ENOUGH = 16
"""Rows of a table from which the samples themselves serve as its background."""


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
        channel = leaf.ndim - 1 if passes.channels_last else 1
        extent = min(size for axis, size in enumerate(leaf.shape[1:], start=1) if axis != channel)
        return Constant(0.0), Blur(extent / 20), Blur(extent / 4)
    if background is None and leaf.shape[0] >= ENOUGH:
        background = passes.view.to_numpy(leaf)
    return (Constant(0.0),) if background is None else (Constant(0.0), Mean(background), Background(background, size=DRAWN))
