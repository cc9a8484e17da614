"""Keras models through the TensorFlow view, with layers: beside plain tapes, traced once, given back as they were."""

import gc
import weakref
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import pellucid as pl
import slow_tensorflow as slow
from pellucid import catalog
from pellucid.arrays import draws
from pellucid.core.view import Spec
from pellucid.models.tensorflow import compiled
from pellucid.models.tensorflow.function import FunctionProgram


def settled(model: Any) -> Any:
    """Drawn weights and statistics."""
    draw = np.random.default_rng(5)
    for variable in model.weights:
        if "seed_generator" not in variable.path:
            drawn = 0.4 * draw.normal(size=variable.shape)
            variable.assign(np.exp(drawn) if "variance" in variable.path else drawn)
    return model


def cnn(dtype: str | None = None, activation: str = "relu") -> keras.Model:
    """With a skip connection, so that no split of its graph gives its gradient at a layer."""
    x = keras.Input((8, 8, 3), name="image", dtype="float64" if dtype == "float64" else None)
    first = layers.Conv2D(4, 3, padding="same", activation=activation, name="conv1", dtype=dtype)(x)
    y = layers.BatchNormalization(name="norm", dtype=dtype)(layers.Conv2D(4, 3, padding="same", name="conv2", dtype=dtype)(first))
    y = layers.Add(name="add", dtype=dtype)([layers.Activation("tanh", name="act", dtype=dtype)(y), first])
    y = layers.Conv2D(5, 3, name="conv3", activation="tanh", dtype=dtype)(layers.Dropout(0.5, name="dropout", dtype=dtype)(y))
    y = layers.GlobalAveragePooling2D(name="average", dtype=dtype)(y)
    return settled(keras.Model(x, layers.Dense(5, name="head", dtype=dtype)(y), name="cnn"))


def mlp(dtype: str | None = None) -> keras.Model:
    inner = [layers.Dense(8, activation="tanh", name="hidden", dtype=dtype), layers.Dense(3, name="head", dtype=dtype)]
    return settled(keras.Sequential([keras.Input((6,), dtype=dtype), *inner]))


def pictures(samples: int = 3, dtype: str = "float32") -> np.ndarray:
    return np.random.default_rng(1).normal(size=(samples, 8, 8, 3)).astype(dtype)


def rows(samples: int = 3, dtype: str = "float32") -> np.ndarray:
    return np.random.default_rng(2).normal(size=(samples, 6)).astype(dtype)


def calling(model: keras.Model) -> Any:
    return lambda x: model(x, training=False)


def reading(model: keras.Model, layer: str) -> Any:
    both = keras.Model(model.inputs, [model.get_layer(layer).output, model.output])
    return lambda x: both(x, training=False)


FAST = {
    **{name: {"samples": 6} for name in ("smoothgrad", "smoothgrad-squared", "vargrad")},
    "expected-gradients": {"samples": 6, "baseline": 0.25},
    "guided-ig": {"steps": 8},
    "integrated-hessians": {"steps": 8, "feature": (0, 0, 0)},
    "rise": {"samples": 8, "cells": 2},
    "occlusion": {"window": 4},
    "lime": {"samples": 100},
    "linear-surrogate": {"samples": 100, "sigma": 0.2},
    "conductance": {"at": "act"},
    "internal-influence": {"at": "act"},
    "cam": {"at": "conv3"},
}


