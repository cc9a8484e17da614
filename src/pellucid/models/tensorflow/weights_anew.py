"""The weights of TensorFlow modules, saved models and functions: their variables, read and exchanged where they are."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import tensorflow as tf

from ..baked import reached
from ..randomise import Name, Weight
from ..wrap import Wrapped
from .baked import TENSORFLOW
from .function import FunctionProgram


def weights(model: Wrapped) -> Sequence[Weight]:
    """Trainable variables of floating-point numbers; half precision as float32."""
    return [
        Weight(*name, variable.numpy().astype(np.float64 if variable.dtype == tf.float64 else np.float32))
        for name, variable in _variables(model).items()
    ]


@contextmanager
def exchanged(model: Wrapped, values: Mapping[Name, np.ndarray]) -> Generator[Wrapped]:
    """Assigned, and assigned back: traces read variables when they run."""
    variables = {name: variable for name, variable in _variables(model).items() if name in values}
    before = {name: tf.identity(variable) for name, variable in variables.items()}
    try:
        for name, variable in variables.items():
            variable.assign(tf.cast(values[name], variable.dtype))
        yield model
    finally:
        for name, variable in variables.items():
            variable.assign(before[name])


def _variables(model: Wrapped) -> dict[Name, Any]:
    """Each once: by the attributes that lead to it, else by the name that TensorFlow knows."""
    found: dict[Name, Any] = {}
    variables = FunctionProgram(model.model, model.spec).variables()
    paths = _paths([model.model, *reached(model.model, TENSORFLOW)[1]])
    for variable in variables:
        if not variable.trainable or not variable.dtype.is_floating:
            continue
        layer, _, name = paths.get(id(variable), variable.name.partition(":")[0].replace("/", ".")).rpartition(".")
        layer = layer or name
        while (layer, name) in found:  # names need not be different
            layer += "'"
        found[layer, name] = variable
    return found


def _paths(owners: Sequence[Any]) -> dict[int, str]:
    """Where what TensorFlow tracks (modules, saved models, lists in them) has its variables: ``"layers.0.kernel"``."""
    found: dict[int, str] = {}
    seen: set[int] = set()
    for owner in owners:  # what holds the others is told first
        waiting = [("", owner)]
        while waiting:
            path, thing = waiting.pop(0)
            if isinstance(thing, tf.Variable):
                found.setdefault(id(thing), path)
            elif isinstance(thing, tf.__internal__.tracking.Trackable) and id(thing) not in seen:
                seen.add(id(thing))
                waiting += [(f"{path}.{name}".lstrip("."), child) for name, child in thing._trackable_children().items()]
    return found
