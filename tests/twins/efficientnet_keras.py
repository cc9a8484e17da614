"""EfficientNet-Lite0 in Keras, functional and NHWC, filled from torch's weights without importing torch."""

from collections.abc import Mapping

import keras
import numpy as np
from keras import layers

from twins.efficientnet import CLASSES, EPSILON, HEAD, STEM, blocks

ZEROS = "zeros"  # values are set below


class _Filler:
    """Adds layers to a functional model and remembers which of torch's weights each one takes."""

    def __init__(self) -> None:
        self.taken: list[tuple[layers.Layer, str, tuple[str, ...]]] = []

    def filtered(self, x: keras.KerasTensor, layer: layers.Layer, conv: str, norm: str, relu: bool = True) -> keras.KerasTensor:
        """Convolution, normalisation and, unless told otherwise, ReLU6."""
        place = layer.name.removesuffix("_conv")
        normalise = layers.BatchNormalization(epsilon=EPSILON, name=f"{place}_norm")
        self.taken += [(layer, conv, ("weight",)), (normalise, norm, ("weight", "bias", "running_mean", "running_var"))]
        x = normalise(layer(x))
        return layers.ReLU(max_value=6, name=f"{place}_relu")(x) if relu else x

    def fill(self, weights: Mapping[str, np.ndarray]) -> None:
        for layer, name, parts in self.taken:
            layer.set_weights([_turned(layer, weights[f"{name}.{part}"]) for part in parts])


def build(weights: Mapping[str, np.ndarray]) -> keras.Model:
    """A functional model of logits, from ``efficientnet.weights()``."""
    filler = _Filler()
    x = keras.Input((224, 224, 3), name="x")
    y = filler.filtered(x, _convolution(STEM, "stem", kernel=3, stride=2), "_conv_stem", "_bn0")
    for block in blocks():
        name, theirs, before = f"block{block.number}", f"_blocks.{block.number}", y
        if block.times != 1:
            expand = _convolution(block.inputs * block.times, f"{name}_expand")
            y = filler.filtered(y, expand, f"{theirs}._expand_conv", f"{theirs}._bn0")
        depthwise = layers.DepthwiseConv2D(
            block.kernel, block.stride, "same", use_bias=False, depthwise_initializer=ZEROS, name=f"{name}_depthwise_conv"
        )
        y = filler.filtered(y, depthwise, f"{theirs}._depthwise_conv", f"{theirs}._bn1")
        project = _convolution(block.outputs, f"{name}_project")
        y = filler.filtered(y, project, f"{theirs}._project_conv", f"{theirs}._bn2", relu=False)
        if block.skips:
            y = layers.Add(name=f"{name}_add")([y, before])
    y = filler.filtered(y, _convolution(HEAD, "head"), "_conv_head", "_bn1")
    y = layers.GlobalAveragePooling2D(name="average")(y)
    classes = layers.Dense(CLASSES, kernel_initializer=ZEROS, name="classes")
    filler.taken.append((classes, "_fc", ("weight", "bias")))
    model = keras.Model(x, classes(y), name="efficientnet_lite0")
    filler.fill(weights)
    return model


def _convolution(channels: int, place: str, kernel: int = 1, stride: int = 1) -> layers.Layer:
    return layers.Conv2D(channels, kernel, stride, "same", use_bias=False, kernel_initializer=ZEROS, name=f"{place}_conv")


def _turned(layer: layers.Layer, array: np.ndarray) -> np.ndarray:
    """Torch's axes in the order of Keras."""
    if array.ndim == 4:
        return array.transpose(2, 3, 0, 1) if isinstance(layer, layers.DepthwiseConv2D) else array.transpose(2, 3, 1, 0)
    return array.T
