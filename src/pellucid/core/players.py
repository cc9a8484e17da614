"""What a player of a game is, and what a column of a table is: names, kinds and levels, checked once."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from .errors import InputError, nearest

Kind = Literal["continuous", "ordinal", "nominal", "binary", "one-hot", "group", "region", "token", "step"]
"""What a feature is. ``"group"`` is several columns of different kinds that are present or absent together."""

Level = str | int | float | bool

CATEGORIES = ("nominal", "binary")
"""Kinds whose numbers are codes: no arithmetic with them means anything."""

_COLUMN_KINDS = ("continuous", "ordinal", "nominal", "binary", "one-hot")


@dataclass(frozen=True)
class Feature:
    """One player: what is present or absent as a whole.

    Attributes
    ----------
    name
        As people call it: a column, a word, ``"cell 0, 3"``.
    kind
        See ``Kind``.
    levels
        What a category can be, in the order of its codes; the names of the columns of a one-hot group.
    missing
        Whether it can be missing. For a category that is a level of its own, with the code after the last level; for a
        one-hot group, a row of zeros; for a number, NaN.
    """

    name: str
    kind: Kind
    levels: tuple[Level, ...] = ()
    missing: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise InputError(f"a feature's name must be a str; got {self.name!r}.")
        check_kind(self.kind, self.name, get_args(Kind))
        check_levels(self.levels, self.name)
        if not isinstance(self.missing, bool):
            raise InputError(f"missing of {self.name!r} must be True or False; got {self.missing!r}.")


@dataclass(frozen=True)
class Column:
    """One column of a table, and how it is written in numbers.

    Attributes
    ----------
    name
        Its label; an int where a frame has ints for labels.
    kind
        ``"continuous"``, ``"ordinal"``, ``"nominal"``, ``"binary"``, or ``"one-hot"`` for a column of a one-hot group.
    levels
        What it can be, in the order of the codes; empty where its numbers stand for themselves.
    missing
        Whether it can be missing: NaN for numbers, the code after the last level for a category.
    dtype
        As pandas writes it; empty for a column of a plain matrix.
    categories, ordered
        Dtype of the categories, and whether they are ordered, where pandas has a categorical.
    """

    name: str | int
    kind: Kind
    levels: tuple[Level, ...] = ()
    missing: bool = False
    dtype: str = ""
    categories: str = ""
    ordered: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.name, bool) or not isinstance(self.name, (str, int)):
            raise InputError(f"a column's name must be a str or an int; got {self.name!r}.")
        check_kind(self.kind, str(self.name), _COLUMN_KINDS)
        check_levels(self.levels, str(self.name))
        flags, texts = (self.missing, self.ordered), (self.dtype, self.categories)
        if not all(isinstance(flag, bool) for flag in flags) or not all(isinstance(text, str) for text in texts):
            raise InputError(f"the description of column {self.name!r} is not of its types.")

    @property
    def codes(self) -> int:
        """How many codes there are, the missing level included; 0 where numbers stand for themselves."""
        return len(self.levels) + (self.missing and bool(self.levels))

    @property
    def number(self) -> bool:
        """Whether its numbers stand for themselves."""
        return not self.levels and self.kind not in CATEGORIES


def check_kind(kind: Any, name: str, known: Sequence[str]) -> None:
    """Refuse a kind that does not exist."""
    if kind not in known:
        raise InputError(f"{name!r} cannot be of kind {kind!r}.{nearest(str(kind), known)}")


def check_levels(levels: Any, name: str) -> None:
    """Refuse levels that are no tuple of distinct strings, numbers or booleans."""
    if not isinstance(levels, tuple):
        raise InputError(f"levels of {name!r} must be a tuple; got {levels!r}.")
    for level in levels:
        if not isinstance(level, (str, int, float)) or (isinstance(level, float) and math.isnan(level)):
            raise InputError(f"a level of {name!r} must be a str, a number or a bool; got {level!r}.")
    if len(set(levels)) != len(levels):
        twice = next(level for at, level in enumerate(levels) if level in levels[:at])
        raise InputError(f"{name!r} has the level {twice!r} twice.")


def distinct(names: Sequence[Any], what: str) -> None:
    """Refuse names that occur twice."""
    seen: set[Any] = set()
    for name in names:
        if name in seen:
            raise InputError(f"two {what} are called {name!r}; give each a name of its own.")
        seen.add(name)


def listed(given: Any, argument: str) -> list[Any]:
    """A list of what was given; refused where that is a text or nothing to list."""
    if isinstance(given, (str, bytes)) or not isinstance(given, Iterable):
        raise InputError(f"{argument} must be a list; got {given!r}.")
    return list(given)


def places(group: str, members: Any, names: Sequence[Any]) -> list[int]:
    """Where the members of a group are among the names of columns."""
    given = listed(members, f"the group {group!r}")
    known(given, names, f"the group {group!r}")
    distinct(given, f"columns of the group {group!r}")
    return [names.index(name) for name in given]


def whole(number: Any) -> bool:
    """Whether this is a whole number, and no bool."""
    return isinstance(number, (int, np.integer)) and not isinstance(number, bool)


def known(names: Sequence[Any], among: Sequence[Any], argument: str) -> None:
    """Refuse names that are not among those that there are."""
    for name in names:
        if name not in among:
            raise InputError(f"{argument} names {name!r}, which is not there.{nearest(str(name), map(str, among))}")


def grouped(
    columns: Sequence[Column],
    one_hot: Mapping[str, Sequence[int]],
    groups: Mapping[str, Sequence[int]],
    empty: Sequence[str] = (),
) -> tuple[tuple[Feature, ...], np.ndarray]:
    """Players and labels of a table whose columns are joined as said; every other column plays for itself.

    ``empty`` names the one-hot groups whose columns can all be zero.
    """
    distinct([*one_hot, *groups], "groups")
    named = {**one_hot, **groups}
    owner: dict[int, str] = {}
    for name, members in named.items():
        if not len(members):
            raise InputError(f"the group {name!r} has no columns.")
        for column in members:
            if column in owner:
                what = repr(columns[column].name)
                raise InputError(f"column {what} is in {owner[column]!r} and in {name!r}; a column belongs to one feature.")
            owner[column] = name
    players: list[Feature] = []
    labels, numbers = np.empty(len(columns), np.intp), dict[str, int]()
    for at, column in enumerate(columns):
        name = owner.get(at)
        if name is not None and name in numbers:
            labels[at] = numbers[name]
            continue
        labels[at] = len(players)
        if name is None:
            players.append(Feature(str(column.name), column.kind, column.levels, column.missing))
            continue
        numbers[name] = len(players)
        members = [columns[member] for member in named[name]]
        if name in one_hot:
            players.append(Feature(name, "one-hot", tuple(str(member.name) for member in members), name in empty))
        else:
            kind: Kind = members[0].kind if len({member.kind for member in members}) == 1 else "group"
            players.append(Feature(name, kind, (), any(member.missing for member in members)))
    distinct([player.name for player in players], "features")
    return tuple(players), labels
