"""How features are made: of the columns of a table, a map of labels, pieces of images and series, words, tokens.

Each function is a constructor of ``Features`` of the same name, which is the class that it is given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from . import frames, segmentation, tables
from . import words as texts
from .errors import InputError
from .players import Feature, Kind, Level, check_kind, listed
from .segmentation import Method
from .tree import on_host
from .types import Layout

if TYPE_CHECKING:
    import pandas as pd

    from .features import Features

Axes = Literal["CT", "TC", "T"]
"""Order of channels and time in one sample of a series."""


def from_frame(
    cls: type[Features],
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
    >>> import pandas as pd, pellucid as pl
    >>> frame = pd.DataFrame({"age": [31, 45], "hair_red": [0, 1], "hair_dark": [1, 0], "town": ["Bonn", "Ulm"]})
    >>> pl.Features.from_frame(frame)
    3 features of 4 columns: age (continuous), hair (one-hot of hair_red, hair_dark), town (nominal of Bonn, Ulm)
    """
    players, labels, columns = frames.described(frame, kinds or {}, levels or {}, missing, groups or {}, one_hot)
    return cls(players, labels, leaf, columns)


def from_arrays(
    cls: type[Features],
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
    >>> import pellucid as pl
    >>> pl.Features.from_arrays(["age", "town"], levels={"town": ["Bonn", "Ulm"]})
    2 features of 2 columns: age (continuous), town (nominal of Bonn, Ulm)
    """
    players, labels, columns = tables.described(names, kinds, levels or {}, missing, groups or {}, one_hot or {})
    return cls(players, labels, leaf, columns)


def from_groups(
    cls: type[Features],
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
    >>> import pellucid as pl
    >>> pl.Features.from_groups([[0, 1], [2]], names=["place", "age"]).names
    ('place', 'age')
    """
    players, labels, described = tables.numbered(groups, names, columns)
    return cls(players, labels, leaf, described)


def from_labels(
    cls: type[Features], labels: np.ndarray, names: Sequence[str] | None = None, *, kind: Kind = "region", leaf: str | None = None
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
    >>> import numpy as np, pellucid as pl
    >>> pl.Features.from_labels(np.array([0, 0, 1, 1]), ["rise", "fall"], kind="step").names
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


def grid(
    cls: type[Features], shape: Sequence[int], cell: int | Sequence[int] = 16, *, layout: Layout = "NCHW", leaf: str | None = None
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
    >>> import pellucid as pl
    >>> pl.Features.grid((3, 224, 224), cell=32)
    49 regions over (1, 224, 224)
    """
    numbers, places = segmentation.cells(segmentation.spatial(tuple(shape), layout), cell)
    players = tuple(Feature(f"cell {', '.join(map(str, place))}", "region") for place in places)
    return cls(players, segmentation.with_channels(numbers, layout), leaf)


def superpixels(
    cls: type[Features],
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
    pixels = on_host(image)
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


def segments(cls: type[Features], length: int, n: int = 10, *, layout: Axes = "CT", leaf: str | None = None) -> Features:
    """Segments of a series of ``length`` steps; their lengths differ by at most one step.

    ``layout`` says whether one sample is ``(channels, time)``, ``(time, channels)`` or ``(time,)``.

    Examples
    --------
    >>> import pellucid as pl
    >>> pl.Features.segments(10, 3, layout="T").names
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


def words(
    cls: type[Features],
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
    >>> import numpy as np, pellucid as pl
    >>> features = pl.Features.words("A very, very good film.")
    >>> features.keep(np.array([True, False, True, True, True]))
    'A, very good film.'
    """
    if not isinstance(text, str):
        if not isinstance(text, (Sequence, np.ndarray)) or not all(isinstance(each, str) for each in text):
            raise InputError(f"words takes a str or a list of str; got {type(text).__name__}.")
        return [cls.words(str(each), punctuation=punctuation, segment=segment, leaf=leaf) for each in text]
    text = str(text)
    places = texts.spans(text, punctuation, segment)
    players = tuple(Feature(text[start:end], "token") for start, end in places.tolist())
    return cls(players, np.arange(len(players)), leaf, text=text, spans=places)


def tokens(
    cls: type[Features], ids: Any, tokenizer: Any = None, *, special: Sequence[int] | None = None, leaf: str | None = None
) -> Any:
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
    >>> import pellucid as pl
    >>> pl.Features.tokens([101, 7592, 102, 0], special=[101, 102, 0])
    1 token over (4,): 7592
    """
    numbers = on_host(ids)
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
