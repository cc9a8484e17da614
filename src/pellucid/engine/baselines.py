"""What a user means by ``baseline=``, at the places where samples are attributed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from array_api_compat import array_namespace

from ..arrays.rows import finite, take
from ..core import tree
from ..core.declare import Reference
from ..core.errors import InputError, NonFiniteError, nearest
from ..core.targets import Layer
from ..core.types import Native

if TYPE_CHECKING:
    from .passes import Passes


@dataclass(frozen=True)
class _Rows:
    """Baselines of one leaf: the same rows for all samples, or one row for each sample."""

    points: Native
    each: bool
    name: str


def reference(passes: Passes, baseline: Any) -> Reference:
    """Baselines at ``passes.places``.

    A number fills the input. An array shaped like one sample is shared; with one more axis in front it is rows to average
    over. A function gets the samples of a leaf and returns one baseline for each. A mapping gives one of these per leaf.
    """
    if passes.at is not None and passes.places == (passes.at,):
        return _at_layer(passes, baseline)
    wanted = _by_leaf(baseline, list(passes.seams))
    found = [
        _embedded(passes, leaf, place, wanted[leaf]) if isinstance(place, Layer) else _rows(passes, leaf, wanted[leaf])
        for leaf, place in passes.seams.items()
    ]
    return _aligned(found, passes.samples)


def _by_leaf(baseline: Any, leaves: list[str]) -> dict[str, Any]:
    if not isinstance(baseline, (Mapping, tuple)):
        return dict.fromkeys(leaves, baseline)
    given = tree.flatten(baseline)
    for name in given:
        if name not in leaves:
            raise InputError(f"baseline names {name!r}, which is not attributed.{nearest(name, leaves)}")
    return {name: given.get(name) for name in leaves}


def _rows(passes: Passes, leaf: str, baseline: Any) -> _Rows:
    """Baselines of a leaf in its own values."""
    points = passes.inputs.leaves[leaf]
    xp = array_namespace(points)
    sample = tuple(points.shape[1:])
    if callable(baseline):
        made = passes.view.to_native(baseline(passes.view.to_numpy(points)))  # copied below, with the dtype
        if tuple(made.shape) != tuple(points.shape):
            raise InputError(
                f"baseline function for {leaf!r} returned shape {tuple(made.shape)}; it must return one baseline per sample, "
                f"shape {tuple(points.shape)}."
            )
        return _finite(_Rows(xp.astype(made, points.dtype), True, "a function of the samples"), leaf)
    if isinstance(baseline, str):
        raise InputError(f"baseline={baseline!r} is a word; give a number, an array, rows to average over, or a function.")
    array = np.asarray(0.0 if baseline is None else passes.view.to_numpy(passes.view.to_native(baseline)))
    if array.ndim and array.shape == sample:
        array, name = array[None], "one array for all samples"
    elif array.ndim and array.shape[1:] == sample and len(array):
        name = f"{len(array)} rows, averaged over" if len(array) > 1 else "one array for all samples"
    elif array.ndim == 0:
        array, name = np.broadcast_to(array, (1, *sample)), f"{float(array):g}"
    else:
        raise InputError(
            f"baseline for {leaf!r} has shape {array.shape}; it must be a number, have the shape of one sample {sample}, or be "
            f"rows to average over (rows, {', '.join(map(str, sample))}). One baseline per sample is given by a function."
        )
    made = xp.asarray(np.array(array), dtype=points.dtype, device=points.device)
    return _finite(_Rows(made, False, name), leaf)


def _embedded(passes: Passes, leaf: str, place: Layer, baseline: Any) -> _Rows:
    """Baselines of ids, as vectors at their embedding's output."""
    if baseline is None or isinstance(baseline, (int, np.integer)):
        vector, name = passes.view.inside.embedding_baseline(place, None if baseline is None else int(baseline))
        xp = array_namespace(vector)
        points = passes.points[passes.places.index(place)]
        return _Rows(xp.broadcast_to(vector, (1, *points.shape[1:])) + xp.zeros_like(points[:1]), False, name)
    ids = _rows(passes, leaf, baseline)
    held = passes.inputs if ids.each else _repeated(passes, len(ids.points))
    held = held.put({leaf: ids.points})
    return _Rows(passes.activations(held, place), ids.each, ids.name)


def _at_layer(passes: Passes, baseline: Any) -> Reference:
    """The layer's output at the baseline inputs."""
    floats = {
        name: leaf
        for name, leaf in passes.inputs.batched.items()
        if array_namespace(leaf).isdtype(leaf.dtype, "real floating") or baseline is not None
    }
    wanted = _by_leaf(baseline, list(floats))
    if not floats:
        raise InputError("at= with integer inputs needs baseline=, the ids at which the layer's baseline is read.")
    found = {name: _rows(passes, name, wanted[name]) for name in floats}
    joined = _aligned(list(found.values()), passes.samples)
    base = dict(zip(found, joined.points, strict=True))
    name = f"output of {passes.at} at {joined.name}"
    assert passes.at is not None
    if set(base) == set(passes.inputs.batched):  # the layer's output is the same for every sample
        return Reference((passes.activations(passes.inputs.put(base), passes.at),), joined.index, name)
    sample, row = np.repeat(np.arange(passes.samples), joined.rows), joined.index.reshape(-1)
    rows = {leaf: take(array, sample) for leaf, array in passes.inputs.batched.items()}
    rows |= {leaf: take(array, row) for leaf, array in base.items()}
    index = np.arange(len(sample)).reshape(passes.samples, joined.rows)
    return Reference((passes.activations(passes.inputs.put(rows), passes.at),), index, name)


def _repeated(passes: Passes, rows: int) -> Any:
    """The first sample's inputs, repeated: what baselines shared by all samples are put into."""
    first = np.zeros(rows, int)
    return passes.inputs.put({name: take(leaf, first) for name, leaf in passes.inputs.batched.items()})


def _aligned(found: list[_Rows], samples: int) -> Reference:
    """One index for all leaves."""
    name = "; ".join(dict.fromkeys(rows.name for rows in found))
    if any(rows.each for rows in found):
        several = [rows for rows in found if not rows.each and len(rows.points) > 1]
        if several:
            raise InputError("a baseline function for one leaf and several baseline rows for another do not fit together.")
        points = tuple(rows.points if rows.each else take(rows.points, np.zeros(samples, int)) for rows in found)
        return Reference(points, np.arange(samples)[:, None], name)
    count = max(len(rows.points) for rows in found)
    if any(len(rows.points) not in (1, count) for rows in found):
        sizes = [len(rows.points) for rows in found]
        raise InputError(f"the leaves have different numbers of baseline rows: {sizes}.")
    points = tuple(rows.points if len(rows.points) == count else take(rows.points, np.zeros(count, int)) for rows in found)
    return Reference(points, np.tile(np.arange(count), (samples, 1)), name)


def _finite(rows: _Rows, leaf: str) -> _Rows:
    xp = array_namespace(rows.points)
    if xp.isdtype(rows.points.dtype, "real floating") and not finite(rows.points):
        raise NonFiniteError(f"the baseline of {leaf!r} holds NaN or infinity.")
    return rows
