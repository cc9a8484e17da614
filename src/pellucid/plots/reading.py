"""What of an explanation can be drawn: its leaves, each as maps, series or named entries. NumPy only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Float, UInt8

from ..core import tree
from ..core.errors import InputError, nearest
from ..core.records import Explanation
from ..models.images import pictures

Form = Literal["map", "series", "bars"]
"""Two axes drawn as a heat map, one long axis drawn as a line, or entries drawn as bars."""

Names = Sequence[str] | Mapping[str, Sequence[str]] | None
"""Names of the entries of a leaf, or of several leaves by name."""


@dataclass(frozen=True, eq=False)
class Drawable:
    """One attributed leaf, brought to the form in which it is drawn.

    ``values`` are float64: ``(samples, height, width)`` for a map, with channels summed; ``(samples, steps)`` for a series;
    ``(samples, entries)`` for bars. ``standard_errors`` and ``inputs`` have that shape too, where there are any.
    ``pictures`` are uint8 ``(samples, height, width, 3)``: what the map lies over, made from the input leaf ``source``; its
    size may differ from the map's.
    ``smooth`` is a map of positions or of a layer: one that does not jump from pixel to pixel.
    """

    leaf: str
    form: Form
    values: Float[np.ndarray, "samples ..."]
    standard_errors: Float[np.ndarray, "samples ..."] | None = None
    inputs: Float[np.ndarray, "samples ..."] | None = None
    pictures: UInt8[np.ndarray, "samples height width 3"] | None = None
    source: str = ""
    smooth: bool = False
    names: tuple[str, ...] = ()


def drawables(explanation: Explanation, features: Names = None) -> dict[str, Drawable]:
    """Every attributed leaf in the form that its shape suggests."""
    return {leaf: drawable(explanation, leaf, features=features) for leaf in explanation.leaves}


def drawable(explanation: Explanation, leaf: str | None = None, form: Form | None = None, features: Names = None) -> Drawable:
    """One attributed leaf: the one that is named, else the first that lies over a picture, else the first."""
    leaves = explanation.leaves
    if leaf is None:
        picturesque = [name for name in leaves if _picture_leaf(explanation, name) is not None]
        leaf = next(iter([*picturesque, *leaves]))
    if leaf not in leaves:
        raise InputError(f"no values for a leaf named {leaf!r}.{nearest(leaf, leaves)}")
    if form is not None and form not in get_args(Form):
        raise InputError(f"form= must be one of {', '.join(map(repr, get_args(Form)))}; got {form!r}.")
    values = np.asarray(leaves[leaf], dtype=np.float64)
    suggested = form or _suggested(explanation, values)
    if suggested == "map":
        return _map(explanation, leaf, values)
    if suggested == "series":
        return _series(explanation, leaf, values)
    return _bars(explanation, leaf, values, features)


def summed(maps: np.ndarray, cell: int) -> np.ndarray:
    """Sums over squares of ``cell`` times ``cell`` of the last two axes; squares at the far edges may be cut.

    >>> summed(np.ones((3, 5)), 2)
    array([[4., 4., 2.],
           [2., 2., 1.]])
    """
    for axis in (-2, -1):
        maps = np.add.reduceat(maps, range(0, maps.shape[axis], cell), axis=axis)
    return maps


def strongest(values: np.ndarray, top: int) -> np.ndarray:
    """Positions of the ``top`` entries with the largest magnitudes, largest first; ties in the order of the entries."""
    return np.argsort(-np.abs(values), kind="stable")[:top]


def output_gradient(explanation: Explanation) -> np.ndarray | None:
    """dL/df, ``(samples, outputs)``, if the explanation has it for outputs that can be listed."""
    gradient = explanation.details.get("output_gradient")
    if gradient is None or gradient.ndim != 2 or gradient.shape != explanation.prediction.shape:
        return None
    return np.asarray(gradient, dtype=np.float64)


def chosen_outputs(explanation: Explanation, sample: int, top: int) -> np.ndarray:
    """Outputs worth listing: the largest predictions and the largest gradients, by falling prediction."""
    prediction = np.asarray(explanation.prediction[sample], dtype=np.float64)
    best = np.argsort(-prediction, kind="stable")[:top]
    gradient = output_gradient(explanation)
    chosen = best if gradient is None else np.union1d(best, strongest(gradient[sample], top))
    return chosen[np.argsort(-prediction[chosen], kind="stable")]


def output_names(explanation: Explanation) -> tuple[str, ...]:
    """Class names, or numbered outputs."""
    count = explanation.prediction.shape[1]
    if explanation.classes is not None and len(explanation.classes) == count:
        return explanation.classes
    return tuple(f"output {index}" for index in range(count))


def _suggested(explanation: Explanation, values: np.ndarray) -> Form:
    sizes = _spatial_sizes(explanation, values)
    if len(sizes) == 2 or (values.ndim == 3 and len(sizes) != 1):
        return "map"
    return "series" if len(sizes) == 1 and sizes[0] > 1 else "bars"


def _spatial_sizes(explanation: Explanation, values: np.ndarray) -> tuple[int, ...]:
    """Extent in space or time: without the channel axis; a row of features without one has none."""
    if explanation.over == "spatial":
        return values.shape[1:]
    if values.ndim == 4 or (values.ndim == 3 and values.shape[_channel_axis(explanation, values)] == 1):
        return tuple(size for axis, size in enumerate(values.shape) if axis not in (0, _channel_axis(explanation, values)))
    return ()


def _channel_axis(explanation: Explanation, values: np.ndarray) -> int:
    return 1 if explanation.layout == "NCHW" else values.ndim - 1


def _map(explanation: Explanation, leaf: str, values: np.ndarray) -> Drawable:
    if explanation.over != "spatial" and values.ndim == 4:
        values = values.sum(axis=_channel_axis(explanation, values))
    if values.ndim != 3:
        raise InputError(f"values of shape {values.shape} cannot be drawn as a map; form='bars' draws their largest entries.")
    source = _picture_leaf(explanation, leaf)
    shown = None if source is None else _pictures(explanation, source)
    return Drawable(leaf, "map", values, pictures=shown, source=source or "", smooth=explanation.over != "input")


def _series(explanation: Explanation, leaf: str, values: np.ndarray) -> Drawable:
    length = _spatial_sizes(explanation, values) or values.shape[1:]
    if len(length) != 1:
        raise InputError(f"values of shape {values.shape} cannot be drawn as a series; form='bars' draws their largest entries.")
    flat = (len(values), -1)
    inputs = tree.flatten(explanation.inputs)
    same = [array for array in inputs.values() if np.size(array) == values.size and len(array) == len(values)]
    shown = _like(inputs.get(leaf), values) if explanation.over == "input" else (same[0] if same else None)
    return Drawable(
        leaf,
        "series",
        values.reshape(flat),
        None if (errors := _errors(explanation, leaf)) is None else errors.reshape(flat),
        None if shown is None else np.asarray(shown, dtype=np.float64).reshape(flat),
    )


def _bars(explanation: Explanation, leaf: str, values: np.ndarray, features: Names) -> Drawable:
    flat = (len(values), -1)
    shown = _like(tree.flatten(explanation.inputs).get(leaf), values) if explanation.over == "input" else None
    errors = _errors(explanation, leaf)
    return Drawable(
        leaf,
        "bars",
        values.reshape(flat),
        None if errors is None else errors.reshape(flat),
        None if shown is None else shown.reshape(flat),
        names=_entry_names(explanation, leaf, values.shape[1:], features),
    )


def _entry_names(explanation: Explanation, leaf: str, shape: tuple[int, ...], features: Names) -> tuple[str, ...]:
    entries = int(np.prod(shape))
    given = features.get(leaf) if isinstance(features, Mapping) else features
    if given is not None and explanation.over == "input":
        if isinstance(given, str) or len(given) != entries:
            raise InputError(f"features= must give one name for each of the {entries} entries of {leaf!r}; got {len(given)}.")
        return tuple(map(str, given))
    what = {"input": "feature", "spatial": "position", "layer": "unit"}.get(explanation.over, str(explanation.over))
    what = leaf if len(explanation.leaves) > 1 else what
    if len(shape) < 2:
        return tuple(f"{what} {entry}" for entry in range(entries)) if shape else (leaf,)
    return tuple(f"{what} {', '.join(map(str, place))}" for place in np.ndindex(shape))


def _errors(explanation: Explanation, leaf: str) -> np.ndarray | None:
    errors = None if explanation.standard_errors is None else tree.flatten(explanation.standard_errors).get(leaf)
    return None if errors is None else np.asarray(errors, dtype=np.float64)


def _like(inputs: Any, values: np.ndarray) -> np.ndarray | None:
    """The input entries that these values belong to, if they are numbers of that shape."""
    array = np.asarray(inputs)
    return array.astype(np.float64) if array.shape == values.shape and array.dtype.kind in "fiub" else None


def _picture_leaf(explanation: Explanation, leaf: str) -> str | None:
    """The input leaf that a map lies over: itself, or for positions and layers the first with channels and two more axes."""
    inputs = tree.flatten(explanation.inputs)
    values = explanation.leaves[leaf]
    batched = [name for name, array in inputs.items() if np.ndim(array) == 4 and len(array) == len(explanation)]
    if explanation.over == "input":
        return leaf if values.ndim == 4 and leaf in batched else None
    flat = values.ndim == {"spatial": 3, "layer": 4}.get(explanation.over)
    return batched[0] if flat and batched else None


def _pictures(explanation: Explanation, leaf: str) -> UInt8[np.ndarray, "samples height width 3"]:
    array = np.asarray(tree.flatten(explanation.inputs)[leaf], dtype=np.float64)
    channels = array.shape[_channel_axis(explanation, array)]
    scale = explanation.pixel_scale
    if scale is not None and any(np.size(part) not in (1, channels) for part in scale):
        scale = None
    shown = pictures(array, explanation.layout, scale)
    if channels not in (1, 3):  # neither grey nor RGB: their mean is the picture that claims least
        shown = np.rint(shown.mean(axis=-1, keepdims=True)).astype(np.uint8)
    return np.broadcast_to(shown, (*shown.shape[:3], 3))
