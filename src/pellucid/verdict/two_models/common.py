"""Explanations of the same samples put on common places: players, the cells of a grid over a picture, or entries."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...core import tree
from ...core.errors import InputError
from ...core.features import Features
from ...core.records import Explanation
from ...metrics.agreement import Agreement, agreement, largest_difference, relative_difference

CELLS = 14
"""Cells along the longer side of the grid on which maps over pictures are compared."""

Back = Callable[[str, np.ndarray], np.ndarray]
"""Values of the second explanation at a leaf of the first, in the first's order of axes."""


@dataclass(frozen=True, eq=False)
class Common:
    """Two explanations over the same places.

    ``one`` and ``other`` have one row of values per sample, one value for each place; ``whole`` are the same at full resolution.
    ``what`` says what the places are; ``features`` are the players of each sample, where the places are players or cells.
    """

    one: tuple[np.ndarray, ...]
    other: tuple[np.ndarray, ...]
    whole: tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]
    what: str
    features: tuple[Features, ...] = ()
    pairs: bool = False
    leaves: tuple[tuple[str, tuple[int, ...]], ...] = ()

    def agreement(self, top: int | None) -> Agreement:
        """Every measure; the relative difference is that at full resolution."""
        found = agreement(self.one, self.other, top)
        return replace(found, difference=relative_difference(*self.whole))

    def where(self) -> tuple[str, ...]:
        """The place of each sample where the two differ most, in words; empty where they are equal."""
        return tuple(self.place(sample, at) for sample, at in enumerate(self.at().tolist()))

    def at(self) -> np.ndarray:
        """The number of that place, -1 where they are equal."""
        return largest_difference(self.one, self.other)

    def place(self, sample: int, at: int) -> str:
        """A place in words."""
        if at < 0:
            return ""
        if self.pairs:
            names = self.features[sample].names
            return " × ".join(names[player] for player in divmod(at, len(names)))
        if self.features:
            return _told(self.features[sample], at)
        for name, shape in self.leaves:
            if at < math.prod(shape):
                index = ", ".join(str(int(part)) for part in np.unravel_index(at, shape)) if shape else ""
                return f"entry {index}" + (f" of {name}" if len(self.leaves) > 1 else "")
            at -= math.prod(shape)
        raise IndexError(at)


def common(one: Explanation, other: Explanation, names: tuple[str, str], back: Back = lambda _, values: values) -> Common:
    """Two explanations of the same samples and target by one method, on common places.

    Values over pictures are summed, signed, over the cells of a grid; players stay players; anything else is compared entry by
    entry.

    Raises
    ------
    InputError
        If the values of one are over something else than those of the other.
    """
    if one.over != other.over or len(one) != len(other) or len(one.leaves) != len(other.leaves):
        raise InputError(
            f"values over {one.over} of {len(one)} samples and over {other.over} of {len(other)} cannot be compared."
        )
    if one.over in ("players", "interactions"):
        return _of_players(one, other, names)
    held: list[tuple[str, np.ndarray, np.ndarray]] = []
    for (name, mine), theirs in zip(one.leaves.items(), other.leaves.values(), strict=True):
        found = np.asarray(back(name, theirs) if one.over == "input" else theirs, np.float64)
        if mine.shape != found.shape:
            raise InputError(
                f"the values of {names[0]} have the shape {mine.shape[1:]} and those of {names[1]} {found.shape[1:]} for each "
                "sample: there is no telling which belongs to which. Features of the samples can be compared: use shapley, and "
                "say with to_deployed= what is done to the samples on the way."
            )
        held.append((name, np.asarray(mine, np.float64), found))
    whole = _rows([mine for _, mine, _ in held]), _rows([theirs for *_, theirs in held])
    cells = _grid(one, held[0][1]) if len(held) == 1 else None
    if cells is None:
        leaves = tuple((name, mine.shape[1:]) for name, mine, _ in held)
        count = sum(math.prod(shape) for _, shape in leaves)
        return Common(*whole, whole, f"{count} entries", leaves=leaves)
    grid, what = cells
    first, second = (tuple(grid.total(_with_channels(one, values))) for values in held[0][1:])
    return Common(first, second, whole, what, features=(grid,) * len(one))


