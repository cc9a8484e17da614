"""What runs in a process of its own, under one backend of Keras: outputs and layers of all twins, from Keras's own calls."""

from typing import Any

import keras
import numpy as np

from twins import keras_nets, places
from twins.efficientnet import pictures
from twins.efficientnet_keras import build as build_efficientnet
from twins.in_process import Arrays
from twins.weights import inputs


def outputs(efficientnet: Arrays) -> Arrays:
    """Logits as ``variant/``, and outputs of layers as ``variant/place``; EfficientNet from the weights that are given."""
    found: Arrays = {}
    for variant in keras_nets.variants():
        network = places.KERAS_VARIANTS[variant]
        names = _names(network, "keras_subclassed" if variant == "cnn_subclassed" else "keras")
        channels_last = variant != "cnn_channels_first"
        read = watched(keras_nets.build(variant), inputs(network, channels_last=channels_last), names)
        found |= _named(variant, read, channels_last)
    names = _names("efficientnet", "keras")
    read = _compiled(build_efficientnet(efficientnet), pictures(channels_last=True), names)
    return found | _named("efficientnet", read, channels_last=True)


def _names(network: str, framework: places.Framework) -> dict[str, str]:
    return {place: str(places.layer(network, place, framework)) for place in places.shared(network, framework)}


def watched(model: keras.Model, x: np.ndarray, names: dict[str, str]) -> Arrays:
    """Logits as ``""``, and what these layers gave on the way."""
    found: Arrays = {}
    for place, name in names.items():
        _watch(model.get_layer(name), place, found)
    return found | {"": keras_nets.to_numpy(model(x))}


def _watch(layer: keras.Layer, place: str, found: Arrays) -> None:
    call = layer.call

    def kept(*given: Any, **named: Any) -> Any:
        output = call(*given, **named)
        found[place] = keras_nets.to_numpy(output)
        return output

    layer.call = kept


def _compiled(model: keras.Model, x: np.ndarray, names: dict[str, str]) -> Arrays:
    """The same of a functional model, as one program: JAX would compile every operation on its own."""
    reader = keras.Model(model.input, [model.output, *(model.get_layer(name).output for name in names.values())])
    # under torch, predict_on_batch converts arrays in a way that NumPy warns of
    read = map(keras_nets.to_numpy, reader(x)) if keras.backend.backend() == "torch" else reader.predict_on_batch(x)
    return dict(zip(("", *names), read, strict=True))


def _named(variant: str, read: Arrays, channels_last: bool) -> Arrays:
    turned = {place: np.moveaxis(array, -1, 1) if channels_last and array.ndim == 4 else array for place, array in read.items()}
    return {f"{variant}/{place}": array for place, array in turned.items()}
