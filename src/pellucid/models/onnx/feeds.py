"""What a graph takes: its inputs by name, and a user's data as these."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx.helper import tensor_dtype_to_np_dtype

from ...core import tree
from ...core.errors import CapabilityError, InputError, nearest
from .runtime import Value, element

TEXT = np.dtype(object)


@dataclass(frozen=True)
class Input:
    """One input of the graph; ``shape`` has ``None`` for an axis of any size, and is ``None`` where it may be any."""

    name: str
    dtype: np.dtype
    shape: tuple[int | None, ...] | None

    @property
    def working(self) -> np.dtype:
        """The type in which it is explained: pictures of bytes and half precision as float32."""
        return np.dtype(np.float32) if self.dtype in (np.float16, np.uint8) else self.dtype

    @property
    def table(self) -> bool:
        """Whether it takes rows of columns."""
        return self.shape is not None and len(self.shape) == 2

    def __str__(self) -> str:
        kind = "strings" if self.dtype == TEXT else str(self.dtype)
        if not self.shape:
            return f"{self.name!r}: {kind}" + (", a single number" if self.shape == () else "")
        sizes = ["any" if size is None else str(size) for size in self.shape[1:]]
        return f"{self.name!r}: {kind}, ({', '.join(['samples', *sizes])})"

    def taken(self, leaf: Any) -> Any:
        """A leaf as the graph takes it."""
        if self.dtype == TEXT:
            texts = np.array(leaf, TEXT)
            if any(not isinstance(text, str) for text in texts.ravel()):
                raise InputError(f"the graph takes {self}; got numbers.")
            return texts.reshape(len(texts), 1) if texts.ndim == 1 and self.table else texts
        array = np.asarray(leaf)
        if self.dtype.kind in "iu" and array.dtype.kind == "f":
            limits = np.iinfo(self.dtype)
            array = np.clip(np.rint(array), limits.min, limits.max)
        return np.require(array, self.dtype, "C")


class Inputs:
    """The inputs of one graph."""

    def __init__(self, described: Sequence[Value]) -> None:
        self.all = tuple(_input(each) for each in described)
        self.by_name = {each.name: each for each in self.all}

    def __str__(self) -> str:
        return "; ".join(map(str, self.all))

    def rows(self, static: Collection[str]) -> int | None:
        """The batch size that the graph is made for, if it is made for one."""
        sizes = {each.shape[0] if each.shape else None for each in self.all if each.name not in static}
        return next(iter(sizes)) if len(sizes) == 1 else None

    def numbers(self, x: Any) -> tuple[str, ...]:
        """Leaves of a user's data that are single numbers, and stand for no sample."""
        if not isinstance(x, (Mapping, tuple)) or all(each.shape for each in self.all):
            return ()
        return tuple(name for name, leaf in tree.flatten(x).items() if np.ndim(leaf) == 0)

    def names_of(self, leaves: Sequence[str], skeleton: Any) -> dict[str, str]:
        """Which input each leaf of a user's data is: by name in a mapping, by position in a tuple.

        Raises
        ------
        InputError
            If a name is not that of an input, or one is missing.
        """
        if not isinstance(skeleton, (Mapping, tuple, list)):
            if len(self.all) > 1 and not self._columns:
                raise InputError(
                    f"the graph takes {len(self.all)} inputs, and one array was given. Pass a mapping by name: {self}."
                )
            return {tree.BARE: self.all[0].name}
        if not isinstance(skeleton, Mapping):
            if len(leaves) != len(self.all):
                raise InputError(f"the graph takes {len(self.all)} inputs, and {len(leaves)} were given: {self}.")
            return dict(zip(leaves, self.by_name, strict=True))
        for name in leaves:
            if name not in self.by_name:
                raise InputError(f"the graph has no input {name!r}.{nearest(name, self.by_name)} It takes {self}.")
        if missing := [name for name in self.by_name if name not in leaves]:
            raise InputError(f"the input {missing[0]!r} is missing. The graph takes {self}.")
        return {name: name for name in leaves}

    def checked(self, name: str, leaf: np.ndarray, static: bool) -> np.ndarray:
        """A leaf in the type in which it is explained.

        Raises
        ------
        InputError
            If its type or shape is not what the input takes.
        """
        if len(self.all) > 1 and name == self.all[0].name and leaf.ndim == 2 and leaf.shape[1] == len(self.all) and self._columns:
            return leaf  # a table, of which each column is an input
        wanted = self.by_name[name]
        codes = (
            leaf.ndim == 2 and wanted.table and _fits(leaf.shape[1:], wanted.shape[1:])
        )  # of a frame, whose strings come back when it is fed
        if (wanted.dtype == TEXT) != (leaf.dtype == TEXT) and not codes:
            given = "strings" if leaf.dtype == TEXT else f"numbers ({leaf.dtype})"
            raise InputError(f"{given} were given; the graph takes {wanted}.")
        if leaf.dtype == TEXT or wanted.dtype == TEXT:
            return leaf
        _check_shape(wanted, leaf, static)
        whole = wanted.working.kind == "f" or leaf.dtype.kind in "iub" or bool((leaf == np.rint(leaf)).all())
        if leaf.dtype.kind == "c" or not whole:
            raise InputError(f"{name!r} is {leaf.dtype}; the graph takes {wanted}.")
        return leaf.astype(wanted.working, copy=False)

    def feed(self, given: Any) -> dict[str, np.ndarray]:
        """What one run takes, of arrays in the shape in which the user has them, of texts, or of a frame."""
        if hasattr(given, "columns"):
            return self._of_frame(given)
        if isinstance(given, list) and given and isinstance(given[0], str):
            return {self.all[0].name: self.all[0].taken(given)}
        leaves = tree.flatten(given)
        names = self.names_of(list(leaves), given)
        if len(self.all) > len(names):
            (table,) = leaves.values()
            return {each.name: each.taken(table[:, at : at + 1]) for at, each in enumerate(self.all)}
        return {names[leaf]: self.by_name[names[leaf]].taken(array) for leaf, array in leaves.items()}

    @property
    def _columns(self) -> bool:
        """Whether each input is one column of a table."""
        return len(self.all) > 1 and all(each.table and each.shape[1] == 1 for each in self.all)

    def _of_frame(self, frame: Any) -> dict[str, np.ndarray]:
        if len(self.all) == 1:
            return {self.all[0].name: self.all[0].taken(frame.to_numpy())}
        for name in self.by_name:
            if name not in frame.columns:
                raise InputError(f"the graph takes the column {name!r}, which the frame lacks.{nearest(name, frame.columns)}")
        return {each.name: each.taken(frame[[each.name]].to_numpy()) for each in self.all}


