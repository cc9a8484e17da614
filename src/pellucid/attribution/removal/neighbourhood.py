"""Rows around a sample: numbers moved by noise, categories drawn anew; and what a linear model reads of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from ...arrays.draws import generator
from ...core.declare import Passes
from ...core.errors import InputError
from ...core.features import Features
from ...core.players import Column
from ...games.maskers.entries import is_whole, refuse_text, refuse_tokens
from ...games.maskers.rows import background as rows_of

LIKE_LIME = 0.75
"""Usual width of the kernel, times the square root of how many there are to move."""


@dataclass(frozen=True, eq=False)
class Choice:
    """Entries that are drawn together, as a whole, from what occurs: a category, or the columns of a one-hot group."""

    entries: Int[np.ndarray, " entries"]
    values: Float[np.ndarray, "levels entries"]
    counts: Float[np.ndarray, " levels"]
    linear: bool
    """Whether a linear model reads its number; otherwise each level has a weight of its own."""


@dataclass(frozen=True, eq=False)
class Neighbourhood:
    """What moves around a sample, and how far; flattened entries of the leaf."""

    numbers: Int[np.ndarray, " numbers"]
    spread: Float[np.ndarray, " numbers"]
    """Standard deviation of the draws, the kernel folded in."""
    whole: Bool[np.ndarray, " numbers"]
    """Whether it only takes whole numbers."""
    choices: tuple[Choice, ...]
    near: float
    """What the kernel leaves of a row whose category is another one."""
    shape: tuple[int, ...]

    @property
    def shared(self) -> bool:
        """Whether the draws are the same for every sample, but for where the sample is."""
        return not self.choices and not self.whole.any()


def neighbourhood(passes: Passes, background: Any, sigma: Any, scale: float, kernel_width: float | None) -> Neighbourhood:
    """What moves: all entries that a feature owns and that vary."""
    leaf = passes.masked
    given = passes.leaf(leaf)
    refuse_text(given, "linear-surrogate")
    refuse_tokens(passes.features, leaf, "noise on")
    shape = tuple(int(size) for size in given.shape[1:])
    if background is None and sigma is None:
        raise InputError(
            "linear-surrogate needs to know how far apart samples are: background=rows, of which it takes standard deviations "
            "and the frequencies of categories, or sigma=, standard deviations in the input's units."
        )
    rows = None if background is None else _flat(rows_of(passes, leaf, passes.features, background, "linear-surrogate"))
    columns = passes.features[0].columns
    owned = np.any([owner_of(each, shape) >= 0 for each in passes.features], axis=0)
    kinds = np.array([_is_number(column) for column in columns]) if columns is not None else np.ones(math.prod(shape), bool)
    choices = () if columns is None else _choices(columns, owner_of(passes.features[0], shape), rows)
    numbers = np.flatnonzero(owned & kinds)
    spread = _spread(rows, sigma, shape)[numbers] * scale
    numbers, spread = numbers[spread > 0], spread[spread > 0]
    moving = len(numbers) + len(choices)
    width = LIKE_LIME * np.sqrt(max(moving, 1)) if kernel_width is None else kernel_width
    whole = np.array([is_whole(given) or (columns is not None and _is_whole(columns[at])) for at in numbers], bool)
    spread = spread / np.sqrt(1 + (scale / width) ** 2)
    return Neighbourhood(numbers, spread, whole, choices, float(np.exp(-0.5 / width**2)), shape)


def owner_of(features: Features, shape: Sequence[int]) -> Int[np.ndarray, " entries"]:
    """The player of each flattened entry, -1 for none."""
    return np.broadcast_to(features.labels, tuple(shape)).reshape(-1)


class Draws:
    """Draws in opposite pairs, shared by all samples: row ``2 k + 1`` moves numbers the other way than row ``2 k``."""

    def __init__(self, around: Neighbourhood, rows: int, seed: int) -> None:
        rng = generator(seed, "linear-surrogate", 0)
        self.around = around
        normal = rng.standard_normal((rows // 2, len(around.numbers)))
        uniform = rng.random((rows // 2, len(around.choices)))
        self.moves = np.stack([normal, -normal], axis=1).reshape(2 * len(normal), -1 if normal.size else 0) * around.spread
        self.shares = np.stack([uniform, 1 - uniform], axis=1).reshape(2 * len(uniform), -1 if uniform.size else 0)

    def rows(self, sample: Float[np.ndarray, " entries"], part: Any = slice(None)) -> Float[np.ndarray, "rows entries"]:
        """Rows around one sample, flattened; an entry that is missing stays so."""
        around, moves = self.around, self.moves[part]
        if around.shared and len(around.numbers) == len(sample):
            return sample + moves
        made = np.repeat(sample[None], len(moves), axis=0)
        moved = made[:, around.numbers] + moves
        made[:, around.numbers] = np.where(around.whole, np.rint(moved), moved) if around.whole.any() else moved
        for choice, drawn in zip(around.choices, self.shares[part].T, strict=True):
            values, counts, own = levels(choice, sample)
            law = counts * np.where(np.arange(len(counts)) == own, 1.0, around.near)
            bounds = np.cumsum(law) / law.sum()
            made[:, choice.entries] = values[np.minimum(np.searchsorted(bounds, drawn, side="right"), len(law) - 1)]
        return made


class Reading:
    """What a linear model reads of the rows around one sample, and what is told of its coefficients.

    Numbers are read as moves in standard deviations; of a category with weights for its levels, all but the most frequent other
    level, whose weight makes their mean 0.
    """

    def __init__(self, around: Neighbourhood, sample: Float[np.ndarray, " entries"], owner: np.ndarray, players: int) -> None:
        self.around, self.sample, self.players = around, sample, players
        free = np.isfinite(sample[around.numbers]) & (owner[around.numbers] >= 0)
        self._free = np.flatnonzero(free)
        entries = around.numbers[self._free]
        self.alone = owner[entries], entries
        """The players that own numbers, and these."""
        self.one_each = bool(free.all()) and len(np.unique(owner[entries])) == len(entries)
        """Whether all numbers move, and no player owns two."""
        self.numbers = np.zeros(len(sample))
        """The sample at the entries that are read as numbers, 0 elsewhere."""
        weights: list[tuple[int, int, float]] = []  # entry, regressor, factor
        shares: list[tuple[int, int, float]] = []  # player, regressor, factor
        for column, at in enumerate(self._free):
            entry = int(around.numbers[at])
            self.numbers[entry] = sample[entry]
            weights.append((entry, column, 1 / around.spread[at]))
            shares.append((int(owner[entry]), column, sample[entry] / around.spread[at]))
        width = len(self._free)
        self._levels: list[tuple[Choice, np.ndarray, np.ndarray, int]] = []
        for choice in around.choices:
            values, counts, own = levels(choice, sample)
            entry, player = int(choice.entries[0]), int(owner[choice.entries[0]])
            if len(values) < 2 or not np.isfinite(sample[choice.entries]).all():
                continue
            self._levels.append((choice, values, counts, own))
            if choice.linear:
                self.numbers[entry] = sample[entry]
                weights.append((entry, width, 1.0))
                shares.append((player, width, float(sample[entry])))
                width += 1
                continue
            rest = _rest(counts, own)
            spelled = _spelled(counts, rest, width)
            shares += [(player, column, factor) for column, factor in spelled[own]]
            if len(choice.entries) == 1:
                weights += [(entry, column, factor) for column, factor in spelled[own]]
            for at, each in enumerate(choice.entries if len(choice.entries) > 1 else ()):
                one = np.flatnonzero((values[:, at] == 1) & (values.sum(axis=1) == 1))
                weights += [(int(each), column, factor) for level in one[:1] for column, factor in spelled[int(level)]]
            width += len(values) - 1
        self.combine = np.zeros((len(sample) + players, width))
        """Weights of entries and contributions of players, from coefficients of regressors."""
        for entry, column, factor in weights:
            self.combine[entry, column] += factor
        for player, column, factor in shares:
            self.combine[len(sample) + player, column] += factor

    def regressors(self, rows: Float[np.ndarray, "rows entries"]) -> Float[np.ndarray, "rows width"]:
        """Of rows around this sample."""
        at = self.around.numbers[self._free]
        parts = [(rows[:, at] - self.sample[at]) / self.around.spread[self._free]]
        for choice, values, counts, own in self._levels:
            drawn = rows[:, choice.entries]
            if choice.linear:
                parts.append(drawn - self.sample[choice.entries])
                continue
            rest = _rest(counts, own)
            flags = (drawn[:, None] == values[None]).all(axis=2).astype(float)
            others = np.delete(np.arange(len(values)), rest)
            parts.append(flags[:, others] - flags[:, [rest]] * (counts[others] / counts[rest]))
        return np.concatenate(parts, axis=1)


def _rest(counts: np.ndarray, own: int) -> int:
    """The most frequent level that is not the sample's."""
    return int(np.where(np.arange(len(counts)) == own, -1.0, counts).argmax())


