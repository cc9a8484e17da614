"""Interactions as a graph: main effects at the players, pairs between them. NumPy only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..core.errors import InputError
from ..core.records import Explanation
from .entries import given_of, names_of, pairs_of, strongest, told
from .reading import Drawable


@dataclass(frozen=True, eq=False)
class Graph:
    """Main effects ``(players,)`` and interactions ``(players, players)``, each pair's whole value in both of its entries.

    ``errors`` is like ``pairs``, with those of the main effects on its diagonal. ``more`` is the sum of sets of three or more,
    which have no line, and ``sets`` their number.
    """

    names: tuple[str, ...]
    main: np.ndarray
    pairs: np.ndarray
    errors: np.ndarray | None = None
    more: float = 0.0
    sets: int = 0


def graph(explanation: Explanation, drawn: Drawable, sample: int) -> Graph:
    """Main effects and pairs of one sample."""
    if drawn.form != "pairs":
        raise InputError(f"a network shows interactions, and these values are over the {explanation.over}: explain interactions.")
    count = len(drawn.features[sample])
    found = drawn.entries(sample)
    given, names = given_of(explanation)[sample], names_of(drawn.features[sample])
    if given is not None:
        names = tuple(f"{name}\n= {told(each)}" for name, each in zip(names, given, strict=True))
    errors = None if found.standard_errors is None else _square(found.standard_errors, count)
    square = _square(found.values, count)
    main = square.diagonal().copy()
    more = found.values[count + count * (count - 1) // 2 :]
    return Graph(names, main, square - np.diag(main), errors, float(more.sum()), len(more))


def grouped(found: Graph, top: int) -> Graph:
    """The players with the strongest effects, and one for all others: sums are those of the whole."""
    count = len(found.main)
    if count <= top + 1:
        return found
    strength = np.abs(found.main) + np.abs(found.pairs).sum(axis=1) / 2
    kept = np.sort(strongest(strength, top))
    others = np.setdiff1d(np.arange(count), kept)
    main = np.append(found.main[kept], found.main[others].sum() + found.pairs[np.ix_(others, others)].sum() / 2)
    pairs = np.zeros((top + 1, top + 1))
    pairs[:top, :top] = found.pairs[np.ix_(kept, kept)]
    pairs[top, :top] = pairs[:top, top] = found.pairs[np.ix_(kept, others)].sum(axis=1)
    errors = None
    if found.errors is not None:
        errors = np.full((top + 1, top + 1), np.nan)  # of sums, unknown
        errors[:top, :top] = found.errors[np.ix_(kept, kept)]
    names = (*(found.names[each] for each in kept.tolist()), f"{len(others)} smaller ones")
    return Graph(names, main, pairs, errors, found.more, found.sets)


def circle_places(count: int) -> np.ndarray:
    """Points on a circle of radius 1, clockwise from the top, ``(count, 2)``."""
    angles = np.pi / 2 - 2 * np.pi * np.arange(count) / max(count, 1)
    return np.column_stack([np.cos(angles), np.sin(angles)])


def _square(listed: np.ndarray, count: int) -> np.ndarray:
    """Main effects and pairs, as they are listed, as a symmetric matrix with each pair's whole value in both entries."""
    square = np.diag(listed[:count])
    one, other = pairs_of(count)
    square[one, other] = square[other, one] = listed[count : count + len(one)]
    return square