@pytest.mark.parametrize("method", catalog.METHODS, ids=lambda m: m.name)
def test_every_method(method: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    traces = []
    traced = compiled._traced
    monkeypatch.setattr(compiled, "_traced", lambda step, specs: traces.append(step.asked) or traced(step, specs))
    model, x = cnn(), pictures(5)
    grid = method.engine == "game" and getattr(method, "takes_features", True)
    options = {**FAST.get(method.name, {}), **({"features": pl.Features.grid((8, 8, 3), cell=4)} if grid else {})}
    e = pl.explain(model, x, method=method.name, batch_size=2, **options)
    assert np.abs(e.values).max() > 0
    np.testing.assert_allclose(e.prediction, model(x), rtol=1e-4, atol=1e-6)
    assert len(traces) == len(set(traces)) <= 3
    assert len(traces) <= 2 or method.name in ("conductance", "internal-influence", "integrated-hessians")
    again = pl.explain(model, x, method=method.name, batch_size=2, **options)
    assert again.values.tobytes() == e.values.tobytes()
    pl.explain(model, x[:3], method=method.name, target=1, **options)
    assert len(traces) == len(set(traces)) <= 3
    assert e.plan.notes == ()


def test_saliency_and_smoothgrad_of_a_tape() -> None:
    model, x = cnn(), pictures()
    plain = pl.explain(model, x, target=2, method="saliency", absolute=False).values
    slowly = np.stack([slow.gradient(calling(model), row, 2) for row in x])
    np.testing.assert_allclose(plain, slowly, rtol=0, atol=1e-4 * np.abs(slowly).max())
    noisy = pl.explain(model, x, target=2, method="smoothgrad", sigma=0.3, samples=4, seed=7).values
    noise = [0.3 * draws.normal((8, 8, 3), 7, "smoothgrad 0", number) for number in range(4)]
    slowly = np.stack([slow.smoothgrad(calling(model), row, noise, 2) for row in x])
    np.testing.assert_allclose(noisy, slowly, rtol=0, atol=1e-4 * np.abs(slowly).max())


def test_integrated_gradients_of_a_tape_in_double_precision() -> None:
    model, x = mlp("float64"), rows(dtype="float64")
    e = pl.explain(model, x, target=1, method="integrated-gradients", steps=40)
    slowly = np.stack([slow.integrated_gradients(calling(model), row, 0 * row, 1, nodes=200) for row in x])
    assert e.values.dtype == np.float64
    np.testing.assert_allclose(e.values, slowly, rtol=0, atol=1e-5 * np.abs(slowly).max())


@pytest.mark.parametrize("layer", ["conv1", "conv2", "norm", "act", "add", "dropout"])
def test_grad_cam_of_a_tape(layer: str) -> None:
    model, x = cnn(), pictures()
    e = pl.explain(model, x, target=2, method="grad-cam", at=layer)
    slowly = np.stack([slow.grad_cam(reading(model, layer), row, 2) for row in x])
    assert np.abs(slowly).max() > 0
    np.testing.assert_allclose(e.values, slowly, rtol=0, atol=1e-4 * np.abs(slowly).max())


@pytest.mark.parametrize("layer", ["conv1", "add"])
def test_conductance_of_a_tape(layer: str) -> None:
    model, x = cnn("float64", "tanh"), pictures(1, "float64")
    e = pl.explain(model, x, target=2, method="conductance", at=layer, steps=40)
    slowly = slow.conductance(reading(model, layer), x[0], 0 * x[0], 2, nodes=150)
    np.testing.assert_allclose(e.values[0], slowly, rtol=0, atol=1e-4 * np.abs(slowly).max())


def test_a_path_at_a_layer_explains_the_rest() -> None:
    model, x = mlp("float64"), rows(dtype="float64")
    e = pl.explain(model, x, target=1, method="integrated-gradients", at="hidden", steps=3)
    hidden, base = (model.get_layer("hidden")(given).numpy() for given in (x, 0 * x))
    np.testing.assert_allclose(e.values, (hidden - base) * model.get_layer("head").kernel.numpy()[:, 1], rtol=1e-5)


def test_integrated_hessians_of_two_tapes() -> None:
    model, x = mlp("float64"), rows(1, dtype="float64")
    e = pl.explain(model, x, target=1, method="integrated-hessians", feature=2, steps=64)
    coarse, fine = (
        np.stack([slow.integrated_hessian(calling(model), row, 0 * row, 2, 1, nodes) for row in x]) for nodes in (6, 12)
    )
    slowly = fine + (fine - coarse) / 3  # the midpoint rule's own error falls by four
    np.testing.assert_allclose(e.values, slowly, rtol=0, atol=1e-4 * np.abs(slowly).max())


def test_second_derivatives_through_a_loop() -> None:
    x = keras.Input((4, 6), name="x")
    model = settled(keras.Model(x, layers.Dense(2, name="head")(layers.LSTM(5, name="lstm")(x))))
    given = np.random.default_rng(3).normal(size=(2, 4, 6)).astype("float32")
    e = pl.explain(model, given, target=0, method="integrated-hessians", feature=(0, 0), steps=16)
    share = pl.explain(model, given, target=0, method="integrated-gradients", steps=40).values[:, 0, 0]
    np.testing.assert_allclose(e.values.sum((1, 2)), share, rtol=0, atol=1e-3 * np.abs(share).max())


def test_a_neuron_is_a_target() -> None:
    model, x = cnn(), pictures()
    e = pl.explain(model, x, target=pl.Neuron("conv2", (2, 3, 1)), method="saliency", absolute=False)
    given = tf.constant(x)
    read = keras.Model(model.inputs, model.get_layer("conv2").output)
    with tf.GradientTape() as tape:
        tape.watch(given)
        value = tf.reduce_sum(read(given)[:, 2, 3, 1])
    np.testing.assert_allclose(e.values, tape.gradient(value, given), rtol=1e-4, atol=1e-6)
    assert not e.values[:, 6].any()


class Inner(layers.Layer):
    """Its call is a ``tf.function`` with layers inside."""

    def __init__(self) -> None:
        super().__init__(name="inner")
        self.dense, self.act = layers.Dense(4, name="dense"), layers.Activation("tanh", name="act")

    @tf.function
    def call(self, x: Any) -> Any:
        return self.act(self.dense(x))


def test_layers_inside_a_user_s_own_function_are_seen_and_its_traces_are_left_alone() -> None:
    x = keras.Input((6,), name="x")
    inner = Inner()
    model = settled(keras.Model(x, layers.Dense(3, name="head")(inner(x))))
    given = rows()
    before = model(given).numpy()
    traces = inner.call.experimental_get_tracing_count()
    e = pl.explain(model, given, target=1, method="saliency", at="inner/dense", absolute=False)
    hidden = inner.dense(given).numpy()
    np.testing.assert_allclose(
        e.values, (1 - np.tanh(hidden) ** 2) * model.get_layer("head").kernel.numpy()[:, 1], rtol=1e-4, atol=1e-6
    )
    assert inner.call.experimental_get_tracing_count() == traces
    np.testing.assert_array_equal(model(given), before)
    assert not tf.config.functions_run_eagerly()


class ThroughNumPy(layers.Layer):
    def call(self, x: Any) -> Any:
        return tf.constant(np.tanh(x.numpy())) if tf.executing_eagerly() else tf.convert_to_tensor(np.tanh(x))

    def compute_output_shape(self, shape: Any) -> Any:
        return shape


def test_a_layer_in_numpy_runs_without_tracing_and_says_so() -> None:
    model = settled(keras.Sequential([keras.Input((6,)), layers.Dense(4, name="dense"), ThroughNumPy(name="numpy")]))
    given = rows()
    after = pl.explain(model, given, target=1, method="saliency", at="numpy", absolute=False)
    np.testing.assert_array_equal(after.values, [[0, 1, 0, 0]] * 3)
    with pytest.raises(pl.LayerError, match="does not depend on the output of dense through operations that TensorFlow"):
        pl.explain(model, given, target=1, method="saliency", at="dense")
    assert after.plan.notes[-1].startswith("run without compilation")
    removed = pl.explain(model, given, target=1, method="shapley")
    np.testing.assert_allclose(removed.prediction, np.tanh(model.get_layer("dense")(given)), rtol=1e-5)


def test_nan_is_named_by_layer() -> None:
    def made(function: Any) -> keras.Model:
        x = keras.Input((6,), name="x")
        y = layers.Lambda(function, name="broken")(layers.Dense(4, name="dense")(x))
        return settled(keras.Model(x, layers.Dense(2, name="head")(y)))

    with pytest.raises(pl.NonFiniteError, match="first in the output of layer 'broken'"):
        pl.explain(made(lambda y: tf.math.log(-tf.abs(y))), rows(), target=0, method="saliency")
    with pytest.raises(pl.NonFiniteError, match="first in the gradient that layer 'broken' passes back"):
        pl.explain(made(lambda y: tf.sqrt(y * 0)), rows(), target=0, method="saliency")


@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16", "float16"])
def test_half_precision_is_explained_in_single(dtype: str) -> None:
    model, full, x = cnn(dtype), cnn(), pictures()
    for method, options in (("saliency", {"absolute": False}), ("grad-cam", {"at": "add"}), ("conductance", {"at": "act"})):
        values, slowly = (pl.explain(each, x, target=2, method=method, **options).values for each in (model, full))
        assert values.dtype == np.float32
        np.testing.assert_allclose(values, slowly, rtol=0, atol=0.05 * np.abs(slowly).max())


def test_a_changed_setting_is_seen() -> None:
    model, x = mlp(), rows()
    options = {"target": 1, "method": "saliency", "absolute": False}
    before = pl.explain(model, x, **options).values
    model.get_layer("hidden").activation = keras.activations.linear
    after = pl.explain(model, x, **options).values
    np.testing.assert_allclose(
        after[0], model.get_layer("hidden").kernel.numpy() @ model.get_layer("head").kernel.numpy()[:, 1], rtol=1e-4
    )
    assert not np.allclose(before, after)


def test_nothing_is_left_of_a_model() -> None:
    model = cnn()
    for method, options in (("grad-cam", {}), ("saliency", {}), ("score-cam", {}), ("conductance", {"at": "act"})):
        pl.explain(model, pictures(), method=method, **options)
    gone = [weakref.ref(model), weakref.ref(model.get_layer("conv1"))]
    assert len(compiled._KNOWN) > 0
    del model
    keras.backend.clear_session()
    gc.collect()
    assert [reference() for reference in gone] == [None, None]


def test_an_exported_model_is_explained_by_its_signature(tmp_path: Any) -> None:
    model, x = cnn(), pictures()
    model.export(str(tmp_path), verbose=False)
    loaded = tf.saved_model.load(str(tmp_path))
    wanted = np.stack([slow.gradient(calling(model), row, 2) for row in x])
    for given in (loaded, loaded.signatures["serving_default"], loaded.serve):
        e = pl.explain(given, x, target=2, method="saliency", absolute=False)
        np.testing.assert_allclose(e.values, wanted, rtol=0, atol=1e-4 * np.abs(wanted).max())
        np.testing.assert_allclose(e.value, model(x).numpy()[:, 2], rtol=1e-4)
        assert e.plan.adapter == "tensorflow"
    by_name = pl.explain(
        loaded.signatures["serving_default"], {"image": x}, target=("output_0", 2), method="saliency", absolute=False
    )
    np.testing.assert_allclose(by_name.values["image"], wanted, rtol=0, atol=1e-4 * np.abs(wanted).max())


def test_a_function_around_a_model() -> None:
    model, x = cnn(), pictures()
    wrapped = pl.wrap(lambda x: model(x / 2, training=False), adapter="tensorflow", layout="NHWC")
    e = pl.explain(wrapped, x, target=2, method="saliency", absolute=False)
    slowly = np.stack([slow.gradient(lambda x: model(x / 2, training=False), row, 2) for row in x])
    np.testing.assert_allclose(e.values, slowly, rtol=0, atol=1e-4 * np.abs(slowly).max())
    assert len(FunctionProgram(wrapped.model, Spec()).variables()) == len(model.variables)
