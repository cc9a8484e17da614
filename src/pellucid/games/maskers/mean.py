"""Removed entries become what is usual."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...core.declare import Passes
from ...core.features import Features
from .entries import blends, is_whole, native, refuse_tokens
from .masker import Removal, Replacement
from .rows import background, columns_of


@dataclass(frozen=True, eq=False)
class Mean:
    """Removed entries become those of one usual row, made of background rows.

    The mean of continuous columns (and of images and series), the median of ordinal ones, the most frequent level of
    categories, the most frequent column of a one-hot group: values that exist.

    Parameters
    ----------
    rows
        ``(rows, ...)`` in the shape of the samples, or a frame where the samples are one.

    Raises
    ------
    InputError
        For rows that are not like the samples, none at all, NaN that was not declared, and token ids.

    Notes
    -----
    Cost: one model row for each mask. Source: lundberg2017unified.

    Examples
    --------
    >>> import numpy as np, pellucid as pl
    >>> pl.maskers.Mean(np.random.default_rng(0).normal(size=(50, 4)))
    Mean()
    """

    rows: Any = field(repr=False)

    def prepare(self, passes: Passes, leaf: str, features: Sequence[Features]) -> Removal:
        """One replacement for all samples."""
        rows = background(passes, leaf, features, self.rows, "Mean")
        given = passes.leaf(leaf)
        if is_whole(given):
            refuse_tokens(features, leaf, "a mean of")
        columns = columns_of(features)
        usual = rows.mean(axis=0, dtype=np.float64) if columns is None else features[0].baseline(rows)
        index = np.zeros((passes.samples, 1), int)
        says = f"set to {_words(features)} of {len(rows)} row{'s' * (len(rows) != 1)}"
        return Replacement(passes, leaf, native(usual[None], given), index, says, soft=blends(features))


def _words(features: Sequence[Features]) -> str:
    """Which statistic stands for which columns."""
    kinds = Counter(column.kind for column in columns_of(features) or ())
    named = [
        ("the mean", "continuous columns", kinds["continuous"]),
        ("the median", "ordinal columns", kinds["ordinal"]),
        ("the most frequent level", "categories", kinds["nominal"] + kinds["binary"] + kinds["one-hot"]),
    ]
    held = [(statistic, of) for statistic, of, count in named if count] or [("the mean", "")]
    return held[0][0] if len(held) == 1 else ", ".join(f"{statistic} ({of})" for statistic, of in held)
