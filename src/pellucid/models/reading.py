"""A user's data as named leaves, checked before any model sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from ..core import tree
from ..core.errors import InputError, nearest
from ..core.view import Spec
from .images import ImageInput, unscaled


@dataclass(frozen=True)
class Read:
    """Leaves by name (arrays of any framework), the shape they came in, and what was decided on the way."""

    leaves: dict[str, Any]
    skeleton: Any
    notes: tuple[str, ...] = ()


def leaves_of(x: Any, spec: Spec) -> Read:
    """Named leaves of ``x``; pictures and plain lists become arrays.

    Raises
    ------
    InputError
        If a leaf is no array of numbers, the batch is empty, leaves differ in their number of samples, or a shape is not the
        one that was declared.
    """
    notes: list[str] = []
    x = _with_pictures(x, spec, notes)
    if isinstance(x, list):
        x = _array(x, tree.BARE)
    leaves = {name: _array(leaf, name) for name, leaf in tree.flatten(x).items()}
    if not leaves:
        raise InputError(f"x holds no arrays: {type(x).__name__}.")
    for name in spec.static:
        if name not in leaves:
            raise InputError(f"static={name!r} is not among the inputs.{nearest(name, leaves)}")
    _check_batch({name: leaf for name, leaf in leaves.items() if name not in spec.static}, spec)
    return Read(leaves, tree.skeleton(x), tuple(notes))


def _check_batch(leaves: dict[str, Any], spec: Spec) -> None:
    if not leaves:
        raise InputError("every leaf of x is declared static; at least one needs a batch axis.")
    for name, leaf in leaves.items():
        expected = spec.shapes.get(name) or (spec.shapes.get(tree.BARE) if len(leaves) == 1 else None)
        shape = tuple(leaf.shape)
        if expected is not None and not _fits(shape[1:], expected):
            said = ", ".join("any" if size is None else str(size) for size in expected)
            missing = " The leading batch axis is missing: pass x[None]." if _fits(shape, expected) else ""
            raise InputError(f"{name!r} has shape {shape}; the model takes (samples, {said}).{missing}")
        if not shape:
            raise InputError(f"{name!r} is a single number; a batch has a leading axis of samples.")
    sizes = {name: int(leaf.shape[0]) for name, leaf in leaves.items()}
    if len(set(sizes.values())) > 1:
        raise InputError(
            f"the leaves have different numbers of samples: {sizes}. A leaf without a batch axis is named in pl.wrap(static=...)."
        )
    if 0 in sizes.values():
        raise InputError("the batch is empty: there is nothing to explain.")


def _fits(shape: tuple[int, ...], expected: tuple[int | None, ...]) -> bool:
    return len(shape) == len(expected) and all(want in (None, size) for size, want in zip(shape, expected, strict=True))


def _array(leaf: Any, name: str) -> Any:
    """The leaf itself if it is an array of numbers, else made into one."""
    if hasattr(leaf, "shape") and hasattr(leaf, "dtype") and hasattr(leaf, "__array__") and not isinstance(leaf, np.ndarray):
        return leaf
    if hasattr(leaf, "toarray"):
        raise InputError(f"{name!r} is a sparse {type(leaf).__name__}; pass it dense: x.toarray().")
    try:
        array = np.asarray(leaf)
    except (ValueError, TypeError, RuntimeError) as error:
        raise InputError(f"{name!r} is not a rectangular array: {error}") from error
    if array.dtype.kind not in "biufc":
        raise InputError(
            f"{name!r} is {type(leaf).__name__} of {array.dtype} and not of numbers; encode it as the model was trained."
        )
    wide = {np.dtype(np.longdouble): np.dtype(np.float64)}.get(array.dtype, array.dtype)
    return array.astype(wide.newbyteorder("="), copy=False)  # frameworks know neither foreign byte orders nor long doubles


def _with_pictures(x: Any, spec: Spec, notes: list[str]) -> Any:
    images = [x] if isinstance(x, Image.Image) else list(x) if _is_pictures(x) else None
    if images is None:
        return x
    if isinstance(spec.preprocess, ImageInput):
        return spec.preprocess.prepare(images, spec.layout)
    if len({image.size for image in images}) > 1:
        raise InputError(
            "pictures of several sizes need a declared preprocessing: pl.wrap(model, inputs=pl.ImageInput(size=224, ...))."
        )
    notes.append(
        "pictures were read as RGB from 0 to 1; if the model was trained on another scale, declare it with "
        "pl.wrap(model, inputs=pl.ImageInput(size=..., mean=..., std=...))"
    )
    return unscaled(images, spec.layout)


def _is_pictures(x: Any) -> bool:
    return isinstance(x, (list, tuple)) and len(x) > 0 and all(isinstance(leaf, Image.Image) for leaf in x)
