"""What a feature is in all samples, on an axis: numbers as they are, categories at places of their own. NumPy only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core.players import Feature
from .entries import told

Given = Sequence[Any]


@dataclass(frozen=True, eq=False)
class Column:
    """A feature over the samples: ``places`` float ``(samples,)``, NaN where it is missing or has no place.

    ``levels`` are names of the places 0, 1, ... of a category; empty for numbers. ``ordered`` categories are like numbers in that
    more and less mean something.
    """

    places: np.ndarray
    levels: tuple[str, ...] = ()
    ordered: bool = False

    @property
    def has_scale(self) -> bool:
        """Whether there is a low and a high."""
        return not self.levels or self.ordered


def column(given: Given, player: Feature | None = None) -> Column | None:
    """The samples' entries of one feature; ``None`` where they stand on no single axis: groups of columns, and texts.

    >>> column([3, None, 5.5]).places.tolist()
    [3.0, nan, 5.5]
    >>> found = column(["Ulm", "Bonn", "Ulm"])
    >>> found.levels, found.places.tolist(), found.has_scale
    (('Bonn', 'Ulm'), [1.0, 0.0, 1.0], False)
    """
    known = [entry for entry in given if entry is not None]
    if not known or any(isinstance(entry, tuple) for entry in known):
        return None
    kind = "" if player is None else player.kind
    declared = () if player is None else player.levels
    if all(isinstance(entry, (int, float, np.number)) and not isinstance(entry, bool) for entry in known) and not (
        declared or kind in ("nominal", "binary")
    ):
        return Column(np.array([np.nan if entry is None else float(entry) for entry in given]))
    levels = list(declared) if all(entry in declared for entry in known) else sorted(set(known), key=lambda entry: str(entry))
    places = [np.nan if entry is None else float(levels.index(entry)) for entry in given]
    return Column(np.array(places), tuple(map(told, levels)), kind == "ordinal" or bool(isinstance(known[0], bool)))
