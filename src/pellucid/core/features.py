"""What belongs together in an input: which entries are one player, what that player is called, and what it can be."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from jaxtyping import Bool, Float, Shaped

from . import frames, segmentation, tables, words
from .errors import InputError
from .players import Column, Feature, Kind, Level, check_kind, distinct, listed
from .segmentation import Method
from .types import Coalitions, Layout

if TYPE_CHECKING:
    import pandas as pd

Axes = Literal["CT", "TC", "T"]
"""Order of channels and time in one sample of a series."""


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
    >>> import pellucid as pl
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

    # ------------------------------------------------------------------ tables

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        *,
        kinds: Mapping[Any, Kind] | None = None,
        levels: Mapping[Any, Sequence[Level]] | None = None,
        missing: Sequence[Any] | Literal[True] = (),
        groups: Mapping[str, Sequence[Any]] | None = None,
        one_hot: bool | Mapping[str, Sequence[Any]] = True,
        leaf: str | None = None,
    ) -> Features:
        """Features of a pandas frame, one per column or group of columns.

        Parameters
        ----------
        frame
            Rows that show what there is: levels are those that occur (all categories, of a categorical).
        kinds
            Kinds that differ from what the dtype says. Inferred are: numbers and times continuous, or binary where 20 rows or
            more have both 0 and 1 and nothing else; booleans binary; strings and categoricals nominal; ordered categoricals
            ordinal. Numbers declared ordinal stay numbers; declared nominal, their values become levels.
        levels
            The levels of a column in the order of their codes, where more exist than occur, or where their order counts.
        missing
            Columns that can be missing; ``True`` for all. Where a category is missing in ``frame`` that is found out.
        groups
            Columns that are one player together, by name.
        one_hot
            Whether to find one-hot groups: columns of 0 and 1 whose names share a prefix and whose rows sum to 1. Or the
            groups, by name; a row of zeros is then a missing level.
        leaf
            Name of the leaf of the input that is the frame, if there are several.

        Raises
        ------
        InputError
            For NaN in numbers not declared missing, dtypes that cannot be kept, and names that are not there.

        Notes
        -----
        Cost: one pass over the frame. Needs the ``frames`` extra.

        Examples
        --------
        >>> import pandas as pd
        >>> frame = pd.DataFrame({"age": [31, 45], "hair_red": [0, 1], "hair_dark": [1, 0], "town": ["Bonn", "Ulm"]})
        >>> Features.from_frame(frame)
        3 features of 4 columns: age (continuous), hair (one-hot of hair_red, hair_dark), town (nominal of Bonn, Ulm)
        """
        players, labels, columns = frames.described(frame, kinds or {}, levels or {}, missing, groups or {}, one_hot)
        return cls(players, labels, leaf, columns)

    @classmethod
    def from_arrays(
        cls,
        names: Sequence[str],
        kinds: Sequence[Kind] | Mapping[str, Kind] | None = None,
        levels: Mapping[str, Sequence[Level]] | None = None,
        *,
        missing: Sequence[str] | Literal[True] = (),
        groups: Mapping[str, Sequence[str]] | None = None,
        one_hot: Mapping[str, Sequence[str]] | None = None,
        leaf: str | None = None,
    ) -> Features:
        """Features of a matrix ``(samples, columns)``.

        Parameters
        ----------
        names
            One for each column.
        kinds
            One for each column, or those of some columns by name; otherwise continuous, or nominal where there are levels.
            A nominal column holds codes: whole numbers from 0.
        levels
            What the codes of a column mean, in their order.
        missing
            Columns that can be missing: NaN, or for a category the code after the last level.
        groups, one_hot
            Columns that are one feature together, by name; those of a one-hot group are 0, and 1 in one place.
        leaf
            Name of the leaf of the input that is the matrix, if there are several.

        Raises
        ------
        InputError
            For names that are not there or occur twice, kinds that do not exist, columns in two groups.

        Examples
        --------
        >>> Features.from_arrays(["age", "town"], levels={"town": ["Bonn", "Ulm"]})
        2 features of 2 columns: age (continuous), town (nominal of Bonn, Ulm)
        """
        players, labels, columns = tables.described(names, kinds, levels or {}, missing, groups or {}, one_hot or {})
        return cls(players, labels, leaf, columns)

    @classmethod
    def from_groups(
        cls,
        groups: Sequence[Sequence[int]],
        names: Sequence[str] | None = None,
        *,
        columns: int | None = None,
        leaf: str | None = None,
    ) -> Features:
        """Features of a matrix ``(samples, columns)``, each a list of column numbers.

        A column in no group belongs to no player: it is never removed. ``columns`` says how many there are, if the last ones
        are in no group.

        Raises
        ------
        InputError
            For an empty group, a column that is out of range or in two groups, names of another number than groups.

        Examples
        --------
        >>> Features.from_groups([[0, 1], [2]], names=["place", "age"]).names
        ('place', 'age')
        """
        players, labels, described = tables.numbered(groups, names, columns)
        return cls(players, labels, leaf, described)

    # ------------------------------------------------------------------ images, series, text

    @classmethod
    def from_labels(
        cls, labels: np.ndarray, names: Sequence[str] | None = None, *, kind: Kind = "region", leaf: str | None = None
    ) -> Features:
        """Features by a map of numbers of one's own: a segmentation, of objects in an image or phases of a signal.

        Parameters
        ----------
        labels
            For each entry of one sample the number of its player, from 0; -1 for none. Axes may have size 1 where the players
            own all along them: ``(1, H, W)`` for an image in NCHW.
        names
            One for each player.
        kind
            What they are.
        leaf
            Name of the leaf of the input, if there are several.

        Examples
        --------
        >>> Features.from_labels(np.array([0, 0, 1, 1]), ["rise", "fall"], kind="step").names
        ('rise', 'fall')
        """
        labels = np.asarray(labels)
        check_kind(kind, "labels", get_args(Kind))
        count = int(labels.max()) + 1 if labels.size and labels.dtype.kind in "iu" else 0
        titles = [f"{kind} {at}" for at in range(count)] if names is None else listed(names, "names=")
        if len(titles) != count or not count:
            raise InputError(
                f"the labels number {count} players and there are {len(titles)} names; one name each, at least one player."
            )
        return cls(tuple(Feature(title, kind) for title in titles), labels, leaf)

    @classmethod
    def grid(
        cls, shape: Sequence[int], cell: int | Sequence[int] = 16, *, layout: Layout = "NCHW", leaf: str | None = None
    ) -> Features:
        """Cells of a grid over an image, a volume or a series; cells at the far edges may be cut.

        Parameters
        ----------
        shape
            Of one sample, channels included: ``(C, H, W)`` in NCHW, ``(H, W, C)`` in NHWC, with any number of axes in space.
        cell
            Side of a cell in entries, or one for each axis in space.
        layout
            Where the channels are. A cell owns all channels.
        leaf
            Name of the leaf of the input, if there are several.

        Examples
        --------
        >>> Features.grid((3, 224, 224), cell=32)
        49 regions over (1, 224, 224)
        """
        numbers, places = segmentation.cells(segmentation.spatial(tuple(shape), layout), cell)
        players = tuple(Feature(f"cell {', '.join(map(str, place))}", "region") for place in places)
        return cls(players, segmentation.with_channels(numbers, layout), leaf)

    @classmethod
    def superpixels(
        cls,
        image: Any,
        n: int = 50,
        method: Method = "slic",
        *,
        layout: Layout = "NCHW",
        leaf: str | None = None,
        **options: Any,
    ) -> Any:
        """Superpixels of one image, or of each image of a batch, by scikit-image.

        Parameters
        ----------
        image
            ``(C, H, W)`` or ``(samples, C, H, W)``, or with channels last in NHWC. Values of any range: what is not in 0 to 1 is
            scaled to it. Three channels are compared as colours.
        n
            How many, about: SLIC and Felzenszwalb keep to it roughly, quick shift as far as its tree allows.
        method
            ``"slic"``, ``"quickshift"`` or ``"felzenszwalb"``.
        layout
            Where the channels are.
        leaf
            Name of the leaf of the input, if there are several.
        options
            Further options of scikit-image's function. A ``max_dist`` or ``scale`` takes the place of ``n``.

        Returns
        -------
        Features or list of Features
            A list for a batch: the images have players of their own, and not all as many.

        Raises
        ------
        InputError
            For other ranks, an ``n`` that is no number of superpixels, NaN.
        MissingExtraError
            Without the ``images`` extra.

        Notes
        -----
        Deterministic. Sources: achanta2012slic, vedaldi2008quick, felzenszwalb2004efficient.
        """
        pixels = _numpy(image)
        if pixels.ndim not in (3, 4) or not pixels.size or pixels.dtype.kind not in "iufb":
            raise InputError(
                f"superpixels need an image {'(C, H, W)' if layout == 'NCHW' else '(H, W, C)'} or a batch of them; "
                f"got {pixels.dtype} {pixels.shape}."
            )
        if pixels.ndim == 4:
            return [cls.superpixels(each, n, method, layout=layout, leaf=leaf, **options) for each in pixels]
        segmentation.spatial(pixels.shape, layout)
        last = np.moveaxis(pixels, 0, -1) if layout == "NCHW" else pixels
        numbers = segmentation.superpixels(last, n, method, options)
        players = tuple(Feature(f"region {at}", "region") for at in range(int(numbers.max()) + 1))
        return cls(players, segmentation.with_channels(numbers, layout), leaf)

    @classmethod
    def segments(cls, length: int, n: int = 10, *, layout: Axes = "CT", leaf: str | None = None) -> Features:
        """Segments of a series of ``length`` steps; their lengths differ by at most one step.

        ``layout`` says whether one sample is ``(channels, time)``, ``(time, channels)`` or ``(time,)``.

        Examples
        --------
        >>> Features.segments(10, 3, layout="T").names
        ('steps 0-3', 'steps 4-6', 'steps 7-9')
        """
        if layout not in get_args(Axes):
            raise InputError(f"layout= must be one of {', '.join(map(repr, get_args(Axes)))}; got {layout!r}.")
        numbers = segmentation.segments(length, n)
        first = np.flatnonzero(np.diff(numbers, prepend=-1))
        last = np.append(first[1:], length) - 1
        names = [f"step {a}" if a == b else f"steps {a}-{b}" for a, b in zip(first.tolist(), last.tolist(), strict=True)]
        shape = {"CT": (1, -1), "TC": (-1, 1), "T": (-1,)}[layout]
        return cls(tuple(Feature(name, "step") for name in names), numbers.reshape(shape), leaf)

    @classmethod
    def words(
        cls,
        text: Any,
        *,
        punctuation: bool = False,
        segment: Callable[[str], Iterable[str]] | None = None,
        leaf: str | None = None,
    ) -> Any:
        """The words of a text, or of each text of a list.

        Runs of Chinese characters are segmented by jieba (extra ``text``; its dictionary takes a second, once); elsewhere a word
        is a run of letters and digits, with the apostrophes, points and hyphens inside it. Emoji and other symbols are words.

        Parameters
        ----------
        text
            A string, or a list of strings.
        punctuation
            Whether punctuation marks are players too; otherwise they belong to none and always stay.
        segment
            For other languages: a function from a text to its words in order.
        leaf
            Name of the leaf of the input, if there are several.

        Returns
        -------
        Features or list of Features
            A text without words has no players.

        Examples
        --------
        >>> features = Features.words("A very, very good film.")
        >>> features.keep(np.array([True, False, True, True, True]))
        'A, very good film.'
        """
        if not isinstance(text, str):
            if not isinstance(text, (Sequence, np.ndarray)) or not all(isinstance(each, str) for each in text):
                raise InputError(f"words takes a str or a list of str; got {type(text).__name__}.")
            return [cls.words(str(each), punctuation=punctuation, segment=segment, leaf=leaf) for each in text]
        text = str(text)
        places = words.spans(text, punctuation, segment)
        players = tuple(Feature(text[start:end], "token") for start, end in places.tolist())
        return cls(players, np.arange(len(players)), leaf, text=text, spans=places)

    @classmethod
    def tokens(cls, ids: Any, tokenizer: Any = None, *, special: Sequence[int] | None = None, leaf: str | None = None) -> Any:
        """Token ids of one text, or of each text of a batch: one player per token.

        Parameters
        ----------
        ids
            Whole numbers, ``(length,)`` or ``(samples, length)``.
        tokenizer
            Names the tokens, and its special ids, where it has ``convert_ids_to_tokens`` and ``all_special_ids`` as those of
            Hugging Face do.
        special
            Ids that belong to no player (``[CLS]``, ``[SEP]``, padding); otherwise the tokenizer's.
        leaf
            Name of the leaf of the input, if there are several.

        Returns
        -------
        Features or list of Features
            A list for a batch.

        Examples
        --------
        >>> Features.tokens([101, 7592, 102, 0], special=[101, 102, 0])
        1 token over (4,): 7592
        """
        numbers = _numpy(ids)
        if numbers.ndim not in (1, 2) or (numbers.size and numbers.dtype.kind not in "iu"):
            raise InputError(f"ids must be whole numbers, (length,) or (samples, length); got {numbers.dtype} {numbers.shape}.")
        if numbers.ndim == 2:
            return [cls.tokens(row, tokenizer, special=special, leaf=leaf) for row in numbers]
        outside = getattr(tokenizer, "all_special_ids", ()) if special is None else listed(special, "special=")
        owned = ~np.isin(numbers, list(outside))
        held: list[int] = numbers[owned].tolist()
        names = list(map(str, held)) if tokenizer is None else [str(name) for name in tokenizer.convert_ids_to_tokens(held)]
        labels = np.where(owned, np.cumsum(owned) - 1, -1)
        return cls(tuple(Feature(name, "token") for name in names), labels, leaf)

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
        matrix = frames.encode(batch, columns) if framed else tables.checked(_numpy(batch), columns)
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


def _numpy(array: Any) -> np.ndarray:
    """An array on the host, of whatever framework."""
    return np.asarray(array.detach().cpu() if hasattr(array, "detach") else array)
