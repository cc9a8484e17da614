"""Named values of one sample: entries of a table, players, or pairs of players, with what is left out summed. NumPy only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from ..core import tree
from ..core.features import Features
from ..core.records import Explanation
from .style import number

ROUNDING = 1e-6
"""Standard errors below this share of the largest value are no errors of estimation."""
LEAST = 1e-12
"""Values below this share of the largest are 0."""


@dataclass(frozen=True, eq=False)
class Entries:
    """Values with names; ``given`` is what each is in the sample, in the user's terms, ``None`` in it where it is missing.

    Entries behind those of ``given`` are sets of others.
    """

    names: tuple[str, ...]
    values: Float[np.ndarray, " entries"]
    standard_errors: Float[np.ndarray, " entries"] | None = None
    given: tuple[Any, ...] | None = None

    def label(self, entry: int) -> str:
        """The name, with what it is: ``"age = 79"``."""
        what = self.given_of(entry)
        return self.names[entry] if what is None else f"{self.names[entry]} = {what}"

    def given_of(self, entry: int) -> str | None:
        """What an entry is in this sample, in words; ``None`` where there is nothing to say."""
        return None if self.given is None or entry >= len(self.given) else told(self.given[entry])


@dataclass(frozen=True, eq=False)
class Top:
    """The strongest of some values, largest magnitude first, and the sum of the ``others``."""

    chosen: Int[np.ndarray, " chosen"]
    others: int
    rest: float

    @property
    def words(self) -> str:
        """What the others are called where their sum is drawn."""
        return f"{self.others} smaller {'one' if self.others == 1 else 'ones, summed'}"


def top_of(values: np.ndarray, top: int) -> Top:
    """The ``top`` values with the largest magnitudes; a single other one is shown as itself, since its sum takes its place.

    >>> found = top_of(np.array([1.0, -4.0, 2.0, 0.5]), 2)
    >>> found.chosen.tolist(), found.rest, found.words
    ([1, 2], 1.5, '2 smaller ones, summed')
    """
    top = len(values) if len(values) == top + 1 else top
    chosen = strongest(values, top)
    return Top(chosen, len(values) - len(chosen), float(np.delete(values, chosen).sum()))


def strongest(values: np.ndarray, top: int) -> np.ndarray:
    """Positions of the ``top`` entries with the largest magnitudes, largest first; ties in the order of the entries."""
    return np.argsort(-np.abs(values), kind="stable")[:top]


def told(given: Any) -> str:
    """What a feature is, in words: numbers with three digits or as whole numbers, ``None`` as missing.

    >>> told(20859.0), told(0.12345), told("Ulm"), told(None), told((1, "red"))
    ('20859', '0.123', 'Ulm', 'missing', '1, red')
    """
    if given is None:
        return "missing"
    if isinstance(given, tuple):
        return ", ".join(told(each) for each in given)
    if isinstance(given, (bool, np.bool_)) or not isinstance(given, (int, float, np.integer, np.floating)):
        return str(given)
    whole = 1e4 <= abs(given) < 1e7 or (abs(given) < 1e7 and float(given).is_integer())
    return f"{given:.0f}" if whole else number(float(given))


def of_players(explanation: Explanation) -> tuple[Entries, ...]:
    """The players' values of each sample, and those of the pairs that a method found beside them (``"age × town"``).

    A sample's row ends with its own players. Pairs are those of any sample, where all share the players, 0 where it lacks them.
    """
    (values,) = explanation.leaves.values()
    errors = errors_of(explanation)
    beside = _beside(explanation, "pairs", "pair_weights", "pair_standard_errors")
    found: list[Entries] = []
    for row, (players, given) in enumerate(zip(explanation.players, given_of(explanation), strict=True)):
        count = len(players)
        own = None if errors is None else errors[row, :count]
        found.append(_with(Entries(names_of(players), _own(values[row, :count]), own, given), beside[row]))
    return tuple(found)


def of_pairs(explanation: Explanation) -> tuple[Entries, ...]:
    """Main effects, pairs and, where there are any, triples of each sample: ``"age"``, ``"age × town"``.

    A pair's value stands half in each of its two entries of the matrix, main effects on the diagonal: everything sums to what
    there is to explain.
    """
    (values,) = explanation.leaves.values()
    errors = errors_of(explanation)
    beside = _beside(explanation, "triples", "triple_values", "triple_errors")
    found: list[Entries] = []
    for row, players in enumerate(explanation.players):
        names, count = names_of(players), len(players)
        one, other = pairs_of(count)
        matrix = _own(values[row, :count, :count])
        both = [f"{names[i]} × {names[j]}" for i, j in zip(one, other, strict=True)]
        own = None if errors is None else joined(errors[row, :count, :count])
        found.append(_with(Entries((*names, *both), joined(matrix), own), beside[row]))
    return tuple(found)


Beside = dict[str, tuple[float, float]]


def _beside(explanation: Explanation, sets: str, values: str, errors: str) -> list[Beside]:
    """Sets of players that a method found beside its values, by name: their value and standard error, for each sample."""
    details, told_by = explanation.details, [names_of(players) for players in explanation.players]
    found: list[Beside] = [{} for _ in told_by]
    if sets not in details or values not in details:
        return found
    spread = details.get(errors, np.zeros_like(details[values]))
    for row, names in enumerate(told_by):
        for members, value, error in zip(details[sets][row], details[values][row], spread[row], strict=True):
            if members.min() >= 0:
                found[row][" × ".join(names[member] for member in members)] = (float(value), float(error))
    if isinstance(explanation.features, tuple):
        return found
    union = dict.fromkeys(name for each in found for name in each)
    return [{name: each.get(name, (0.0, 0.0)) for name in union} for each in found]


def _with(found: Entries, beside: Beside) -> Entries:
    if not beside:
        return found
    values, errors = np.array(list(beside.values())).T
    known = np.zeros(len(found.values)) if found.standard_errors is None else found.standard_errors
    told_errors = np.append(known, errors) if found.standard_errors is not None or errors.any() else None
    return Entries((*found.names, *beside), _own(np.append(found.values, values)), told_errors, found.given)


def pairs_of(count: int) -> tuple[np.ndarray, np.ndarray]:
    """The two players of each pair, in the order in which pairs are listed."""
    one, other = np.triu_indices(count, 1)
    return one, other


def _own(values: np.ndarray) -> np.ndarray:
    """float64, without what is rounding beside the largest."""
    values = np.asarray(values, np.float64)
    return np.where(np.abs(values) > LEAST * np.abs(values).max(initial=0.0), values, 0.0)


def joined(matrix: np.ndarray) -> np.ndarray:
    """Main effects, then pairs: the two halves of a pair together, which are one estimate.

    >>> joined(np.array([[1.0, 2.0], [2.0, 3.0]]))
    array([1., 3., 4.])
    """
    return np.concatenate([np.diagonal(matrix), (matrix + matrix.T)[pairs_of(len(matrix))]])


def names_of(players: Features) -> tuple[str, ...]:
    """The players' names; regions of an image with where they are: a number alone tells nobody."""
    plane = plane_of(players)
    if plane is None or plane.ndim != 2 or "region" not in players.kinds:
        return players.names
    return tuple(f"{name}, {where}" for name, where in zip(players.names, _whereabouts(plane, len(players)), strict=True))


