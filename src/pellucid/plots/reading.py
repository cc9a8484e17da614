"""What of an explanation can be drawn: its leaves, each as maps, series or named entries. NumPy only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Float, UInt8

from ..core import tree
from ..core.errors import InputError, nearest
from ..core.features import Features
from ..core.records import Explanation
from ..models.images import pictures
from .entries import Entries, errors_of, of_pairs, of_players, plane_of, strongest

Form = Literal["map", "series", "bars", "text", "pairs"]
"""Two axes drawn as a heat map, one long axis drawn as a line, entries drawn as bars, words of a text, or pairs of players."""

Names = Sequence[str] | Mapping[str, Sequence[str]] | None
"""Names of the entries of a leaf, or of several leaves by name."""


@dataclass(frozen=True, eq=False)
class Drawable:
    """One attributed leaf, brought to the form in which it is drawn.

    ``values`` are float64: ``(samples, height, width)`` for a map, with channels summed; ``(samples, steps)`` for a series;
    ``(samples, entries)`` for bars, words and pairs (0 behind a sample's own). ``standard_errors`` and ``inputs`` have that
    shape too, where there are any; a series can have inputs ``(samples, channels, steps)``. Values of players that are places
    are spread over them.
    ``pictures`` are uint8 ``(samples, height, width, 3)``: what the map lies over, made from the input leaf ``source``; its
    size may differ from the map's.
    ``smooth`` is a map of positions, of regions or of a layer: one that does not jump from pixel to pixel.
    ``players`` are the named values of each sample, where the values are of players, and ``features`` those players.
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
    players: tuple[Entries, ...] = ()
    features: tuple[Features, ...] = ()

    def entries(self, sample: int) -> Entries:
        """One sample's values with names."""
        if self.players:
            return self.players[sample]
        errors = None if self.standard_errors is None else self.standard_errors[sample]
        given = None if self.inputs is None else tuple(self.inputs[sample].tolist())
        return Entries(self.names, self.values[sample], errors, given)

    def texts(self) -> Iterator[str]:
        """Everything that may be written of the entries or players: names, levels, the text."""
        yield from self.names
        for each in {id(each): each for each in self.features}.values():
            yield each.text or ""
            for player in each.players:
                yield player.name
                yield from map(str, player.levels)

    def of_players(self, sample: int) -> np.ndarray:
        """The values of the players alone, without those of sets of them."""
        return self.players[sample].values[: len(self.features[sample])]

    def plane(self, sample: int) -> np.ndarray | None:
        """The player of each position of a map or series, -1 where there is none; ``None`` where players are no places."""
        return plane_of(self.features[sample]) if self.features and self.form in ("map", "series") else None

    def painted(self, sample: int) -> np.ndarray:
        """A map or series with the whole value of each player at all its positions; without players, the values."""
        plane = self.plane(sample)
        return self.values[sample] if plane is None else np.append(self.of_players(sample), 0.0)[plane]


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
    if explanation.features is not None and explanation.over in ("players", "interactions"):
        return _of_players(explanation, leaf, form, features)
    if form is not None and form not in get_args(Form)[:3]:
        raise InputError(f"form= must be one of {', '.join(map(repr, get_args(Form)[:3]))}; got {form!r}.")
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


def borders(plane: np.ndarray) -> list[list[tuple[float, float]]]:
    """The lines between regions, each as long as it runs straight: points ``(x, y)``, with pixels centred on whole numbers.

    >>> borders(np.array([[0, 1], [0, 1]]))
    [[(0.5, -0.5), (0.5, 1.5)]]
    """
    lines: list[list[tuple[float, float]]] = []
    for flip in (False, True):
        edges = np.diff(plane.T if flip else plane, axis=1) != 0
        for at in np.flatnonzero(edges.any(axis=0)).tolist():
            ends = np.flatnonzero(np.diff(edges[:, at].astype(int), prepend=0, append=0)).reshape(-1, 2)
            for start, end in ends.tolist():
                line = [(at + 0.5, start - 0.5), (at + 0.5, end - 0.5)]
                lines.append([(y, x) for x, y in line] if flip else line)
    return lines


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


def _of_players(explanation: Explanation, leaf: str, form: Form | None, names: Names) -> Drawable:
    """Values over players or pairs of them, in the form that suits the players."""
    given = names.get(leaf) if isinstance(names, Mapping) else names
    explanation = explanation if given is None else _renamed(explanation, given)
    pairs = explanation.over == "interactions"
    if pairs and form not in (None, "bars"):
        raise InputError(f"pairs of players have no places in a {form}; draw a network, bars, a waterfall or a beeswarm.")
    suggested = "pairs" if pairs else form or _player_form(explanation)
    rows = of_pairs(explanation) if pairs else of_players(explanation)
    listed = Drawable(leaf, suggested, _padded(rows), players=rows, features=explanation.players)
    if suggested not in ("map", "series"):
        return listed
    name, array = _described(explanation)
    planes = [plane for each in explanation.players if (plane := plane_of(each)) is not None]
    wanted = 2 if suggested == "map" else 1
    if array is None or len(planes) != len(rows) or any(plane.ndim != wanted for plane in planes):
        raise InputError(f"players like these, {explanation.players[0].describe(3)}, have no places in a {suggested}.")
    counts = [len(each) for each in explanation.players]
    spread = np.stack([_spread(row.values[:count], plane) for row, plane, count in zip(rows, planes, counts, strict=True)])
    if suggested == "map":
        shown = _pictures(explanation, name) if array.ndim == 4 else None
        return replace(listed, values=spread, pictures=shown, source=name if array.ndim == 4 else "", smooth=True)
    lines = np.asarray(array, np.float64)
    if lines.ndim == 3 and spread.shape[1] != lines.shape[2]:
        lines = np.moveaxis(lines, 1, 2)
    return replace(listed, values=spread, inputs=lines)


def _spread(values: np.ndarray, plane: np.ndarray) -> np.ndarray:
    """Each player's value shared equally by its positions."""
    sizes = np.bincount(plane[plane >= 0], minlength=len(values))
    return np.append(values / np.maximum(sizes, 1), 0.0)[plane]


def _player_form(explanation: Explanation) -> Form:
    """Words, places in a picture or a series, or entries of a table."""
    players = explanation.players[0] if explanation.players else None
    if players is None:
        return "bars"
    if players.text is not None or "token" in players.kinds:
        return "text"
    planes = [plane_of(each) for each in explanation.players]
    ranks = {None if plane is None else plane.ndim for plane in planes}
    if _described(explanation)[1] is None or len(ranks) != 1:
        return "bars"
    rank = ranks.pop()
    return "map" if rank == 2 else "series" if rank == 1 else "bars"


def _described(explanation: Explanation) -> tuple[str, np.ndarray | None]:
    """The leaf of the input that the players describe, if it holds numbers that can be drawn."""
    first = explanation.players[0]
    for name, leaf in tree.flatten(explanation.inputs).items():
        array = np.asarray(leaf)
        named = first.leaf in (None, name) and name not in explanation.static
        if named and array.dtype.kind in "fiub" and len(array) == len(explanation) and first.fits(array.shape[1:]):
            return name, array
    return "", None


def _renamed(explanation: Explanation, names: Sequence[str]) -> Explanation:
    if isinstance(explanation.features, tuple):
        raise InputError("features= names the features of all samples; here each sample has its own.")
    assert explanation.features is not None
    return replace(explanation, features=explanation.features.rename([str(name) for name in names]))


def _padded(rows: Sequence[Entries]) -> np.ndarray:
    held = np.zeros((len(rows), max((len(row.values) for row in rows), default=0)))
    for at, row in enumerate(rows):
        held[at, : len(row.values)] = row.values
    return held


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
        None if (errors := errors_of(explanation, leaf)) is None else errors.reshape(flat),
        None if shown is None else np.asarray(shown, dtype=np.float64).reshape(flat),
    )


def _bars(explanation: Explanation, leaf: str, values: np.ndarray, features: Names) -> Drawable:
    flat = (len(values), -1)
    shown = _like(tree.flatten(explanation.inputs).get(leaf), values) if explanation.over == "input" else None
    errors = errors_of(explanation, leaf)
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
