"""What runs in a process of its own: new weights of TensorFlow's modules, saved models and functions."""

import tempfile

import numpy as np
import tensorflow as tf

import pellucid as pl
from pellucid.arrays.draws import generator
from pellucid.models.randomise import parameter_layers, randomised
from twins.weights import inputs


class Dense(tf.Module):
    def __init__(self, sizes):
        super().__init__()
        draw = np.random.default_rng(sizes[0])
        self.kernel = tf.Variable(draw.normal(size=sizes).astype(np.float32), name="w")
        self.bias = tf.Variable(draw.normal(size=sizes[1:]).astype(np.float32), name="b")

    def __call__(self, x):
        return x @ self.kernel + self.bias


class Network(tf.Module):
    def __init__(self):
        super().__init__()
        self.hidden, self.layers = Dense((6, 5)), [Dense((5, 4)), Dense((4, 3))]
        self.count = tf.Variable(2.0, trainable=False)
        self.traced = 0

    @tf.function(input_signature=[tf.TensorSpec((None, 6), tf.float32)])
    def __call__(self, x):
        self.traced += 1
        x = tf.tanh(self.hidden(x))
        for layer in self.layers:
            x = layer(x)
        return x * self.count


def said(model, x):
    return pl.explain(model, x, target=0, method="input-x-gradient", progress=False)


def modules(_):
    x = inputs("mlp")
    net = Network()
    assert parameter_layers(net) == ("hidden", "layers.0", "layers.1"), parameter_layers(net)
    before, kept = said(net, x), [variable.numpy() for variable in net.variables]
    with randomised(net, 3, 1, ["hidden", "layers.1"]) as changed:
        found, now = said(changed, x), net(x).numpy()
        kernel = net.hidden.kernel.numpy()
    np.testing.assert_allclose(found.prediction, now, rtol=1e-5)
    held = np.random.default_rng(6).normal(size=(6, 5)).astype(np.float32).astype(float)
    drawn = generator(3, "weights hidden.kernel", 1).standard_normal((6, 5))
    np.testing.assert_allclose(kernel, held.mean() + held.std() * drawn, rtol=1e-5)
    assert np.abs(found.values - before.values).max() > 0.01
    for variable, value in zip(net.variables, kept, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)
    np.testing.assert_array_equal(said(net, x).values, before.values)

    function = pl.wrap(lambda x: net(x), adapter="tensorflow")
    assert sorted(parameter_layers(function)) == ["hidden", "layers.0", "layers.1"], parameter_layers(function)
    with randomised(function, 0) as changed:
        np.testing.assert_allclose(said(changed, x).prediction, net(x).numpy(), rtol=1e-5)
        assert np.abs(said(changed, x).prediction - before.prediction).max() > 0.01

    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(net, folder)
        loaded = tf.saved_model.load(folder)
        first = said(loaded, x)
        assert sorted(parameter_layers(loaded)) == ["hidden", "layers.0", "layers.1"], parameter_layers(loaded)
        with randomised(net, 0), randomised(loaded, 0) as changed:
            np.testing.assert_allclose(said(changed, x).prediction, net(x).numpy(), rtol=1e-5)
            assert np.abs(net(x).numpy() - first.prediction).max() > 0.01
        np.testing.assert_array_equal(said(loaded, x).prediction, first.prediction)

    score = pl.evaluate(before, net, "parameter-randomisation", progress=False)["parameter-randomisation"]
    assert np.isfinite(score.values).all()
    return {}
