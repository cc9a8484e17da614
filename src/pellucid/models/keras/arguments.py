"""What a Keras model takes: the user's data is read as that, and becomes the arguments of a call."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import keras
import numpy as np

from ...core import tree
from ...core.errors import CapabilityError, InputError, nearest
from ...core.types import Layout
from ...core.view import Spec
from ..layers import is_floating
from ..reading import Read, leaves_of
from .graph import Shape, built_on, declared, is_shape, read_by, said


class Arguments:
    """The inputs of one model, as a functional model declares them or as the signature of ``call`` tells."""

    def __init__(self, model: keras.Layer) -> None:
        self._model = model
        self._taken = declared(model)

    def read(self, x: Any, spec: Spec) -> Read:
        """Named leaves that fit the declared inputs.

        Raises
        ------
        InputError
            If names, number, shapes or dtypes are not what the model takes.
        """
        if self._taken is None:
            read = leaves_of(x, spec)
            for name, leaf in read.leaves.items():
                self._check_channels(name, tuple(leaf.shape), spec.layout)
            return read
        inputs = self._taken[1]
        if strings := [name for name, tensor in inputs.items() if tensor.dtype == "string"]:
            raise CapabilityError(
                f"the input {strings[0]!r} takes strings, which the keras adapter does not give. Explain the part of the model "
                "after the layer that encodes them, on what that layer gives; or the whole as a function of texts with a method "
                "that removes words: pl.wrap(lambda texts: model.predict(...)), method='shapley'."
            )
        if isinstance(x, list) and len(x) == len(inputs) > 1 and all(np.ndim(leaf) > 0 for leaf in x):
            x = tuple(x)
        read = leaves_of(x, spec)
        names = _names_of(read, inputs)
        leaves = {leaf: self._numbers(leaf, array, inputs[names[leaf]]) for leaf, array in read.leaves.items()}
        for leaf, array in leaves.items():
            _check_shape(leaf, tuple(array.shape), inputs[names[leaf]].shape, leaf in spec.static, spec.layout)
        return replace(read, leaves=leaves)

    def __call__(self, given: Any) -> tuple[tuple[Any, ...], dict[str, Any], dict[int, Any]]:
        """Positional and keyword arguments; and by identity of each array that was cast, the array that it was made of."""
        if self._taken is None:
            return (*self._by_signature(given), {})
        skeleton, inputs = self._taken
        if isinstance(given, Mapping):
            leaves = {name: given.get(name) for name in inputs}
        else:
            leaves = dict(zip(inputs, given if isinstance(given, (tuple, list)) else (given,), strict=True))
        cast = {name: _cast(leaf, inputs[name].dtype) for name, leaf in leaves.items()}
        originals = {id(cast[name]): leaf for name, leaf in leaves.items() if cast[name] is not leaf}
        filled = tree.map_leaves(cast.__getitem__, skeleton)
        return (filled,), {}, originals

    def symbols(self) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        """Arguments without values, of the shapes on which a model was built; ``None`` where these are not known."""
        shapes = {name: _symbols(shape) for name, shape in built_on(self._model).items()}
        if not shapes:
            return None
        return ((shapes[""],), {}) if "" in shapes else ((), shapes)

    def _numbers(self, name: str, array: Any, tensor: keras.KerasTensor) -> Any:
        """Whole numbers where ids are looked up, whatever dtype the model declares; floats where it makes floats of whole numbers
        (pictures as bytes), so that they can be differentiated.
        """
        readers = read_by(self._model, tensor)
        looks_up = any(isinstance(reader, keras.layers.Embedding) for reader in readers)
        if is_floating(array) and (looks_up or "float" not in tensor.dtype):
            host = tree.on_host(array)
            if not (host == np.round(host)).all():
                what = "looks it up in a table" if looks_up else f"declares it as {tensor.dtype}"
                raise InputError(f"{name!r} holds fractions, and the model {what}: pass whole numbers.")
            return host.astype(np.int64)
        known = all(type(reader).__module__.startswith("keras.") for reader in readers)  # others may look up, too
        if looks_up or not known or is_floating(array) or "float" not in tensor.dtype:
            return array
        return np.asarray(tree.on_host(array), np.float32)

    @cached_property
    def _parameters(self) -> dict[str, inspect.Parameter]:
        """Those of ``call`` that take data."""
        return {name: p for name, p in inspect.signature(self._model.call).parameters.items() if name != "training"}

    def _by_signature(self, given: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """A tuple as several arguments, a mapping as keywords, where ``call`` takes so many or these; else as they are."""
        kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        parameters = self._parameters
        if isinstance(given, tuple):
            places = [name for name, p in parameters.items() if p.kind in kinds and name != "mask"]
            several = any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters.values())
            return (given if several or len(places) >= len(given) > 1 else (given,)), {}
        if isinstance(given, dict) and set(given) <= set(parameters):
            required = {name for name, p in parameters.items() if p.default is p.empty and p.kind in kinds}
            if required <= set(given):
                return (), given
        return (given,), {}

    def _check_channels(self, name: str, shape: Shape, layout: Layout) -> None:
        """Name pictures whose channels lie elsewhere than in those on which the model was built."""
        known = [built for built in built_on(self._model).values() if is_shape(built) and len(built) == len(shape) > 3]
        for built in known:
            axis = -1 if layout == "NHWC" else 1
            free: list[int | None] = [None] * len(shape)
            free[axis] = built[axis]
            if built[axis] not in (None, shape[axis]) and (hint := _channels_elsewhere(shape, tuple(free), layout)):
                raise InputError(f"{name!r} has shape {shape}; the model was built on {said(built)}.{hint}")


def _names_of(read: Read, inputs: Mapping[str, Any]) -> dict[str, str]:
    """For each leaf the input that it is given for."""
    wanted = ", ".join(inputs)
    skeleton = read.skeleton
    if isinstance(skeleton, dict):
        if unknown := [name for name in skeleton if name not in inputs]:
            raise InputError(f"the model has no input {unknown[0]!r}.{nearest(str(unknown[0]), inputs)}")
        optional = {name for name, tensor in inputs.items() if getattr(tensor._keras_history.operation, "optional", False)}
        if missing := [name for name in inputs if name not in skeleton and name not in optional]:
            raise InputError(f"the input {missing[0]!r} is missing; the model takes {wanted}.")
        given = [(leaf, name) for name, leaf in skeleton.items()]
    else:
        places = list(skeleton) if isinstance(skeleton, (tuple, list)) else [skeleton]
        if len(places) != len(inputs):
            raise InputError(
                f"the model takes {len(inputs)} input{'s' * (len(inputs) > 1)} ({wanted}); x holds {len(places)}. Pass a tuple "
                "in this order, or a dict by name."
            )
        given = list(zip(places, inputs, strict=True))
    if not all(leaf is None or isinstance(leaf, str) for leaf, _ in given):
        raise InputError(f"each input is one array; the model takes {wanted}.")
    return {leaf: name for leaf, name in given if leaf is not None}


def _check_shape(name: str, shape: Shape, wanted: Shape, static: bool, layout: Layout) -> None:
    """Refuse a shape that Keras would; it adds or leaves out a last axis of length 1 by itself."""
    if static or any(_fits(shape, allowed) for allowed in (wanted, wanted[:-1] if wanted[-1] == 1 else wanted)):
        return
    if shape[-1] == 1 and _fits(shape[:-1], wanted):
        return
    hint = _channels_elsewhere(shape, wanted, layout)
    if _fits((0, *shape), wanted):
        hint = " The leading batch axis is missing: pass x[None]."
    raise InputError(f"{name!r} has shape {shape}; the model takes {said(wanted)}.{hint}")


def _fits(shape: Shape, wanted: Shape) -> bool:
    """Whether all axes but the first agree."""
    return len(shape) == len(wanted) and all(want in (None, size) for size, want in zip(shape[1:], wanted[1:], strict=True))


def _channels_elsewhere(shape: Shape, wanted: Shape, layout: Layout) -> str:
    """A sentence where pictures have their channels at the other end."""
    if len(shape) < 4:
        return ""
    last = (shape[0], *shape[2:], shape[1])
    first = (shape[0], shape[-1], *shape[1:-1])
    if layout == "NHWC" and _fits(last, wanted):
        return " The channels of x come first, and this model takes them last: pass np.moveaxis(x, 1, -1)."
    if layout == "NCHW" and _fits(first, wanted):
        return " The channels of x come last, and this model takes them first: pass np.moveaxis(x, -1, 1)."
    return ""


def _symbols(shape: Any) -> Any:
    if is_shape(shape):
        return keras.KerasTensor(tuple(shape))
    if isinstance(shape, Mapping):
        return {name: _symbols(inner) for name, inner in shape.items()}
    return tuple(map(_symbols, shape))


def _cast(leaf: Any, dtype: str) -> Any:
    """Whole numbers in the dtype that the model declares, as Keras would cast them; floats as they are."""
    if leaf is None or is_floating(leaf) or keras.backend.standardize_dtype(leaf.dtype) == dtype:
        return leaf
    return keras.ops.cast(leaf, dtype)
