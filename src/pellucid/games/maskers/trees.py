"""Columns of any kind given others: the rows that share a leaf of a tree with the sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.players import Column
from .drawn import Uniforms
from .encoding import Encoding
from .entries import Memo, distinct


class Trees:
    """Draws among rows that a tree, which predicts the removed columns from the kept ones, puts into the sample's leaf.

    Parameters
    ----------
    rows
        ``(rows, columns)`` to which a tree is fitted for each coalition.
    columns
        What they are.
    draws, seed
        How many rows are drawn, and the key. A leaf has at least as many rows as there are draws, where there are enough.
    """

    def __init__(self, rows: np.ndarray, columns: Sequence[Column] | None, draws: int, seed: int) -> None:
        self._rows, self._encoding, self._seed = rows, Encoding(rows, columns), seed
        self._points, self._least = self._encoding(rows), max(min(draws, len(rows) // 2), 1)
        self._uniforms = Uniforms(draws, seed)
        self._memo: Memo[_Leaves] = Memo()

    def __call__(self, samples: np.ndarray, owner: np.ndarray, kept: np.ndarray, draw: np.ndarray) -> np.ndarray:
        """One tree for each coalition."""
        keys, first, mask = distinct(kept)
        chosen, points = np.empty(len(owner), int), self._encoding(samples)
        order = np.argsort(mask, kind="stable")
        for key, start, rows in zip(keys, first, np.split(order, np.cumsum(np.bincount(mask))[:-1]), strict=True):
            leaves = self._memo.get(key) or self._fitted(key, kept[start][self._encoding.source])
            chosen[rows] = leaves.row(points[owner[rows]], self._uniforms(key)[draw[rows]])
        return self._rows[chosen]

    def _fitted(self, key: bytes, given: np.ndarray) -> _Leaves:
        from sklearn.tree import DecisionTreeRegressor  # noqa: PLC0415 (slow to import)

        tree: Any = None
        if given.any() and not given.all():
            tree = DecisionTreeRegressor(min_samples_leaf=self._least, random_state=self._seed % 2**32)
            tree = tree.fit(self._points[:, given], self._points[:, ~given]).tree_
        found = _Leaves(tree, given, self._points)
        return self._memo.put(key, found, found.size)


class _Leaves:
    """A fitted tree (none: a single leaf), and which rows are in its leaves."""

    def __init__(self, tree: Any, given: np.ndarray, points: np.ndarray) -> None:
        self._tree, self._given = tree, given
        leaf = self._leaf(points)
        self._order = np.argsort(leaf, kind="stable")
        self._count = np.bincount(leaf)
        self._begin = np.cumsum(self._count) - self._count
        self.size = self._order.nbytes + 2 * self._count.nbytes + 100 * len(self._count)

    def row(self, points: np.ndarray, share: np.ndarray) -> np.ndarray:
        """The row at this share of the point's leaf."""
        leaf = self._leaf(points)
        return self._order[self._begin[leaf] + (share * self._count[leaf]).astype(int)]

    def _leaf(self, points: np.ndarray) -> np.ndarray:
        return (
            np.zeros(len(points), int) if self._tree is None else self._tree.apply(np.ascontiguousarray(points[:, self._given]))
        )
