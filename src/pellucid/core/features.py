"""What belongs together in an input: which entries are one player, what that player is called, and what it can be."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Shaped

from . import frames, making, tables, words
from .errors import InputError
from .players import Column, Feature, Kind, distinct, listed
from .tree import on_host
from .types import Coalitions


@dataclass(frozen=True, eq=False, repr=False)
class Features:
    """The players of an input: each owns some of its entries, and is present or absent as a whole.

    Made by ``from_frame``, ``from_arrays``, ``from_groups``, ``from_labels``, ``grid``, ``superpixels``, ``words``, ``tokens`` or
    ``segments``. Shapes are those of one sample, without the batch axis.

    Attributes
    ----------
    players
        What each player is: name, kind, levels, whether it can be missing.
    labels
        For each entry of a sample the number of the player that owns it, -1 where none does; int, with axes of size 1 where
        players own all along them (the channels of an image). For words: one entry per word.
    leaf
        The leaf of the input that this describes; ``None`` where there is one only.
    columns
        The columns of a table, one for each entry; ``None`` for other inputs.
    text, spans
        The text, and where in it each player's word begins and ends, int ``(players, 2)``.

    Raises
    ------
    InputError
        Where labels, players, columns and spans do not fit together.

    Examples
    --------
    >>> import numpy as np, pellucid as pl
    >>> features = pl.Features.from_groups([[0, 1], [2]], names=["place", "age"])
    >>> features.total(np.array([[1.0, 2.0, 4.0]]))
    array([[3., 4.]])
    >>> features.mask(np.array([[True, False]]))
    array([[ True,  True, False]])
    """

    players: tuple[Feature, ...]
    labels: np.ndarray
    leaf: str | None = None
    columns: tuple[Column, ...] | None = None
    text: str | None = None
    spans: np.ndarray | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.players, tuple) or not all(isinstance(player, Feature) for player in self.players):
            raise InputError("players must be a tuple of Feature records.")
        labels = np.asarray(self.labels)
        if labels.dtype.kind not in "iu" or labels.ndim < 1:
            raise InputError(f"labels must be whole numbers with at least one axis; got {labels.dtype} {labels.shape}.")
        if labels.size and (labels.min() < -1 or labels.max() >= len(self.players)):
            raise InputError(
                f"labels must be -1 to {len(self.players) - 1}, the last player; got {labels.min()} to {labels.max()}."
            )
        object.__setattr__(self, "labels", _fixed(labels))
        owned = np.bincount(self.labels[self.labels >= 0], minlength=len(self.players))
        if not owned.all():
            raise InputError(f"{self.players[int(np.flatnonzero(owned == 0)[0])].name!r} owns no entry of the input.")
        if self.leaf is not None and not isinstance(self.leaf, str):
            raise InputError(f"leaf= is the name of a leaf of the input; got {self.leaf!r}.")
        self._check_columns()
        self._check_text()

    def _check_columns(self) -> None:
        if self.columns is None:
            return
        if not isinstance(self.columns, tuple) or not all(isinstance(column, Column) for column in self.columns):
            raise InputError("columns must be a tuple of Column records.")
        if self.labels.shape != (len(self.columns),):
            raise InputError(f"{len(self.columns)} columns do not fit labels of shape {self.labels.shape}.")
        distinct([column.name for column in self.columns], "columns")
        distinct(self.names, "features")
        for column in self.columns:
            frames.check_dtype(column.dtype, column.name)
            frames.check_dtype(column.categories, column.name)
        for player, size in zip(self.players, self.sizes, strict=True):
            if player.kind == "one-hot" and len(player.levels) != size:
                raise InputError(f"the one-hot group {player.name!r} has {size} columns and {len(player.levels)} levels.")

    def _check_text(self) -> None:
        if self.text is None and self.spans is None:
            return
        spans = np.asarray(self.spans)
        if not isinstance(self.text, str) or spans.shape != (len(self.players), 2) or spans.dtype.kind not in "iu":
            raise InputError("a text needs a first and a last character for each of its words.")
        edges = spans.reshape(-1)
        if edges.size and (edges[0] < 0 or edges[-1] > len(self.text) or (np.diff(edges) < 0).any()):
            raise InputError("the words' places must be in order, and in the text.")
        object.__setattr__(self, "spans", _fixed(spans))

    # ------------------------------------------------------------------ how they are made

    from_frame = classmethod(making.from_frame)
    from_arrays = classmethod(making.from_arrays)
    from_groups = classmethod(making.from_groups)
    from_labels = classmethod(making.from_labels)
    grid = classmethod(making.grid)
    superpixels = classmethod(making.superpixels)
    segments = classmethod(making.segments)
    words = classmethod(making.words)
    tokens = classmethod(making.tokens)

    # ------------------------------------------------------------------ what they say

    def __len__(self) -> int:
        return len(self.players)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Features):
            return NotImplemented
        mine, theirs = self._key(), other._key()
        return mine == theirs and np.array_equal(self.labels, other.labels) and _same(self.spans, other.spans)

    def __hash__(self) -> int:
        return hash((*self._key(), self.labels.tobytes()))

    def _key(self) -> tuple[Any, ...]:
        return self.players, self.labels.shape, self.leaf, self.columns, self.text

    def __repr__(self) -> str:
        return self.describe(4)

    def describe(self, most: int = 12) -> str:
        """The features in a sentence, at most so many of them by name."""
        kinds = sorted(set(self.kinds))
        noun = kinds[0] if len(kinds) == 1 and kinds[0] in ("region", "token", "step") else "feature"
        if self.text is not None:
            noun = "word"
        noun = {"step": "segment"}.get(noun, noun)
        told = f"{len(self)} {noun}{'s' * (len(self) != 1)}"
        told += (
            f" of {len(self.columns)} columns"
            if self.columns is not None
            else ""
            if noun == "word"
            else f" over {self.labels.shape}"
        )
        if (free := int((self.labels < 0).sum())) and self.columns is not None:
            told += f", {free} of which {'belongs' if free == 1 else 'belong'} to no feature"
        if noun == "region" or not len(self):
            return told
        shown = [self._told(player, most) for player in self.players[:most]]
        return f"{told}: {', '.join(shown)}{', ...' if len(self) > most else ''}"

    def _told(self, player: Feature, most: int) -> str:
        if player.kind in ("token", "step"):
            return player.name
        levels = ", ".join(map(str, player.levels[:most])) + (", ..." if len(player.levels) > most else "")
        return f"{player.name} ({player.kind}{f' of {levels}' if levels else ''}{', or missing' if player.missing else ''})"

    @property
    def names(self) -> tuple[str, ...]:
        """The players' names. Those of words and tokens can occur more than once."""
        return tuple(player.name for player in self.players)

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The players' kinds."""
        return tuple(player.kind for player in self.players)

    @property
    def sizes(self) -> np.ndarray:
        """How many entries of ``labels`` each player owns, int ``(players,)``."""
        return np.bincount(self.labels[self.labels >= 0], minlength=len(self))

    def rename(self, names: Sequence[str]) -> Features:
        """The same players under other names, one for each."""
        titles = listed(names, "names=")
        if len(titles) != len(self):
            raise InputError(f"there are {len(self)} players and {len(titles)} names.")
        players = (dataclasses.replace(player, name=name) for player, name in zip(self.players, titles, strict=True))
        return dataclasses.replace(self, players=tuple(players))

    # ------------------------------------------------------------------ between entries and players

    def fits(self, shape: Sequence[int]) -> bool:
        """Whether one sample of this shape has an entry for each label."""
        return len(shape) == self.labels.ndim and all(
            own in (1, size) for own, size in zip(self.labels.shape, shape, strict=True)
        )

    def check(self, batch: Any) -> None:
        """Refuse a batch that these features do not describe: its shape, and for a table each of its entries.

        Raises
        ------
        InputError
            In words: the column, the row, what is there, what could be.
        """
        if self.columns is not None:
            self.encode(batch)
            return
        shape = np.shape(batch) if isinstance(batch, (np.ndarray, Sequence)) else tuple(batch.shape)
        self._fitting(shape[1:])

    def _fitting(self, shape: Sequence[int]) -> tuple[int, ...]:
        if not self.fits(shape):
            raise InputError(f"these features are those of samples of shape {self._shape()}; got {tuple(shape)}.")
        return tuple(shape)

    def _shape(self) -> str:
        free = self.labels.ndim > 1
        sizes = ["any" if free and size == 1 else str(size) for size in self.labels.shape]
        return f"({', '.join(sizes)}{',' * (len(sizes) == 1)})"

    def mask(self, coalitions: Coalitions) -> Bool[np.ndarray, "coalitions ..."]:
        """Which entries are present in each coalition, bool ``(coalitions, *labels.shape)``.

        Entries that no player owns always are.
        """
        coalitions = np.asarray(coalitions)
        if coalitions.ndim != 2 or coalitions.shape[1] != len(self) or coalitions.dtype != bool:
            raise InputError(f"coalitions must be bool (coalitions, {len(self)}); got {coalitions.dtype} {coalitions.shape}.")
        if self._one_each:
            return coalitions.reshape(len(coalitions), *self.labels.shape).copy()
        flat = self.labels.reshape(-1)
        if (flat < 0).any():
            coalitions = np.concatenate([coalitions, np.ones((len(coalitions), 1), bool)], axis=1)
        return np.take(coalitions, flat, axis=1).reshape(len(coalitions), *self.labels.shape)

    @property
    def _one_each(self) -> bool:
        """Whether every entry is a player of its own, in order."""
        return self.labels.size == len(self) and bool((self.labels.reshape(-1) == np.arange(len(self))).all())

    def total(self, values: Shaped[np.ndarray, "samples ..."]) -> Float[np.ndarray, "samples players"]:
        """Signed sums of an attribution over the entries of each player, float64 ``(samples, players)``."""
        values = np.asarray(values, np.float64)
        self._fitting(values.shape[1:])
        shared = tuple(axis for axis, size in enumerate(self.labels.shape, 1) if size == 1)
        flat = (values.sum(axis=shared) if shared else values).reshape(len(values), self.labels.size)
        if self._one_each:
            return flat.copy() if np.shares_memory(flat, values) else flat
        count, labels = len(self) + 1, np.where(self.labels < 0, len(self), self.labels).reshape(-1)
        places = (np.arange(len(values))[:, None] * count + labels).reshape(-1)
        sums = np.bincount(places, flat.reshape(-1), len(values) * count)
        return sums.reshape(len(values), count)[:, :-1]

    def spread(
        self, values: Float[np.ndarray, "samples players"], shape: Sequence[int] | None = None
    ) -> Float[np.ndarray, "samples ..."]:
        """The players' values shared equally by their entries: float64 ``(samples, *shape)``; entries of nobody get 0.

        ``shape`` is that of one sample, by default the labels' own. Sums per player are preserved.
        """
        values = np.asarray(values, np.float64)
        if values.ndim != 2 or values.shape[1] != len(self):
            raise InputError(f"expected values (samples, {len(self)}), one for each player; got {values.shape}.")
        shape = self.labels.shape if shape is None else self._fitting(shape)
        times = np.prod(shape, dtype=float) / max(self.labels.size, 1)
        shares = np.concatenate([values / (self.sizes * times), np.zeros((len(values), 1))], axis=1)
        whole = np.take(shares, self.labels.reshape(-1), axis=1).reshape(len(values), *self.labels.shape)
        return np.broadcast_to(whole, (len(values), *shape)).copy()

    # ------------------------------------------------------------------ tables

    def encode(self, batch: Any) -> Float[np.ndarray, "samples columns"]:
        """A frame, or a matrix, as float64: numbers as they are, categories as codes, times as ticks.

        A missing category has the code after the last level, a missing number is NaN.

        Raises
        ------
        InputError
            For a level that is not known, a missing value that was not declared, a column too few or too many, a one-hot group
            that is not 1 exactly once.
        """
        columns = self._table("encode")
        framed = hasattr(batch, "columns") and hasattr(batch, "dtypes")
        if framed and not any(column.dtype for column in columns):
            raise InputError("these features describe a matrix; describe the frame by Features.from_frame(frame, groups=...).")
        matrix = frames.encode(batch, columns) if framed else tables.checked(on_host(batch), columns)
        tables.check_one_hot(matrix, self.players, self.labels)
        return matrix

    def decode(self, matrix: Float[np.ndarray, "samples columns"]) -> Any:
        """The frame, with the dtypes that it was described with, that ``encode`` makes this matrix of; of a matrix, itself.

        Columns of whole numbers take the nearest one that their dtype holds.
        """
        columns = self._table("decode")
        matrix = np.asarray(matrix, np.float64)
        if matrix.ndim != 2 or matrix.shape[1] != len(columns):
            raise InputError(f"expected (samples, {len(columns)}), one entry for each column; got {matrix.shape}.")
        return frames.decode(matrix, columns) if any(column.dtype for column in columns) else matrix

    def baseline(self, rows: Any) -> Float[np.ndarray, " columns"]:
        """One usual row of these (a frame, a matrix, or what ``encode`` made of one), in codes, which ``decode`` can take.

        Means of continuous columns (in the column's dtype), medians of ordinal ones, most frequent levels of the others, the
        most frequent column of a one-hot group.
        """
        columns = self._table("baseline")
        return tables.usual_row(self.encode(rows), columns, self.players, self.labels)

    def given(self, rows: Float[np.ndarray, "samples columns"]) -> list[tuple[Any, ...]]:
        """What each player is in these encoded rows, in the user's terms: a number, a level, ``None`` where it is missing.

        A group is a tuple of its columns' values.
        """
        return tables.given(np.asarray(rows, np.float64), self._table("given"), self.players, self.labels)

    def _table(self, verb: str) -> tuple[Column, ...]:
        if self.columns is None:
            raise InputError(f"{verb} is for tables; these are {self.describe(3)}.")
        return self.columns

    # ------------------------------------------------------------------ text

    def keep(self, coalition: Any, replacement: str | None = None) -> Any:
        """The text with the absent words deleted, or replaced.

        Parameters
        ----------
        coalition
            Which words are present: bool ``(players,)`` for one text, ``(coalitions, players)`` for a list of them.
        replacement
            What stands for an absent word, ``"[MASK]"``; by default nothing, and the space around it is tidied.

        Returns
        -------
        str or list of str
            With all words present, the text as it was.
        """
        if self.text is None or self.spans is None:
            raise InputError(f"keep is for the words of a text; these are {self.describe(3)}.")
        chosen = np.asarray(coalition)
        if chosen.dtype != bool or chosen.ndim not in (1, 2) or chosen.shape[-1] != len(self):
            raise InputError(
                f"coalitions must be bool ({len(self)},) or (coalitions, {len(self)}); got {chosen.dtype} {chosen.shape}."
            )
        if chosen.ndim == 1:
            return words.kept(self.text, self.spans, chosen, replacement)
        return [words.kept(self.text, self.spans, row, replacement) for row in chosen]


def _fixed(array: np.ndarray) -> np.ndarray:
    """A copy that cannot be written to."""
    copy = array.astype(np.intp)
    copy.setflags(write=False)
    return copy


def _same(one: np.ndarray | None, other: np.ndarray | None) -> bool:
    return one is other or (one is not None and other is not None and np.array_equal(one, other))