def change(one: Explanation, other: Explanation, found: Common, names: tuple[str, str]) -> Explanation:
    """The second explanation's values less the first one's, over the places of the first."""
    leaves: dict[str, np.ndarray] = {}
    gaps = [theirs - mine for mine, theirs in zip(*found.whole, strict=True)]
    start = 0
    for name, leaf in one.leaves.items():
        shape = leaf.shape[1:]
        if one.over in ("players", "interactions"):
            leaves[name] = np.zeros(leaf.shape)
            for row, (gap, players) in enumerate(zip(gaps, found.features, strict=True)):
                leaves[name][(row, *(slice(len(players)),) * len(shape))] = gap.reshape((len(players),) * len(shape))
        else:
            leaves[name] = np.stack(gaps)[:, start : start + math.prod(shape)].reshape(leaf.shape)
            start += math.prod(shape)
    based = None if one.base_value is None or other.base_value is None else other.base_value - one.base_value
    return replace(
        one,
        method=f"{one.method}, {names[1]} less {names[0]}",
        values=tree.fill(tree.skeleton(one.values), leaves),
        standard_errors=None,
        value=other.value - one.value,
        base_value=based,
        residual=None,
        error=None,
        details={},
        evidence=(),
    )


def _of_players(one: Explanation, other: Explanation, names: tuple[str, str]) -> Common:
    """Players of each sample, without what pads their row."""
    players = one.players
    if [each.names for each in players] != [each.names for each in other.players]:
        raise InputError(f"the features of {names[0]} and {names[1]} are not the same; give both the same, features=.")
    (mine,), (theirs,) = one.leaves.values(), other.leaves.values()
    axes = mine.ndim - 1
    rows = [
        tuple(np.asarray(values[(row, *(slice(len(each)),) * axes)], np.float64).reshape(-1) for row, each in enumerate(players))
        for values in (mine, theirs)
    ]
    what = f"{max(map(len, players), default=0)} {_noun(players)}"
    return Common(rows[0], rows[1], (rows[0], rows[1]), f"pairs of {what}" if axes > 1 else what, players, pairs=axes > 1)


def _rows(leaves: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
    """All values of each sample in one row."""
    return tuple(np.concatenate([leaf.reshape(len(leaf), -1) for leaf in leaves], axis=1))


def _grid(explanation: Explanation, values: np.ndarray) -> tuple[Features, str] | None:
    """The cells of a map over a picture, and what they are; ``None`` for anything else."""
    held = _with_channels(explanation, values)
    if held.ndim != 4 or (explanation.over == "layer"):
        return None
    layout = explanation.layout if explanation.over == "input" else "NCHW"
    sizes = held.shape[2:] if layout == "NCHW" else held.shape[1:3]
    side = max(math.ceil(max(sizes) / CELLS), 1)
    grid = Features.grid(held.shape[1:], cell=side, layout=layout)
    return grid, f"{len(grid)} cells of {side} × {side} pixels" if side > 1 else f"{len(grid)} pixels"


def _with_channels(explanation: Explanation, values: np.ndarray) -> np.ndarray:
    """Values of positions with a channel axis of size 1."""
    return values[:, None] if explanation.over == "spatial" else values


def _noun(players: Sequence[Features]) -> str:
    first = next(iter(players), None)
    if first is not None and first.text is not None:
        return "words"
    kinds = {kind for each in players for kind in each.kinds}
    return {"region": "regions", "token": "tokens", "step": "segments"}.get(kinds.pop() if len(kinds) == 1 else "", "features")


def _told(features: Features, player: int) -> str:
    """A player in words: its name, or for a region of a picture the pixels that it lies in."""
    labels = features.labels
    plane = labels[0] if labels.ndim == 3 and labels.shape[0] == 1 else labels[..., 0] if labels.ndim == 3 else labels
    if plane.ndim != 2 or features.columns is not None or features.kinds[player] != "region":
        return features.names[player]
    down, across = (np.flatnonzero((plane == player).any(axis=axis)) for axis in (1, 0))
    return f"{_span('row', down)}, {_span('column', across)}"


def _span(what: str, places: np.ndarray) -> str:
    return f"{what} {places[0]}" if len(places) == 1 else f"{what}s {places[0]} to {places[-1]}"