def plane_of(players: Features) -> np.ndarray | None:
    """The player of each position, ``(height, width)`` or ``(steps,)``, where players are places; else ``None``."""
    if players.columns is not None or players.text is not None or "token" in players.kinds:
        return None
    labels = players.labels
    if labels.ndim in (2, 3) and 1 in (first := (labels.shape[0], labels.shape[-1])):
        labels = labels[0] if first[0] == 1 else labels[..., 0]
    return labels if labels.ndim in (1, 2) else None


def given_of(explanation: Explanation) -> tuple[tuple[Any, ...] | None, ...]:
    """What each player of a table is in each sample; ``None`` for samples that are no rows of a table."""
    rows = _rows(explanation)
    players = explanation.players
    if rows is None:
        return (None,) * len(explanation)
    if not isinstance(explanation.features, tuple):
        return tuple(players[0].given(rows))
    return tuple(each.given(rows[at : at + 1])[0] for at, each in enumerate(players))


def errors_of(explanation: Explanation, leaf: str | None = None) -> np.ndarray | None:
    """Standard errors of a leaf, float64; ``None`` where there are none. Those of players that are rounding are 0, and ``None``
    where all are: the values are exact.
    """
    held = tree.flatten(explanation.standard_errors) if explanation.standard_errors is not None else {}
    leaf = next(iter(held), "") if leaf is None else leaf
    if held.get(leaf) is None:
        return None
    errors = np.asarray(held[leaf], dtype=np.float64)
    if explanation.over not in ("players", "interactions"):
        return errors
    largest = float(np.abs(explanation.leaves[leaf]).max(initial=0.0))
    shown = np.where(errors > ROUNDING * largest, errors, 0.0)
    return shown if shown.any() else None


def _rows(explanation: Explanation) -> np.ndarray | None:
    first = next(iter(explanation.players), None)
    if first is None or first.columns is None:
        return None
    shape = (len(explanation), len(first.columns))
    for name, leaf in tree.flatten(explanation.inputs).items():
        array = np.asarray(leaf)
        if first.leaf in (None, name) and name not in explanation.static and array.shape == shape and array.dtype.kind in "iufb":
            return array.astype(np.float64)
    return None


def _whereabouts(plane: np.ndarray, count: int) -> Sequence[str]:
    """In which ninth of the picture the middle of each region lies."""
    found: list[str] = []
    for player in range(count):
        down, across = ((np.flatnonzero(np.any(plane == player, axis=axis)).mean() + 0.5) for axis in (1, 0))
        thirds = [min(int(3 * middle / size), 2) for middle, size in zip((down, across), plane.shape, strict=True)]
        found.append(ninth(*thirds))
    return found


def ninth(down: int, across: int) -> str:
    """A ninth of a picture by its row and column.

    >>> ninth(0, 2), ninth(1, 1)
    ('upper right', 'middle')
    """
    rows, columns = ("upper", "middle", "lower"), ("left", "centre", "right")
    return "middle" if (down, across) == (1, 1) else f"{rows[down]} {columns[across]}"
