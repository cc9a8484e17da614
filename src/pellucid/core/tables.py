"""What holds for a matrix whose columns are described: valid entries, one-hot groups, and a row that stands for "usual"."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .errors import InputError
from .players import CATEGORIES, Column, Feature, Kind, Level, distinct, grouped, known, listed, places, whole

_SEPARATOR = re.compile(r"[_=.:\-\s/|\[]")


def described(
    names: Sequence[str],
    kinds: Sequence[Kind] | Mapping[str, Kind] | None,
    levels: Mapping[str, Sequence[Level]],
    missing: Any,
    groups: Mapping[str, Sequence[str]],
    one_hot: Mapping[str, Sequence[str]],
) -> tuple[tuple[Feature, ...], np.ndarray, tuple[Column, ...]]:
    """Players, labels and columns of a matrix; see ``Features.from_arrays``."""
    names = listed(names, "names=")
    held = names if missing is True else listed(missing, "missing=")
    kinds = _kinds(kinds, names)
    for named, argument in ((kinds, "kinds="), (levels, "levels="), (held, "missing=")):
        known(list(named), names, argument)
    if not names:
        raise InputError("names= is empty; give one name for each column of the matrix.")
    flags = {name: places(name, group, names) for name, group in one_hot.items()}
    flat = {at for group in flags.values() for at in group}
    columns: list[Column] = []
    for at, name in enumerate(names):
        if at in flat:
            columns.append(Column(name, "one-hot"))
            continue
        kind: Kind = kinds.get(name, "nominal" if name in levels else "continuous")
        if kind == "one-hot":
            raise InputError(f"{name!r} alone is no one-hot group; name its columns: one_hot={{'group': [...]}}.")
        if kind == "continuous" and name in levels:
            raise InputError(f"{name!r} has levels, so it cannot be continuous.")
        given = listed(levels.get(name, (0, 1) if kind == "binary" else ()), f"levels of {name!r}")
        if kind == "binary" and len(given) != 2:
            raise InputError(f"{name!r} is to be binary, but has {len(given)} levels.")
        columns.append(Column(name, kind, tuple(given), name in held))
    members = {name: places(name, group, names) for name, group in groups.items()}
    empty = [name for name, group in flags.items() if any(names[at] in held for at in group)]
    players, labels = grouped(columns, flags, members, empty)
    return players, labels, tuple(columns)


def numbered(
    groups: Sequence[Sequence[int]], names: Sequence[str] | None, columns: int | None
) -> tuple[tuple[Feature, ...], np.ndarray, tuple[Column, ...]]:
    """Players, labels and columns of a matrix by column numbers; see ``Features.from_groups``."""
    members = [listed(group, "a group") for group in listed(groups, "groups")]
    titles = [f"group {at}" for at in range(len(members))] if names is None else listed(names, "names=")
    if not members or len(titles) != len(members):
        raise InputError(
            f"there are {len(members)} groups and {len(titles)} names; give one name for each, and at least one group."
        )
    distinct(titles, "groups")
    count = max((int(at) for group in members for at in group if whole(at)), default=-1) + 1 if columns is None else columns
    labels = np.full(count, -1, np.intp)
    for number, group in enumerate(members):
        if not group:
            raise InputError(f"the group {titles[number]!r} has no columns.")
        for at in group:
            if not whole(at) or not 0 <= at < count:
                raise InputError(f"the group {titles[number]!r} has column {at!r}; columns are whole numbers, 0 to {count - 1}.")
            if labels[at] not in (-1, number):
                raise InputError(f"column {at} is in {titles[labels[at]]!r} and in {titles[number]!r}; a column belongs to one.")
            labels[at] = number
    described = tuple(Column(f"column {at}", "continuous") for at in range(count))
    return tuple(Feature(title, "continuous") for title in titles), labels, described


def given(matrix: np.ndarray, columns: Sequence[Column], players: Sequence[Feature], labels: np.ndarray) -> list[tuple[Any, ...]]:
    """What each player is in each row, in the user's terms; see ``Features.given``."""
    named = [_meanings(matrix[:, at], column) for at, column in enumerate(columns)]
    told: list[list[Any]] = []
    for number, player in enumerate(players):
        own = np.flatnonzero(labels == number)
        if player.kind == "one-hot":
            told.append([player.levels[int(row.argmax())] if row.any() else None for row in matrix[:, own] == 1])
        else:
            told.append(named[own[0]] if len(own) == 1 else list(zip(*(named[at] for at in own), strict=True)))
    return list(zip(*told, strict=True))


def _meanings(entries: np.ndarray, column: Column) -> list[Any]:
    if column.levels:
        levels = [*column.levels, None]
        return [levels[int(code)] for code in entries]
    holes = np.isnan(entries)
    if column.dtype.startswith(("datetime64", "timedelta64")):
        kind, unit = re.split(r"[\[,\]]", column.dtype)[:2]
        entries = np.where(holes, 0, np.rint(entries)).astype(np.int64).astype(f"{kind}[{unit}]")
        return [None if hole else str(entry) for entry, hole in zip(entries, holes, strict=True)]
    counted = column.kind in CATEGORIES or (column.dtype and "loat" not in column.dtype)
    kind = int if counted and (entries[~holes] == np.rint(entries[~holes])).all() else float
    return [None if hole else kind(entry) for entry, hole in zip(entries, holes, strict=True)]


