"""What runs in a process of its own, under one backend of Keras: all of its networks, asked what torch was asked."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

import pellucid as pl
from conformance.answers import ask_all
from conformance.asks import network_of, put_to
from twins import keras_nets
from twins.efficientnet import pictures
from twins.efficientnet_keras import build as build_efficientnet
from twins.in_process import Arrays
from twins.places import KERAS_VARIANTS
from twins.weights import NETWORKS, inputs

SAMPLES = 3


def small(_: Arrays, variants: Sequence[str]) -> Arrays:
    """Variants of the small networks, as ``"variant/asked/ask/what"``."""
    found: Arrays = {}
    for variant in variants:
        model, network = keras_nets.build(variant), KERAS_VARIANTS[variant]
        framework = "keras_subclassed" if variant == "cnn_subclassed" else "keras"
        asked = "cnn, in short" if variant in ("cnn_subclassed", "cnn_channels_first") else network
        found |= _asked(variant, asked, model, framework, channels_last=variant != "cnn_channels_first")
    return found


def modules(_: Arrays) -> Arrays:
    """The networks as modules of TensorFlow, of which nothing is known but that they can be called."""
    import tensorflow as tf

    class Module(tf.Module):
        def __init__(self, model: keras.Model) -> None:
            super().__init__()
            self.model = model

        @tf.function
        def __call__(self, x: tf.Tensor) -> tf.Tensor:
            return self.model(x, training=False)

    found: Arrays = {}
    for network in NETWORKS:
        model = pl.wrap(Module(keras_nets.build(network)), layout="NHWC" if network == "cnn" else None)
        found |= _asked(network, network, model, "tensorflow", channels_last=True)
    return found


def large(weights: Arrays, photos: int, asked: Sequence[tuple[str, str]]) -> Arrays:
    """EfficientNet-Lite0 with its trained weights, for pairs of what is asked and a dtype, as ``"asked/dtype/ask/what"``."""
    found: Arrays = {}
    models = {dtype: _built_in(dtype, weights) for _, dtype in asked}
    for each, dtype in asked:
        x = pictures(channels_last=True)[:photos].astype(dtype)
        answers = ask_all(models[dtype], x, put_to(each, "keras"), "efficientnet", "keras", channels_last=True)
        found |= {f"{each}/{dtype}/{key}": array for key, array in answers.items()}
    return found


def _built_in(dtype: str, weights: Arrays) -> keras.Model:
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)
    return build_efficientnet(weights)


def _asked(variant: str, asked: str, model: Any, framework: str, channels_last: bool) -> Arrays:
    network = network_of(asked)
    x = inputs(network, samples=SAMPLES, channels_last=channels_last)
    last = channels_last and network == "cnn"
    answers = ask_all(model, x, put_to(asked, framework), network, framework, channels_last=last)
    return {f"{variant}/{asked}/{key}": np.asarray(array) for key, array in answers.items()}
