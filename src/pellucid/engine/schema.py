"""Whose features are explained: the user's, those of a frame, or what is usual for inputs of this kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..core.declare import Attribution, Method
from ..core.errors import CapabilityError, InputError
from ..core.extras import require
from ..core.features import Features
from ..core.view import Inputs, ModelView
from ..models.function import FunctionView
from .passes import Passes

STEPS, CELLS = 20, 7
"""Segments of a series, and cells along the longer side of an image, where nothing was said."""
CODES = ("nominal", "binary")
"""Kinds whose numbers are codes of categories."""


def is_frame(x: Any) -> bool:
    """Whether ``x`` is a pandas frame; pandas is not imported to find out."""
    return type(x).__name__ == "DataFrame" and hasattr(x, "columns")


def encoded(view: ModelView, method: Method, x: Any, features: Any) -> tuple[Any, Any]:
    """A frame as numbers with its features; the view hands the model frames again. Anything else as it is.

    Features that were not given are those of the samples and of the masker's background together.
    """
    if not is_frame(x):
        return x, features
    if features is None:
        background: Any = getattr(getattr(method, "masker", None), "rows", None)
        pandas = require("pandas", "frames", "a frame")
        features = Features.from_frame(pandas.concat([x, background[list(x.columns)]]) if is_frame(background) else x)
    schema = features
    if not isinstance(schema, Features):
        raise InputError(f"a frame has one Features for all its rows: pl.Features.from_frame(frame); got {features!r}.")
    if isinstance(view, FunctionView):
        view.rows_as = schema.decode
    return schema.encode(x), schema


def masked_leaf(inputs: Inputs, features: Any, wrt: Sequence[str] | None) -> str:
    """The leaf whose features are removed."""
    first = features[0] if isinstance(features, (list, tuple)) and features else features
    named = [leaf for leaf in (*(wrt or ())[:1], getattr(first, "leaf", None)) if leaf is not None]
    if wrt is not None and len(wrt) > 1:
        raise InputError(f"features of one input are removed at a time; wrt= names {len(wrt)}: {', '.join(wrt)}.")
    leaves = list(inputs.batched)
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
    for each in given:
        if not each.fits(shape):
            each.check(array[:1])
    return given


def check_differentiable(method: Method, features: Sequence[Features], array: Any) -> None:
    """Refuse the gradient of a code."""
    if not str(array.dtype).rpartition(".")[2].startswith("float"):
        return  # ids are differentiated at their embedding
    coded = [player.name for player in features[0].players if player.kind in CODES and len(player.levels) > 2]
    if coded:
        raise CapabilityError(
            f"{method.name} differentiates numbers, and {coded[0]!r} holds codes of a category: the gradient of a code means "
            "nothing. Give the model one-hot columns or ids of an embedding, or use a method that removes features: shapley."
        )


def by_player(passes: Passes, attribution: Attribution) -> Attribution:
    """An attribution over the input as signed sums over each player's entries.

    Standard errors and the error of the map are those of single entries, and say nothing of their sums.
    """
    values = passes.host(attribution.values[0])
    if len(passes.features) == 1:
        totals = passes.features[0].total(values)
    else:
        totals = np.zeros((passes.samples, max(map(len, passes.features))))
        for sample, each in enumerate(passes.features):
            totals[sample, : len(each)] = each.total(values[sample : sample + 1])[0]
    return replace(attribution, values=[totals], over="players", standard_errors=None, error=None, tolerance=None)


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