def _spelled(counts: np.ndarray, rest: int, begin: int) -> list[list[tuple[int, float]]]:
    """The weight of each level as a sum of coefficients."""
    others = [level for level in range(len(counts)) if level != rest]
    column = {level: begin + at for at, level in enumerate(others)}
    last = [(column[level], -counts[level] / counts[rest]) for level in others]
    return [last if level == rest else [(column[level], 1.0)] for level in range(len(counts))]


def levels(
    choice: Choice, sample: Float[np.ndarray, " entries"]
) -> tuple[Float[np.ndarray, "levels entries"], Float[np.ndarray, " levels"], int]:
    """Levels and how often they occur, with the sample's own among them, and its number."""
    same = (choice.values == sample[choice.entries]).all(axis=1)
    if same.any():
        return choice.values, choice.counts, int(same.argmax())
    return np.concatenate([choice.values, sample[None, choice.entries]]), np.append(choice.counts, 1.0), len(choice.values)


def _is_number(column: Column) -> bool:
    return column.number and column.kind not in ("ordinal", "binary", "one-hot")


def _is_whole(column: Column) -> bool:
    return "int" in column.dtype.lower() or column.dtype.startswith(("datetime", "timedelta"))


def _flat(rows: np.ndarray) -> Float[np.ndarray, "rows entries"]:
    return rows.reshape(len(rows), -1).astype(float)


