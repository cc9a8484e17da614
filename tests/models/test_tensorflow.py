"""What is called with TensorFlow tensors: modules, saved models and functions, beside plain tapes. No layers: Keras has them."""

import gc
import os
import re
import subprocess
import sys
import weakref
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import pellucid as pl
import slow_tensorflow as slow
from pellucid import catalog
from pellucid.arrays import draws
from pellucid.models.tensorflow import compiled

TRACES: list[str] = []
"""One entry for each time that the Python of a network below ran: a trace, or a run without one."""


def rows(samples=4, columns=6, seed=1, dtype=np.float32):
    return np.random.default_rng(seed).normal(size=(samples, columns)).astype(dtype)


def pictures(samples=3, size=8, dtype=np.float32):
    return np.random.default_rng(2).normal(size=(samples, size, size, 3)).astype(dtype)


def weights(*shape, seed, dtype=np.float32):
    return tf.Variable((0.5 * np.random.default_rng(seed).normal(size=shape)).astype(dtype))


class Net(tf.Module):
    """Tanh, with a Python number that tracing reads."""

    def __init__(self, dtype=np.float32):
        super().__init__()
        self.first, self.last = weights(6, 8, seed=3, dtype=dtype), weights(8, 3, seed=4, dtype=dtype)
        self.scale = 1.0

    def __call__(self, x):
        TRACES.append("net")
        return tf.tanh(x @ self.first) @ self.last * self.scale


class ConvNet(tf.Module):
    """A skip connection and statistics; channels last."""

    def __init__(self, dtype=np.float32):
        super().__init__()
        self.one, self.two = weights(3, 3, 3, 4, seed=5, dtype=dtype), weights(3, 3, 4, 4, seed=6, dtype=dtype)
        self.last = weights(4, 5, seed=7, dtype=dtype)
        self.mean = tf.Variable(np.full(4, 0.1, dtype), trainable=False)

    def __call__(self, x, training=True):
        TRACES.append("conv")
        assert not training
        first = tf.nn.relu(tf.nn.conv2d(x, self.one, 1, "SAME"))
        y = tf.nn.relu(tf.nn.conv2d(first, self.two, 1, "SAME") - self.mean) + first
        return tf.reduce_mean(y, (1, 2)) @ self.last


@pytest.fixture(autouse=True)
def _count_anew():
    TRACES.clear()


def saliency(model, x, target=1, **options):
    return pl.explain(model, x, target=target, method="saliency", absolute=False, **options)


def expected(model, x, target=1):
    return np.stack([slow.gradient(model, row, target) for row in x])


# -- methods

FAST = {
    **{name: {"samples": 6} for name in ("smoothgrad", "smoothgrad-squared", "vargrad")},
    "expected-gradients": {"samples": 6, "baseline": 0.25},
    "guided-ig": {"steps": 8},
    "integrated-hessians": {"steps": 8, "feature": (0, 0, 0)},
    "rise": {"samples": 8, "cells": 2},
    "occlusion": {"window": 4},
    "lime": {"samples": 100},
    "linear-surrogate": {"samples": 100, "sigma": 0.2},
}
OPEN = {"predict", "gradient", "hessian"}


def options_of(method):
    grid = method.engine == "game" and getattr(method, "takes_features", True)
    return {**FAST.get(method.name, {}), **({"features": pl.Features.grid((8, 8, 3), cell=4)} if grid else {})}


