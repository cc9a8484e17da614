"""Maps that know nothing of a sample's target, to compare explanations with.

A random order of pixels is easy to beat: any smooth map removes whole objects at once. So these are as smooth as maps are: the
explanation itself, moved and mirrored (its values and its smoothness stay, its place is lost); the edges of the input; the
centre; the maps of other samples.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from scipy.ndimage import laplace
from scipy.spatial import KDTree

from ..core.measure import Measured

Places = Float[np.ndarray, "players axes"]
"""Where players lie, from 0 to 1 along each axis."""


def places(m: Measured) -> list[Places] | None:
    """Centres of the players of each sample; ``None`` where players lie nowhere, as the columns of a table."""
    if m.sequence:
        return [((np.arange(count) + 0.5) / max(count, 1))[:, None] for count in m.counts]
    axes = _axes(m)
    if not axes:
        return None
    found: list[Places] = []
    for owners, count in zip(m.owners(), m.counts, strict=True):
        held = owners.reshape(-1)
        kept = held >= 0
        sizes = np.maximum(np.bincount(held[kept], minlength=count), 1)
        along = [np.broadcast_to(_ruler(owners.shape, axis), owners.shape).reshape(-1) for axis in axes]
        found.append(np.stack([np.bincount(held[kept], each[kept], count) / sizes for each in along], axis=1))
    return found


def moved(values: Float[np.ndarray, " players"], where: Places, rng: np.random.Generator) -> Float[np.ndarray, " players"]:
    """The map shifted around its edges by a random way, and perhaps mirrored: each player takes the value of the nearest there.

    The shift is at least an eighth of the extent along some axis, so that the map does not stay where it was.
    """
    axes = where.shape[1]
    while True:
        shift, mirror = rng.random(axes), rng.random(axes) < 0.5
        if np.minimum(shift, 1 - shift).max() >= 1 / 8:
            break
    from_where = np.where(mirror, 1 - where, where) + shift
    return values[KDTree(where % 1, boxsize=1).query(from_where % 1)[1]]


def edges(m: Measured) -> Float[np.ndarray, "samples players"] | None:
    """Magnitude of the Laplace filter of the input, summed over each player; ``None`` where there are no neighbours."""
    axes = _axes(m)
    if not axes or not m.blends:
        return None
    x = np.asarray(m.input(), np.float64)
    owners, found = m.owners(), np.zeros((m.samples, m.players))
    for sample in range(m.samples):
        filtered = np.abs(laplace(x[sample], axes=axes))
        held = owners[sample].reshape(-1)
        kept = held >= 0
        found[sample] = np.bincount(held[kept], filtered.reshape(-1)[kept], m.players)
    return found


def centred(m: Measured, where: Sequence[Places]) -> Float[np.ndarray, "samples players"]:
    """The nearer to the centre, the larger."""
    found = np.zeros((m.samples, m.players))
    for sample, each in enumerate(where):
        found[sample, : len(each)] = -((each - 0.5) ** 2).sum(axis=1)
    return found


def smooth_nulls(m: Measured, most: int) -> Float[np.ndarray, "nulls samples players"]:
    """Up to this many maps for each sample, NaN where a sample has no such map.

    First edges, centre, and the maps of up to a third of ``most`` other samples with equally many players; then the explanation
    itself, moved. Where players lie nowhere only the maps of other samples are left.
    """
    where, found = places(m), []
    if where is not None:
        found += [null for null in (edges(m), centred(m, where)) if null is not None]
    others = _others(m, most if where is None else most // 3)
    found += others
    for draw in range(most - len(found) if where is not None else 0):
        null = np.full((m.samples, m.players), np.nan)
        for sample, each in enumerate(where or ()):
            null[sample, : len(each)] = moved(m.values[sample, : len(each)], each, m.rng("moved map", draw))
        found.append(null)
    return np.array(found[:most]).reshape(-1, m.samples, m.players)


def _others(m: Measured, most: int) -> list[np.ndarray]:
    """Maps of the samples that follow, around the end of the batch."""
    found = []
    for step in range(1, min(most, m.samples - 1) + 1):
        other = (np.arange(m.samples) + step) % m.samples
        alike = (m.counts == m.counts[other]) & m.usable[other]
        found.append(np.where(alike[:, None], m.values[other], np.nan))
    return found


def _axes(m: Measured) -> tuple[int, ...]:
    """Axes of one sample along which entries have neighbours: those of images and series, not of tables."""
    shape = m.input().shape[1:]
    if m.sequence or len(shape) < 2:
        return ()
    channel = len(shape) - 1 if m.layout != "NCHW" else 0
    return tuple(axis for axis in range(len(shape)) if axis != channel)


def _ruler(shape: tuple[int, ...], axis: int) -> np.ndarray:
    length = shape[axis]
    return ((np.arange(length) + 0.5) / length).reshape([-1 if each == axis else 1 for each in range(len(shape))])