def _spread(rows: np.ndarray | None, sigma: Any, shape: tuple[int, ...]) -> Float[np.ndarray, " entries"]:
    """Standard deviation of each entry."""
    if sigma is None:
        assert rows is not None
        there = np.isfinite(rows)
        count = np.maximum(there.sum(axis=0), 1)
        mean = np.where(there, rows, 0).sum(axis=0) / count
        return np.sqrt(np.where(there, (rows - mean) ** 2, 0).sum(axis=0) / count)
    try:
        told = np.broadcast_to(np.asarray(sigma, float), shape).reshape(-1)
    except (TypeError, ValueError):
        raise InputError(f"sigma must be a number, or one for each entry of a sample {shape}; got {sigma!r}.") from None
    if not (np.isfinite(told).all() and (told >= 0).all()):
        raise InputError("sigma must be finite standard deviations, 0 or more.")
    return told


def _choices(columns: Sequence[Column], owner: np.ndarray, rows: np.ndarray | None) -> tuple[Choice, ...]:
    """Categories of a table: each column alone, one-hot columns of a feature together."""
    together: dict[int, list[int]] = {}
    sets: list[list[int]] = []
    for at, column in enumerate(columns):
        if owner[at] < 0 or _is_number(column):
            continue
        if column.kind == "one-hot":
            if (player := int(owner[at])) not in together:
                together[player] = []
                sets.append(together[player])
            together[player].append(at)
        else:
            sets.append([at])
    if sets and rows is None:
        named = columns[sets[0][0]].name
        raise InputError(f"column {named!r} is a category: linear-surrogate draws its levels from background=rows.")
    found: list[Choice] = []
    for entries in sets:
        assert rows is not None
        seen = rows[:, entries]
        values, counts = np.unique(seen[np.isfinite(seen).all(axis=1)], axis=0, return_counts=True)
        linear = columns[entries[0]].kind in ("binary", "ordinal") and not columns[entries[0]].missing
        found.append(Choice(np.array(entries), values, counts.astype(float), linear))
    return tuple(found)