@pytest.mark.parametrize("method", [m for m in catalog.METHODS if m.needs <= OPEN], ids=lambda m: m.name)
def test_every_method_whose_needs_are_met(method):
    net, x = pl.wrap(ConvNet(), layout="NHWC", output="logits"), pictures()
    e = pl.explain(net, x, method=method.name, **options_of(method))
    assert len(e) == 3
    assert np.abs(e.values).max() > 0
    np.testing.assert_allclose(e.prediction, net.model(x, training=False), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(e.target.indices[:, 0], e.prediction.argmax(1))
    again = pl.explain(net, x, method=method.name, **options_of(method))
    assert again.values.tobytes() == e.values.tobytes()
    assert e.plan.adapter == "tensorflow"
    assert e.plan.notes == ()


@pytest.mark.parametrize("method", [m for m in catalog.METHODS if not m.needs <= OPEN], ids=lambda m: m.name)
def test_methods_that_need_layers_are_refused_in_one_sentence(method):
    with pytest.raises(
        pl.CapabilityError, match=f"{re.escape(method.name)} needs '.*layers.*tensorflow adapter.*methods work: saliency"
    ):
        pl.explain(ConvNet(), pictures(), method=method.name)


def test_layers_are_refused_where_none_are_shown():
    for options in ({"at": "hidden"}, {"target": pl.Neuron("hidden", 0)}):
        with pytest.raises(pl.CapabilityError, match=r"a TensorFlow function shows no layers\. These methods work"):
            pl.explain(Net(), rows(), **options)


def test_saliency_is_the_gradient_of_a_tape():
    for net, x in ((Net(), rows()), (lambda x: ConvNet()(x, training=False), pictures())):
        model = net if isinstance(net, tf.Module) else ConvNet()
        np.testing.assert_allclose(saliency(model, x).values, expected(net, x), rtol=1e-4, atol=1e-6)


def test_integrated_gradients_of_a_tape():
    net, x, base = Net(np.float64), rows(dtype=np.float64), np.full(6, 0.2)
    e = pl.explain(net, x, target=2, method="integrated-gradients", baseline=base, steps=40)
    slowly = np.stack([slow.integrated_gradients(net, row, base, 2, nodes=200) for row in x])
    assert e.values.dtype == np.float64
    np.testing.assert_allclose(e.values, slowly, rtol=1e-4, atol=1e-7)


def test_smoothgrad_of_a_tape():
    net, x = Net(), rows()
    e = pl.explain(net, x, target=0, method="smoothgrad", sigma=0.3, samples=5, seed=7)
    noise = [0.3 * draws.normal((6,), 7, "smoothgrad 0", number) for number in range(5)]
    slowly = np.stack([slow.smoothgrad(net, row, noise, 0) for row in x])
    np.testing.assert_allclose(e.values, slowly, rtol=1e-4, atol=1e-6)


def test_integrated_hessians_of_two_tapes():
    net, x, base = Net(np.float64), rows(1, dtype=np.float64), np.zeros(6)
    e = pl.explain(net, x, target=1, method="integrated-hessians", feature=2, steps=64)
    coarse, fine = (np.stack([slow.integrated_hessian(net, row, base, 2, 1, nodes) for row in x]) for nodes in (6, 12))
    slowly = fine + (fine - coarse) / 3  # the midpoint rule's own error falls by four
    np.testing.assert_allclose(e.values, slowly, rtol=0, atol=1e-4 * np.abs(slowly).max())


def test_the_derivative_at_the_output_and_the_loss_with_labels():
    net, x, y = Net(), rows(), np.array([0, 2, 1, 1])

    def loss(outputs, labels):
        return tf.nn.sparse_softmax_cross_entropy_with_logits(labels, outputs)

    e = pl.explain(net, x, target=pl.Target(loss, labels=y), method="output-gradient")
    given = tf.constant(x)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(given)
        outputs = net(given)
        total = tf.reduce_sum(loss(outputs, y))
    np.testing.assert_allclose(e.details["output_gradient"], tape.gradient(total, outputs), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(e.values, tape.gradient(total, given), rtol=1e-4, atol=1e-6)


# -- targets


@pytest.mark.parametrize(
    ("target", "index"),
    [
        ("predicted", None),
        (2, 2),
        (-1, 2),
        ((1,), 1),
        ("dog", 1),
        (np.array([0, 2, 1, 1]), None),
        (tf.constant([0, 2, 1, 1]), None),
    ],
    ids=["predicted", "index", "negative", "tuple", "name", "array", "tensor"],
)
def test_targets(target, index):
    net, x = Net(), rows()
    indices = net(x).numpy().argmax(1) if isinstance(target, str) and index is None else np.array([0, 2, 1, 1])
    indices = np.full(4, index) if index is not None else indices
    e = saliency(pl.wrap(net, classes=["cat", "dog", "owl"]), x, target)
    slowly = np.stack([slow.gradient(net, row, number) for row, number in zip(x, indices, strict=True)])
    np.testing.assert_allclose(e.values, slowly, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(e.target.indices[:, 0], indices)
    np.testing.assert_allclose(e.value, net(x).numpy()[np.arange(4), indices], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("target", "said"), [(3, "outside the model's output"), ("owls", "no class is named 'owls'"), ((1, 1), "needs 1 index")]
)
def test_targets_that_are_not_there(target, said):
    with pytest.raises(pl.TargetError, match=said):
        saliency(pl.wrap(Net(), classes=["cat", "dog", "owl"]), rows(), target)


def test_several_targets_share_the_forward_pass():
    net, x = Net(), rows()
    margin = pl.Target(lambda outputs: outputs[:, 0] - outputs[:, 1])
    first, second, third = pl.explain(net, x, targets=[0, "predicted", margin], method="saliency", absolute=False)
    np.testing.assert_allclose(first.values, expected(net, x, 0), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(second.values, saliency(net, x, "predicted").values, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(third.values, expected(net, x, 0) - expected(net, x, 1), rtol=1e-4, atol=1e-5)
    assert first.cost.forward_rows == 4


@pytest.mark.parametrize("method", ["saliency", "integrated-gradients", "shapley"])
def test_a_function_of_the_outputs_in_numpy_is_run_without_tracing(method):
    target = pl.Target(lambda outputs: np.asarray(outputs).max(axis=1))
    if method == "shapley":
        assert pl.explain(Net(), rows(), target=target, method=method).values.shape == (4, 6)
        return
    with pytest.raises(pl.CapabilityError, match="does not depend on the input through operations that TensorFlow"):
        pl.explain(Net(), rows(), target=target, method=method)


def test_a_function_of_the_outputs_that_fails_is_told():
    with pytest.raises(pl.TargetError, match="one number per row"):
        saliency(Net(), rows(), pl.Target(tf.reduce_mean))
    with pytest.raises(pl.TargetError, match="function of Target failed"):
        saliency(Net(), rows(), pl.Target(lambda outputs: outputs["logits"]))


def test_outputs_with_more_axes_and_with_none():
    x = rows()
    grid = pl.wrap(lambda x: tf.reshape(tf.tanh(x), (-1, 2, 3)) ** 2, adapter="tensorflow")
    e = saliency(grid, x, (1, 2))
    np.testing.assert_allclose(e.values[:, 5], 2 * np.tanh(x[:, 5]) * (1 - np.tanh(x[:, 5]) ** 2), rtol=1e-4)
    assert not e.values[:, :5].any()
    with pytest.raises(pl.TargetError, match="'predicted' is not one number"):
        saliency(grid, x, "predicted")
    single = pl.wrap(lambda x: tf.reduce_sum(x**2, axis=1), adapter="tensorflow")
    np.testing.assert_allclose(saliency(single, x, "predicted").values, 2 * x, rtol=1e-5)


def test_outputs_whose_shape_only_running_tells():
    def ragged_width(x):
        kept = tf.boolean_mask(x, [True, False, True, True, False, True], axis=1)
        return tf.reshape(kept, tf.stack([tf.shape(x)[0], tf.size(kept) // tf.shape(x)[0]])) ** 2

    x = rows()
    for target in ("predicted", 1):
        e = saliency(pl.wrap(ragged_width, adapter="tensorflow"), x, target)
        assert (np.count_nonzero(e.values, axis=1) == 1).all()
    np.testing.assert_allclose(e.values[:, 2], 2 * x[:, 2], rtol=1e-5)


# -- what is traced, and kept


def test_a_pass_is_traced_once_for_all_classes_rows_and_calls():
    net = Net()
    for x in (rows(4), rows(7), rows(1)):
        for target in ("predicted", 0, 2, np.zeros(len(x), int)):
            saliency(net, x, target)
    assert len(TRACES) == 2  # one for gradients, one for values at baselines


@pytest.mark.parametrize("method", [m for m in catalog.METHODS if m.needs <= OPEN], ids=lambda m: m.name)
def test_no_method_traces_a_pass_twice(method):
    net, x = ConvNet(), pictures(5)
    model = pl.wrap(net, layout="NHWC")
    pl.explain(model, x, method=method.name, batch_size=2, **options_of(method))
    assert len(TRACES) <= (3 if method.needs >= {"hessian"} else 2)
    TRACES.clear()
    pl.explain(model, x[:3], target=1, method=method.name, batch_size=3, **options_of(method))
    assert not TRACES


def test_a_user_s_own_function_is_traced_for_any_number_of_rows():
    net = Net()
    function = tf.function(lambda x: net(x))
    for samples in (2, 3, 5):
        for method in ("saliency", "integrated-gradients", "smoothgrad"):
            pl.explain(function, rows(samples), method=method)
    assert function.experimental_get_tracing_count() == 1
    assert len(TRACES) == 1


def test_changed_weights_are_seen_without_tracing():
    net, x = Net(), rows()
    before = saliency(net, x).values
    TRACES.clear()
    net.last.assign(net.last * 3)
    np.testing.assert_allclose(saliency(net, x).values, 3 * before, rtol=1e-5)
    assert not TRACES


@pytest.mark.parametrize("form", ["module", "method", "partial", "closure", "array", "wide array", "object", "other variable"])
def test_a_changed_python_value_is_seen(form):
    import functools

    net, x, factor = Net(), rows(), 1.0

    def scaled(x, by=1.0):
        return net(x) * by

    class Settings:
        by = 1.0

    array, wide, settings = np.ones(3, np.float32), np.ones((3, 30_000), np.float32), Settings()
    models = {
        "module": net,
        "method": pl.wrap(net.__call__, adapter="tensorflow"),
        "partial": pl.wrap(functools.partial(scaled), adapter="tensorflow"),
        "closure": pl.wrap(lambda x: net(x) * factor, adapter="tensorflow"),
        "array": pl.wrap(lambda x: net(x) * array, adapter="tensorflow"),
        "wide array": pl.wrap(lambda x: tf.matmul(net(x), wide), adapter="tensorflow"),
        "object": pl.wrap(lambda x: net(x) * settings.by, adapter="tensorflow"),
        "other variable": net,
    }
    model = models[form]
    before = saliency(model, x).values
    if form == "closure":
        factor = 2.0
    elif form == "array":
        array *= 2
    elif form == "wide array":
        wide *= 2
    elif form == "object":
        settings.by = 2.0
    elif form == "other variable":
        net.last = tf.Variable(net.last * 2)
    else:
        net.scale = 2.0
    np.testing.assert_allclose(saliency(model, x).values, 2 * before, rtol=1e-5)


def test_nothing_is_left_of_a_model():
    gc.collect()
    known = len(compiled._KNOWN)
    net = Net()
    for method in ("saliency", "integrated-hessians", "shapley"):
        pl.explain(net, rows(), method=method)
    gone = [weakref.ref(net), weakref.ref(net.first)]
    assert len(compiled._KNOWN) == known + 1
    del net
    gc.collect()
    assert [reference() for reference in gone] == [None, None]
    assert len(compiled._KNOWN) == known


# -- what cannot be traced


def test_python_s_control_flow_is_translated():
    def steps(x):
        TRACES.append("steps")
        if tf.reduce_sum(x) > 1e6:
            return x[:, :3]
        for _ in tf.range(2):
            x = x * 2
        return x[:, :3]

    e = saliency(pl.wrap(steps, adapter="tensorflow"), rows(), 2)
    np.testing.assert_array_equal(e.values[:, 2], 4)
    assert e.plan.notes == ()


def test_numpy_inside_runs_without_tracing_and_says_so():
    def through_numpy(x):
        return tf.constant(np.tanh(x.numpy()[:, :3]))

    model = pl.wrap(through_numpy, adapter="tensorflow")
    e = pl.explain(model, rows(), method="shapley", target=0)
    np.testing.assert_allclose(e.values[:, 0], np.tanh(rows()[:, 0]), rtol=1e-4, atol=1e-6)
    assert np.abs(e.values[:, 1:]).max() < 1e-6
    assert e.plan.notes[-1].startswith("run without compilation, which the model does not take (AttributeError: ")
    with pytest.raises(pl.CapabilityError, match="was computed in NumPy"):
        saliency(model, rows())


def test_the_number_of_rows_read_in_python_runs_without_tracing():
    net = Net()
    model = pl.wrap(lambda x: tf.reshape(net(x), [int(x.shape[0]), 3]), adapter="tensorflow")
    np.testing.assert_allclose(saliency(model, rows()).values, expected(net, rows()), rtol=1e-4, atol=1e-6)


def test_a_py_function_has_its_gradient():
    model = pl.wrap(
        lambda x: tf.ensure_shape(tf.py_function(lambda v: tf.tanh(v) ** 2, [x], tf.float32), [None, 6]), adapter="tensorflow"
    )
    x = rows()
    e = saliency(model, x, 1)
    np.testing.assert_allclose(e.values[:, 1], 2 * np.tanh(x[:, 1]) * (1 - np.tanh(x[:, 1]) ** 2), rtol=1e-4)
    assert e.plan.notes == ()


def test_functions_run_eagerly_when_the_user_says_so():
    net = Net()
    tf.config.run_functions_eagerly(True)
    try:
        e = saliency(net, rows(), "predicted")
        assert tf.config.functions_run_eagerly()
    finally:
        tf.config.run_functions_eagerly(False)
    np.testing.assert_allclose(e.values, saliency(net, rows(), "predicted").values, rtol=1e-5, atol=1e-6)
    assert e.plan.notes == ()


def test_in_graph_mode_nothing_is_explained():
    with tf.Graph().as_default(), pytest.raises(pl.CapabilityError, match="graph mode"):
        saliency(Net(), rows())


# -- what is given back


class Writes(tf.Module):
    """Counts its calls in a variable, keeps its last input and a list of them, draws noise."""

    def __init__(self):
        super().__init__()
        self.calls, self.drawn = tf.Variable(0), tf.random.Generator.from_seed(5)
        self.last, self.all, self.by_name = None, [], {}

    def __call__(self, x):
        self.calls.assign_add(1)
        self.last = x
        self.all.append(x)
        self.by_name["x"] = x
        return x[:, :3] * (1 + self.drawn.normal(()) + tf.random.normal(()))


@pytest.mark.parametrize("method", ["saliency", "guided-ig", "shapley"])
@pytest.mark.parametrize("fails", [False, True], ids=["well", "with an error"])
def test_the_model_comes_back_as_it_was(method, fails):
    net, x = Writes(), rows()
    state = net.drawn.state.numpy()
    for model in (net, pl.wrap(lambda x: net(x), adapter="tensorflow")):
        if fails:
            with pytest.raises(pl.TargetError):
                pl.explain(model, x, method=method, target=17)
        else:
            pl.explain(model, x, method=method, target=0)
    assert net.calls.numpy() == 0
    assert net.last is None
    assert net.all == []
    assert net.by_name == {}
    np.testing.assert_array_equal(net.drawn.state.numpy(), state)
    assert [each.shape for each in net.variables] == [()]


def test_random_numbers_start_from_the_seed_and_go_on_afterwards():
    model = pl.wrap(lambda x: x[:, :3] * tf.random.normal(()), adapter="tensorflow")
    values = [saliency(model, rows(), seed=seed).values for seed in (0, 0, 1)]
    np.testing.assert_array_equal(values[0], values[1])
    assert not np.array_equal(values[0], values[2])

    def drawn(explained):
        tf.random.set_seed(3)
        np.random.seed(3)  # noqa: NPY002
        first = tf.random.normal((2,)).numpy()
        if explained:
            saliency(model, rows(), seed=9)
        return first, tf.random.normal((2,)).numpy(), np.random.normal(size=2)  # noqa: NPY002

    for with_us, without in zip(drawn(True), drawn(False), strict=True):
        np.testing.assert_array_equal(with_us, without)


def test_a_model_without_weights_yet_is_refused():
    class Lazy(tf.Module):
        built = None

        def __call__(self, x):
            if self.built is None:
                self.built = tf.Variable(tf.random.normal((x.shape[-1], 3)))
            return x @ self.built

    net = Lazy()
    with pytest.raises(pl.CapabilityError, match="no weights yet; call it once"):
        saliency(net, rows())
    assert net.built is None
    net(rows())
    np.testing.assert_allclose(saliency(net, rows()).values[0], net.built[:, 1], rtol=1e-5)


# -- saved models and signatures


class Served(tf.Module):
    """Two inputs by name, two outputs by name."""

    def __init__(self):
        super().__init__()
        self.a, self.b = weights(4, 3, seed=8), weights(2, 3, seed=9)

    @tf.function(input_signature=[tf.TensorSpec((None, 4), name="left"), tf.TensorSpec((None, 2), name="right")])
    def serve(self, left, right):
        scores = tf.tanh(left @ self.a) * (right @ self.b)
        return {"scores": scores, "size": tf.reduce_sum(right, 1), "name": tf.as_string(tf.argmax(scores, 1))}


def test_a_saved_signature_is_explained_by_name(tmp_path):
    net = Served()
    tf.saved_model.save(net, str(tmp_path), signatures=net.serve)
    model = tf.saved_model.load(str(tmp_path))
    left, right = rows(4, 4), rows(4, 2)
    e = saliency(model, {"right": right, "left": left}, ("scores", 2))
    given = tf.constant(left), tf.constant(right)
    with tf.GradientTape() as tape:
        tape.watch(given)
        value = tf.reduce_sum(net.serve(*given)["scores"][:, 2])
    for name, wanted in zip(("left", "right"), tape.gradient(value, given), strict=True):
        np.testing.assert_allclose(e.values[name], wanted, rtol=1e-4, atol=1e-6)
    assert pl.explain(model, {"left": left, "right": right}, target=("size",), method="shapley", wrt="right").values.any()
    signature = model.signatures["serving_default"]
    np.testing.assert_array_equal(
        saliency(signature, {"left": left, "right": right}, ("scores", 2)).values["left"], e.values["left"]
    )
    by_place = saliency(net.serve, (left, right), ("scores", 2)).values
    np.testing.assert_allclose(by_place[1], e.values["right"], rtol=1e-5, atol=1e-6)
    by_name = saliency(net, {"left": left, "right": right}, ("scores", 2)).values
    np.testing.assert_allclose(by_name["right"], e.values["right"], rtol=1e-5, atol=1e-6)


def test_names_shapes_and_kinds_that_a_signature_does_not_take(tmp_path):
    net = Served()
    tf.saved_model.save(net, str(tmp_path), signatures={"one": net.serve, "two": net.serve})
    loaded = tf.saved_model.load(str(tmp_path))
    model = loaded.signatures["one"]
    left, right = rows(4, 4), rows(4, 2)
    with pytest.raises(pl.InputError, match=r"no input 'lefft'. Did you mean 'left'\? It takes left float32 \(None, 4\)"):
        saliency(model, {"lefft": left, "right": right})
    with pytest.raises(pl.InputError, match="input 'right' is missing; got left"):
        saliency(model, {"left": left})
    with pytest.raises(pl.InputError, match=r"'left' has shape \(4, 2\); the model takes \(samples, 4\)"):
        saliency(model, {"left": right, "right": right})
    with pytest.raises(pl.InputError, match="no input '0'"):
        saliency(model, (left, right))


def test_a_saved_module_keeps_its_call(tmp_path):
    class Saved(Net):
        @tf.function(input_signature=[tf.TensorSpec((None, 6))])
        def __call__(self, x):
            return super().__call__(x)

    net = Saved()
    tf.saved_model.save(net, str(tmp_path))
    model, x = tf.saved_model.load(str(tmp_path)), rows()
    np.testing.assert_allclose(saliency(model, x).values, expected(net, x), rtol=1e-4, atol=1e-6)
    TRACES.clear()
    saliency(model, rows(9))
    assert not TRACES
    with pytest.raises(pl.InputError, match=r"the model takes \(samples, 6\)"):
        saliency(model, rows(4, 5))


def test_several_signatures_are_a_choice(tmp_path):
    net = Net()
    one = tf.function(lambda x: {"y": net(x)}).get_concrete_function(tf.TensorSpec((None, 6), name="x"))
    holder = tf.Module()
    holder.net = net
    tf.saved_model.save(holder, str(tmp_path), signatures={"one": one, "two": one})
    model = tf.saved_model.load(str(tmp_path))
    with pytest.raises(pl.CapabilityError, match=r"several signatures \(one, two\).*model.signatures\['one'\]"):
        saliency(model, rows())
    e = saliency(model.signatures["two"], rows())
    np.testing.assert_allclose(e.values, expected(net, rows()), rtol=1e-4, atol=1e-6)
    with pytest.raises(pl.CapabilityError, match="has no __call__ and serves nothing"):
        saliency(tf.Module(), rows())


@pytest.mark.parametrize("size", [1, 3])
def test_a_signature_for_one_number_of_rows_takes_any(size):
    net, x = Net(), rows(7)
    fixed = tf.function(lambda x: {"y": net(x)}).get_concrete_function(tf.TensorSpec((size, 6)))
    e = saliency(fixed, x)
    np.testing.assert_allclose(e.values, expected(net, x), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(e.prediction, net(x), rtol=1e-5, atol=1e-6)
    options = {"method": "integrated-hessians", "feature": 1, "steps": 2}
    twice = [pl.explain(each, x, **options).values for each in (fixed, net)]
    np.testing.assert_allclose(*twice, rtol=1e-4, atol=1e-6)


# -- inputs


@pytest.mark.parametrize(
    ("x", "said"),
    [
        (tf.data.Dataset.from_tensor_slices(rows()).batch(2), r"makes batches.*next\(iter\(dataset\)\)"),
        (tf.ragged.constant([[1.0], [1.0, 2.0]]), r"ragged.*x\.to_tensor\(\)"),
        ({"a": tf.sparse.from_dense(rows())}, r"sparse.*tf\.sparse\.to_dense"),
        ((tf.constant(["a", "b"]),), "string tensors have no derivative"),
        (tf.complex(rows(), rows()), "complex"),
        (np.zeros((0, 6), np.float32), "empty"),
    ],
    ids=["dataset", "ragged", "sparse", "strings", "complex", "empty"],
)
def test_inputs_that_cannot_be_attributed(x, said):
    with pytest.raises(pl.InputError, match=said):
        saliency(Net(), x)


def test_ids_need_a_layer_that_looks_them_up():
    table = weights(10, 3, seed=10)
    model = pl.wrap(lambda ids: tf.reduce_sum(tf.gather(table, ids), 1), adapter="tensorflow")
    ids = np.array([[1, 2, 9], [0, 0, 4]])
    with pytest.raises(pl.InputError, match=r"none of the inputs can be differentiated: input \(int64\)"):
        saliency(model, ids)
    e = pl.explain(model, ids, target=0, method="leave-one-out", masker=pl.maskers.Constant(0))
    np.testing.assert_allclose(e.values[0], (table.numpy()[[1, 2, 9], 0] - table.numpy()[0, 0]), rtol=1e-4, atol=1e-5)


def test_whole_numbers_for_floats_and_the_reverse():
    floats = tf.function(lambda x: x**2, input_signature=[tf.TensorSpec((None, 3), tf.float32)])
    np.testing.assert_array_equal(saliency(floats, np.array([[1, 2, 3]])).values, [[0, 4, 0]])
    ids = tf.function(lambda x: tf.cast(x, tf.float32), input_signature=[tf.TensorSpec((None, 3), tf.int32)])
    with pytest.raises(pl.InputError, match=r"takes whole numbers \(int32\); got float32"):
        saliency(ids, rows(2, 3))


def test_a_signature_that_takes_strings():
    decoded = tf.function(lambda x: tf.io.decode_raw(x, tf.float32), input_signature=[tf.TensorSpec((None,), tf.string)])
    with pytest.raises(pl.InputError, match="takes strings, which have no derivative"):
        saliency(decoded, rows())


def test_a_static_input_of_a_signature():
    specs = [tf.TensorSpec((None, 2)), tf.TensorSpec((2,), name="w")]
    model = tf.function(lambda a, w: tf.tanh(a) * w, input_signature=specs)
    a, w = rows(3, 2), np.array([1.0, 3.0], np.float32)
    e = saliency(pl.wrap(model, static=["1"]), (a, w))
    np.testing.assert_allclose(e.values[0][:, 1], 3 * (1 - np.tanh(a[:, 1]) ** 2), rtol=1e-4)


def test_inputs_as_tuple_dict_and_static_leaf():
    a, b, w = rows(3, 2), rows(3, 2, seed=5), np.array([1.0, 3.0], np.float32)

    def f(a, b, w):
        return tf.tanh(a) * b * w

    for given in ((a, b, w), {"a": a, "b": b, "w": w}):
        name = "w" if isinstance(given, dict) else "2"
        values = saliency(pl.wrap(f, adapter="tensorflow", static=[name]), given).values
        of_b = values["b"] if isinstance(given, dict) else values[1]
        np.testing.assert_allclose(of_b, np.tanh(a) * w * [0, 1], rtol=1e-5)
    together = pl.wrap(lambda given: given["a"] * given["b"], adapter="tensorflow")
    np.testing.assert_allclose(saliency(together, {"a": a, "b": b}).values["a"], b * [0, 1], rtol=1e-6)


@pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16])
def test_half_precision_is_explained_in_single(dtype):
    w = tf.Variable(tf.cast(rows(6, 3), dtype))
    e = saliency(pl.wrap(lambda x: tf.tanh(x @ w), adapter="tensorflow"), rows())
    assert e.values.dtype == e.prediction.dtype == np.float32
    full = tf.cast(w, tf.float32)
    slowly = expected(lambda x: tf.tanh(x @ full), rows())
    np.testing.assert_allclose(e.values, slowly, rtol=0, atol=0.02 * np.abs(slowly).max())


def test_a_function_without_weights_computes_in_what_it_is_given():
    model = pl.wrap(lambda x: x**3, adapter="tensorflow")
    x = rows(dtype=np.float64)
    assert saliency(model, x).values.dtype == np.float64
    np.testing.assert_allclose(saliency(model, x).values[:, 1], 3 * x[:, 1] ** 2, rtol=1e-12)
    assert saliency(model, x.astype(np.float32)).values.dtype == np.float32


def test_tensors_and_variables_are_inputs_too():
    net, x = Net(), rows()
    wanted = saliency(net, x).values
    np.testing.assert_array_equal(saliency(net, tf.constant(x)).values, wanted)
    np.testing.assert_array_equal(saliency(net, tf.Variable(x)).values, wanted)


def test_arguments_that_say_whether_it_is_trained_are_false():
    net = ConvNet()
    for model in (net, pl.wrap(net.__call__, adapter="tensorflow"), tf.function(net.__call__)):
        assert saliency(model, pictures()).values.any()

    def required(x, is_training):
        return x * (100.0 if is_training else 1.0)

    np.testing.assert_array_equal(saliency(pl.wrap(required, adapter="tensorflow"), rows()).values[:, 1], 1)


# -- errors


def test_what_the_model_raises_is_told():
    with pytest.raises(
        pl.InputError, match=r"the model failed on these inputs \(input \(4, 5\)\).*Matrix size-incompatible|dimension"
    ):
        saliency(Net(), rows(4, 5))
    broken = pl.wrap(lambda x: tf.debugging.check_numerics(tf.math.log(x - 100), "not a number here"), adapter="tensorflow")
    with pytest.raises(pl.InputError, match="not a number here"):
        saliency(broken, rows())


def test_nan_is_named_by_sample():
    shift = tf.constant([[0.5], [-1.0], [0.5]])
    with pytest.raises(pl.NonFiniteError, match=r"sample 1 is NaN or infinite, inside a TensorFlow function"):
        saliency(pl.wrap(lambda x: tf.sqrt(x - 1 + shift[: tf.shape(x)[0]]), adapter="tensorflow"), np.ones((3, 2), np.float32))


def test_operations_without_derivatives():
    with pytest.raises(pl.CapabilityError, match="does not depend on the input through operations that TensorFlow"):
        saliency(pl.wrap(lambda x: tf.round(x), adapter="tensorflow"), rows())
    with pytest.raises(pl.CapabilityError, match="has no derivative"):
        saliency(pl.wrap(lambda x: tf.cast(x, tf.int32), adapter="tensorflow"), rows())
    with pytest.raises(pl.CapabilityError, match="an operation of the model has no derivative in TensorFlow"):
        saliency(pl.wrap(lambda x: tf.raw_ops.GuaranteeConst(input=x), adapter="tensorflow"), rows())
    kernel = tf.zeros((2, 2, 3))
    model = pl.wrap(
        lambda x: tf.reduce_sum(tf.nn.dilation2d(x, kernel, [1] * 4, "SAME", "NHWC", [1] * 4) ** 2, (1, 2)), adapter="tensorflow"
    )
    assert saliency(model, pictures()).values.any()
    with pytest.raises(pl.CapabilityError, match="an operation of the model has no second derivative in TensorFlow"):
        pl.explain(model, pictures(), target=1, method="integrated-hessians", feature=(0, 0, 0), steps=2)


def test_outputs_that_are_no_numbers():
    with pytest.raises(pl.InputError, match="returned no numbers"):
        saliency(pl.wrap(lambda x: tf.as_string(x), adapter="tensorflow"), rows())
    with pytest.raises(pl.InputError, match="is a RaggedTensor; return a dense tensor"):
        saliency(pl.wrap(lambda x: tf.RaggedTensor.from_tensor(x), adapter="tensorflow"), rows())
    with pytest.raises(pl.InputError, match="the first axis must be the samples"):
        saliency(pl.wrap(lambda x: tf.reduce_sum(x, 0), adapter="tensorflow"), rows(5, 6))


# -- Keras, whose backend is that of the process


def test_keras_models_with_layers(tmp_path):
    cases, tests = Path(__file__).parent / "tensorflow_cases", Path(__file__).parents[1]
    told = {"KERAS_BACKEND": "tensorflow", "TENSORFLOW_CASES": "", "KERAS_HOME": str(tmp_path), "TF_CPP_MIN_LOG_LEVEL": "3"}
    options = ["-p", "no:cacheprovider", "-p", "no:xdist", "--override-ini", f"pythonpath={tests}"]
    command = [sys.executable, "-m", "pytest", *options, str(cases / "case_keras.py")]
    ran = subprocess.run(command, env={**os.environ, **told}, cwd=tests.parent, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
