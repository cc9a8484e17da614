"""The weights of a Keras model, read and exchanged where they are, on any backend."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager

import keras
import numpy as np

from ...core import tree
from ..randomise import Name, Weight
from ..wrap import Wrapped
from .layers import LOOPS, KerasLayers


def weights(model: Wrapped) -> Sequence[Weight]:
    """What layers learn; moving means and variances are kept elsewhere by Keras, and states of random numbers, too."""
    found: list[Weight] = []
    for (layer, name), variable in _variables(model.model).items():
        double = keras.backend.standardize_dtype(variable.dtype) == "float64"
        value = keras.ops.stop_gradient(keras.ops.cast(variable.value, "float64" if double else "float32"))
        found.append(Weight(layer, name, tree.on_host(value)))
    return found


@contextmanager
def exchanged(model: Wrapped, values: Mapping[Name, np.ndarray]) -> Generator[Wrapped]:
    """Assigned, and assigned back: a subclassed model need not be cloned, and what is compiled takes variables as arguments."""
    variables = {name: variable for name, variable in _variables(model.model).items() if name in values}
    before = {name: keras.ops.stop_gradient(keras.ops.copy(variable.value)) for name, variable in variables.items()}
    try:
        for name, variable in variables.items():
            variable.assign(values[name])
        yield model
    finally:
        for name, variable in variables.items():
            variable.assign(before[name])


def _variables(model: keras.Layer) -> dict[Name, keras.Variable]:
    """Each once, in the layer that has it; those inside of a recurrent layer are its own."""
    seen: set[int] = set()
    found: dict[Name, keras.Variable] = {}
    for layer, each in KerasLayers(model).named().items():
        inner = each._flatten_layers(include_self=False) if isinstance(each, LOOPS) else ()
        for prefix, holder in (("", each), *((f"{within.name}/", within) for within in inner)):
            for variable in holder._trainable_variables:  # also those of a layer that is frozen
                if id(variable) in seen or "float" not in keras.backend.standardize_dtype(variable.dtype):
                    continue
                seen.add(id(variable))
                name = prefix + variable.name
                while (layer, name) in found:  # add_weight does not ask for a name
                    name += "'"
                found[layer, name] = variable
    return found
