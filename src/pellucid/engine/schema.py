"""Whose features are explained: the user's, those of a frame, or what is usual for inputs of this kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..core.declare import Attribution, Method
from ..core.errors import CapabilityError, InputError
from ..core.extras import require
from ..core.features import Features
from ..core.players import CATEGORIES
from ..core.view import Inputs, ModelView
from .passes import Passes

CODED = (*CATEGORIES, "ordinal", "one-hot")
"""Kinds of columns that cannot hold any number."""
STEPS, CELLS = 20, 7
"""Segments of a series, and cells along the longer side of an image, where nothing was said."""


def is_frame(x: Any) -> bool:
    """Whether ``x`` is a pandas frame; pandas is not imported to find out."""
    return type(x).__name__ == "DataFrame" and hasattr(x, "columns")


def encoded(method: Method, x: Any, features: Any) -> tuple[Any, Any, Callable[[np.ndarray], Any] | None]:
    """A frame as numbers, its features, and what makes frames of such numbers again. Anything else as it is.

    Features that were not given are those of the samples and of the masker's background together.
    """
    if not is_frame(x):
        return x, features, None
    if features is None:
        background: Any = getattr(getattr(method, "masker", None), "rows", getattr(method, "background", None))
        features = _described(_together(x, background) if is_frame(background) else x)
    schema = features
    if not isinstance(schema, Features):
        raise InputError(f"a frame has one Features for all its rows: pl.Features.from_frame(frame); got {features!r}.")
    return schema.encode(x), schema, (_in_reals(schema) if "gradient" in method.needs else schema).decode


def _described(frame: Any) -> Features:
    """The features of a frame of which nothing was said."""
    try:
        return Features.from_frame(frame)
    except InputError as error:
        raise InputError(f"{error} To say more of a frame: features=pl.Features.from_frame(frame, ...).") from error


def _in_reals(schema: Features) -> Features:
    """The same, where columns of numbers take any number: between two whole ones lies what is differentiated."""
    columns = tuple(
        replace(column, kind="continuous", levels=(), dtype="float64")
        if column.levels == (0, 1) or (column.number and not column.dtype.startswith(("datetime", "timedelta")))
        else column
        for column in schema.columns or ()
    )
    return replace(schema, columns=columns)


def _together(x: Any, background: Any) -> Any:
    """The rows of both, in the columns of the samples."""
    pandas = require("pandas", "frames", "a frame")
    if lacking := [column for column in x.columns if column not in background.columns]:
        raise InputError(f"the background has no column {lacking[0]!r}; it must have all those of the samples.")
    return pandas.concat([x, background[list(x.columns)]])


def takes_features(method: Method | type[Method]) -> bool:
    """Whether a method has values for features; maps and sliding windows look at positions."""
    return bool(getattr(method, "takes_features", method.engine != "map"))


def masked_leaf(inputs: Inputs, features: Any, wrt: Sequence[str] | None) -> str:
    """The leaf whose features are removed."""
    first = features[0] if isinstance(features, (list, tuple)) and features else features
    named = [leaf for leaf in (*(wrt or ())[:1], getattr(first, "leaf", None)) if leaf is not None]
    if wrt is not None and len(wrt) > 1:
        raise InputError(f"features of one input are removed at a time; wrt= names {len(wrt)}: {', '.join(wrt)}.")
    leaves = list(inputs.batched)
    if len(set(named)) > 1:
        raise InputError(f"wrt={named[0]!r} and the features are of different inputs: those describe {named[1]!r}.")
    if named:
        if named[0] not in leaves:
            raise InputError(f"{named[0]!r} is not among the inputs: {', '.join(leaves)}.")
        return named[0]
    if len(leaves) > 1:
        raise InputError(f"the model has the inputs {', '.join(leaves)}; name the one whose features are removed: wrt=.")
    return leaves[0]


def features_of(view: ModelView, inputs: Inputs, leaf: str, features: Any) -> tuple[Features, ...]:
    """One for all samples, or one for each."""
    array = inputs.leaves[leaf]
    if features is None:
        return _usual(view, array)
    given = tuple(features) if isinstance(features, (list, tuple)) else (features,)
    if not given or not all(isinstance(each, Features) for each in given):
        raise InputError(f"features= takes pl.Features, or a list with one for each sample; got {features!r}.")
    if len(given) not in (1, inputs.samples):
        raise InputError(f"features= holds {len(given)} for {inputs.samples} samples; give one for all, or one for each.")
    shape = tuple(array.shape[1:])
    if array.dtype == object:
        if len(given) != inputs.samples:
            raise InputError("texts have words of their own: features= needs one for each, pl.Features.words(texts).")
        return given
    for number, each in enumerate(given):
        if not each.fits(shape):
            each.check(array[:1])
        if any(column.kind in CODED for column in each.columns or ()):
            each.check(view.to_numpy(array if len(given) == 1 else array[number : number + 1]))
    return given


def check_differentiable(method: Method, features: Sequence[Features], array: Any) -> None:
    """Refuse the gradient of a code."""
    if not str(array.dtype).rpartition(".")[2].startswith("float"):
        return  # ids are differentiated at their embedding
    coded = [
        column.name
        for each in features
        if each.columns is not None
        for column, player in zip(each.columns, each.labels, strict=True)
        if player >= 0 and column.kind in CATEGORIES and column.codes != 2
    ]
    if coded:
        raise CapabilityError(
            f"{method.name} differentiates numbers, and {coded[0]!r} holds codes of a category: the gradient of a code means "
            "nothing. Give the model one-hot columns or ids of an embedding, or use a method that removes features: shapley."
        )


def by_player(passes: Passes, attribution: Attribution) -> Attribution:
    """An attribution over the input as signed sums over each player's entries.

    Standard errors and the error of the map are those of single entries, and say nothing of their sums; they stay where each
    player owns one entry, the error of the map where no entry is left over.
    """
    values = passes.host(attribution.values[0])
    entries, errors = values[0].size, attribution.standard_errors
    alone = all((each.sizes * entries == each.labels.size).all() for each in passes.features)
    every = alone and all(len(each) == entries for each in passes.features)
    return replace(
        attribution,
        values=[_totals(passes, values)],
        over="players",
        standard_errors=[_totals(passes, passes.host(errors[0]))] if alone and errors is not None else None,
        error=attribution.error if every else None,
        tolerance=attribution.tolerance if every else None,
    )


def _totals(passes: Passes, values: np.ndarray) -> np.ndarray:
    """Signed sums over the entries of each player, ``(samples, players)``; 0 where a sample has fewer players."""
    if len(passes.features) == 1:
        return passes.features[0].total(values)
    totals = np.zeros((passes.samples, max(map(len, passes.features))))
    for sample, each in enumerate(passes.features):
        totals[sample, : len(each)] = each.total(values[sample : sample + 1])[0]
    return totals


def _usual(view: ModelView, array: Any) -> tuple[Features, ...]:
    """Words, columns, segments of time, or the cells of a grid."""
    if array.dtype == object:
        words = Features.words(list(array))
        return tuple(words) if isinstance(words, (list, tuple)) else (words,)
    shape, layout = tuple(int(size) for size in array.shape[1:]), view.spec.layout
    if len(shape) <= 1:
        return (Features.from_arrays(names=[f"x{at}" for at in range(*(shape or (1,)))]),)
    sizes = shape[1:] if layout == "NCHW" else shape[:-1]
    if len(sizes) == 1:
        return (Features.segments(sizes[0], min(sizes[0], STEPS), layout="CT" if layout == "NCHW" else "TC"),)
    return (Features.grid(shape, cell=max(int(np.ceil(max(sizes) / CELLS)), 1), layout=layout),)
