"""New weights on every backend: those of torch's twin, seen by what is compiled, and put back."""

import keras
import numpy as np
import pytest
import torch
from by_hand import to_numpy
from case_state import assert_same, state_of
from keras import layers

import pellucid as pl
from pellucid.models.randomise import parameter_layers, randomised
from twins import keras_nets, torch_nets
from twins.places import KERAS_VARIANTS
from twins.weights import inputs

VARIANTS = ["mlp", "cnn", "cnn_subclassed", "embedding"]
METRICS = ["parameter-randomisation", "efficient-parameter-randomisation"]


def given(variant, **options):
    return inputs(KERAS_VARIANTS[variant], **options), inputs(KERAS_VARIANTS[variant], channels_last=True, **options)


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_same_weights_as_in_torch(variant):
    model, net = keras_nets.build(variant), torch_nets.build(KERAS_VARIANTS[variant])
    x, ours = given(variant)
    assert parameter_layers(model) == parameter_layers(net)
    model(ours)  # which a layer remembers
    before = state_of(model)
    for chosen in (None, ["head"]):
        with randomised(net, 4, 2, chosen), torch.no_grad():
            expected = net(torch.from_numpy(x)).numpy()
        with randomised(model, 4, 2, chosen) as changed:
            np.testing.assert_allclose(to_numpy(changed.model(ours)), expected, rtol=1e-3, atol=1e-4)
        assert_same(before, state_of(model))


@pytest.mark.parametrize("variant", ["mlp", "cnn_subclassed"])
def test_scores_are_those_of_torch(variant):
    model, net = keras_nets.build(variant), torch_nets.build(KERAS_VARIANTS[variant])
    x, ours = given(variant, samples=2)
    scores = [
        pl.evaluate(pl.explain(each, data, target=1, method="input-x-gradient"), each, METRICS, progress=False)
        for each, data in ((model, ours), (net, x))
    ]
    for name in METRICS:
        np.testing.assert_allclose(scores[0][name].values, scores[1][name].values, atol=1e-3, err_msg=name)


def test_what_is_compiled_sees_new_weights():
    model, traced = keras_nets.build("mlp"), []

    class Counting(layers.Layer):
        def call(self, x):
            traced.append(1)
            return x

    whole = keras.Sequential([keras.Input((6,)), model, Counting()])
    x = inputs("mlp")
    said = lambda: pl.explain(whole, x, target=0, method="input-x-gradient", progress=False)
    before = said()
    said()
    count = len(traced)
    each = len(traced) if keras.backend.backend() == "torch" else 0
    with randomised(whole, 0):
        found = said()
        np.testing.assert_allclose(found.prediction, to_numpy(whole(x)), rtol=1e-4, atol=1e-5)
    assert np.abs(found.values - before.values).max() > 0.01
    np.testing.assert_array_equal(said().values, before.values)
    assert each or len(traced) == count + 1  # that of the test itself


def test_frozen_recurrent_and_reused_layers():
    shared = layers.Dense(4, name="shared")
    steps = keras.Input((5, 4))
    x = layers.TimeDistributed(shared, name="each")(steps)
    x = layers.Bidirectional(layers.LSTM(3, name="lstm"), name="both")(x)
    x = layers.BatchNormalization(name="norm")(x)
    model = keras.Model(steps, layers.Dense(2, name="head")(layers.Dropout(0.5)(x)))
    model.get_layer("norm").trainable = False
    model.get_layer("norm").set_weights(
        [np.array(row) + np.arange(6) / 9 for row in (np.ones(6), np.zeros(6), np.zeros(6), np.ones(6))]
    )
    named = parameter_layers(model)
    assert named[0] == "each"
    assert named[-2:] == ("norm", "head")
    assert any("lstm" in name for name in named[1:-2])
    before = state_of(model)
    kept = [to_numpy(v.value).copy() for v in model.get_layer("norm").variables]
    with randomised(model, 0):
        changed = [to_numpy(v.value) for v in model.get_layer("norm").variables]
        moved = [not np.array_equal(one, other) for one, other in zip(kept, changed, strict=True)]
        assert moved == [True, True, False, False]  # gamma and beta; the moving mean and variance stay
        for variable in model.trainable_variables:
            value = before["values"][variable.path]
            assert np.ptp(value) == 0 or not np.array_equal(to_numpy(variable.value), value), variable.path
    assert_same(before, state_of(model))


def test_an_error_puts_weights_back():
    model = keras_nets.build("cnn")
    before = state_of(model)
    with pytest.raises(ZeroDivisionError), randomised(model, 0):
        raise ZeroDivisionError
    assert_same(before, state_of(model))


def test_half_precision():
    model = keras.Sequential([keras.Input((6,)), layers.Dense(3, dtype="bfloat16")])
    before = (
        [np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(v.value, "float32"))) for v in model.variables]
        if (keras.backend.backend() == "jax")
        else None
    )
    with randomised(model, 0):
        assert {v.dtype for v in model.variables} == {"bfloat16"}
    if before is not None:
        for variable, value in zip(model.variables, before, strict=True):
            np.testing.assert_array_equal(np.asarray(keras.ops.cast(variable.value, "float32")), value)
