"""Removed entries are those of other rows, averaged over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

import numpy as np

from ...core.declare import Passes
from ...core.errors import InputError, nearest
from ...core.features import Features
from ...core.players import Column
from .entries import blends, native, whole
from .masker import Removal, Replacement
from .rows import background, columns_of
from .summary import Summary, effect, summarised

USUAL = 100
"""Rows that stand for a larger background where no size was given."""


@dataclass(frozen=True, eq=False)
class Background:
    """Removed entries are taken together from a background row; the model's output is averaged over all of them.

    The marginal distribution: what is removed keeps the relations within itself, and loses those to what is kept.

    Parameters
    ----------
    rows
        ``(rows, ...)`` in the shape of the samples, or a frame where the samples are one.
    size
        How many rows stand for them. By default all rows up to 100, and 100 for more.
    summary
        How these are chosen: ``"sample"``, at random; ``"kmeans"``, the row nearest to the centre of each of ``size``
        clusters, with the cluster's share as its weight; ``"stratified"``, one row from each of ``size`` strata along the first
        principal component. All are real rows. How far their means, standard deviations and shares of levels are from those of
        all rows is said in the result.
    seed
        Of the choice.

    Raises
    ------
    InputError
        For rows that are not like the samples, none at all, NaN that was not declared, an unknown summary.

    Notes
    -----
    Cost: one model row for each mask and background row; equal rows are run once. A million rows of 30 columns are summarised
    in about a second. Source: lundberg2017unified, janzing2020feature.

    Examples
    --------
    >>> import numpy as np, pellucid as pl
    >>> pl.maskers.Background(np.random.default_rng(0).normal(size=(500, 4)), size=20, summary="kmeans")
    Background(size=20, summary='kmeans', seed=0)
    """

    rows: Any = field(repr=False)
    size: int | None = None
    summary: Summary = "sample"
    seed: int = 0

    def prepare(self, passes: Passes, leaf: str, features: Sequence[Features]) -> Removal:
        """The same rows for all samples."""
        if self.summary not in get_args(Summary):
            raise InputError(f"Background: summary cannot be {self.summary!r}.{nearest(str(self.summary), get_args(Summary))}")
        asked = None if self.size is None else whole(self.size, "size", "Background")
        seed = whole(self.seed, "seed", "Background", least=0)
        rows, columns = background(passes, leaf, features, self.rows, "Background"), columns_of(features)
        size = asked or USUAL
        if len(rows) <= size:
            chosen, shares = np.arange(len(rows)), np.full(len(rows), 1 / len(rows))
            says = f"averaged over {len(rows)} background row{'s' * (len(rows) != 1)}"
        else:
            chosen, shares = summarised(rows, columns, size, self.summary, seed)
            says = self._said(rows, columns, chosen, shares, asked)
        points, weights = _once(rows[chosen], shares)
        index = np.tile(np.arange(len(points)), (passes.samples, 1))
        return Replacement(passes, leaf, native(points, passes.leaf(leaf)), index, says, weights, soft=blends(features))

    def _said(
        self, rows: np.ndarray, columns: Sequence[Column] | None, chosen: np.ndarray, shares: np.ndarray, asked: int | None
    ) -> str:
        how = {
            "sample": "drawn at random",
            "kmeans": "nearest to the centres of k-means, weighted by their clusters",
            "stratified": "one from each stratum along the first principal component",
        }[self.summary]
        more = "" if asked else "; size= takes more"
        found = effect(rows, columns, chosen, shares)
        return f"averaged over {len(chosen)} of {len(rows)} background rows ({how}{': ' * bool(found)}{found}{more})"


def _once(rows: np.ndarray, shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Equal rows as one, in the order in which they come, with the sum of their shares."""
    flat = np.ascontiguousarray(rows.reshape(len(rows), -1))
    keys: dict[bytes, int] = {}
    number = np.array([keys.setdefault(row.tobytes(), len(keys)) for row in flat])
    if len(keys) == len(rows):
        return rows, shares
    first = np.unique(number, return_index=True)[1]
    return rows[first], np.bincount(number, shares)