def _input(described: Value) -> Input:
    kind = element(described.kind)
    if kind is None or kind == onnx.TensorProto.BFLOAT16:
        raise CapabilityError(
            f"the graph takes {described.name!r} as {described.kind}, which NumPy has no array for. Export it with an input of "
            "float or float16."
        )
    dtype = TEXT if kind == onnx.TensorProto.STRING else np.dtype(tensor_dtype_to_np_dtype(kind))
    shape = described.shape
    return Input(described.name, dtype, None if shape is None else tuple(map(_size, shape)))


def _size(size: Any) -> int | None:
    return size if isinstance(size, int) and size > 0 else None


def _check_shape(wanted: Input, leaf: np.ndarray, static: bool) -> None:
    if wanted.shape is None:
        return
    shape, expected = leaf.shape, wanted.shape
    inner = shape if static else shape[1:]
    sizes = expected if static else expected[1:]
    if _fits(inner, sizes):
        return
    hint = ""
    if not static and _fits(shape, sizes):
        hint = " The leading batch axis is missing: pass x[None]."
    elif len(inner) == len(sizes) == 3 and _fits((inner[2], *inner[:2]), sizes):
        hint = " Channels come first in this model, and last in x: pass x.transpose(0, 3, 1, 2)."
    elif len(inner) == len(sizes) == 3 and _fits((*inner[1:], inner[0]), sizes):
        hint = " Channels come last in this model, and first in x: pass x.transpose(0, 2, 3, 1)."
    elif None not in sizes and math.prod(inner) == math.prod(size for size in sizes if size is not None):
        hint = " It has as many numbers: reshape it."
    raise InputError(f"{wanted.name!r} has shape {shape}; the graph takes {wanted}.{hint}")


def _fits(shape: Sequence[int], expected: Sequence[int | None]) -> bool:
    return len(shape) == len(expected) and all(want in (None, size) for size, want in zip(shape, expected, strict=True))
