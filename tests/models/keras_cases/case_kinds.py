"""Models of every kind: what the adapter gives is what Keras and its backend give by hand."""

from typing import Any

import keras
import numpy as np
import pytest
from by_hand import BACKEND, close, gradient, outputs
from keras import layers, ops
from kinds import KINDS, OneArgument, TwoArguments, cnn, mlp, pictures, recurrent, rows, series, settled, shared, with_weights_of

import pellucid as pl


def saliency(model: Any, x: Any, target: int = 1, **options: Any) -> Any:
    return pl.explain(model, x, target=target, method="saliency", absolute=False, **options)


@pytest.mark.parametrize("kind", KINDS)
def test_outputs_and_gradients_are_those_of_keras(kind: str) -> None:
    made, given = KINDS[kind]
    model, x = made(), given()
    e = saliency(model, x)
    close(e.prediction, outputs(model, x))
    close(e.values, gradient(lambda leaf: model(leaf, training=False)[:, 1], x)[0])
    assert e.plan.adapter == "keras"
    assert e.plan.versions["keras"] == keras.__version__


@pytest.mark.parametrize("kind", ["functional", "subclassed", "nested"])
def test_a_path_is_the_mean_of_gradients_along_it(kind: str) -> None:
    made, given = KINDS[kind]
    model, x = made(), given()
    e = pl.explain(model, x, target=1, method="integrated-gradients", steps=5)
    nodes, weights = np.polynomial.legendre.leggauss(5)
    at = lambda share: gradient(lambda leaf: model(leaf, training=False)[:, 1], (x * share).astype(np.float32))[0]
    close(e.values, x * sum(weight / 2 * at((node + 1) / 2) for node, weight in zip(nodes, weights, strict=True)))


@pytest.mark.parametrize("form", ["tuple", "list", "dict", "reversed dict"])
def test_several_inputs_come_by_position_and_by_name(form: str) -> None:
    model, x, z = shared(), rows(), rows()[::-1].copy()
    given = {"tuple": (x, z), "list": [x, z], "dict": {"x": x, "z": z}, "reversed dict": {"z": z, "x": x}}[form]
    values = saliency(model, given).values
    first, second = (values["x"], values["z"]) if "dict" in form else values
    wanted = gradient(lambda a, b: model([a, b])[:, 1], x, z)
    close(first, wanted[0])
    close(second, wanted[1])


def test_a_dict_of_inputs_is_given_in_the_order_of_its_declaration() -> None:
    inputs = {"z": keras.Input((6,), name="z"), "a": keras.Input((6,), name="a")}
    y = ops.tanh(layers.Dense(4)(inputs["z"])) * layers.Dense(4)(inputs["a"])
    model = settled(keras.Model(inputs, layers.Dense(2)(y)))
    z, a = rows(), rows()[::-1].copy()
    by_name, by_place = saliency(model, {"a": a, "z": z}).values, saliency(model, (z, a)).values
    wanted = gradient(lambda z, a: model({"z": z, "a": a})[:, 1], z, a)
    for found in ((by_name["z"], by_name["a"]), by_place):
        close(found[0], wanted[0])
        close(found[1], wanted[1])


def test_arguments_of_call() -> None:
    a, b = rows(), rows()[::-1].copy()
    model = settled(TwoArguments(), a, b)
    wanted = gradient(lambda a, b: model(a, b, training=False)[:, 1], a, b)
    for given in ((a, b), {"a": a, "b": b}):
        values = saliency(model, given).values
        close(values["a"] if isinstance(values, dict) else values[0], wanted[0])
        close(values["b"] if isinstance(values, dict) else values[1], wanted[1])
    for key in (False, True):
        model = settled(OneArgument(key), {"a": a, "b": b} if key else (a, b))
        values = saliency(model, {"a": a, "b": b} if key else (a, b)).values
        wanted = gradient(lambda a, b, key=key: model({"a": a, "b": b} if key else (a, b))[:, 1], a, b)
        close(values["a"] if key else values[0], wanted[0])