def _kinds(kinds: Sequence[Kind] | Mapping[str, Kind] | None, names: Sequence[str]) -> Mapping[str, Kind]:
    if kinds is None or isinstance(kinds, Mapping):
        return kinds or {}
    given = listed(kinds, "kinds=")
    if len(given) != len(names):
        raise InputError(f"there are {len(names)} names and {len(given)} kinds; give one kind for each, or a mapping of some.")
    return dict(zip(names, given, strict=True))


def checked(matrix: np.ndarray, columns: Sequence[Column]) -> np.ndarray:
    """The matrix as float64; refused, with its place, where an entry is not what its column says.

    NaN in a category that can be missing becomes the code of its missing level.
    """
    try:
        matrix = np.array(matrix, np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"the matrix does not hold numbers ({error}).") from error
    if matrix.ndim != 2 or matrix.shape[1] != len(columns):
        raise InputError(f"expected (samples, {len(columns)}), one column for each that was described; got {matrix.shape}.")
    for at, column in enumerate(columns):
        entries = matrix[:, at]
        holes = np.isnan(entries)
        if holes.any() and not column.missing:
            row = int(np.flatnonzero(holes)[0])
            raise InputError(f"column {column.name!r} is NaN in row {row}; fill it, or declare it: missing=[{column.name!r}].")
        if column.number or (column.kind == "ordinal" and not column.levels):
            continue
        if column.levels:
            entries[holes] = len(column.levels)
        wrong = (entries != np.rint(entries)) | (entries < 0) | (entries >= (column.codes or np.inf))
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            codes = f"0 to {column.codes - 1}" if column.codes else "whole numbers from 0"
            raise InputError(
                f"column {column.name!r} is {column.kind} and has {entries[row]:g} in row {row}; its codes are {codes}."
            )
    return matrix


def check_one_hot(matrix: np.ndarray, players: Sequence[Feature], labels: np.ndarray) -> None:
    """Refuse rows in which a one-hot group is not 1 exactly once (or nowhere, where it can be missing)."""
    for number, player in enumerate(players):
        if player.kind != "one-hot":
            continue
        block = matrix[:, labels == number]
        total = block.sum(axis=1)
        wrong = ~(((block == 0) | (block == 1)).all(axis=1) & ((total == 1) | (player.missing & (total == 0))))
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise InputError(
                f"the one-hot group {player.name!r} is {block[row].tolist()} in row {row}; exactly one entry must be 1"
                + (", or none" if player.missing else "")
                + "; features that are no such group are told apart by one_hot=False (from_frame) or names of their own."
            )


def one_hot_groups(names: Sequence[str], flags: Mapping[int, np.ndarray]) -> dict[str, list[int]]:
    """Columns of 0 and 1 whose names share a prefix and whose rows sum to 1; largest groups first.

    At least two rows, and ones in at least two of the columns, are needed: less is no evidence.

    >>> one_hot_groups(["dog", "hair_red", "hair_dark"], {1: np.array([0, 1]), 2: np.array([1, 0])})
    {'hair': [1, 2]}
    """
    shared: dict[str, list[int]] = {}
    for at in flags:
        for place in _SEPARATOR.finditer(names[at]):
            if prefix := names[at][: place.start()]:
                shared.setdefault(prefix, []).append(at)
    groups: dict[str, list[int]] = {}
    taken: set[int] = set()
    for prefix, members in sorted(shared.items(), key=lambda item: (-len(item[1]), item[0])):
        members = list(dict.fromkeys(members))
        if len(members) < 2 or taken.intersection(members) or prefix in names or len(flags[members[0]]) < 2:
            continue
        total = np.zeros(len(flags[members[0]]), np.int32)
        for at in members:
            total += flags[at] != 0
        if (total == 1).all() and sum(bool(flags[at].any()) for at in members) > 1:
            groups[prefix] = members
            taken.update(members)
    return groups


def usual_row(matrix: np.ndarray, columns: Sequence[Column], players: Sequence[Feature], labels: np.ndarray) -> np.ndarray:
    """One row that could be real: means, medians, most frequent levels; float64 ``(columns,)``."""
    if not len(matrix):
        raise InputError("a baseline needs at least one row; got none.")
    row = np.empty(len(columns))
    for at, column in enumerate(columns):
        entries = matrix[:, at]
        if not column.codes and column.missing:
            entries = entries[~np.isnan(entries)]
        if not len(entries):
            row[at] = np.nan
        elif column.kind in ("nominal", "binary"):
            codes, counts = np.unique(entries, return_counts=True)
            row[at] = codes[counts.argmax()]
        elif column.kind == "ordinal":
            row[at] = _median(entries, column)
        else:
            row[at] = _storable(float(entries.mean()), column)
    for number, player in enumerate(players):
        if player.kind == "one-hot":
            own = np.flatnonzero(labels == number)
            counts = np.append(matrix[:, own].sum(axis=0), 0.0)
            counts[-1] = len(matrix) - counts.sum()
            row[own] = np.arange(len(own)) == counts.argmax()
    return row


def _median(entries: np.ndarray, column: Column) -> float:
    """The lower median, which is an entry; of the levels that are not missing, if there are any."""
    present = entries[entries < len(column.levels)] if column.levels else entries
    return float(np.quantile(present if len(present) else entries, 0.5, method="inverted_cdf"))


def _storable(mean: float, column: Column) -> float:
    """The nearest number that the column's dtype can hold."""
    if not column.dtype or "loat64" in column.dtype or column.dtype.endswith("f8"):
        return mean
    if "loat" in column.dtype or column.dtype[-2:-1] == "f":
        small = column.dtype.endswith(("16", "f2"))
        return float((np.float16 if small else np.float32)(mean))
    return float(np.rint(mean))