def test_a_mask_that_is_given() -> None:
    class Masked(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.lstm, self.head = layers.LSTM(4), layers.Dense(3)
            self.supports_masking = True

        def call(self, x: Any, mask: Any = None) -> Any:
            return self.head(self.lstm(x, mask=mask))

    x, mask = series(), np.arange(7) < np.array([[7], [4], [5]])
    model = settled(Masked(), x)
    e = saliency(model, {"x": x, "mask": mask})
    close(e.values["x"], gradient(lambda leaf: model(leaf, mask=ops.convert_to_tensor(mask))[:, 1], x)[0])
    assert not e.values["x"][1, 4:].any()


def test_an_input_without_data_is_left_out() -> None:
    x, extra = keras.Input((6,), name="x"), keras.Input((6,), name="extra", optional=True)

    class Sum(layers.Layer):
        def call(self, given: Any) -> Any:
            return given[0] if given[1] is None else given[0] + given[1]

    model = settled(keras.Model({"x": x, "extra": extra}, layers.Dense(3)(Sum()([x, extra]))))
    e = saliency(model, {"x": rows()})
    close(e.values["x"], gradient(lambda leaf: model({"x": leaf, "extra": None})[:, 1], rows())[0])


if BACKEND != "tensorflow":  # which has no convolution with channels first on the CPU

    def test_channels_first_and_last_are_read_off_the_model() -> None:
        x = keras.Input((3, 8, 8))
        y = layers.Conv2D(4, 3, activation="relu", data_format="channels_first", name="conv")(x)
        first = settled(keras.Model(x, layers.Dense(3)(layers.GlobalAveragePooling2D(data_format="channels_first")(y))))
        x = keras.Input((8, 8, 3))
        y = layers.Conv2D(4, 3, activation="relu", name="conv")(x)
        last = with_weights_of(keras.Model(x, layers.Dense(3)(layers.GlobalAveragePooling2D()(y))), first)
        for method in ("saliency", "grad-cam", "full-grad", "occlusion"):
            a = pl.explain(first, np.moveaxis(pictures(), -1, 1), target=1, method=method)
            b = pl.explain(last, pictures(), target=1, method=method)
            assert (a.layout, b.layout) == ("NCHW", "NHWC")
            close(np.moveaxis(a.values, 1, -1) if a.values.ndim == 4 else a.values, b.values)


def test_layers_that_are_not_trained_are_explained_all_the_same() -> None:
    model, x = cnn(), pictures()
    wanted = saliency(model, x).values
    model.get_layer("conv1").trainable = False
    close(saliency(model, x).values, wanted)
    model.trainable = False
    close(saliency(model, x).values, wanted)
    assert not model.trainable


def test_mixed_precision_is_explained_in_its_own_precision() -> None:
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        model = cnn()
    finally:
        keras.mixed_precision.set_global_policy("float32")
    x, full = pictures(), cnn()
    for method in ("saliency", "grad-cam", "integrated-gradients"):
        e = pl.explain(model, x, target=1, method=method, **({"steps": 4} if method == "integrated-gradients" else {}))
        assert e.values.dtype == np.float32
        wanted = pl.explain(full, x, target=1, method=method, **({"steps": 4} if method == "integrated-gradients" else {}))
        close(e.values, wanted.values, 0.1)


def test_preprocessing_layers_are_part_of_the_model() -> None:
    x = keras.Input((8, 8, 3))
    y = layers.RandomRotation(0.5)(layers.RandomFlip()(layers.Rescaling(1 / 255)(x)))
    y = layers.Normalization(mean=[1.0, 2.0, 3.0], variance=[4.0, 5.0, 6.0], name="normalise")(y)
    y = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, activation="relu", name="conv")(y))
    model = settled(keras.Model(x, layers.Dense(3)(y)))
    bytes_ = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3)).astype(np.uint8)
    e = saliency(model, bytes_)
    close(e.values, gradient(lambda leaf: model(leaf, training=False)[:, 1], bytes_.astype(np.float32))[0])


def test_a_batch_size_that_the_model_declares_holds_nothing_up() -> None:
    x = keras.Input((6,), batch_size=2)
    model = settled(keras.Model(x, layers.Dense(3)(ops.tanh(layers.Dense(4)(x)))))
    close(saliency(model, rows(5)).values, gradient(lambda leaf: model(leaf)[:, 1], rows(5))[0])


def test_a_stateful_layer_starts_from_zeros_in_every_pass() -> None:
    x = keras.Input((7, 4), batch_size=3)
    model = settled(keras.Model(x, layers.Dense(2, name="head")(layers.LSTM(4, stateful=True, name="lstm")(x))))
    plain = keras.Input((7, 4))
    twin = keras.Model(plain, layers.Dense(2)(layers.LSTM(4)(plain)))
    for variable, given in zip(twin.weights, [w for w in model.weights if w.shape != (3, 4)], strict=True):
        variable.assign(given.value)
    model(series())
    states = [keras.ops.copy(state) for state in model.get_layer("lstm").states]
    e = pl.explain(model, series(5), target=1, method="integrated-gradients", steps=4)
    close(e.values, pl.explain(twin, series(5), target=1, method="integrated-gradients", steps=4).values)
    assert any("zero" in note for note in e.plan.notes)
    assert all(bool(ops.all(now.value == before)) for now, before in zip(model.get_layer("lstm").states, states, strict=True))
    assert model.get_layer("lstm").stateful


def test_sequences_that_are_masked() -> None:
    model, x = recurrent(masked=True), series()
    x[:, 5:] = 0
    e = saliency(model, x)
    close(e.values, gradient(lambda leaf: model(leaf)[:, 1], x)[0])
    assert not e.values[:, 5:].any()


def test_a_layer_alone_is_a_model() -> None:
    layer = layers.Dense(3, kernel_initializer="ones")
    layer(rows())
    close(saliency(layer, rows()).values, gradient(lambda leaf: layer(leaf)[:, 1], rows())[0])


def test_one_sample_is_what_it_is_in_a_batch() -> None:
    model, x = mlp(), rows()
    e = pl.explain(model, x, target=0, method="smoothgrad", samples=6)
    alone = pl.explain(model, x[2:3], target=0, method="smoothgrad", samples=6)
    close(alone.values[0], e.values[2])
